"""One row of the plan, as the generators see it: every draw of one sample."""

from __future__ import annotations

from dataclasses import dataclass

from synthmammo.mammogram.sample import Kind, Laterality, Pathology, View


@dataclass(frozen=True)
class Candidate:
    """One try at placing a lesion; `build` takes the first whose pixels pass.

    Attributes:
        site: Draw in [0, 1) that picks one of the admissible sites of the host.
        seed: Seed of the lesion generator's own variation.
    """

    site: float
    seed: int


@dataclass(frozen=True)
class PlannedLesion:
    """One lesion to be made.

    Attributes:
        kind: Mass or calcification.
        pathology: Malignant or benign.
        diameter_mm: Longest extent: of the mass without its spicules, or of the calcification cluster.
        contrast: Peak of the lesion channel in units of [-1, 1] (0.3 is 15 % of the range); of calcifications before
            pixels average, and less in tissue that is nearly white already.
        descriptors: BI-RADS terms: `shape` and `margin` of a mass, `morphology` and `distribution` of calcifications.
        candidates: Draws in the order they are to be tried.
        spec: Number of the recipe's entry under `lesions` that asked for it.
    """

    kind: Kind
    pathology: Pathology
    diameter_mm: float
    contrast: float
    descriptors: dict[str, str]
    candidates: tuple[Candidate, ...]
    spec: int = 0


@dataclass(frozen=True)
class PlannedEdit:
    """One edit of a background's latents.

    Attributes:
        spec: Number of the recipe's entry under `edits`.
        name: Direction, e.g. "density" or "component 7", or "part 3", or "mixing".
        value: Strength; where the entry states a target, that (density letters: a quantile).
        reference_seed: Seed of the image that a part or a mixture takes from; None where nothing is taken from a seed.
        reference_key: The same, as a key in the file of inverted images.
    """

    spec: int
    name: str
    value: float
    reference_seed: int | None = None
    reference_key: str | None = None


@dataclass(frozen=True)
class Row:
    """One sample to be made.

    Attributes:
        key: Unique name without dots or slashes.
        index: Place in the dataset, from 0.
        shard: Name of its shard, e.g. "train-00003".
        split: "train", "validation" or "test".
        label: Class, e.g. "malignant".
        host: Number of its background; rows with the same number share the background.
        host_seed: Seed of the background's generator.
        host_seeds: Seeds to try in its place, in order, where the background must look like something; else empty.
        body_seed: Seed of what the views of one exam share, such as the size of the breasts; None outside exams.
        host_key: Key of the ingested sample, or of the inverted image, that is the background; None for a seed's.
        patient: Pseudonym of the person the background stands for.
        role: "plain"; in a pair "lesion" beside "host" (the untouched background) or "removed" (the lesion taken off).
        view: Projection of a generated background.
        laterality: Side of a generated background.
        density: BI-RADS breast composition "a" to "d" of a generated background.
        implant: Whether a generated background has an implant.
        truncation: psi of a StyleGAN2 background.
        crop: Draws in [0, 1) for a patch: its place, and the offset of the lesion in it along rows and columns;
            None for a whole image.
        edits: What is done to the background's latents.
        lesions: What is put onto the background.
    """

    key: str
    index: int
    shard: str
    split: str
    label: str
    host: int
    host_seed: int
    host_key: str | None
    patient: str
    role: str = "plain"
    view: View | None = None
    laterality: Laterality | None = None
    density: str | None = None
    implant: bool = False
    truncation: float = 1.0
    crop: tuple[float, float, float] | None = None
    edits: tuple[PlannedEdit, ...] = ()
    host_seeds: tuple[int, ...] = ()
    body_seed: int | None = None
    lesions: tuple[PlannedLesion, ...] = ()
