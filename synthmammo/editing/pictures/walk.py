"""The way from one sample to another, or along a direction, as a strip or as a moving picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import hypot
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image as Pictures

from synthmammo.arguments import a_model, a_number, a_path, a_positive, a_text
from synthmammo.editing.directions.file import require_directions
from synthmammo.editing.samples import Grey, Named, Samples, SamplesLike, grey, open_samples, sample_names
from synthmammo.errors import GeneratorError, OutputError
from synthmammo.files import writing
from synthmammo.mammogram import png
from synthmammo.mammogram.mark import picture_packet
from synthmammo.mammogram.origin import UNKNOWN
from synthmammo.mammogram.pictures import contact_sheet
from synthmammo.progress import Progress, silent

if TYPE_CHECKING:
    from torch import Tensor

MOVING = {".gif": "GIF", ".webp": "WEBP", ".apng": "PNG"}
"""Endings of moving pictures, with Pillow's names of their formats."""


@dataclass(frozen=True)
class Way:
    """What is walked.

    Attributes:
        stops: Two or more samples, visited in order on straight lines in W.
        steps: Number of images from each stop to the next, both counted.
        seconds: Seconds that a moving picture takes from each stop to the next.
    """

    stops: tuple[Named, ...]
    steps: int = 9
    seconds: float = 2.0

    def __post_init__(self) -> None:
        if len(self.stops) < 2:
            raise GeneratorError(
                "expected two samples or more", where="stops", hint="Or one, and a direction to go along."
            )
        if self.steps < 2:
            raise GeneratorError(f"expected 2 or more, got {self.steps}", where="steps")


def draw_walk(
    model: str | Path,
    stops: SamplesLike,
    out: str | Path,
    *,
    along: str | None = None,
    most: float = 3.0,
    pictures: int = 9,
    seconds: float = 2.0,
    truncation: float = 0.65,
    label: str | None = None,
    device: str = "cpu",
    progress: Progress = silent,
) -> Path:
    """Draw the way through a model from sample to sample, or from one sample along a direction.

    Args:
        model: Name of the StyleGAN2: zoo/NAME, a path, or hf://ORG/REPO/FILE@REVISION.
        stops: Samples to visit, two or more: seeds, or FILE:KEY of images that `invert` made; one with `along`.
        out: `.png` for a strip, one row from stop to stop; `.gif`, `.webp` or `.apng` for an animation, which goes
            there and back.
        along: Direction to walk along from one sample, e.g. "density" or "component 3"; None for none.
        most: Largest distance along the direction, both ways, in standard deviations; above 0.
        pictures: Number of pictures from stop to stop, at least 2.
        seconds: Time of an animation from stop to stop in seconds, above 0.
        truncation: psi of samples that are named by a seed, at least 0; 1 leaves them as they are.
        label: Class of these samples, for a conditional model; None for one without classes.
        device: Device that the network runs on, e.g. "cuda".
        progress: Function that is called with the number of images done and that of all images.

    Returns:
        `out`.

    Raises:
        CheckpointError: There is no such model, or it is no StyleGAN2, or its directions are not there.
        GeneratorError: An argument makes no sense (its name comes first), or the class is missing, unwanted or unknown.
        DatasetError: A file of inverted images cannot be used.
        OutputError: The picture cannot be written.

    Example:
        >>> import synthmammo as sm
        >>> sm.draw_walk("zoo/stylegan2-cbis-mass-128", [3, 17], "walk.gif", pictures=3, label="malignant").name
        'walk.gif'
    """
    place, names = a_path(out, "out", OutputError), sample_names(stops, "stops")
    steps = a_number(pictures, "pictures", GeneratorError, least=2)
    time = a_positive(seconds, "seconds", "s", GeneratorError)
    farthest = a_positive(most, "most", "standard deviations", GeneratorError)
    if along is not None:
        a_text(along, "along", GeneratorError)
        require_directions(a_model(model, "model", GeneratorError), None)
    samples = open_samples(model, truncation, label, device, progress)
    named = tuple(map(samples.named, names))
    way = Way(along_direction(samples, named, along, farthest) if along else named, steps, time)
    return write_walk(samples, way, place, progress=progress)


