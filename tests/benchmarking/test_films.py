"""Films on a canvas: the breast alone, boxes that go with it, and what is found or ignored."""

from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from synthmammo.benchmarking.detect.films import Films, on_canvas
from synthmammo.mammogram.sample import Kind
from synthmammo.metrics.detection import Truth
from tests.support.example_samples import a_sample

NONE = np.zeros((0, 4), np.float32)
BOX = np.array([[1, 1, 5, 5]], np.float32)


def films(*truths: Truth) -> Films:
    count = len(truths)
    names = np.array(["x"] * count)
    pixels = np.zeros((count, 4, 4), np.float16)
    return Films(Path("x"), pixels, pixels > 0, names, names, names, names, truths, "d", None)


def test_images_are_trainable_without_findings_of_other_kinds() -> None:
    found = films(Truth(BOX, NONE), Truth(NONE, NONE), Truth(BOX, BOX), Truth(NONE, BOX))
    assert found.with_lesions.tolist() == [True, False, True, False]
    assert found.trainable.tolist() == [True, True, False, False] and len(found) == 4


@pytest.mark.parametrize("shape", [(60, 40), (40, 60), (64, 32)])
def test_a_canvas_is_filled_in_one_direction_and_blank_outside_the_breast(shape: tuple[int, int]) -> None:
    canvas = on_canvas(a_sample(0, shape=shape, lesions=1), (96, 64))
    # Interpolation reaches a few pixels beyond the outline, and no further.
    near = ndimage.binary_dilation(canvas.breast, iterations=4)
    assert canvas.shape == (96, 64) and not canvas.image[~near].any()
    rows, columns = np.nonzero(canvas.breast)
    assert rows.max() - rows.min() + 1 == 96 or columns.max() - columns.min() + 1 == 64
    assert columns.max() == 63  # the chest wall is on the right


def test_boxes_go_with_the_breast() -> None:
    sample = a_sample(1, shape=(60, 40), lesions=1)
    canvas = on_canvas(sample, (96, 64))
    (before,), (after,) = sample.findings, canvas.findings
    assert after.kind == before.kind and isinstance(after.kind, Kind)
    inside = canvas.lesions[after.box.row0 : after.box.row1, after.box.col0 : after.box.col1]
    assert (canvas.lesions > 0).sum() == (inside > 0).sum() > 0
