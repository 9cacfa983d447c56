"""From a record of an archive and its pixels to a sample."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np

from synthmammo.errors import SourceError
from synthmammo.ingesting.sources.base import Picture, Record
from synthmammo.ingesting.sources.origins import GENERATED_BY, STATED, making_of_picture
from synthmammo.mammogram.anatomy import breast_mask
from synthmammo.mammogram.origin import STATEMENT, Making, Origin
from synthmammo.mammogram.sample import Finding, Mask, Sample, SpacingOrigin

_EVERYWHERE = 0.99
"""Share of an image that no breast covers on a whole view: where it does, air was taken for tissue."""


def to_sample(
    record: Record,
    picture: Picture,
    *,
    source: str,
    split: str,
    assume_spacing_mm: float | None = None,
    generated_by: str | None = None,
) -> Sample:
    """Make one sample, at the size and orientation of the archive.

    Args:
        record: Record of the image in the archive.
        picture: Pixels of the image.
        source: Name of the archive's reader.
        split: Split of the image's patient.
        assume_spacing_mm: Millimetres per pixel where the archive gives none, recorded as assumed; None, the default,
            assumes nothing.
        generated_by: Generator that made the image, on the user's word; None, the default, where none is named.

    Raises:
        SourceError: No breast can be seen.
    """
    image, spacing_mm, origin = picture.image, picture.spacing_mm, picture.spacing_origin
    breast = _breast(record, picture)
    if not breast.any():
        raise SourceError("no breast can be seen on it", where=record.path)
    if spacing_mm is None and assume_spacing_mm is not None:
        spacing_mm, origin = (assume_spacing_mm, assume_spacing_mm), SpacingOrigin.ASSUMED
    making = making_of_picture({**record.provenance, **picture.notes}, record.path, source, generated_by)
    return Sample(
        key=record.key,
        image=image,
        bits_stored=picture.bits_stored,
        breast=breast,
        lesions=picture.lesions,
        findings=_findings(picture, making),
        spacing_mm=spacing_mm,
        spacing_origin=origin,
        view=record.view,
        laterality=record.laterality,
        label=record.label,
        split=split,
        patient=record.patient,
        provenance=_provenance(record, picture, source, breast, making),
    )


def _findings(picture: Picture, making: Making) -> tuple[Finding, ...]:
    # In an image that shows nobody no finding is a person's.
    made = making.origin is Origin.SYNTHETIC
    return tuple(replace(finding, synthetic=True) for finding in picture.findings) if made else picture.findings


def _breast(record: Record, picture: Picture) -> Mask:
    if picture.breast is not None:
        return picture.breast
    if record.is_patch:
        return np.ones(picture.image.shape, np.bool_)
    return breast_mask(picture.image, picture.bits_stored)


def _provenance(record: Record, picture: Picture, source: str, breast: Mask, making: Making) -> dict[str, Any]:
    noted = {**record.provenance, **picture.notes}
    located = Counter((str(f.kind), str(f.pathology)) for f in picture.findings)
    unlocated = Counter((str(a.kind), str(a.pathology)) for a in record.annotations) - located
    facts = {
        "source": source,
        **{name: value for name, value in noted.items() if name not in (STATED, GENERATED_BY)},
        "density": record.density,
        "official_split": record.split,
        "patch": record.is_patch or None,
        "breast_everywhere": bool(not record.is_patch and breast.mean() > _EVERYWHERE) or None,
        "unlocated": [" ".join(words) for words in unlocated.elements()] or None,
        STATEMENT: making.record(),
    }
    return {name: value for name, value in facts.items() if value is not None}
