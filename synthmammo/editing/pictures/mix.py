"""A sheet of mixtures: some layers from one sample, the rest from another."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from synthmammo.arguments import a_path
from synthmammo.editing.samples import Samples, SamplesLike, grey, layer_range, open_samples, sample_names
from synthmammo.errors import GeneratorError, OutputError
from synthmammo.files import writing
from synthmammo.mammogram import png
from synthmammo.mammogram.mark import picture_packet
from synthmammo.mammogram.origin import UNKNOWN
from synthmammo.mammogram.pictures import BACKGROUND, contact_sheet
from synthmammo.progress import Progress, silent


def draw_mix(
    model: str | Path,
    out: str | Path,
    *,
    layers: range,
    targets: SamplesLike = "0-3",
    references: SamplesLike = "10-15",
    truncation: float = 0.65,
    label: str | None = None,
    device: str = "cpu",
    progress: Progress = silent,
) -> Path:
    """Draw a sheet of samples with mixed layers: each target takes some layers from each reference.

    Low layers are shape and position, high layers texture.

    Args:
        model: Name of the StyleGAN2: zoo/NAME, a path, or hf://ORG/REPO/FILE@REVISION.
        out: PNG file to write.
        layers: Layers of w that are taken from the references, e.g. range(6, 12).
        targets: Samples that receive the layers, one per row: seeds as a range or as a text like "0-3", or FILE:KEY of
            images that `invert` made.
        references: Samples that give their layers, one per column.
        truncation: psi of samples that are named by a seed, at least 0; 1 leaves them as they are.
        label: Class of these samples, for a conditional model; None for one without classes.
        device: Device that the network runs on, e.g. "cuda".
        progress: Function that is called with the number of images done and that of all images.

    Returns:
        `out`; its first row and column are the samples themselves.

    Raises:
        CheckpointError: There is no such model, or it is no StyleGAN2.
        GeneratorError: An argument makes no sense (its name comes first), or the class is missing, unwanted or unknown.
        DatasetError: A file of inverted images cannot be used.
        OutputError: The picture cannot be written.

    Example:
        >>> import synthmammo as sm
        >>> model, some = "zoo/stylegan2-cbis-mass-128", dict(targets=[0], references=[10])
        >>> sm.draw_mix(model, "mix.png", layers=range(6, 12), **some, label="malignant").name
        'mix.png'
    """
    picture, taken = a_path(out, "out", OutputError), layer_range(layers, "layers")
    rows, columns = sample_names(targets, "targets"), sample_names(references, "references")
    samples = open_samples(model, truncation, label, device, progress)
    return write_mix(samples, rows, columns, taken, picture, progress=progress)


def write_mix(
    samples: Samples,
    rows: Sequence[str],
    columns: Sequence[str],
    layers: tuple[int, int],
    out: Path,
    *,
    progress: Progress = silent,
) -> Path:
    """Draw the mixture of every row's sample with every column's.

    Args:
        samples: Samples of the model.
        rows: Samples that keep the other layers: seeds, or FILE:KEY.
        columns: Samples that the layers are taken from.
        layers: First layer of w that is taken, and the one after the last.
        out: PNG to write; its first row and column are the samples themselves.
        progress: Called with images done and images in all.

    Returns:
        `out`.

    Raises:
        GeneratorError: A name is none, or the layers are not the model's.
        DatasetError: A file of inverted images cannot be used.
        OutputError: The picture cannot be written.
    """
    from synthmammo.editing.mixing import mixed

    _require_layers(samples, layers)
    kept, taken = [samples.named(name) for name in rows], [samples.named(name) for name in columns]
    total, done = (len(kept) + 1) * (len(taken) + 1) - 1, 0
    tiles, captions = [np.full((8, 8, 3), BACKGROUND, np.uint8)], [f"layers {layers[0]} to {layers[1] - 1} of"]
    for row in (None, *kept):
        if row is not None:
            tiles.append(grey(samples.image(row.w, row.noise)))
            captions.append(row.name)
            progress(done := done + 1, total)
        for column in taken:
            if row is None:
                w, noise, caption = column.w, column.noise, column.name
            else:
                w, noise, caption = mixed(row.w, column.w, layers), row.noise, f"{row.name} with {column.name}"
            tiles.append(grey(samples.image(w, noise)))
            captions.append(caption)
            progress(done := done + 1, total)
    with writing(out) as partial:
        packet = picture_packet(one.making or UNKNOWN for one in (*kept, *taken))
        png.save(contact_sheet(tiles, len(taken) + 1, captions, (192, 192)), partial, packet)
    return out


def _require_layers(samples: Samples, layers: tuple[int, int]) -> None:
    count = samples.model.network.config.latents
    if not 0 <= layers[0] <= layers[1] <= count:
        hint = f"The model has layers 0 to {count - 1}; e.g. 0:{count // 2} is its coarse half."
        raise GeneratorError(f"{layers[0]}:{layers[1]} is no range of them", where="layers", hint=hint)
