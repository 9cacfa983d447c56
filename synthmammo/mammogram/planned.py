"""One row of the plan, as the generators see it: everything that was drawn for one sample."""

from __future__ import annotations

from dataclasses import dataclass

from synthmammo.mammogram.sample import Kind, Laterality, Pathology, View


@dataclass(frozen=True)
class Candidate:
    """One try at placing a lesion; `build` takes the first try whose pixels pass.

    Attributes:
        site: Draw in [0, 1) that picks one of the admissible sites of the host.
        seed: Random seed of the lesion generator.
    """

    site: float
    seed: int


@dataclass(frozen=True)
class PlannedLesion:
    """One lesion to be made.

    Attributes:
        kind: Mass or calcification.
        pathology: Malignant or benign.
        diameter_mm: Longest extent of the calcification cluster, or of the mass without its spicules, in millimetres.
        contrast: Peak of the lesion channel in units of [-1, 1] (0.3 is 15 % of the range). The peak is lower in
            tissue that is nearly white already; calcifications have it before pixels average.
        descriptors: BI-RADS terms: `shape` and `margin` of a mass, `morphology` and `distribution` of calcifications.
        candidates: Tries in the order they are to be made.
        spec: Number of the entry under `lesions` in the recipe that asked for it, from 0.
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
        spec: Number of the entry under `edits` in the recipe, from 0.
        name: Name of the edit: a direction ("density", "component 7"), a part ("part 3") or "mixing".
        value: Strength of the edit, or the target where the entry states one (a quantile for density letters).
        reference_seed: Random seed of the image that a part or a mixture is taken from; None without such an image.
        reference_key: Key, in the file of inverted images, of the image that a part or a mixture is taken from.
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
        shard: Name of the shard, e.g. "train-00003".
        split: "train", "validation" or "test".
        label: Class, e.g. "malignant".
        host: Number of the background; rows with the same number share the background.
        host_seed: Random seed of the background.
        host_seeds: Random seeds to try in place of `host_seed`, in order, where the recipe requires a look; else empty.
        body_seed: Random seed for what the views of an exam share, e.g. the size of the breasts; None outside exams.
        host_key: Key of the ingested sample or the inverted image that is the background; None for one from a seed.
        patient: Pseudonym of the person the background stands for.
        role: "plain"; in a pair "lesion" beside "host" (the untouched background) or "removed" (the lesion taken off).
        view: Projection of a generated background.
        laterality: Side of a generated background.
        density: BI-RADS breast composition "a" to "d" of a generated background.
        implant: Whether a generated background has an implant.
        truncation: Truncation psi of a StyleGAN2 background; 1, the default, truncates nothing.
        crop: Draws in [0, 1) for a patch: its place, and the offset of the lesion in it along rows and columns;
            None for a whole image.
        edits: Edits of the background's latents, in order.
        lesions: Lesions to put onto the background, in order.
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
