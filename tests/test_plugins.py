"""What an installed package adds: generators, readers and writers by their names, or one message why not."""

import json
import shutil
import subprocess
import sys
import warnings
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import synthmammo
from synthmammo.dataset.manifest import Manifest
from synthmammo.dataset.reader import Dataset
from synthmammo.errors import GeneratorError, OutputError, PluginWarning, RecipeError, SourceError
from synthmammo.extending import BACKGROUNDS, LESIONS, PROTOCOLS, plugins
from synthmammo.generators.backgrounds import base as backgrounds
from synthmammo.generators.lesions import base as lesions
from synthmammo.recipe import load_recipe, own_schema
from synthmammo.recipe.background import SECTIONS
from synthmammo.recipe.lesion import OWN_LESIONS
from synthmammo.recipe.schema import recipe_schema
from tests.support import tiny

EXAMPLE = Path(__file__).parents[1] / "docs" / "examples" / "plugin"
RECIPE = EXAMPLE / "recipe.yaml"


@pytest.fixture(scope="session")
def installed(tmp_path_factory):
    """The example package, installed by pip into a folder of its own."""
    source = shutil.copytree(EXAMPLE, tmp_path_factory.mktemp("source") / "plugin")
    target = tmp_path_factory.mktemp("site")
    command = ["pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--target", str(target), str(source)]
    subprocess.run([sys.executable, "-m", *command, "--no-index"], check=True, capture_output=True)
    return target


@pytest.fixture
def plugged(installed, monkeypatch):
    """The folder of the example on the path for imports."""
    monkeypatch.syspath_prepend(installed)
    return installed


def a_package(folder, group, name, code, target, package="mine", version="2.0"):
    """A package made by hand: its metadata and its one module."""
    info = folder / f"{package}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n")
    (info / "entry_points.txt").write_text(f"[{group}]\n{name} = {target}\n")
    (folder / f"{target.partition(':')[0]}.py").write_text(code)


