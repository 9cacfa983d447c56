"""Images of a visual Turing test, real, synthesised and edited, with the answers in a file apart."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from synthmammo.arguments import a_function, a_number, a_path, a_real, a_seed, a_text
from synthmammo.dataset.index import read_index
from synthmammo.dataset.layout import PLAN
from synthmammo.dataset.reader import Dataset
from synthmammo.dataset.references import DatasetLike, dataset_path
from synthmammo.errors import DatasetError, OutputError
from synthmammo.files import writing
from synthmammo.identity import draw_u64, draw_uniform
from synthmammo.mammogram import png
from synthmammo.mammogram.anatomy import Side, chest_wall_side
from synthmammo.mammogram.geometry import blank, resize, square
from synthmammo.mammogram.mark import Mark, picture_packet
from synthmammo.mammogram.origin import UNKNOWN
from synthmammo.mammogram.pictures import contact_sheet, display
from synthmammo.mammogram.sample import Sample
from synthmammo.planning.table import read_rows
from synthmammo.progress import Progress, silent

ANSWERS = "answers.csv"
KINDS = ("real", "synthesised", "edited")


@dataclass(frozen=True)
class TuringOptions:
    """What is drawn.

    Attributes:
        count: Number of images in all.
        seed: Random seed for drawing the images and their order.
        real_share: Chance of each image to be a real one.
        split: Split of the real images that are drawn from; None for all.
    """

    count: int = 100
    seed: int = 0
    real_share: float = 0.5
    split: str | None = None


@dataclass(frozen=True)
class Drawn:
    """One image of the test.

    Attributes:
        number: Number of the image in the order shown, from 1.
        kind: Kind of the image: "real", "synthesised" or "edited".
        key: Key of the image in the dataset that it is from.
        edits: What was done to an edited image, e.g. "density +1.20"; empty for the other kinds.
    """

    number: int
    kind: str
    key: str
    edits: str = ""


def draw_turing_test(
    pool: DatasetLike,
    real: DatasetLike,
    out: str | Path,
    *,
    count: int = 100,
    real_share: float = 0.5,
    split: str | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> dict[str, int]:
    """Draw the images of a visual Turing test, as section IV C of Zakka et al. 2020 has it.

    Each image is real or from the pool, and none comes twice.

    Real images are brought to the geometry of the pool's, and all are written with the same window of grey levels, as
    8-bit PNG without any other information, so that only the content can tell them apart: all bear the same mark, which
    says that the picture may be synthetic or real (`composite`).

    Args:
        pool: Built dataset of generated images, some of them edited, or the path of its directory.
        real: Ingested dataset, or the path of its directory.
        out: Folder to make: `001.png`, ..., `sheet.png` and, last, `answers.csv`.
        count: Number of images in all, at least 1.
        real_share: Probability that an image is a real one, 0 to 1.
        split: Split of the real images that are drawn from; None for all.
        seed: Random seed for drawing the images and their order.
        progress: Function that is called with the number of images written and that of all images.

    Returns:
        Number of images of each kind.

    Raises:
        DatasetError: A dataset cannot be read, has too few images, or an argument makes no sense (its name comes
            first).
        OutputError: The folder holds a test already, or cannot be written.

    Example:
        >>> import synthmammo as sm
        >>> small = {"background.spacing_mm": 2, "emit.formats": ["parquet"]}
        >>> pool = sm.build("balanced_mass", "pool", size=3, settings=small)
        >>> sm.draw_turing_test(pool, pool, "turing", count=2, real_share=0)  # in earnest the second is of real images
        {'real': 0, 'synthesised': 2, 'edited': 0}
    """
    options = TuringOptions(
        a_number(count, "count", DatasetError, least=1),
        a_seed(seed, "seed", DatasetError),
        a_real(real_share, "real_share", DatasetError, least=0, most=1),
        None if split is None else a_text(split, "split", DatasetError),
    )
    a_function(progress, "progress", DatasetError)
    places = dataset_path(pool, "pool", DatasetError), dataset_path(real, "real", DatasetError)
    return _drawn(*places, a_path(out, "out", OutputError), options, progress)


def _drawn(pool: Path, real: Path, out: Path, options: TuringOptions, progress: Progress) -> dict[str, int]:
    """Write the images of a test and its answers; returns the number of each kind."""
    if (out / ANSWERS).exists():
        raise OutputError("holds a test already", where=out, hint="Name another folder.")
    sources = {"real": Dataset.open(real), "pool": Dataset.open(pool)}
    drawn = draw(pool, real, options)
    first = [sources["pool"].sample(one.key) for one in drawn if one.kind != "real"][:9]
    tiles = []
    for one in drawn:
        sample = sources["real" if one.kind == "real" else "pool"].sample(one.key)
        if one.kind == "real" and first:
            sample = fitted(sample, first)
        tiles.append(display(sample.image, sample.breast))
        with writing(out / f"{one.number:03}.png") as partial:
            partial.write_bytes(png.encode(tiles[-1], Mark(UNKNOWN, f"{one.number:03}", "image").packet()))
        progress(one.number, len(drawn))
    with writing(out / "sheet.png") as partial:
        sheet = contact_sheet(tiles, 10, [f"{one.number:03}" for one in drawn], (160, 160))
        png.save(sheet, partial, picture_packet([UNKNOWN]))
    with writing(out / ANSWERS) as partial:
        partial.write_text(_table(drawn), encoding="utf-8")
    counts = Counter(one.kind for one in drawn)
    return {kind: counts[kind] for kind in KINDS}


def draw(pool: Path, real: Path, options: TuringOptions) -> list[Drawn]:
    """What a test shows, in order; see `draw_turing_test`."""
    edits = {
        row.key: "; ".join(f"{edit.name} {edit.value:+.2f}" for edit in row.edits) for row in read_rows(pool / PLAN)
    }
    index = read_index(real).select(["key", "split"]).to_pylist()
    candidates = {
        "real": [row["key"] for row in index if options.split in (None, row["split"])],
        "pool": [row["key"] for row in read_index(pool).select(["key"]).to_pylist()],
    }
    queues = {name: iter(shuffled(keys, options.seed, name)) for name, keys in candidates.items()}
    chance = draw_uniform(options.seed, "turing/kind", np.arange(options.count))
    wanted = ["real" if one < options.real_share else "pool" for one in chance]
    for name, directory in (("real", real), ("pool", pool)):
        if (need := wanted.count(name)) > (there := len(candidates[name])):
            hint = f"Lower the count (about {int(options.count * there / need * 0.9)}), or give a larger dataset."
            raise DatasetError(f"{there} images, but {need} of {options.count} are drawn", where=directory, hint=hint)
    drawn = []
    for number, name in enumerate(wanted, 1):
        key = next(queues[name])
        kind = "real" if name == "real" else "edited" if edits[key] else "synthesised"
        drawn.append(Drawn(number, kind, key, edits[key] if name == "pool" else ""))
    return drawn


def fitted(sample: Sample, like: Sequence[Sample]) -> Sample:
    """A real image in the geometry of generated ones: their size, and their side of the chest wall."""
    size = like[0].shape[0]
    if all(one.breast.all() for one in like):
        return resize(sample, like[0].shape)
    sides = Counter[Side](chest_wall_side(one.image, one.breast) for one in like)
    return square(blank(sample), size, sides.most_common(1)[0][0])


def shuffled(keys: Sequence[str], seed: int, name: str) -> list[str]:
    """Keys in an order that follows from the seed and not from the order that they were read in."""
    return sorted(keys, key=lambda key: int(draw_u64(seed, f"turing/{name}/{key}", 0)))


def _table(drawn: Sequence[Drawn]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("file", "kind", "key", "edits"))
    writer.writerows((f"{one.number:03}.png", one.kind, one.key, one.edits) for one in drawn)
    return text.getvalue()
