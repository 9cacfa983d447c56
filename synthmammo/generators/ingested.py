"""Real mammograms as backgrounds, from a dataset that `ingest` made."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from synthmammo.dataset.reader import Dataset
from synthmammo.errors import GeneratorError
from synthmammo.mammogram.planned import Row
from synthmammo.mammogram.sample import Sample, SpacingOrigin


class Ingested:
    """Real images as backgrounds; they keep their bit depth and their own findings.

    Args:
        dataset: Directory of the ingested dataset.
        assume_spacing_mm: Millimetres per pixel of hosts without a spacing, recorded as assumed; by default unknown.
    """

    batch_size = 1

    def __init__(self, dataset: str | Path, assume_spacing_mm: float | None = None) -> None:
        self._dataset = Dataset.open(dataset)
        self._assume_spacing_mm = assume_spacing_mm

    def latents(self, rows: Sequence[Row]) -> list[Row]:
        """The rows themselves: a real image has no latent code here."""
        return list(rows)

    def render(self, latents: Sequence[Row]) -> list[Sample]:
        """One sample per row.

        Raises:
            GeneratorError: A row names no host.
            DatasetError: A host is not in the dataset.
        """
        return [self._sample(row) for row in latents]

    def _sample(self, row: Row) -> Sample:
        if row.host_key is None:
            raise GeneratorError("the plan names no host", where=row.key, hint="Make the plan again.")
        host = self._dataset.sample(row.host_key)
        spacing_mm, origin = host.spacing_mm, host.spacing_origin
        if spacing_mm is None and self._assume_spacing_mm is not None:
            spacing_mm, origin = (self._assume_spacing_mm, self._assume_spacing_mm), SpacingOrigin.ASSUMED
        return host.with_(
            key=row.key,
            label=row.label,
            split=row.split,
            patient=row.patient,
            spacing_mm=spacing_mm,
            spacing_origin=origin,
            provenance={"generator": "ingested", "key": row.host_key, **host.provenance},
        )
