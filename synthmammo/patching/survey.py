"""What an index offers to patches: images, lesions and healthy tissue by class and split."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil

from synthmammo.dataset.index import IndexRow
from synthmammo.errors import RecipeError, nearest
from synthmammo.identity import draw_u64
from synthmammo.patching.options import NORMAL, PatchOptions

Cell = tuple[str, str]
"""(split, class)."""


@dataclass(frozen=True)
class Target:
    """Something that patches are cut from: a lesion, a healthy image, or an image that is a patch already.

    Attributes:
        source: Key of the image.
        patient: Pseudonym of the image's patient.
        finding: Number of the lesion among the image's findings; None for a normal patch, and for a lesion of which
            only the image's class is known.
        whole: Whether the image is a patch already, and is taken as it is.
    """

    source: str
    patient: str
    finding: int | None
    whole: bool


@dataclass
class Survey:
    """What a dataset has to cut patches from.

    Attributes:
        cells: Targets by split and class, in an order drawn from the seed.
        notes: Sentences on what the images lack.
    """

    cells: dict[Cell, list[Target]]
    notes: list[str]

    @property
    def labels(self) -> list[str]:
        """Names of the classes, the normal one first."""
        return sorted({NORMAL} | {label for _, label in self.cells}, key=lambda label: (label != NORMAL, label))


def _check_healthy(images: Sequence[IndexRow], options: PatchOptions) -> None:
    there = {str(image["label"]) for image in images}
    for label in options.healthy:
        if label not in there | {NORMAL}:
            raise RecipeError(f"no image has the class '{label}'", where="healthy", hint=nearest(label, there))


def survey(images: Sequence[IndexRow], options: PatchOptions) -> Survey:
    """Find the lesions and the healthy images of a dataset in its index.

    Args:
        images: Rows of the index.
        options: Options of the patches.

    Raises:
        RecipeError: No image has a class that is said to be healthy.
    """
    _check_healthy(images, options)
    cells: dict[Cell, list[Target]] = defaultdict(list)
    unplaced = scanty = unknown_spacing = taken_whole = 0
    for image in images:
        unknown_spacing += options.spacing_mm is not None and not image["spacing_mm"]
        found = list(_targets(image, options))
        taken_whole += any(target.whole for _, target in found)
        if not found and image["label"] in options.healthy and not (image["findings"] or image["unlocated"]):
            scanty += 1
        elif not found:
            unplaced += 1
        for label, target in found:
            cells[image["split"], label].append(target)
    for (split, label), targets in cells.items():
        column = f"{split}/{label}/order"
        targets.sort(key=lambda target: (draw_of(options.seed, column, target.source, target.finding), target.source))
    notes = {
        f"{unknown_spacing} images have no known spacing and keep their own pixels": unknown_spacing,
        f"{taken_whole} images are patches already and are taken whole": taken_whole,
        f"{scanty} healthy images have too little breast for a patch": scanty,
        f"{unplaced} images have findings without a place, or are of no healthy class, and give no patches": unplaced,
    }
    surveyed = Survey(dict(sorted(cells.items())), [note for note, number in notes.items() if number])
    for split in sorted({split for split, _ in cells}):
        if missing := [label for label in surveyed.labels if (split, label) not in cells]:
            surveyed.notes.append(f"{split} has nothing to cut these from: {', '.join(missing)}")
    return surveyed


def _targets(image: IndexRow, options: PatchOptions) -> Iterator[tuple[str, Target]]:
    """(class, target) of all that can be cut from an image."""
    image_of, (height, width) = (image["key"], image["patient"]), _shape(image, options)
    small = min(height, width) < ceil(options.size_px / options.resizing[0])
    covered = [list(finding["box"]) == [0, 0, image["height"], image["width"]] for finding in image["findings"]]
    for number, finding in enumerate(image["findings"]):
        whole = small or covered[number]
        yield options.class_of(finding["kind"], finding["pathology"]), Target(*image_of, number, whole)
    normal = NORMAL, Target(*image_of, None, small)
    if image["findings"]:
        if options.beside_findings_px is not None and not small and not any(covered) and not image["unlocated"]:
            yield normal
    elif image["label"] in options.healthy:
        if image["unlocated"]:
            return  # any place of it may be the finding's
        smallest = min(options.size_px / options.resizing[1], height, width)
        if image["breast_share"] * height * width >= options.tissue_share * smallest**2:
            yield normal
    elif image["breast_share"] == 1:
        # Breast up to every edge: a patch of a lesion, of which the class is all that is known.
        yield image["label"], Target(*image_of, None, True)


def _shape(image: IndexRow, options: PatchOptions) -> tuple[int, int]:
    """(H, W) after resampling."""
    spacing, wanted = image["spacing_mm"], options.spacing_mm
    rows, columns = (side / wanted for side in spacing) if spacing and wanted else (1.0, 1.0)
    return round(image["height"] * rows), round(image["width"] * columns)


def draw_of(seed: int, column: str, source: str, finding: int | None = None) -> int:
    """Place of an image, or of one of its findings, in an order drawn from the seed."""
    return int(draw_u64(seed, f"{column}/{source}", -1 if finding is None else finding))
