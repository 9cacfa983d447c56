"""From a lesion channel to a lesion in an image: context, post-processing, reinsertion.

The post-processing is step 4 of "Synthesizing dataset" in Wu et al. 2020: threshold, largest object, minimum area,
growth, Gaussian edge, multiply, add. The law of this module: outside the softened mask of the lesion not one pixel
changes. Where the paper is silent: its pixel values hold on the patch models' grid of 0.1 mm and are scaled to other
grids, so that a lesion looks the same at every spacing; and a generator that knows the exact extent of its lesion
gives it, in place of the thresholded object.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthmammo.mammogram.intensity import Intensity, resample
from synthmammo.mammogram.sample import Box, Image, Mask, Plane
from synthmammo.recipe import PostProcessing

MODEL_SPACING_MM = 0.1
"""Grid on which `expand_px` and `edge_px` are stated."""

_EDGE_REACH = 3.0
"""Standard deviations after which the softened edge is exactly zero."""


@dataclass(frozen=True)
class Window:
    """The square of tissue around a site, on the image's grid and on the generator's.

    Attributes:
        box: Extent in pixels of the image; it may hang over the image's edges.
        size_px: Side in pixels of the generator's grid.
        spacing_mm: Millimetres per pixel of the generator's grid.
    """

    box: Box
    size_px: int
    spacing_mm: float

    @classmethod
    def around(
        cls, site: tuple[int, int], field_mm: float, image_spacing_mm: tuple[float, float], spacing_mm: float | None
    ) -> Window:
        """The window around a site.

        Args:
            site: Centre (row, column) in pixels of the image.
            field_mm: Side of the window in millimetres.
            image_spacing_mm: Millimetres per pixel (row, column) of the image.
            spacing_mm: Millimetres per pixel of the generator's grid; None for the image's own.
        """
        height, width = (max(1, round(field_mm / side)) for side in image_spacing_mm)
        if spacing_mm is None:
            # Without a grid of its own a generator works on the image's, made square where its pixels are not.
            spacing_mm, size = field_mm / max(height, width), max(height, width)
        else:
            size = round(field_mm / spacing_mm)
        row0, col0 = site[0] - height // 2, site[1] - width // 2
        return cls(Box(row0, col0, row0 + height, col0 + width), size, spacing_mm)

    def crop(self, array: NDArray[np.generic]) -> NDArray[np.generic]:
        """The window's part of an `(H, W)` array, zero beyond its edges."""
        inside = self._inside(array.shape)
        out = np.zeros((self.box.height, self.box.width), array.dtype)
        out[self._local(inside).slices] = array[inside.slices]
        return out

    def _inside(self, shape: tuple[int, ...]) -> Box:
        box = self.box
        clipped = np.clip(box, 0, [shape[0], shape[1]] * 2)
        return Box(*(int(edge) for edge in clipped))

    def _local(self, inside: Box) -> Box:
        row0, col0 = self.box.row0, self.box.col0
        return Box(inside.row0 - row0, inside.col0 - col0, inside.row1 - row0, inside.col1 - col0)

    def context(self, image: Image, breast: Mask, intensity: Intensity, limit: float = 1.0) -> tuple[Plane, Mask]:
        """What the generator sees of an image, on its own grid of N = `size_px` pixels.

        Args:
            image: `uint16 (H, W)`.
            breast: `bool (H, W)`.
            intensity: Grey levels of the image in the units that generators see.
            limit: Largest absolute value that is kept, 1 by default.

        Returns:
            `float32 (N, N)` pixels in [-limit, limit], and `bool (N, N)` breast.
        """
        pixels = intensity.units(self.crop(image), limit)
        inside = self.crop(breast).astype(np.float32)
        size = (self.size_px, self.size_px)
        return resample(pixels, size), resample(inside, size) >= 0.5

    def add(self, image: Image, breast: Mask, change: Plane, bits_stored: int) -> None:
        """Add a change to the image, in place.

        Only breast pixels with a change other than zero are touched; the result is clipped to the bit depth, and to
        at least 1, since 0 is air.

        Args:
            image: `uint16 (H, W)`.
            breast: `bool (H, W)`.
            change: `float32 (N, N)` change in grey levels, on the generator's grid.
            bits_stored: Bit depth of the image.
        """
        inside = self._inside(image.shape)
        local = resample(change, (self.box.height, self.box.width))[self._local(inside).slices]
        target, tissue = image[inside.slices], breast[inside.slices]
        changed = tissue & (local != 0)
        summed = np.rint(target[changed].astype(np.float32) + local[changed])
        target[changed] = np.clip(summed, 1, 2**bits_stored - 1).astype(np.uint16)

    def mask(self, component: Mask, breast: Mask) -> tuple[Mask, Box]:
        """Bring an object from the generator's grid to the image's.

        A pixel of the image belongs to the object when a quarter of the pixel is covered: at half, a calcification
        finer than a pixel would vanish.

        Args:
            component: `bool (N, N)` object on the generator's grid.
            breast: `bool (H, W)`.

        Returns:
            `bool` mask of the object, and its place in the image.
        """
        inside = self._inside(breast.shape)
        covered = resample(component.astype(np.float32), (self.box.height, self.box.width))
        return (covered[self._local(inside).slices] >= 0.25) & breast[inside.slices], inside


