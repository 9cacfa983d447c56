"""Images of a StyleGAN2 by their seeds: in memory, or as a contact sheet, files or an array on disk."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil, sqrt
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthmammo.arguments import a_function, a_model, a_number, a_path, a_real, a_text, wrong
from synthmammo.errors import GeneratorError, OutputError
from synthmammo.files import writing
from synthmammo.generators.stylegan2 import quantised
from synthmammo.mammogram.mark import Mark
from synthmammo.mammogram.origin import Making
from synthmammo.models.file import Checkpoint
from synthmammo.models.latents import Model, draw_z, one_hot, open_model
from synthmammo.progress import Progress, silent, stage

Pixels = NDArray[np.float32]
_Levels = NDArray[np.uint8] | NDArray[np.uint16]


_ENDING = re.compile(r"\.[A-Za-z][A-Za-z0-9]{0,5}")
"""What the name of a file ends in, unlike "views-0.4" or "run.2"."""


@dataclass(frozen=True)
class _Sampling:
    opened: Model
    seeds: tuple[int, ...]
    truncation: float
    label: str | None
    device: str


def sample(
    model: str | Path,
    *,
    seeds: int | str | Iterable[int],
    truncation: float = 1.0,
    label: str | None = None,
    device: str = "auto",
    progress: Progress = silent,
) -> Pixels:
    """Images of a StyleGAN2 by their seeds.

    A seed gives the picture that it gives in the published tools, whichever other seeds are asked for.

    Args:
        model: Name of the model: zoo/NAME, a path, or hf://ORG/REPO/FILE@REVISION.
        seeds: Whole numbers of at least 0, one per image, or a text of them as "0-35" or "1,5,7-9"; a single number
            gives one image.
        truncation: psi, at least 0; 1 leaves the latents as they are, less makes images more typical.
        label: Class of a conditional model; None for one without classes.
        device: Device that the network runs on, e.g. "cuda"; "auto" for the best that there is.
        progress: Function that is called with images done and images in all.

    Returns:
        `float32 (N, H, W)` in [-1, 1], bright is dense; `float32 (N, C, H, W)` of a model of C > 1 channels.

    Raises:
        CheckpointError: There is no such model, or it is no StyleGAN2.
        GeneratorError: An argument makes no sense (its name comes first), or the class is missing, unwanted or unknown.

    Example:
        >>> import synthmammo as sm
        >>> images = sm.sample("zoo/stylegan2-cbis-mass-128", seeds=range(2), label="malignant")
        >>> images.shape, images.dtype.name
        ((2, 128, 128), 'float32')
    """
    a_function(progress, "progress", GeneratorError)
    images = np.stack([*_images(_sampling(model, seeds, truncation, label, device, progress), progress)])
    return np.clip(images[:, 0] if images.shape[1] == 1 else images, -1, 1)


def write_samples(
    model: str | Path,
    out: str | Path,
    *,
    seeds: int | str | Iterable[int],
    truncation: float = 1.0,
    label: str | None = None,
    device: str = "auto",
    progress: Progress = silent,
) -> Path:
    """Write images of a StyleGAN2 to a contact sheet, to files, or to an array; one image is in memory at a time.

    Args:
        model: Name of the model: zoo/NAME, a path, or hf://ORG/REPO/FILE@REVISION.
        out: `.npy` for `float32 (N, C, H, W)`, not clipped; `.png` for a contact sheet of 8 bits; else a folder, which
            gets one PNG per seed, at the bit depth the model was trained on.
        seeds: Whole numbers of at least 0, one per image, or a text of them as "0-35" or "1,5,7-9"; a single number
            gives one image.
        truncation: psi, at least 0; 1 leaves the latents as they are, less makes images more typical.
        label: Class of a conditional model; None for one without classes.
        device: Device that the network runs on, e.g. "cuda"; "auto" for the best that there is.
        progress: Function that is called with images done and images in all.

    Returns:
        `out`.

    Raises:
        CheckpointError: There is no such model, or it is no StyleGAN2.
        GeneratorError: An argument makes no sense (its name comes first), or the class is missing, unwanted or unknown.
        OutputError: The place cannot be written, or its ending is that of another kind of file.

    Example:
        >>> import synthmammo as sm
        >>> sm.write_samples("zoo/stylegan2-cbis-mass-128", "one.npy", seeds=3, label="malignant").name
        'one.npy'
        >>> import numpy as np
        >>> np.load("one.npy").shape
        (1, 1, 128, 128)
    """
    out = a_path(out, "out", GeneratorError)
    a_function(progress, "progress", GeneratorError)
    _check_ending(out)
    sampling = _sampling(model, seeds, truncation, label, device, progress)
    images, count, config = _images(sampling, progress), len(sampling.seeds), sampling.opened.network.config
    shape = (config.image_channels, config.resolution, config.resolution)
    if out.suffix == ".npy":
        return _write_array(out, images, (count, *shape))
    if out.suffix == ".png":
        return _write_sheet(out, images, count, shape, sampling.opened.checkpoint.making)
    return _write_files(out, images, sampling.seeds, sampling.opened.checkpoint)


def _check_ending(out: Path) -> None:
    """Refuse a name that looks like a file of another kind; it would become a folder."""
    if out.suffix in ("", ".npy", ".png") or not _ENDING.fullmatch(out.suffix) or out.is_dir():
        return
    hint = "Known are .png (a sheet), .npy (an array), and a folder, whose name has no ending."
    raise OutputError(f"no format is known by the ending '{out.suffix}'", where=out, hint=hint)


def _sampling(
    model: object, seeds: object, truncation: Any, label: object, device: object, progress: Progress
) -> _Sampling:
    name = a_model(model, "model", GeneratorError)
    known = None if label is None else a_text(label, "label", GeneratorError)
    psi = a_real(truncation, "truncation", GeneratorError, least=0)
    numbers, where = _numbers(seeds), a_text(device, "device", GeneratorError)
    if not numbers:
        raise GeneratorError("no seeds were given", where="seeds", hint="Name some, e.g. 0-35 or 1,5,7-9.")
    stage(progress, "loading the model")
    opened = open_model(name, where)
    _check_class(opened.checkpoint.description.classes, known, name)
    return _Sampling(opened, numbers, psi, known, opened.device)


def _images(sampling: _Sampling, progress: Progress) -> Iterator[Pixels]:
    """One image per seed, `float32 (C, H, W)`, not clipped."""
    import torch

    network, device = sampling.opened.network, sampling.device
    label = one_hot(sampling.opened.checkpoint, [sampling.label or ""], device)
    for done, seed in enumerate(sampling.seeds):
        z = torch.from_numpy(draw_z(seed, network.config.z_dim)).to(device)
        # One at a time, so that the image of a seed does not depend on which others were asked for.
        with torch.inference_mode():
            image: Pixels = network(z, label, psi=sampling.truncation)[0].cpu().numpy()
        yield image
        progress(done + 1, len(sampling.seeds))


def _numbers(seeds: object) -> tuple[int, ...]:
    if isinstance(seeds, str):
        return _parsed(seeds)
    given = (seeds,) if isinstance(seeds, Integral) else seeds
    if not isinstance(given, Iterable):
        raise wrong("seeds", "a whole number, or several", seeds, GeneratorError, "E.g. seeds=range(8).")
    return tuple(a_number(seed, "seeds", GeneratorError, least=0) for seed in given)


def _parsed(text: str) -> tuple[int, ...]:
    """Seeds from e.g. "0-35" or "1,5,7-9", in that order."""
    seeds: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise GeneratorError(
                f"'{part}' is neither a number nor a range", where="seeds", hint="E.g. 0-35 or 1,5,7-9."
            )
        seeds += range(int(first), int(last or first) + 1)
    return tuple(seeds)


def _check_class(classes: Sequence[str], label: str | None, model: str) -> None:
    if classes and label is None:
        raise GeneratorError(
            "the model is conditional, so a class is needed", where=model, hint=f"Known: {', '.join(classes)}."
        )
    if label is not None and not classes:
        raise GeneratorError(f"the model knows no classes, '{label}' was asked for", where=model)


def _write_array(out: Path, images: Iterator[Pixels], shape: tuple[int, ...]) -> Path:
    with writing(out) as partial, partial.open("wb") as file:
        header = {"descr": "<f4", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        for image in images:
            file.write(image.astype("<f4").tobytes())
    return out


def _write_sheet(out: Path, images: Iterator[Pixels], count: int, shape: tuple[int, int, int], making: Making) -> Path:
    columns = ceil(sqrt(count))
    channels, height, width = shape
    sheet = np.zeros((ceil(count / columns) * height, columns * width, channels), np.uint8)
    for number, image in enumerate(images):
        row, column = divmod(number, columns)
        box = slice(row * height, (row + 1) * height), slice(column * width, (column + 1) * width)
        sheet[box] = _levels(image, 8)
    with writing(out) as partial:
        _write_png(partial, sheet, Mark(making))
    return out


def _write_files(out: Path, images: Iterator[Pixels], seeds: Sequence[int], model: Checkpoint) -> Path:
    if out.is_file():
        raise OutputError("is a file", where=out, hint="Name a folder, a .png or a .npy.")
    for seed, image in zip(seeds, images, strict=True):
        key = f"seed{seed:04d}"
        with writing(out / f"{key}.png") as partial:
            _write_png(partial, _levels(image, model.description.bits_stored), Mark(model.making, key, "image"))
    return out


def _levels(image: Pixels, bits_stored: int) -> _Levels:
    """Grey levels of an image `(C, H, W)`, as `(H, W, C)`; colour has 8 bits."""
    bits = bits_stored if len(image) == 1 else 8
    levels = quantised(image, bits).transpose(1, 2, 0)
    return np.asarray(levels, np.uint8) if bits == 8 else levels


def _write_png(path: Path, levels: _Levels, mark: Mark) -> None:
    from PIL import Image

    from synthmammo.mammogram import png

    if levels.shape[2] == 1:
        path.write_bytes(png.encode(levels[:, :, 0], mark.packet()))
    elif levels.shape[2] == 3:
        png.save(Image.fromarray(levels), path, mark.packet())
    else:
        raise GeneratorError(f"images of {levels.shape[2]} channels cannot be PNG", where=path, hint="Write a .npy.")
