"""The sheets of a model's samples and edits, figures 1 to 3 of Zakka et al. 2020, in one call each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from synthmammo.arguments import a_model, a_number, a_path, a_positive, a_real, a_text, wrong
from synthmammo.editing.directions.file import require_directions
from synthmammo.editing.parts.file import require_parts
from synthmammo.editing.pictures import sheet
from synthmammo.editing.samples import SampleLike, SamplesLike, layer_range, open_samples, sample_names
from synthmammo.errors import GeneratorError, OutputError
from synthmammo.files import writing
from synthmammo.mammogram import png
from synthmammo.progress import Progress, silent

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

STRONGEST = tuple(f"component {number}" for number in range(6))
"""Directions that a sheet shows unless told otherwise, as in figure 2."""


def draw_seeds(
    model: str | Path,
    out: str | Path,
    *,
    seeds: SamplesLike = "0-39",
    truncation: float = 0.65,
    label: str | None = None,
    device: str = "cpu",
    progress: Progress = silent,
) -> Path:
    """Draw a sheet of uncurated samples of a model, as figure 1 of Zakka et al. 2020.

    Args:
        model: Name of the StyleGAN2: zoo/NAME, a path, or hf://ORG/REPO/FILE@REVISION.
        out: PNG file to write.
        seeds: Samples to draw: seeds as a range or as a text like "0-35", or FILE:KEY of images that `invert` made.
        truncation: psi of samples that are named by a seed, at least 0; 1 leaves them as they are.
        label: Class of these samples, for a conditional model; None for one without classes.
        device: Device that the network runs on, e.g. "cuda".
        progress: Function that is called with the number of images done and that of all images.

    Returns:
        `out`.

    Raises:
        CheckpointError: There is no such model, or it is no StyleGAN2.
        GeneratorError: An argument makes no sense (its name comes first), or the class is missing, unwanted or unknown.
        DatasetError: A file of inverted images cannot be used.
        OutputError: The picture cannot be written.

    Example:
        >>> import synthmammo as sm
        >>> sm.draw_seeds("zoo/stylegan2-cbis-mass-128", "seeds.png", seeds=range(3), label="malignant").name
        'seeds.png'
    """
    picture, names = _png(out), sample_names(seeds, "seeds")
    samples = open_samples(model, truncation, label, device, progress)
    return _written(sheet.seeds_sheet(samples, names, progress=progress), picture, samples.packet(*names))


def draw_directions(
    model: str | Path,
    out: str | Path,
    *,
    sample: SampleLike = 0,
    along: Sequence[str] = STRONGEST,
    most: float = 2.0,
    columns: int = 7,
    layers: range | None = None,
    directions: str | Path | None = None,
    truncation: float = 0.65,
    label: str | None = None,
    device: str = "cpu",
    progress: Progress = silent,
) -> Path:
    """Draw a sheet of one sample moved along directions, as figure 2 of Zakka et al. 2020.

    Each row leads along one direction, from -`most` to +`most` standard deviations.

    Args:
        model: Name of the StyleGAN2: zoo/NAME, a path, or hf://ORG/REPO/FILE@REVISION.
        out: PNG file to write.
        sample: Sample that is moved: a seed, or FILE:KEY of an image that `invert` made.
        along: Directions, one per row, e.g. ["density", "component 3"]; `fit_directions` finds them.
        most: Largest distance along a direction, both ways, in standard deviations; above 0.
        columns: Number of pictures per row, odd and at least 3; the middle one is the sample itself.
        layers: Layers of w that move, e.g. range(4, 8); None for all.
        directions: File of directions; None for the one beside the model.
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
        >>> model, label = "zoo/stylegan2-cbis-mass-128", "malignant"
        >>> path, _ = sm.fit_directions(model, "m.directions", components=2, latents=200, samples=0)
        >>> sm.draw_directions(model, "m.png", along=["component 0"], columns=3, directions=path, label=label).name
        'm.png'
    """
    picture, (name,) = _png(out), sample_names((sample,), "sample")
    file = None if directions is None else a_path(directions, "directions", GeneratorError)
    moved = None if layers is None else layer_range(layers, "layers")
    farthest = a_positive(most, "most", "standard deviations", GeneratorError)
    layout = sheet.DirectionsLayout(farthest, a_number(columns, "columns", GeneratorError), moved, file)
    rows = _texts(along, "along")
    require_directions(a_model(model, "model", GeneratorError), file)
    samples = open_samples(model, truncation, label, device, progress)
    return _written(
        sheet.directions_sheet(samples, name, rows, layout, progress=progress), picture, samples.packet(name)
    )


def draw_parts(
    model: str | Path,
    out: str | Path,
    *,
    seeds: SamplesLike = "0-7",
    parts: str | Path | None = None,
    truncation: float = 0.65,
    label: str | None = None,
    device: str = "cpu",
    progress: Progress = silent,
) -> Path:
    """Draw a sheet of samples with their parts in colours and the numbers of these.

    Args:
        model: Name of the StyleGAN2: zoo/NAME, a path, or hf://ORG/REPO/FILE@REVISION.
        out: PNG file to write.
        seeds: Samples to draw: seeds as a range or as a text like "0-7", or FILE:KEY of images that `invert` made.
        parts: File of parts, which `fit_parts` finds; None for the one beside the model.
        truncation: psi of samples that are named by a seed, at least 0; 1 leaves them as they are.
        label: Class of these samples, for a conditional model; None for one without classes.
        device: Device that the network runs on, e.g. "cuda".
        progress: Function that is called with the number of images done and that of all images.

    Returns:
        `out`.

    Raises:
        CheckpointError: There is no such model, or it is no StyleGAN2, or its parts are not there.
        GeneratorError: An argument makes no sense (its name comes first), or the class is missing, unwanted or unknown.
        DatasetError: A file of inverted images cannot be used.
        OutputError: The picture cannot be written.

    Example:
        >>> import synthmammo as sm
        >>> model, label = "zoo/stylegan2-cbis-mass-128", "malignant"
        >>> path, _ = sm.fit_parts(model, "m.parts", samples=4, clusters=2, pairs=1)
        >>> sm.draw_parts(model, "parts.png", seeds=[3], parts=path, label=label).name
        'parts.png'
    """
    picture, names = _png(out), sample_names(seeds, "seeds")
    file = None if parts is None else a_path(parts, "parts", GeneratorError)
    require_parts(a_model(model, "model", GeneratorError), file)
    samples = open_samples(model, truncation, label, device, progress)
    return _written(sheet.parts_sheet(samples, names, file, progress=progress), picture, samples.packet(*names))


def draw_transfers(
    model: str | Path,
    out: str | Path,
    *,
    cluster: int,
    references: SamplesLike = "0-3",
    targets: SamplesLike = "10-13",
    strength: float = 1.0,
    threshold: float = 0.1,
    epsilon: float = 60.0,
    parts: str | Path | None = None,
    truncation: float = 0.65,
    label: str | None = None,
    device: str = "cpu",
    progress: Progress = silent,
) -> Path:
    """Draw a sheet of one part given from samples to others, as figure 3 of Zakka et al. 2020.

    A row shows the reference, the target, the target with the part of the reference, and the difference.

    Args:
        model: Name of the StyleGAN2: zoo/NAME, a path, or hf://ORG/REPO/FILE@REVISION.
        out: PNG file to write.
        cluster: Number of the part, from 0; `draw_parts` shows it.
        references: Samples that give the part, one per row, named as the seeds of `draw_seeds`.
        targets: Samples that receive the part, as many.
        strength: Share of the way from target to reference.
        threshold: Least contribution to the part of a channel that is moved, rho / (1 + rho), 0 to 1.
        epsilon: Budget of change outside the part, in channels of 512; at least 0.
        parts: File of parts, which `fit_parts` finds; None for the one beside the model.
        truncation: psi of samples that are named by a seed, at least 0; 1 leaves them as they are.
        label: Class of these samples, for a conditional model; None for one without classes.
        device: Device that the network runs on, e.g. "cuda".
        progress: Function that is called with the number of images done and that of all images.

    Returns:
        `out`.

    Raises:
        CheckpointError: There is no such model, or it is no StyleGAN2, or its parts are not there.
        GeneratorError: An argument makes no sense (its name comes first), or the class is missing, unwanted or unknown.
        DatasetError: A file of inverted images cannot be used.
        OutputError: The picture cannot be written.

    Example:
        >>> import synthmammo as sm
        >>> model, label = "zoo/stylegan2-cbis-mass-128", "malignant"
        >>> path, _ = sm.fit_parts(model, "m.parts", samples=4, clusters=2, pairs=1)
        >>> some = {"cluster": 1, "references": [0], "targets": [10]}
        >>> sm.draw_transfers(model, "local.png", **some, parts=path, label=label).name
        'local.png'
    """
    picture, file = _png(out), None if parts is None else a_path(parts, "parts", GeneratorError)
    given, received = sample_names(references, "references"), sample_names(targets, "targets")
    transfer = sheet.Transfer(
        a_number(cluster, "cluster", GeneratorError, least=0),
        a_real(strength, "strength", GeneratorError),
        a_real(threshold, "threshold", GeneratorError, least=0, most=1),
        a_real(epsilon, "epsilon", GeneratorError, least=0),
        file,
    )
    require_parts(a_model(model, "model", GeneratorError), file)
    samples = open_samples(model, truncation, label, device, progress)
    drawn = sheet.transfers_sheet(samples, given, received, transfer, progress=progress)
    return _written(drawn, picture, samples.packet(*given, *received))


def _png(out: object) -> Path:
    path = a_path(out, "out", OutputError)
    if path.suffix.lower() != ".png":
        raise OutputError(f"expected a name that ends in .png, found '{path.name}'", where="out")
    return path


def _texts(given: object, name: str) -> list[str]:
    if isinstance(given, str) or not isinstance(given, Sequence) or not given:
        raise wrong(name, "several texts", given, GeneratorError)
    return [a_text(one, name, GeneratorError) for one in given]


def _written(picture: Picture, out: Path, packet: str) -> Path:
    with writing(out) as partial:
        png.save(picture, partial, packet)
    return out
