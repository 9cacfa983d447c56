"""Whether synthetic images may be trained on: what their generator saw, and whose tissue is in them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from synthmammo.dataset.layout import MANIFEST
from synthmammo.dataset.manifest import Manifest
from synthmammo.dataset.origins import makers
from synthmammo.errors import CheckpointError, DatasetError
from synthmammo.mammogram.origin import Origin
from synthmammo.models.file import load
from synthmammo.models.names import SUFFIX, is_model


class TracedImages(Protocol):
    """Images of one side of a benchmark, as far as their origin goes."""

    @property
    def where(self) -> Path:
        """Directory they are from."""

    @property
    def digest(self) -> str:
        """Digest of the content."""

    @property
    def patients(self) -> NDArray[np.str_]:
        """Patient of each image, `(N)`."""

    @property
    def manifest(self) -> Manifest | None:
        """Manifest of the dataset; None for a folder."""


class Tested(Protocol):
    """Who is tested on, as the configuration of a benchmark says it."""

    @property
    def folds(self) -> int:
        """Number of folds of a cross-validation; 0 for fixed splits."""

    @property
    def test_on(self) -> str:
        """Split that is tested on, where splits are fixed."""


class TrainedModel(NamedTuple):
    """What is known of a model that synthetic images were made with.

    Attributes:
        model: Name of the model.
        name: Name of the dataset that it was trained on; empty when unknown.
        digests: Digests of that dataset and of what it was made of.
        split: Split that it was trained on; empty when unknown.
    """

    model: str
    name: str
    digests: frozenset[str]
    split: str


def check_lineage(
    real: TracedImages, synthetic: TracedImages, config: Tested, generator: str | None = None
) -> list[str]:
    """Refuse synthetic images whose generator was trained on the test patients, as far as manifests and models tell.

    Args:
        real: The real images.
        synthetic: The synthetic images.
        config: Configuration of the benchmark.
        generator: Model that made the synthetic images, where no manifest says so; None where one does.

    Returns:
        Sentences for the report: what was checked, what could not be.

    Raises:
        DatasetError: A generator was trained on the test patients.
    """
    origins = origin_notes(real, synthetic)
    if synthetic.manifest is None and generator is None:
        return [
            *origins,
            "It is not recorded where the synthetic images come from: whether their generator saw the test patients "
            "could not be checked. (The argument generator names the model.)",
        ]
    notes = []
    ours = _digests(real)
    models = list(_models(synthetic.manifest)) if synthetic.manifest else []
    for trained in models + ([_trained(generator, load(generator).description.training_data)] if generator else []):
        seen = trained.digests & ours
        if not trained.digests:
            notes.append(_unknown(trained.model))
        elif not seen:
            notes.append(f"The model {trained.model} was trained on {trained.name}, not on these real images.")
        else:
            notes.append(_seen(trained, config, synthetic))
    return origins + (notes or ["The synthetic images were made without a trained model."])


def _unknown(name: str) -> str:
    if name.startswith(("zoo/", "hf://")) or name.endswith(SUFFIX):
        return f"The model {name} does not say what it was trained on; it was not checked."
    return f"The dataset {name} is no longer at its place; whether a model made it was not checked."


def check_other_patients(tested: TracedImages, real: TracedImages) -> None:
    """Refuse a second test set of the patients of the first.

    Args:
        tested: Images of the second test set.
        real: The real images that are trained and tested on.

    Raises:
        DatasetError: A patient is in both.
    """
    shared = sorted(set(tested.patients.tolist()) & set(real.patients.tolist()))
    if shared:
        message = f"{len(shared)} patients are those of the real images too, e.g. {shared[0]}"
        hint = "An external test set is of other patients; name them otherwise if they only share a pseudonym."
        raise DatasetError(message, where=tested.where, hint=hint)


def check_unseen(tested: TracedImages, synthetic: TracedImages, generator: str | None = None) -> None:
    """Refuse synthetic images whose generator was trained on any image of a second test set, or that hold its tissue.

    Args:
        tested: Images of the second test set, all of which are tested on.
        synthetic: The synthetic images.
        generator: Model that made the synthetic images, where no manifest says so; None where one does.

    Raises:
        DatasetError: A generator was trained on it, or synthetic images are made from its patients' images.
    """
    models = list(_models(synthetic.manifest)) if synthetic.manifest else []
    if generator:
        models.append(_trained(generator, load(generator).description.training_data))
    hint = "Give other images as external, or synthetic ones of another generator."
    for trained in models:
        if trained.digests & _digests(tested):
            message = f"the generator {trained.model} of the synthetic images was trained on them ({trained.name})"
            raise DatasetError(message, where=tested.where, hint=hint)
    shared = np.isin(synthetic.patients, tested.patients)
    if shared.any():
        message = f"{int(shared.sum())} synthetic images have the tissue of their patients"
        raise DatasetError(message, where=tested.where, hint=hint)


def origin_notes(real: TracedImages, synthetic: TracedImages | None = None) -> list[str]:
    """What the manifests of both sides say against calling one real and the other synthetic, and what made the latter.

    Args:
        real: The images that are tested on.
        synthetic: The synthetic images; None where there are none.
    """
    notes = []
    if real.manifest and real.manifest.origin != Origin.REAL:
        notes.append(
            f"The images tested on are {real.manifest.origin} by their manifest: what is measured here is not "
            "measured on patients' images alone."
        )
    if synthetic and synthetic.manifest:
        made_by = ", ".join(map(str, makers(synthetic.manifest)))
        by = f", made or changed by {made_by}" if made_by else ""
        if made_by or synthetic.manifest.origin != Origin.SYNTHETIC:
            notes.append(f"The images called synthetic are {synthetic.manifest.origin} by their manifest{by}.")
    return notes


def _seen(trained: TrainedModel, config: Tested, synthetic: TracedImages) -> str:
    split = trained.split or "train"
    everyone = "a cross-validation tests on every patient" if config.folds else ""
    if everyone or split == config.test_on:
        message = (
            f"its generator {trained.model} was trained on the split '{split}' of the real images ({trained.name}), "
            f"and {everyone or 'that split is the test'}"
        )
        hint = "Use a generator that was trained on other patients, or test on another split (test_on)."
        raise DatasetError(message, where=synthetic.where, hint=hint)
    how = "" if trained.split else " (which is the default: the model does not say)"
    note = f"The model {trained.model} was trained on the split '{split}' of these real images{how}, not on the test."
    return f"{note} It saw all patients of that split, those held out for selection or left out of a share too."


def _digests(images: TracedImages) -> frozenset[str]:
    return frozenset([images.digest, *(images.manifest.sources.values() if images.manifest else ())])


def _models(manifest: Manifest) -> Iterator[TrainedModel]:
    """The models that went into a dataset, or into the one that it was cut from."""
    for name in manifest.sources:
        if name in manifest.models:
            yield _trained(name, manifest.models[name].get("training_data", {}))
        elif (Path(name) / MANIFEST).is_file():
            yield from _models(Manifest.read(Path(name)))
        elif is_model(name):
            yield _found(name)


def _found(model: str) -> TrainedModel:
    """What the file of a model says, or nothing where there is no file any more."""
    try:
        return _trained(model, load(model).description.training_data)
    except CheckpointError:
        return TrainedModel(model, "", frozenset(), "")


def _trained(model: str, data: Mapping[str, str]) -> TrainedModel:
    digests = [data.get("digest", ""), *data.get("sources", "").split()]
    return TrainedModel(model, data.get("name", ""), frozenset(filter(None, digests)), data.get("split", ""))


def usable(synthetic: TracedImages, real: TracedImages, train_patients: Collection[str]) -> NDArray[np.bool_]:
    """Which synthetic images may be used: those with the tissue of a real patient only where that one is trained on.

    Args:
        synthetic: The synthetic images.
        real: The real images.
        train_patients: Patients that this training may see.

    Returns:
        `bool (N)`.
    """
    theirs = np.isin(synthetic.patients, real.patients)
    return np.asarray(~theirs | np.isin(synthetic.patients, list(train_patients)))
