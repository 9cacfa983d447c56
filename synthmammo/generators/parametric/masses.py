"""Masses: a thickness profile inside a closed outline, its edge as soft as the margin says, spicules around it.

The profile is (1 - (rho / rho_0)^2)^p, rho the distance from the centre relative to the outline: p = 1/2 is the chord
length of an ellipsoid, a larger p a more gradual edge. rho_0 is such that the outline itself lies at `MASK_SHARE` of
the peak for every p, so that outline, mask and diameter are the same thing for every margin.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from synthmammo.generators.parametric.outline import (
    ANGLES,
    Array,
    Grid,
    Rendering,
    ellipse,
    fourier,
    longest_extent,
    look_up,
    points,
    polygon,
    smooth,
    stretch,
    texture,
)
from synthmammo.row import PlannedLesion
from synthmammo.sample import Mask, Pathology

MASK_SHARE = 0.2
"""A pixel belongs to a mass, or to a spicule of it, where it reaches this share of the peak."""
FINEST_MM = 0.1
"""Samples are no further apart, so that a spicule is not missed by coarse pixels."""
_CELLS = 72
"""Lattice of the texture, over the field."""


@dataclass(frozen=True)
class Margin:
    """How the edge of a mass looks.

    Attributes:
        exponent: Range of the profile's p; it varies along the edge within it.
        ragged: Deviation of the edge from the outline, as a share of the radius, by 1/f noise in the plane.
        scallops: Depth of the short-cycle lobulation, as a share of the radius.
        spicules: Range of the number of radiating lines.
        reach: Side of the field in diameters.
    """

    exponent: tuple[float, float]
    ragged: float = 0.0
    scallops: float = 0.0
    spicules: tuple[int, int] = (0, 0)
    reach: float = 1.5


MARGINS = {
    "circumscribed": Margin((0.5, 0.75), ragged=0.008),
    "microlobulated": Margin((0.55, 1.0), ragged=0.02, scallops=0.11),
    "ill-defined": Margin((1.3, 2.8), ragged=0.10, reach=1.9),
    "spiculated": Margin((1.2, 2.2), ragged=0.07, spicules=(26, 46), reach=2.8),
}


@dataclass(frozen=True)
class Spicule:
    """One line that leaves the mass: places and lengths in mm, angles in radians.

    Attributes:
        angle: Direction it leaves in.
        start_mm: Distance from the centre where it begins, inside the mass.
        length_mm: From there to its end.
        width_mm: Standard deviation of its cross-section where it begins; it tapers to a third.
        bend: Sideways offset at its end, as a share of its length.
        strength: Density where it begins, relative to the peak of the mass.
    """

    angle: float
    start_mm: float
    length_mm: float
    width_mm: float
    bend: float
    strength: float


def mass_field_mm(lesion: PlannedLesion) -> float:
    """Side of the square a mass needs, in millimetres."""
    return lesion.diameter_mm * MARGINS[lesion.descriptors["margin"]].reach + 1.0


def draw_mass(lesion: PlannedLesion, rng: np.random.Generator, size: int, spacing_mm: float) -> Rendering:
    """A mass, centred on the square; arguments as checked by `Parametric`.

    Args:
        lesion: Its words, size and pathology.
        rng: Where its variation is drawn from; what is drawn does not depend on the grid.
        size: Pixels along a side of the square.
        spacing_mm: Millimetres per pixel.

    Returns:
        `(size, size)` density with peak 1, and mask.
    """
    margin = MARGINS[lesion.descriptors["margin"]]
    grid = Grid(size, spacing_mm, FINEST_MM)
    radius, centre = _outline(lesion, margin, rng)
    exponent = _exponents(margin, rng)
    inside, edge = texture(rng, _CELLS, 1.3), texture(rng, _CELLS, 1.1)
    halo = _halo(lesion, rng)
    spicules = _spicules(margin, radius, rng)

    axis = grid.axis_mm()
    y, x = axis[:, None] + centre[0], axis[None, :] + centre[1]
    field_mm = mass_field_mm(lesion)
    rho = np.hypot(y, x) / look_up(radius, y, x)
    rho += margin.ragged * stretch(edge, axis, field_mm) * np.minimum(rho, 1)
    density = _profile(rho, look_up(exponent, y, x))
    density *= 1 + 0.10 * np.clip(stretch(inside, axis, field_mm), -2.5, 2.5)
    for spicule in spicules:
        _add_spicule(density, axis, spicule, centre)
    density -= look_up(halo, y, x) * np.clip(1 - np.abs(rho - 1.09) / 0.09, 0, 1)
    density = grid.average(density / density.max())
    return Rendering(density, _central(density >= MASK_SHARE))


def _outline(lesion: PlannedLesion, margin: Margin, rng: np.random.Generator) -> tuple[Array, Array]:
    """Radius in mm by direction, `(ANGLES,)`, and the offset (y, x) in mm that centres the outline's extent."""
    turn = rng.uniform(0, np.pi)
    match lesion.descriptors["shape"]:
        case "round":
            radius = ellipse(rng.uniform(0.90, 1.0), turn) * (1 + fourier(rng, range(2, 6), 0.018))
        case "oval":
            radius = ellipse(rng.uniform(0.60, 0.78), turn) * (1 + fourier(rng, range(2, 7), 0.03))
        case _:
            corners = smooth(polygon(rng, int(rng.integers(6, 10)), 0.42), 4)
            radius = corners * ellipse(rng.uniform(0.65, 0.9), turn) * (1 + fourier(rng, range(3, 14), 0.06, 0.7))
    if margin.scallops:
        radius = radius * (1 + margin.scallops * _scallops(rng))
    outline = points(radius)
    scale = lesion.diameter_mm / longest_extent(outline)
    return radius * np.float32(scale), (outline.max(1) + outline.min(1)) / 2 * np.float32(scale)


