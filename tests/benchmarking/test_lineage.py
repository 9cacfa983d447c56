"""Lineage: generators that saw the test patients are refused, and tissue stays with its patient."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from synthmammo.benchmarking.lineage import check_lineage, origin_notes, usable
from synthmammo.errors import CheckpointError, DatasetError

REAL, OTHER = "r" * 64, "o" * 64
CONFIG = SimpleNamespace(folds=0, test_on="test")


@dataclass
class Images:
    """One side: see the protocol `Side`."""

    digest: str = REAL
    patients: np.ndarray = field(default_factory=lambda: np.array(["a", "b"]))
    where: Path = Path("side")
    manifest: object = None


def made(**models: Mapping[str, str]) -> Images:
    """Synthetic images, by the training data of the models that made them."""
    described = {name: {"training_data": data} for name, data in models.items()}
    return Images(OTHER, manifest=manifest(dict.fromkeys(models, ""), described))


def manifest(sources: dict[str, str], models: dict[str, object], **changes: object) -> SimpleNamespace:
    return SimpleNamespace(sources=sources, models=models, **{"origin": "synthetic", "made_by": (), **changes})


@pytest.mark.parametrize("split", ["train", ""])
def test_a_model_of_the_training_split_is_noted(split: str) -> None:
    (note,) = check_lineage(Images(), made(m={"name": "real", "digest": REAL, "split": split}), CONFIG)
    assert "was trained on the split 'train' of these real images" in note
    assert ("which is the default" in note) is (split == "")


@pytest.mark.parametrize(
    ("split", "config"), [("test", CONFIG), ("train", SimpleNamespace(folds=5, test_on="test"))], ids=["split", "folds"]
)
def test_a_model_of_the_test_patients_is_refused(split: str, config: SimpleNamespace) -> None:
    with pytest.raises(DatasetError, match="its generator m was trained on the split"):
        check_lineage(Images(), made(m={"name": "real", "digest": REAL, "split": split}), config)


def test_what_a_dataset_was_made_of_counts_as_well() -> None:
    patches = {"name": "patches", "digest": OTHER, "sources": f"x {REAL}", "split": "test"}
    with pytest.raises(DatasetError):
        check_lineage(Images(), made(m=patches), CONFIG)


def test_what_cannot_be_checked_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise CheckpointError("no such file")

    monkeypatch.setattr("synthmammo.benchmarking.lineage.load", absent)
    assert "could not be checked" in check_lineage(Images(), Images(OTHER), CONFIG)[0]
    lost = Images(OTHER, manifest=manifest({"zoo/lost": "", "phantom": ""}, {}))
    assert check_lineage(Images(), lost, CONFIG) == [
        "The model zoo/lost does not say what it was trained on; it was not checked."
    ]
    moved = Images(OTHER, manifest=manifest({"datasets/moved": ""}, {}))
    assert check_lineage(Images(), moved, CONFIG) == [
        "The dataset datasets/moved is no longer at its place; whether a model made it was not checked."
    ]
    phantom = Images(OTHER, manifest=manifest({"phantom": ""}, {}))
    assert check_lineage(Images(), phantom, CONFIG) == ["The synthetic images were made without a trained model."]


def test_a_side_that_is_not_what_it_is_called_is_noted() -> None:
    phantoms = manifest({}, {}, made_by=({"name": "phantom", "samples": 2},))
    first, second, _ = check_lineage(Images(manifest=phantoms), Images(OTHER, manifest=phantoms), CONFIG)
    assert first.startswith("The images tested on are synthetic by their manifest: what is measured here is not")
    assert second == "The images called synthetic are synthetic by their manifest, made or changed by phantom."
    films = manifest({}, {}, origin="real")
    assert origin_notes(Images(manifest=films)) == []
    assert origin_notes(Images(manifest=films), Images(manifest=films)) == [
        "The images called synthetic are real by their manifest."
    ]


def test_tissue_is_used_only_where_its_patient_is_trained_on() -> None:
    synthetic = Images(OTHER, np.array(["a", "b", "nobody"]))
    assert usable(synthetic, Images(), {"a"}).tolist() == [True, False, True]
    assert usable(synthetic, Images(), set()).tolist() == [False, False, True]