def write_walk(samples: Samples, way: Way, out: Path, *, progress: Progress = silent) -> Path:
    """Render a walk.

    Args:
        samples: Samples of the model.
        way: What is walked.
        out: `.png` for a strip, one row from stop to stop; `.gif`, `.webp` or `.apng` for a moving picture, which
            goes there and back.
        progress: Called with images done and images in all.

    Returns:
        `out`.

    Raises:
        OutputError: The ending is none of these, or the place cannot be written.
    """
    if out.suffix not in (".png", *MOVING):
        hint = f"Name a .png for a strip, or {', '.join(MOVING)} for a moving picture."
        raise OutputError("cannot tell from its ending what to write", where=out, hint=hint)
    points = points_of(way)
    tiles = []
    for done, point in enumerate(points):
        tiles.append(grey(samples.image(point.w, point.noise)))
        progress(done + 1, len(points))
    packet = picture_packet(stop.making or UNKNOWN for stop in way.stops)
    with writing(out) as partial:
        if out.suffix == ".png":
            sheet = contact_sheet(tiles, way.steps, [point.name for point in points], (160, 160))
            png.save(sheet, partial, packet)
        else:
            _save_moving(partial, MOVING[out.suffix], tiles, round(1000 * way.seconds / (way.steps - 1)), packet)
    return out


def along_direction(samples: Samples, named: Sequence[Named], direction: str, most: float) -> tuple[Named, ...]:
    """The stops of a walk along a direction: the sample moved back, and moved on.

    Args:
        samples: Samples of the model.
        named: The sample, alone in a sequence.
        direction: Name of the direction, e.g. "component 0" or "density".
        most: Standard deviations that the sample is moved, back and on.

    Raises:
        CheckpointError: The model has no file of directions beside it.
        GeneratorError: There is no such direction, or more than one sample.
    """
    if len(named) != 1:
        raise GeneratorError(f"expected one sample, got {len(named)}", where="along")
    sample, step = named[0], samples.step(direction)
    ends = ((-most, f"{direction} {-most:+g}"), (most, f"{direction} {most:+g}"))
    return tuple(Named(name, sample.w + strength * step, sample.noise, sample.making) for strength, name in ends)


def points_of(way: Way) -> list[Named]:
    """The samples on the way; a stop between two lines is there twice, at the end of one and the start of the next."""
    from synthmammo.editing.mixing import between

    points = []
    for start, end in zip(way.stops, way.stops[1:], strict=False):
        for number, w in enumerate(between(start.w, end.w, way.steps)):
            share = number / (way.steps - 1)
            name = {0: start.name, way.steps - 1: end.name}.get(number, f"{share:.0%}")
            points.append(Named(name, w, blended(start.noise, end.noise, share)))
    return points


def blended(start: dict[str, Tensor] | None, end: dict[str, Tensor] | None, share: float) -> dict[str, Tensor] | None:
    """Noise maps on the way from one sample's to another's, of the same variance everywhere; None as in `Named`.

    Where only one sample has maps of its own they are kept all the way.
    """
    if start is None or end is None:
        return start or end
    near, far = (1 - share) / hypot(1 - share, share), share / hypot(1 - share, share)
    return {layer: near * plane + far * end[layer] for layer, plane in start.items()}


def _save_moving(path: Path, form: str, tiles: Sequence[Grey], milliseconds: int, packet: str) -> None:
    frames = [Pictures.fromarray(tile) for tile in (*tiles, *tiles[-2:0:-1])]
    options = {"lossless": True} if form == "WEBP" else {}
    png.save(
        frames[0],
        path,
        packet,
        form,
        save_all=True,
        append_images=frames[1:],
        duration=max(20, milliseconds),
        loop=0,
        **options,
    )
