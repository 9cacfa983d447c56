"""Masses: a thickness profile inside a closed outline, with an edge as soft as the margin says and spicules around it.

The profile is (1 - (rho / rho_0)^2)^p, rho the distance from the centre relative to the outline: p = 1/2 is the chord
length of an ellipsoid, a larger p a more gradual edge. rho_0 is such that the outline itself lies at `MASK_SHARE` of
the peak for every p, so that outline, mask and diameter agree for every margin.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from synthmammo.generators.parametric.outline import (
    ANGLES,
    Array,
    LesionGrid,
    Rendering,
    direction,
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
from synthmammo.mammogram.planned import PlannedLesion
from synthmammo.mammogram.sample import Pathology

MASK_SHARE = 0.2
"""Least share of the peak in the pixels of the mask, which holds the spicules too."""
FINEST_MM = 0.1
"""Greatest distance between samples, in millimetres, so that coarse pixels miss no spicule."""
_CELLS = 72
"""Cells of the texture along a side of the field."""


@dataclass(frozen=True)
class Margin:
    """How the edge of a mass looks.

    Attributes:
        exponent: Range of the profile's p, which varies along the edge.
        ragged: Deviation of the edge from the outline by 1/f noise, as a share of the radius; 0 by default.
        scallops: Depth of the short-cycle lobulation, as a share of the radius; 0 by default.
        fringe: Height of the wedges that the edge runs out in, as a share of the radius; 0 by default.
        spicules: Range of the number of radiating lines; none by default.
        reach: Side of the field, in diameters; 1.5 by default.
    """

    exponent: tuple[float, float]
    ragged: float = 0.0
    scallops: float = 0.0
    fringe: float = 0.0
    spicules: tuple[int, int] = (0, 0)
    reach: float = 1.5


MARGINS = {
    "circumscribed": Margin((0.5, 0.75), ragged=0.008),
    "microlobulated": Margin((0.55, 1.0), ragged=0.02, scallops=0.11),
    "ill-defined": Margin((1.3, 2.8), ragged=0.065, reach=1.9),
    "spiculated": Margin((0.9, 1.9), ragged=0.09, fringe=0.12, spicules=(24, 44), reach=2.8),
}


@dataclass(frozen=True)
class Spicule:
    """One line that leaves the mass.

    Attributes:
        angle: Direction from the centre to where the line begins, in radians.
        lean: Angle between the line's own direction there and that direction, in radians.
        start_mm: Distance from the centre to where the line begins, inside the mass, in millimetres.
        length_mm: Length of the line, in millimetres.
        width_mm: Measure of the width, in millimetres: the cross-section has 1.6 times it at the beginning as its
            standard deviation, and 0.4 times it at the end.
        bend: Sideways offset at the end, as a share of the length.
        strength: Density at the beginning, relative to the peak of the mass.
        lump: Phase of the waviness and the unevenness, in radians.
    """

    angle: float
    lean: float
    start_mm: float
    length_mm: float
    width_mm: float
    bend: float
    strength: float
    lump: float


def mass_field_mm(lesion: PlannedLesion) -> float:
    """Side of the square that a mass needs, in millimetres."""
    return lesion.diameter_mm * MARGINS[lesion.descriptors["margin"]].reach + 1.0


def draw_mass(lesion: PlannedLesion, rng: np.random.Generator, size: int, spacing_mm: float) -> Rendering:
    """A mass, centred on the square; `Parametric` has checked the arguments.

    Args:
        lesion: Planned mass, whose terms, size and pathology are followed.
        rng: Generator of the random draws, which do not depend on the grid.
        size: Side of the square, in pixels.
        spacing_mm: Millimetres per pixel.

    Returns:
        `(size, size)` density with peak 1 before the pixels average, and mask.
    """
    margin = MARGINS[lesion.descriptors["margin"]]
    grid = LesionGrid(size, spacing_mm, FINEST_MM)
    radius, centre = _outline(lesion, margin, rng)
    exponent = _exponents(margin, rng)
    inside, edge = texture(rng, _CELLS, 1.3), texture(rng, _CELLS, 1.1)
    halo = _halo(lesion, rng)
    fringe, twist = _fringe(margin, rng), fourier(rng, range(2, 14), 0.15 * ANGLES / (2 * np.pi), 0.5)
    spicules = _spicules(margin, radius, rng)

    axis = grid.axis_mm()
    y, x = axis[:, None] + centre[0], axis[None, :] + centre[1]
    turn = direction(y, x)
    rho = np.hypot(y, x) / look_up(radius, turn)
    field_mm = mass_field_mm(lesion)
    # Half a deviation further in, since the parts that stand out make the extent.
    rho += margin.ragged * (stretch(edge, axis, field_mm) + np.float32(0.5)) * np.minimum(rho, 1)
    if margin.fringe:
        rho /= 1 + look_up(fringe, turn + look_up(twist, turn) * (rho - 1))
    density = _profile(rho, look_up(exponent, turn))
    density *= 1 + 0.10 * np.clip(stretch(inside, axis, field_mm), -2.5, 2.5)
    for spicule in spicules:
        _add_spicule(density, axis, spicule, centre)
    if halo.any():
        density -= look_up(halo, turn) * np.clip(1 - np.abs(rho - 1.09) / 0.09, 0, 1)
    # A mass between two samples is not seen at all; it must not become a division by nothing.
    density = grid.average(density / (density.max() or np.float32(1)))
    return Rendering(density, density >= MASK_SHARE)


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
            radius = corners * ellipse(rng.uniform(0.65, 0.9), turn) * (1 + fourier(rng, range(3, 14), 0.04, 1.0))
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
    """Exponent p of the profile by direction: part of an edge is often softer than the rest."""
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


def _fringe(margin: Margin, rng: np.random.Generator) -> Array:
    """Wedges side by side, narrow and unequal, in some directions more than in others: `(ANGLES,)`, mean 0."""
    wedges = np.exp(fourier(rng, range(3, 40), 0.8, 0.8)) * np.clip(1 + fourier(rng, range(1, 5), 0.5), 0.2, 2)
    # No wedge leaves the field.
    return np.asarray(margin.fringe * (np.minimum(wedges, 5) - wedges.mean()), np.float32)


def _spicules(margin: Margin, radius: Array, rng: np.random.Generator) -> list[Spicule]:
    """Many fine short lines and a few long ones, in bundles rather than evenly around."""
    mean_mm = float(radius.mean())
    count = int(rng.integers(margin.spicules[0], margin.spicules[1] + 1))
    bundles = rng.uniform(0, 2 * np.pi, 7)
    bundled = rng.choice(bundles, count) + rng.normal(0, 0.3, count)
    angles = np.where(rng.random(count) < 0.4, bundled, rng.uniform(0, 2 * np.pi, count))
    long = rng.random(count) < 0.25
    lengths = np.where(long, rng.uniform(0.7, 1.6, count), rng.gamma(2.5, 0.17, count))
    widths = np.where(long, rng.uniform(0.12, 0.24, count), rng.uniform(0.09, 0.30, count))
    widths *= np.sqrt(mean_mm / 4)
    strengths = np.where(long, 0.50, 0.30) * rng.uniform(0.35, 1.1, count)
    bends, leans, lumps = rng.normal(0, 0.10, count), rng.normal(0, 0.25, count), rng.uniform(0, 2 * np.pi, count)
    spicules = []
    for i in range(count):
        edge_mm = float(radius[round(angles[i] / (2 * np.pi) * ANGLES) % ANGLES])
        start_mm = 0.65 * edge_mm
        # The field ends at reach / 2 diameters from the centre; every line ends within it.
        longest_mm = 0.9 * margin.reach * mean_mm - start_mm
        length_mm = min(edge_mm - start_mm + lengths[i] * mean_mm, longest_mm)
        spicules.append(Spicule(angles[i], leans[i], start_mm, length_mm, widths[i], bends[i], strengths[i], lumps[i]))
    return spicules


def _add_spicule(density: Array, axis_mm: Array, spicule: Spicule, centre: Array) -> None:
    """Add one line to the density, in place, as d + (1 - d) s, so that crossing lines do not exceed the peak."""
    heading = spicule.angle + spicule.lean
    ahead = np.array([np.sin(heading), np.cos(heading)], np.float32)
    aside = np.array([ahead[1], -ahead[0]], np.float32)
    begin = spicule.start_mm * np.array([np.sin(spicule.angle), np.cos(spicule.angle)], np.float32) - centre
    end = begin + spicule.length_mm * (ahead + spicule.bend * aside)
    rim = 6 * spicule.width_mm + abs(spicule.bend) * spicule.length_mm
    low, high = np.minimum(begin, end) - rim, np.maximum(begin, end) + rim
    rows = slice(*np.searchsorted(axis_mm, (low[0], high[0])))
    columns = slice(*np.searchsorted(axis_mm, (low[1], high[1])))
    y, x = axis_mm[rows, None] - begin[0], axis_mm[None, columns] - begin[1]
    along = (y * ahead[0] + x * ahead[1]) / np.float32(spicule.length_mm)
    wave = spicule.bend * along * along + 0.02 * np.sin(7 * along + spicule.lump)
    across = y * aside[0] + x * aside[1] - np.float32(spicule.length_mm) * wave.astype(np.float32)
    left = np.clip(1 - along, 0, 1)
    width = np.float32(spicule.width_mm) * (0.4 + 1.2 * left * left)
    course = left * np.clip(along * 2.5, 0, 1) * (1 + 0.3 * np.sin(11 * along + 2 * spicule.lump).astype(np.float32))
    line = np.float32(spicule.strength) * course * np.maximum(1 - (across / (3 * width)) ** 2, 0) ** 4
    density[rows, columns] += (1 - density[rows, columns]) * line
