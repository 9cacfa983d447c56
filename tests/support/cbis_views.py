"""Reduced films of CBIS-DDSM, as its tools write them."""

import json

import numpy as np

from synthmammo.ingesting.sources.base import Skipped, open_source

ROWS, ROW_COLUMNS, UM = 4640, 2668, 50
"""A film of 232 x 133.4 mm."""


MARK_XYWH = [120.0, 300.0, 80.0, 60.0]
"""The lesion of a left view, in squeezed pixels: a square piece brighter than the breast."""


OVAL = {"shape": "OVAL", "margins": "ILL_DEFINED", "assessment": "3", "subtlety": "4", "pathology": "BENIGN"}


def squeezed(side="LEFT", *, top=80, bottom=720):
    """A film of 800 x 800: dim noisy air, half an ellipse of tissue at the chest wall, a lesion, a label beside."""
    rows, columns = np.mgrid[:800, :800]
    half, middle = (bottom - top) / 2, (bottom + top) / 2
    film = 10 + 100 * (((rows - middle) / half) ** 2 + (columns / 520) ** 2 < 1)
    x, y, width, height = map(int, MARK_XYWH)
    film[y : y + height, x : x + width] = 220
    film[20:60, 650:760] = 230
    film = (film + np.random.default_rng(0).integers(0, 7, film.shape)).astype(np.uint8)
    return film if side == "LEFT" else film[:, ::-1]


def box_of(side):
    x, y, width, height = MARK_XYWH
    return [x if side == "LEFT" else 800 - x - width, y, width, height]


def row(file, *, side="LEFT", view="CC", split="train", masses=(OVAL,), boxes=None, **cells):
    named = {"file": f"images/{file}.jpg", "patient": file[:4], "side": side, "view": view, "split": split}
    named |= {"density": "3", "native_rows": ROWS, "native_columns": ROW_COLUMNS, "native_um": UM, "digitizer": "X"}
    boxes = [box_of(side)] * len(masses) if boxes is None else boxes
    return named | {"masses": json.dumps(masses), "boxes_xywh": json.dumps(boxes)} | cells


def skips(folder, **settings):
    found = open_source("cbis_ddsm_views", folder, settings).records()
    return {item.path.name: item.reason for item in found if isinstance(item, Skipped)}
