"""Boxes that an archive gives for a mirrored copy of an image, brought to the side where the breast is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from synthmammo.ingesting.sources.lesions import clip
from synthmammo.mammogram.sample import Box, Mask

INSIDE = 0.5
"""Share of a box that lies on the breast where the box is on the right side."""
MARGIN = 0.25
"""Least difference of the two shares, as given and mirrored, that decides."""


class Sided(NamedTuple):
    """Boxes on the side of the breast: the boxes, and the numbers (from 1) of those that were mirrored and in doubt."""

    boxes: tuple[Box, ...]
    mirrored: tuple[int, ...]
    doubtful: tuple[int, ...]


def on_the_breast(boxes: Sequence[Box], breast: Mask) -> Sided:
    """Mirror the boxes that lie beside the breast as they are given, and on it when mirrored left to right.

    An image is mirrored as a whole, so a box that lies on the breast either way follows those that decide, where they
    agree. A box that lies beside the breast either way stays as it is given, in doubt; so does one that nothing decides
    although it would lie elsewhere when mirrored.

    Args:
        boxes: Boxes as the archive gives them; they may reach beyond the image.
        breast: `bool (H, W)` mask of the breast.
    """
    width = breast.shape[1]
    mirrors = [Box(box.row0, width - box.col1, box.row1, width - box.col0) for box in boxes]
    given, turned = ([_share(box, breast) for box in those] for those in (boxes, mirrors))
    votes = [_vote(*shares) for shares in zip(given, turned, strict=True)]
    decided = {vote for vote in votes if vote is not None}
    common = decided.pop() if len(decided) == 1 else None
    on_it = [max(shares) >= INSIDE for shares in zip(given, turned, strict=True)]
    chosen = [common if vote is None and on else vote for vote, on in zip(votes, on_it, strict=True)]
    return Sided(
        tuple(mirror if turn else box for box, mirror, turn in zip(boxes, mirrors, chosen, strict=True)),
        tuple(i for i, turn in enumerate(chosen, start=1) if turn),
        tuple(i for i, turn in enumerate(chosen, start=1) if turn is None),
    )


def _share(box: Box, breast: Mask) -> float:
    """Share of a box that lies on the breast; what lies beyond the image does not."""
    inside = clip(box, (breast.shape[0], breast.shape[1]))
    area = max(1, box.height) * max(1, box.width)
    return 0.0 if inside is None else float(np.count_nonzero(breast[inside.slices])) / area


def _vote(given: float, turned: float) -> bool | None:
    """Whether a box is to be mirrored; None where the image does not tell."""
    if max(given, turned) < INSIDE or abs(given - turned) < MARGIN:
        return None
    return turned > given
