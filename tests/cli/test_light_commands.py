"""Commands that need no network, no writer and no plot import none: they must start fast."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "synthmammo"

HEAVY = ("torch", "webdataset", "highdicom", "datasets", "transformers", "matplotlib")
COMMANDS = (
    ["--help"],
    ["schema"],
    ["check", "balanced_mass", "edited_density_sweep", "local_transfer"],
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


def test_checking_two_recipes_takes_no_second(tmp_path):
    """In processor time, which other work on the machine changes little, and with compiled modules, as installed.

    It takes 0.3 s on the machine of docs/performance.md; what would be found here is one heavy import.
    """
    compiled = {"PYTHONPYCACHEPREFIX": str(tmp_path), "PYTHONDONTWRITEBYTECODE": ""}
    command = [sys.executable, "-m", "synthmammo", "check", "balanced_mass", "edited_density_sweep"]
    best = 9.0
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, capture_output=True, check=True, env={**os.environ, **compiled}, cwd=PACKAGE.parent)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        best = min(best, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert best < 1.0


MODEL = "zoo/stylegan2-cbis-mass-128"
TO = ["--class", "benign", "--out", "x.png"]
WRONG = {
    "a model that is none": ["sample", "zoo/typo", "--out", "x.png"],
    "a file that is none": ["sheet", "seeds", "typo.safetensors", "--out", "x.png"],
    "a model of another kind": ["sample", "zoo/contextual-mass", "--class", "malignant", "--out", "x.png"],
    "an unknown class": ["sample", MODEL, "--class", "typo", "--out", "x.png"],
    "a class before the model": ["walk", "--class", "typo", MODEL, "1", "2", "--out", "x.gif"],
    "no class": ["mix", MODEL, "--layers", "0:2", "--out", "x.png"],
    "an image that is none": ["invert", "no.png", "--model", MODEL, "--class", "malignant", "--out", "x.latents"],
    "a model of parts": ["parts", "fit", "zoo/typo"],
    "a model of directions": ["directions", "fit", "zoo/typo"],
    "parts of another kind": ["parts", "fit", "zoo/contextual-mass"],
    "directions of another kind": ["directions", "fit", "zoo/contextual-mass"],
    "a class of an inversion": ["invert", "README.md", "--model", MODEL, "--class", "typo", "--out", "x.latents"],
    "directions that are nowhere": [
        "sheet",
        "directions",
        MODEL,
        "--directions",
        "no.directions",
        *TO,
    ],
    "parts that are nowhere": ["sheet", "parts", MODEL, "--parts", "no.parts", *TO],
    "parts of a transfer": ["sheet", "local", MODEL, "--part", "0", "--parts", "no.parts", *TO],
    "data of a training": ["train", "stylegan2", "--data", "nowhere", "--out", "x"],
    "data of a benchmark": ["benchmark", "classify", "--real", "nowhere", "--out", "x"],
    "data of detectors": ["benchmark", "detect", "--real", "nowhere", "--out", "x"],
}


def test_what_can_be_wrong_is_said_before_torch_is_imported(tmp_path):
    """All in one process: what one of them imports, the next would have."""
    code = f"""if True:
        import sys
        from synthmammo.cli import main
        for name, arguments in {WRONG!r}.items():
            try:
                main(arguments)
            except SystemExit as end:
                print(name, end.code, "torch" in sys.modules)
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout.splitlines() == [f"{name} 1 False" for name in WRONG], done.stderr
    assert done.stderr.count("error: ") == len(WRONG) and not [*tmp_path.iterdir()]
