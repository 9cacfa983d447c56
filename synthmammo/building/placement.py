"""The places of the lesions of an image: sites that satisfy a recipe, picked by draws that the plan made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from synthmammo.mammogram.anatomy import (
    Sites,
    admissible_sites,
    chest_wall_side,
    pectoral_mask,
    site_from_draw,
    tissue_share_map,
)
from synthmammo.mammogram.geometry import crop_box
from synthmammo.mammogram.sample import Box, Mask, Sample, View
from synthmammo.recipe import PatchOutput, Placement

Site = tuple[int, int]


class Places:
    """The places of one host that lesions may take.

    Args:
        host: The untouched background, with known or assumed spacing.

    Attributes:
        spacing_mm: Millimetres per pixel of the host, the mean of rows and columns.
    """

    def __init__(self, host: Sample) -> None:
        assert host.spacing_mm is not None
        self._host = host
        self.spacing_mm = float(np.mean(host.spacing_mm))
        self._pectoral: Mask | None = None
        self._untaken: dict[Placement, Sites] = {}

    def free(self, placement: Placement, diameter_mm: float, taken: Sequence[Box]) -> Sites:
        """Sites for a lesion, at a distance from the boxes that are taken.

        Args:
            placement: Window, least tissue share, and distance from what is taken.
            diameter_mm: Diameter of the lesion in millimetres.
            taken: Boxes of other findings.
        """
        if not taken or placement.overlap:
            if placement not in self._untaken:
                self._untaken[placement] = self._sites(placement, self._muscle(placement))
            return self._untaken[placement]
        muscle = self._muscle(placement)
        avoid = muscle.copy() if muscle is not None else np.zeros(self._host.shape, np.bool_)
        reach = self._pixels(placement.margin_mm + diameter_mm / 2)
        for box in taken:
            avoid[max(0, box.row0 - reach) : box.row1 + reach, max(0, box.col0 - reach) : box.col1 + reach] = True
        return self._sites(placement, avoid)

    def _sites(self, placement: Placement, avoid: Mask | None) -> Sites:
        window = self._pixels(placement.window_mm)
        return admissible_sites(self._host.breast, window, placement.tissue_share, avoid=avoid)

    def contiguous(self, placement: Placement, count: int, draw: float) -> list[Site] | None:
        """Centres of `count` adjacent windows in a row (in a column where no row has the room); None where neither has.

        Args:
            placement: Window, and the least tissue share that each of the windows must have.
            count: Number of windows.
            draw: Draw in [0, 1) that picks one of the possible strips.
        """
        window = self._pixels(placement.window_mm)
        stride = max(d for d in range(1, 9) if window % d == 0)
        good = tissue_share_map(self._host.breast, window, stride) >= np.float32(placement.tissue_share)
        muscle = self._muscle(placement)
        if muscle is not None:
            good &= ~muscle[::stride, ::stride]
        step = window // stride
        for axis in (1, 0):
            reach = good.shape[axis] - step * (count - 1)
            if reach <= 0:
                continue
            strips = np.logical_and.reduce([good.take(range(k * step, k * step + reach), axis) for k in range(count)])
            first = site_from_draw(Sites(strips, stride), draw)
            if first is not None:
                along = (0, window) if axis == 1 else (window, 0)
                return [(first[0] + k * along[0], first[1] + k * along[1]) for k in range(count)]
        return None

    def _muscle(self, placement: Placement) -> Mask | None:
        host = self._host
        if not placement.avoid_pectoral or host.view is not View.MLO:
            return None
        if self._pectoral is None:
            side = chest_wall_side(host.image, host.breast)
            self._pectoral = pectoral_mask(host.image, host.breast, host.bits_stored, side)
        return self._pectoral

    def _pixels(self, length_mm: float) -> int:
        return max(1, round(length_mm / self.spacing_mm))


@dataclass(frozen=True)
class Frame:
    """The patch that is cut out of an image, around a lesion where there is one.

    Attributes:
        size_px: Side of the patch in pixels.
        offset: Offset (rows, columns) of the lesion from the patch's centre, in pixels.
        draw: Draw in [0, 1) that picks the place of a patch without a lesion.
    """

    size_px: int
    offset: Site
    draw: float

    @classmethod
    def of(cls, patch: PatchOutput, draws: tuple[float, float, float]) -> Frame:
        """The patch of a plan's row.

        Args:
            patch: The recipe's patches.
            draws: Draws of the row (`Row.crop`): place of a patch without a lesion, offsets along rows and columns.
        """
        place, down, right = draws
        reach = patch.offset_px
        return cls(patch.size_px, (round((2 * down - 1) * reach), round((2 * right - 1) * reach)), place)

    def as_window(self, placement: Placement, spacing_mm: float) -> Placement:
        """A placement whose window that must be tissue is the patch itself; places are then centres of patches."""
        return placement.model_copy(update={"window_mm": self.size_px * spacing_mm})

    def site(self, centre: Site) -> Site:
        """The place of the lesion in a patch.

        It may lie outside the image, where no lesion can be put: one that is moved inside would move the patch too,
        away from its tissue.
        """
        return centre[0] + self.offset[0], centre[1] + self.offset[1]

    def centre(self, site: Site) -> Site:
        """The centre of the patch around a lesion."""
        return site[0] - self.offset[0], site[1] - self.offset[1]

    def box(self, centre: Site, shape: tuple[int, int]) -> Box:
        """The patch as pixels of an image of a shape (H, W), moved as far as needed to lie inside."""
        return crop_box(centre, self.size_px, shape)