def _scallops(rng: np.random.Generator) -> Array:
    """Bumps side by side, convex outwards, of unequal width and depth: `(ANGLES,)` in [-1, 0.3]."""
    phase = np.arange(ANGLES) * (np.pi / ANGLES) * rng.integers(9, 15) + 4 * fourier(rng, range(1, 5), 0.16)
    depth = np.clip(0.75 + fourier(rng, range(1, 6), 0.3), 0.2, 1.3)
    return np.asarray((np.abs(np.sin(phase)) - 1) * depth, np.float32)


def _exponents(margin: Margin, rng: np.random.Generator) -> Array:
    """The profile's p by direction: part of an edge is often softer than the rest."""
    low, high = margin.exponent
    return np.asarray(np.clip((low + high) / 2 + fourier(rng, range(1, 5), (high - low) / 3), low, high), np.float32)


def _halo(lesion: PlannedLesion, rng: np.random.Generator) -> Array:
    """Depth of the dark rim some circumscribed masses have along part of the edge (Mach band): `(ANGLES,)`."""
    depth, extent = rng.uniform(0, 0.09), fourier(rng, range(1, 3), 1.0)
    if lesion.descriptors["margin"] != "circumscribed" or lesion.pathology is Pathology.MALIGNANT:
        return np.zeros(ANGLES, np.float32)
    return np.asarray(depth * np.clip(extent, 0, 1), np.float32)


def _profile(rho: Array, exponent: Array) -> Array:
    """(1 - (rho / rho_0)^2)^p with value `MASK_SHARE` at rho = 1; 0 from rho_0 on."""
    inner = 1 - np.float32(MASK_SHARE) ** (1 / exponent)
    return np.asarray(np.maximum(1 - rho * rho * inner, 0) ** exponent, np.float32)


def _spicules(margin: Margin, radius: Array, rng: np.random.Generator) -> list[Spicule]:
    """Many fine short lines and a few long strong ones, unevenly around."""
    mean_mm = float(radius.mean())
    count = int(rng.integers(margin.spicules[0], margin.spicules[1] + 1))
    angles = np.sort(rng.uniform(0, 2 * np.pi, count)) + rng.normal(0, 0.05, count)
    strong = rng.random(count) < 0.3
    lengths = np.where(strong, rng.uniform(0.7, 1.5, count), rng.gamma(3.0, 0.17, count))
    widths = np.where(strong, rng.uniform(0.16, 0.30, count), rng.uniform(0.08, 0.18, count))
    bends, strengths = rng.normal(0, 0.09, count), np.where(strong, 0.5, 0.32) * rng.uniform(0.6, 1.2, count)
    spicules = []
    for i in range(count):
        edge_mm = float(radius[round(angles[i] / (2 * np.pi) * ANGLES) % ANGLES])
        start_mm = 0.55 * edge_mm
        # The field ends at reach / 2 diameters from the centre; every line ends within it.
        longest_mm = 0.95 * (margin.reach / 2) * 2 * mean_mm - start_mm
        length_mm = min(edge_mm - start_mm + lengths[i] * mean_mm, longest_mm)
        spicules.append(Spicule(angles[i], start_mm, length_mm, widths[i], bends[i], strengths[i]))
    return spicules


def _add_spicule(density: Array, axis_mm: Array, spicule: Spicule, centre: Array) -> None:
    """Joins one line to the density, in place: d + (1 - d) s, so that crossing lines do not exceed the peak."""
    direction = np.array([np.sin(spicule.angle), np.cos(spicule.angle)], np.float32)
    normal = np.array([direction[1], -direction[0]], np.float32)
    begin = spicule.start_mm * direction - centre
    end = begin + spicule.length_mm * (direction + spicule.bend * normal)
    rim = 4 * spicule.width_mm + abs(spicule.bend) * spicule.length_mm
    low, high = np.minimum(begin, end) - rim, np.maximum(begin, end) + rim
    rows = slice(*np.searchsorted(axis_mm, (low[0], high[0])))
    columns = slice(*np.searchsorted(axis_mm, (low[1], high[1])))
    y, x = axis_mm[rows, None] - begin[0], axis_mm[None, columns] - begin[1]
    along = (y * direction[0] + x * direction[1]) / np.float32(spicule.length_mm)
    across = y * normal[0] + x * normal[1] - np.float32(spicule.bend * spicule.length_mm) * along * along
    left = np.clip(1 - along, 0, 1)
    width = np.float32(spicule.width_mm) * (0.34 + 0.66 * left)
    line = (
        np.float32(spicule.strength)
        * left
        * np.clip(along * 6, 0, 1)
        * np.maximum(1 - (across / (3 * width)) ** 2, 0) ** 4
    )
    density[rows, columns] += (1 - density[rows, columns]) * line


def _central(mask: Mask) -> Mask:
    """The part of a mask that holds its centre, or its largest part where the centre lies outside."""
    labels, count = ndimage.label(mask)
    if count <= 1:
        return mask
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return np.asarray(labels == sizes.argmax())
