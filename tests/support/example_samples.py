"""Small samples for tests of everything that writes or reads them."""

import numpy as np

from synthmammo.mammogram.sample import Box, Finding, Kind, Laterality, Pathology, Sample, SpacingOrigin, View

LABELS = ("normal", "malignant")


def a_sample(index: int = 0, *, shape: tuple[int, int] = (96, 64), bits_stored: int = 12, lesions: int = 1) -> Sample:
    """A breast at the left with noise in it, and small square lesions of which each second one is a real host's."""
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    breast = (columns / (0.8 * shape[1])) ** 2 + ((rows - shape[0] / 2) / (0.45 * shape[0])) ** 2 < 1
    top = 2**bits_stored - 1
    noise = np.random.default_rng(index).normal(0.5, 0.1, shape)
    image = np.where(breast, np.clip(noise * top, 1, top), 0).astype(np.uint16)
    labels, findings = np.zeros(shape, np.uint8), []
    for label in range(1, lesions + 1):
        box = Box(10 * label, 10, 10 * label + 6, 18)
        labels[box.slices] = label
        terms = {"shape": "irregular", "margin": "spiculated"}
        findings.append(Finding(Kind.MASS, Pathology.MALIGNANT, box, label, label % 2 == 1, terms))
    known = index % 2 == 0
    return Sample(
        key=f"s{index:06d}",
        image=image,
        bits_stored=bits_stored,
        breast=breast,
        lesions=labels,
        findings=tuple(findings),
        spacing_mm=(0.1, 0.1) if known else None,
        spacing_origin=SpacingOrigin.KNOWN if known else SpacingOrigin.UNKNOWN,
        view=View.CC if known else None,
        laterality=Laterality.LEFT if known else None,
        label="malignant" if lesions else "normal",
        split="train",
        patient=f"p{index:04d}",
        provenance={"seed": 7, "attempts": [0] * lesions},
    )


def samples(count: int = 7) -> list[Sample]:
    """The first ones have no lesions, as a build's may, so that readers that infer types meet empty lists."""
    return [a_sample(i, bits_stored=(12, 8, 16)[i % 3], lesions=0 if i < count - 2 else 2) for i in range(count)]