@dataclass(frozen=True)
class IsolatedLesion:
    """A lesion isolated in its channel.

    Attributes:
        component: `bool (N, N)` object before growth and softening; labels and boxes are made from it.
        channel: `float32 (N, N)` product of the channel and the softened mask, exactly zero outside the mask.
    """

    component: Mask
    channel: Plane


def isolate(
    channel: Plane, post: PostProcessing, spacing_mm: float, *, sign: int = 1, mask: Mask | None = None
) -> IsolatedLesion | None:
    """Isolate the lesion in a channel: the post-processing.

    Args:
        channel: `float32 (N, N)` signed channel, in units of [-1, 1].
        post: Threshold, minimum area, growth and edge.
        spacing_mm: Millimetres per pixel of the channel's grid.
        sign: 1, the default, for a lesion put on; -1 for one taken off (the paper's threshold below -0.1).
        mask: `bool (N, N)` exact extent, where the generator knows it; None, the default, for the largest thresholded
            object, which must have the minimum area.

    Returns:
        The lesion, or None when there is none by these measures.
    """
    if mask is None:
        mask = largest_object(sign * channel >= post.threshold, post.join_mm / spacing_mm)
        if mask.mean() < post.minimum_area:
            return None
    if not mask.any():
        return None
    scale = MODEL_SPACING_MM / spacing_mm
    return IsolatedLesion(mask, channel * softened(mask, post.expand_px * scale, post.edge_px * scale))


def largest_object(binary: Mask, join_px: float = 0.0) -> Mask:
    """The connected object (8 neighbours) with the most pixels; objects closer than `join_px` count as one."""
    from skimage.measure import label
    from skimage.morphology import isotropic_dilation

    joined = isotropic_dilation(binary, join_px / 2) if join_px and binary.any() else binary
    labels, number = label(joined, connectivity=2, return_num=True)
    if number == 0:
        return binary
    sizes = np.bincount(labels[binary], minlength=number + 1)
    sizes[0] = 0
    return np.asarray(binary & (labels == int(sizes.argmax())), np.bool_)


def softened(component: Mask, expand_px: float, edge_px: float) -> Plane:
    """Weights in [0, 1]: the object grown by `expand_px`, its edge a Gaussian of `edge_px`, exactly 0 beyond 3 of them.

    Args:
        component: `bool (N, N)` object.
        expand_px: Growth in pixels.
        edge_px: Standard deviation of the edge in pixels.

    Returns:
        `float32 (N, N)` weights.
    """
    from scipy import ndimage
    from skimage.morphology import isotropic_dilation

    weights = np.zeros(component.shape, np.float32)
    box = Box.around(component)
    if box is None:
        return weights
    reach = int(np.ceil(expand_px + _EDGE_REACH * edge_px)) + 1
    window = tuple(
        slice(max(0, low - reach), min(size, high + reach))
        for low, high, size in ((box.row0, box.row1, len(component)), (box.col0, box.col1, component.shape[1]))
    )
    grown = isotropic_dilation(component[window], expand_px)
    # float64 inside: a running float32 sum would leave 1e-8 where the law wants 0.
    soft = ndimage.gaussian_filter(grown.astype(np.float64), edge_px, truncate=_EDGE_REACH, mode="constant")
    weights[window] = np.where(soft > 1e-6, soft, 0)
    return weights