@pytest.fixture
def by_hand(tmp_path, monkeypatch):
    """Makes packages in a folder on the path for imports."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    target = f"mine_{tmp_path.name}:Thing".replace("-", "_")
    return partial(a_package, folder, target=target)


def test_the_example_is_a_dataset_that_names_its_package(plugged, tmp_path):
    dataset = synthmammo.build(RECIPE, tmp_path / "out")
    manifest = dataset.manifest
    assert not manifest.failed and manifest.versions["synthmammo-speckled"] == "0.1"
    assert manifest.origin == "synthetic" and {shard.format for shard in manifest.shards} == {"parquet", "npz"}
    spotted = next(sample for sample in dataset if sample.findings)
    host, lesion = spotted.provenance["host"], spotted.provenance["lesions"][0]
    brought = {"package": "synthmammo-speckled", "version": "0.1"}
    assert brought.items() <= host.items() and host["generator"] == "speckled"
    assert brought.items() <= lesion.items() and lesion["falloff"] == 3 and lesion["generator"] == "spots"
    assert {str(maker) for maker in spotted.making.makers} == {
        "speckled (package synthmammo-speckled 0.1)", "spots (package synthmammo-speckled 0.1)"
    }  # fmt: skip
    (finding,) = spotted.findings
    assert 8 <= finding.box.height <= 15 and (spotted.lesions[finding.box.slices] == finding.label).any()
    arrays = np.load(next((tmp_path / "out" / "npz").glob("train*.npz")))
    assert np.array_equal(arrays[f"{spotted.key}.image"], spotted.image)
    assert not synthmammo.verify(tmp_path / "out", pixels=2).problems
    again = synthmammo.regenerate(tmp_path / "out", spotted.key)
    assert again.compared.equal_bytes and again.note is None


def test_the_version_of_a_plug_in_counts(plugged, tmp_path, monkeypatch):
    synthmammo.build(RECIPE, tmp_path / "out", size=2)
    elsewhere = shutil.copytree(plugged, tmp_path / "newer")
    (info,) = elsewhere.glob("*.dist-info")
    metadata = info / "METADATA"
    metadata.write_text(metadata.read_text().replace("Version: 0.1", "Version: 0.2"))
    monkeypatch.syspath_prepend(elsewhere)
    with pytest.raises(OutputError, match="synthmammo-speckled"):
        synthmammo.build(RECIPE, tmp_path / "out", size=4)


def test_workers_find_a_plug_in_too(plugged, tmp_path):
    one, two = (
        synthmammo.build(RECIPE, tmp_path / str(workers), workers=workers, settings={"emit.shard_size": 2})
        for workers in (1, 2)
    )
    assert [shard.sha256 for shard in one.manifest.shards] == [shard.sha256 for shard in two.manifest.shards]


def test_check_plan_and_schema_know_the_example(plugged):
    for command in (["check", RECIPE], ["plan", RECIPE]):
        assert tiny.run(*command).exit_code == 0
    wrong = {"background.grian": 0.1}
    with pytest.raises(RecipeError, match="background.grian: is not a key that is known here. Did you mean 'grain'"):
        synthmammo.check(RECIPE, settings=wrong)
    with pytest.raises(RecipeError, match="background.side_px: input should be greater than or equal to 64, found 1"):
        synthmammo.check(RECIPE, settings={"background.side_px": 1})
    with pytest.raises(RecipeError, match="lesions.0.fallof: is not a key that is known here. Did you mean 'falloff'"):
        synthmammo.check(RECIPE, settings={"lesions.0.fallof": 1})
    with pytest.raises(RecipeError, match="emit.formats.npz.mask: is not a key that is known here"):
        synthmammo.check(RECIPE, settings={"emit.formats.npz.mask": 1})
    with pytest.raises(RecipeError, match="a mass of 900 mm does not fit into the half discs"):
        synthmammo.check(RECIPE, settings={"lesions.0.diameter_mm": 900})
    with pytest.raises(RecipeError, match="Did you mean 'speckled'"):
        synthmammo.check(RECIPE, settings={"background.generator": "spekled"})
    schema = json.loads(tiny.run("schema").output)
    assert schema["properties"]["background"]["discriminator"]["mapping"]["speckled"] == "#/$defs/SpeckledBackground"
    assert {"$ref": "#/$defs/SpotsLesion"} in schema["properties"]["lesions"]["items"]["oneOf"]
    assert "npz" in schema["$defs"]["FormatOptions"]["properties"] and schema["$defs"]["NpzFormat"]["properties"]
    assert "speckled" not in json.dumps(own_schema()), "the schema of the repository is this package's alone"


def test_a_recipe_with_plug_ins_is_read_back_as_it_was(plugged):
    recipe = load_recipe(RECIPE)
    again = synthmammo.Recipe.model_validate(recipe.model_dump(mode="json", exclude_none=True))
    assert again == recipe and again.model_dump() == recipe.model_dump()
    assert recipe.emit.formats.chosen() == {"parquet": {}, "npz": {"masks": True}}


def test_the_command_lists_what_there_is_and_who_brings_it(plugged):
    found = json.loads(tiny.run("plugins", "--json").output)
    added = {(one["kind"], one["name"]) for one in found if one["package"] == "synthmammo-speckled"}
    assert added == {("background", "speckled"), ("lesion", "spots"), ("source", "arrays"), ("writer", "npz")}
    assert all(one["version"] == "0.1" and one["about"] and not one["problem"] for one in found
               if one["package"] == "synthmammo-speckled")  # fmt: skip
    assert {"phantom", "parametric", "dicom", "parquet"} <= {one["name"] for one in found}
    text = tiny.run("plugins").output
    assert "synthmammo-speckled 0.1" in text and "Half discs of speckle" in text


def test_an_archive_is_read_by_a_plug_in(plugged, tmp_path):
    (tmp_path / "in").mkdir()
    for number in range(2):
        np.save(tmp_path / "in" / f"a{number}.npy", np.full((40, 30), 900 + number, np.uint16))
    (tmp_path / "in" / "b.npy").write_bytes(b"no array")
    out = tmp_path / "out"
    result = tiny.run("ingest", "arrays", tmp_path / "in", "--out", out)
    assert result.exit_code == 3 and "cannot be read" in result.output
    manifest = Manifest.read(out)
    assert manifest.versions["synthmammo-speckled"] == "0.1" and manifest.options["source"] == "arrays"
    sample = Dataset.open(out).sample("a1")
    assert sample.image.max() == 901 and sample.provenance["package"] == "synthmammo-speckled"
    with pytest.raises(SourceError, match="no source is called 'arays'[\\s\\S]*Did you mean 'arrays'"):
        synthmammo.ingest("arays", tmp_path / "in", tmp_path / "none")


def test_a_plug_in_that_fails_to_import_is_one_warning_and_the_others_work(by_hand, plugged):
    by_hand(BACKGROUNDS, "broken", "import nothing_of_that_name")
    with pytest.warns(PluginWarning, match="'broken' of mine 2.0 cannot be imported .ModuleNotFoundError") as warned:
        schema = recipe_schema()
    assert len(warned) == 1 and "speckled" in schema["properties"]["background"]["discriminator"]["mapping"]
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        result = tiny.run("plugins")
    assert result.exit_code == 0 and result.output.count("warning:") == 1 and "speckled" in result.output
    assert "Traceback" not in result.output and ".py:" not in result.output
    with pytest.raises(RecipeError, match="background: the plug-in 'broken' of mine 2.0 cannot be imported"):
        synthmammo.check(tiny.content(background={"generator": "broken"}))


@pytest.mark.parametrize(("stated", "message"), [
    ("protocol = 0", "follows version 0 of the protocol synthmammo.backgrounds; synthmammo .* has version 1"),
    ("pass", "follows an unstated version of the protocol synthmammo.backgrounds"),
    ("protocol = 2", "follows version 2 of the protocol"),
])  # fmt: skip
def test_a_plug_in_of_another_protocol_is_one_message(by_hand, stated, message):
    by_hand(BACKGROUNDS, "older", f"class Thing:\n    {stated}\n")
    with pytest.raises(RecipeError, match=message) as error:
        synthmammo.check(tiny.content(background={"generator": "older"}))
    assert f"Update {'synthmammo' if '2' in stated else 'mine'}." in str(error.value)
    with pytest.raises(GeneratorError, match=message):
        backgrounds.background_kind("older")


def test_names_of_this_package_cannot_be_taken(by_hand):
    by_hand(LESIONS, "parametric", "class Thing:\n    protocol = 1\n")
    assert type(lesions.lesion_kind("parametric", "x")).__module__.startswith("synthmammo.")
    with pytest.warns(PluginWarning, match="is not used: synthmammo itself has that name"):
        found = synthmammo.plugins()
    assert [one.package for one in found if one.name == "parametric"] == ["synthmammo", "mine"]


def test_of_two_packages_with_one_name_the_first_counts(by_hand):
    for package in ("second", "first"):
        by_hand(BACKGROUNDS, "both", "", package=package)
    assert plugins(BACKGROUNDS)["both"].package == "first"


def test_a_lesion_plug_in_that_takes_nothing_off_says_so(plugged):
    with pytest.raises(RecipeError, match="removal: the plug-in 'spots' .* takes no lesions off"):
        synthmammo.check(RECIPE, settings={"removal": {"generator": "spots"}, "size": 6})


def test_tables_of_names_agree():
    assert set(backgrounds.KINDS) == set(SECTIONS) and set(lesions.KINDS) == set(OWN_LESIONS)
    assert set(PROTOCOLS.values()) == {1}
    for name in backgrounds.KINDS:
        kind = backgrounds.background_kind(name)
        assert kind.protocol == 1 and kind.section is SECTIONS[name]


def test_nothing_is_looked_for_where_no_plug_in_is_named():
    code = (
        "import sys\nfrom synthmammo.cli import main\n"
        "try:\n    main(['check', 'balanced_mass', 'edited_density_sweep'])\nexcept SystemExit as end:\n"
        "    assert not end.code\n"
        "from synthmammo import extending\nprint(extending._found.cache_info().currsize)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=EXAMPLE.parents[2])
    assert done.returncode == 0 and done.stdout.split()[-1] == "0", done.stderr
