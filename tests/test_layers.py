"""Who may import whom, as data; the table of the design."""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "synthmammo"

LAYERS: dict[int, set[str]] = {
    # vocabulary
    0: {"_version", "errors", "sample", "row", "lexicon", "identity", "history"},
    # specification and arithmetic
    1: {
        "settings",
        "quota",
        "splits",
        "recipe",
        "manifest",
        "png",
        "dataset",
        "readers",
        "anatomy",
        "geometry",
        "drawing",
        "compose",
    }
    | {"metrics", "nets", "features", "checkpoints", "latents", "inverted"}
    | {"facts", "reports"},
    # parts
    2: {"generators", "writers", "sources", "engines", "editing", "objectives", "published", "data"},
    # stages, and what several of them are made of
    3: {
        "plan",
        "plan_table",
        "plan_edits",
        "plan_hosts",
        "plan_lesions",
        "summary",
        "placement",
        "canvas",
        "insertion",
        "backgrounds",
        "assemble",
        "unfinished",
        "croissant",
        "provenance",
        "model_card",
        "shards",
        "hosts",
        "libraries",
    }
    | {"patch_options", "patch_plan", "patch_cut", "training", "convert", "sample_model", "model_zoo"}
    | {"directions"}
    | {"build", "ingest", "patches", "verify", "regenerate", "show", "card", "train", "quality", "publish", "send"}
    | {"model_samples", "parts", "invert", "mix", "walk", "sheet", "turing"}
    | {"benchmark", "study", "explore"},
    # surface
    4: {"cli", "__main__", "__init__"},
}
WITHIN_VOCABULARY = {("row", "sample"), ("lexicon", "sample"), ("sample", "history")}
WITHIN_ARITHMETIC = {
    ("dataset", "manifest"),
    ("dataset", "readers"),
    ("readers", "png"),
    ("compose", "recipe"),
    ("recipe", "settings"),
    ("geometry", "anatomy"),
    ("checkpoints", "manifest"),
    ("facts", "manifest"),
    ("reports", "manifest"),
    ("checkpoints", "nets"),
    ("inverted", "manifest"),
    ("latents", "checkpoints"),
    ("latents", "inverted"),
    ("latents", "nets"),
}
BETWEEN_STAGES = {
    ("plan", "plan_table"),
    ("plan", "plan_edits"),
    ("plan", "plan_hosts"),
    ("turing", "plan"),
    ("turing", "plan_table"),
    *((stage, "model_samples") for stage in ("parts", "invert", "mix", "walk", "sheet")),
    ("plan", "plan_lesions"),
    ("plan_edits", "plan_table"),
    ("plan_lesions", "plan_table"),
    ("build", "plan_table"),
    ("regenerate", "plan_table"),
    ("summary", "plan"),
    ("canvas", "placement"),
    ("assemble", "backgrounds"),
    ("assemble", "canvas"),
    ("assemble", "insertion"),
    ("insertion", "canvas"),
    ("insertion", "placement"),
    ("assemble", "placement"),
    ("build", "assemble"),
    ("build", "plan"),
    ("build", "unfinished"),
    ("unfinished", "croissant"),
    ("unfinished", "provenance"),
    ("shards", "unfinished"),
    ("build", "shards"),
    ("ingest", "shards"),
    ("patches", "shards"),
    ("ingest", "unfinished"),
    ("hosts", "ingest"),
    ("patches", "unfinished"),
    ("patches", "patch_options"),
    ("patches", "patch_plan"),
    ("patches", "patch_cut"),
    ("patch_plan", "patch_options"),
    ("patch_cut", "patch_options"),
    ("patch_cut", "patch_plan"),
    ("train", "training"),
    ("show", "placement"),
    ("regenerate", "assemble"),
    ("regenerate", "build"),
    ("regenerate", "plan"),
    ("verify", "regenerate"),
    *((stage, "libraries") for stage in ("build", "ingest", "patches", "regenerate")),
    ("card", "build"),
    ("card", "show"),
    ("card", "croissant"),
    ("publish", "card"),
    ("publish", "model_card"),
    ("publish", "model_zoo"),
    ("model_card", "model_zoo"),
    ("publish", "verify"),
}
ALLOWED_WITHIN = WITHIN_VOCABULARY | WITHIN_ARITHMETIC | BETWEEN_STAGES
LAYER = {name: layer for layer, names in LAYERS.items() for name in names}


def part(path: Path) -> str:
    """The module or folder of the package that a file belongs to."""
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def edges() -> set[tuple[str, str]]:
    """(importer, imported) for every import of the package by itself, those inside functions included."""
    found = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{path}: a relative import"
                names = [node.module or ""]
                if node.module == "synthmammo":
                    names = [f"synthmammo.{alias.name}" for alias in node.names]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            else:
                continue
            targets = {name.split(".")[1] for name in names if name.startswith("synthmammo.")} - {"__version__"}
            found |= {(part(path), target) for target in targets}
    return {(importer, imported) for importer, imported in found if importer != imported}


def test_every_module_has_a_layer():
    assert sorted({part(path) for path in PACKAGE.rglob("*.py")} - set(LAYER)) == []


def test_imports_follow_the_layers():
    wrong = {
        (importer, imported)
        for importer, imported in edges()
        if LAYER[importer] < LAYER[imported]
        or (LAYER[importer] == LAYER[imported] < 4 and (importer, imported) not in ALLOWED_WITHIN)
    }
    assert sorted(wrong) == []


def test_edges_are_found():
    """The reader of imports itself: edges that certainly exist, one of them inside a function."""
    assert {("build", "plan"), ("cli", "build"), ("generators", "row")} <= edges()


def test_no_module_of_the_recipe_is_in_a_circle():
    """Imports inside functions and for types included."""
    graph: dict[str, set[str]] = {}
    for path in (PACKAGE / "recipe").glob("[!_]*.py"):
        nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        modules = [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
        graph[path.stem] = {name.rpartition(".")[2] for name in modules if name.startswith("synthmammo.recipe.")}
    order = list(TopologicalSorter(graph).static_order())
    assert order.index("fields") < order.index("consistency") < order.index("model") < order.index("load")


HEAVY = ("torch", "webdataset", "highdicom", "datasets", "transformers", "matplotlib")
COMMANDS = (
    ["--help"],
    ["schema"],
    ["plan", "recipes/balanced_mass.yaml"],
    ["build", "recipes/balanced_mass.yaml", "--dry-run"],
)


@pytest.mark.parametrize("arguments", COMMANDS, ids=lambda arguments: " ".join(arguments))
def test_light_commands_import_nothing_heavy(arguments):
    code = (
        "import sys\nfrom synthmammo.cli import main\n"
        f"try:\n    main({arguments!r})\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        f"print('heavy:', [name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=PACKAGE.parent)
    assert done.returncode == 0, done.stderr
    assert done.stdout.rstrip().endswith("heavy: []")
