"""What a run is trained on and scored against, and what is known of where it came from."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

from synthmammo.dataset.index import read_index
from synthmammo.dataset.layout import INDEX
from synthmammo.dataset.manifest import Manifest
from synthmammo.dataset.reader import Dataset
from synthmammo.dataset.release import release_terms
from synthmammo.dataset.statements import holds_real_images
from synthmammo.errors import DatasetError
from synthmammo.mammogram.licences import Terms
from synthmammo.models.patients import NOBODY, UNKNOWN, joined, salted
from synthmammo.training.config import DataConfig
from synthmammo.training.images import ImageSet, load_images

LEAST_HELD_OUT = 8
"""Fewer images than this say nothing of a distance."""


@dataclass(frozen=True)
class TrainingData:
    """Images of a run.

    Attributes:
        images: Images that are trained on.
        held_out: Images that scores are taken against; None for a run without scores.
        origin: Name, split, digest, sources, origin (real, synthetic or mixed), terms and salted patients of the
            dataset, for the model's description: a benchmark needs them, so as not to test on what the model was
            trained on.
    """

    images: ImageSet
    held_out: ImageSet | None
    origin: dict[str, str]

    @property
    def digest(self) -> str:
        """Digest of the dataset, or of the images to train on where it has no manifest."""
        return self.origin.get("digest") or hashlib.sha256(self.images.grey.tobytes()).hexdigest()

    @classmethod
    def load(cls, directory: Path, config: DataConfig, *, scored: bool) -> TrainingData:
        """Read the images of a dataset that a run needs.

        Args:
            directory: Dataset directory.
            config: Which images of it are used.
            scored: Whether held-out images are needed.

        Raises:
            DatasetError: The images do not suffice.
        """
        origin = _origin(directory, config)
        images = load_images(directory, config.split, config.scale, config.classes, classes_are=config.classes_are)
        stated = replace(images, spacing_mm=config.spacing_mm or images.spacing_mm).smaller(config.side_px)
        return cls(stated, _held_out(directory, config, images.classes) if scored else None, origin)


def _origin(directory: Path, config: DataConfig) -> dict[str, str]:
    dataset = Dataset.open(directory)
    manifest = dataset.manifest
    if manifest is None:
        unknown = {"origin": str(dataset.origin), "terms": str(Terms.RESTRICTED)}
        return {"name": directory.name, "split": config.split} | unknown
    sources = " ".join(sorted(manifest.sources.values()))
    facts = {"digest": manifest.digest, "sources": sources, "origin": manifest.origin}
    facts["terms"] = str(release_terms(manifest))
    patients = _patients(directory, manifest, config.split)
    return {"name": manifest.name, "split": config.split, **facts, "patients": patients}


def _patients(directory: Path, manifest: Manifest, split: str) -> str:
    """Salted digests of the real patients behind the images of a split, those behind their generators among them."""
    groups = []
    if holds_real_images(manifest) and (directory / INDEX).is_file():
        rows = read_index(directory).select(["patient", "split"]).to_pylist()
        names = {row["patient"] for row in rows if row["split"] == split and row["patient"]}
        groups.append(salted(names, manifest.digest) or UNKNOWN)
    for facts in manifest.models.values():
        data = facts.get("training_data") or {}
        groups.append(data.get("patients", UNKNOWN))
    return joined(*groups) or NOBODY


def _held_out(directory: Path, config: DataConfig, classes: tuple[str, ...]) -> ImageSet:
    try:
        held_out = load_images(directory, config.evaluate_on, config.scale, classes, LEAST_HELD_OUT, config.classes_are)
    except DatasetError as error:
        hint = "Choose another data.evaluate_on, or set score_ticks to 0 to train without scores."
        raise DatasetError(f"nothing to score against: {error.message}", where=error.where, hint=hint) from None
    return held_out.smaller(config.side_px)
