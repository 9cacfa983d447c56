"""A sheet of mixtures: some layers from one sample, the rest from another."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from synthmammo.editing.samples import Samples, grey
from synthmammo.errors import GeneratorError
from synthmammo.files import writing
from synthmammo.mammogram import png
from synthmammo.mammogram.mark import picture_packet
from synthmammo.mammogram.origin import UNKNOWN
from synthmammo.mammogram.pictures import BACKGROUND, contact_sheet
from synthmammo.progress import Progress, silent


def draw_mix(
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

    check_layers(samples, layers)
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


def check_layers(samples: Samples, layers: tuple[int, int]) -> None:
    """Refuse a range of layers that the model does not have.

    Raises:
        GeneratorError: It does not.
    """
    count = samples.model.network.config.latents
    if not 0 <= layers[0] <= layers[1] <= count:
        hint = f"The model has layers 0 to {count - 1}; e.g. 0:{count // 2} is its coarse half."
        raise GeneratorError(f"{layers[0]}:{layers[1]} is no range of them", where="layers", hint=hint)
