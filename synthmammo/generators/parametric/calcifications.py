"""Calcification clusters: particles of 0.1-1 mm, each with its own shape, thickness and partial volume."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from synthmammo.generators.parametric.outline import (
    ANGLES,
    Array,
    LesionGrid,
    Rendering,
    direction,
    ellipse,
    longest_extent,
    look_up,
    polygon,
    smooth,
)
from synthmammo.mammogram.planned import PlannedLesion
from synthmammo.mammogram.sample import Mask, Pathology

MASK_SHARE = 0.25
"""Least share of a particle's own peak in the pixels of its mask."""
FINEST_MM = 0.034
"""Greatest distance between samples, in millimetres: three lie across the smallest particle."""
PSF_MM = 0.042
"""Standard deviation of the detector's blur, in millimetres: 0.1 mm full width at half maximum."""
HAZE_SHARE = (0.03, 0.07)
"""Density of the haze around some malignant clusters, relative to the brightest particle."""

_ROUND = np.ones(ANGLES, np.float32)


@dataclass(frozen=True)
class Particle:
    """One calcification: all points near a segment, by a distance that a tabulated outline measures.

    Attributes:
        y_mm: Place of the middle along rows, in millimetres from the centre of the cluster.
        x_mm: Place of the middle along columns, in millimetres from the centre of the cluster.
        width_mm: Extent across the segment, in millimetres.
        length_mm: Length of the segment, in millimetres; 0 for a compact particle.
        angle: Direction of the segment, in radians.
        outline: Shape about the segment, `(ANGLES,)`, at most about 1.
        exponent: Exponent p of the thickness profile (1 - rho^2)^p; 1/2 is an ellipsoid, more is hazier.
        density: Thickness at the middle, before blurring, in any unit common to the cluster.
        bend: Curvature of the segment, per millimetre; 0 by default.
        phase: Phase of the unevenness of its width, in radians; 0 by default.
    """

    y_mm: float
    x_mm: float
    width_mm: float
    length_mm: float
    angle: float
    outline: Array
    exponent: float
    density: float
    bend: float = 0.0
    phase: float = 0.0

    @property
    def size_mm(self) -> float:
        """Longest extent, in millimetres."""
        return self.width_mm + self.length_mm


def calcification_field_mm(lesion: PlannedLesion) -> float:
    """Side of the square that a cluster needs, in millimetres."""
    return lesion.diameter_mm * 1.25 + 1.5


def draw_calcifications(lesion: PlannedLesion, rng: np.random.Generator, size: int, spacing_mm: float) -> Rendering:
    """A cluster, centred on the square; `Parametric` has checked the arguments.

    Args:
        lesion: Planned cluster, whose terms, size and pathology are followed.
        rng: Generator of the random draws, which do not depend on the grid.
        size: Side of the square, in pixels.
        spacing_mm: Millimetres per pixel.

    Returns:
        `(size, size)` density, whose brightest particle has peak 1 before the pixels average, and the mask of the
        particles, which leaves out the haze.
    """
    particles = draw_particles(lesion, rng)
    haze = rng.uniform(*HAZE_SHARE) * (rng.random() < 0.4) * (lesion.pathology is Pathology.MALIGNANT)
    grid = LesionGrid(size, spacing_mm, FINEST_MM)
    density, mask, peak = np.zeros((size, size), np.float32), np.zeros((size, size), np.bool_), 0.0
    for particle in particles:
        peak = max(peak, _add_particle(density, mask, grid, particle))
    density /= np.float32(peak)
    if haze:
        _add_haze(density, grid, particles, haze)
    return Rendering(density, mask)


def draw_particles(lesion: PlannedLesion, rng: np.random.Generator) -> list[Particle]:
    """The particles of a cluster, which is centred and as long as the lesion's diameter.

    Args:
        lesion: Planned cluster, whose terms, size and pathology are followed.
        rng: Generator of the random draws.
    """
    morphology, distribution = lesion.descriptors["morphology"], lesion.descriptors["distribution"]
    count = _count(lesion, rng)
    axis = rng.uniform(0, np.pi)
    if morphology == "fine linear branching":
        stems = _places(distribution, max(2, count // 6), axis, rng)
        particles = _branches(stems, count, axis, lesion.diameter_mm, rng)
    else:
        places = _places(distribution, count, axis, rng) * lesion.diameter_mm
        particles = [_compact(morphology, float(y), float(x), rng) for y, x in places.T]
    return _fit(particles, lesion.diameter_mm)


def _count(lesion: PlannedLesion, rng: np.random.Generator) -> int:
    low, high = (12, 40) if lesion.pathology is Pathology.MALIGNANT else (5, 18)
    if lesion.descriptors["distribution"] == "segmental":
        low, high = max(low, 12), max(high, 30)
    if lesion.descriptors["morphology"] == "amorphous":
        low, high = max(low, 12), max(high, 26)
    return int(rng.integers(low, high + 1))


def _places(distribution: str, count: int, axis: float, rng: np.random.Generator) -> Array:
    """Places of the particles, `(2, count)` of y and x, in diameters about (0, 0)."""
    match distribution:
        case "grouped":
            ball = rng.normal(size=(3, count))
            ball *= rng.uniform(0, 1, count) ** 0.45 / np.linalg.norm(ball, axis=0)
            along, across = ball[0] / 2, ball[1] / 2 * rng.uniform(0.6, 1.0)
        case "linear":
            along = np.linspace(-0.5, 0.5, count) + rng.normal(0, 0.8 / count, count)
            across = rng.normal(0, 0.02, count) + rng.uniform(-0.15, 0.15) * (along**2 - 0.1)
        case _:
            # A wedge of a few ducts that run together at the nipple's side.
            ducts = np.sort(rng.uniform(-1, 1, int(rng.integers(3, 7)))) * rng.uniform(0.22, 0.42)
            depth = np.sqrt(rng.uniform(0.02, 1, count))
            along, across = depth - 0.5, depth * np.tan(rng.choice(ducts, count)) + rng.normal(0, 0.025, count)
    cosine, sine = np.cos(axis), np.sin(axis)
    return np.stack([along * sine + across * cosine, along * cosine - across * sine], dtype=np.float32)


def _compact(morphology: str, y_mm: float, x_mm: float, rng: np.random.Generator) -> Particle:
    """One punctate, amorphous or pleomorphic particle."""
    turn = rng.uniform(0, np.pi)
    match morphology:
        case "punctate":
            width, shape, exponent = rng.uniform(0.18, 0.45), ellipse(rng.uniform(0.8, 1.0), turn), 0.5
            density = width * rng.uniform(0.8, 1.2)
        case "amorphous":
            width, shape, exponent = rng.uniform(0.2, 0.5), ellipse(rng.uniform(0.6, 1.0), turn), 1.6
            density = 0.2 + 0.8 * rng.random() ** 2
        case _:
            width, exponent = float(np.clip(rng.lognormal(np.log(0.34), 0.5), 0.14, 1.0)), 0.45
            shape = smooth(polygon(rng, int(rng.integers(4, 8)), 0.4), 3) * ellipse(rng.uniform(0.55, 1.0), turn)
            density = width**0.7 * rng.uniform(0.5, 1.3)
    return Particle(y_mm, x_mm, width, 0.0, 0.0, shape, exponent, density)


def _branches(stems: Array, count: int, axis: float, diameter_mm: float, rng: np.random.Generator) -> list[Particle]:
    """Broken casts of branching ducts: `count` rods that follow one another or fork off, from the given stems."""
    tips = [(float(y), float(x), axis + rng.normal(0, 0.25)) for y, x in (stems * diameter_mm * 0.8).T]
    particles: list[Particle] = []
    while len(particles) < count:
        place = int(rng.integers(len(tips)))
        y, x, angle = tips[place]
        length, width = float(rng.uniform(0.15, 0.75)), float(rng.uniform(0.1, 0.22))
        step = length / 2 + width / 2
        angle += rng.normal(0, 0.2)
        middle = y + step * np.sin(angle), x + step * np.cos(angle)
        density, bend, phase = width * rng.uniform(0.45, 1.2), rng.normal(0, 0.35), rng.uniform(0, 2 * np.pi)
        particles.append(Particle(*middle, width, length, angle, _ROUND, 0.5, density, bend, phase))
        gap = step + rng.exponential(0.05)
        tips[place] = middle[0] + gap * np.sin(angle), middle[1] + gap * np.cos(angle), angle
        if rng.random() < 0.35:
            tips.append((*tips[place][:2], angle + rng.choice([-1, 1]) * rng.uniform(0.4, 0.8)))
    return particles


def _fit(particles: list[Particle], diameter_mm: float) -> list[Particle]:
    """The particles moved, not resized, so that the cluster is centred and as long as it should be."""
    places = np.array([[p.y_mm for p in particles], [p.x_mm for p in particles]], np.float32)
    middle = (places.max(1) + places.min(1)) / 2
    ends = float(np.median([p.size_mm for p in particles]))
    scale = max(diameter_mm - ends, 0.2 * diameter_mm) / max(longest_extent(places), 1e-6)
    moved = (places - middle[:, None]) * scale
    return [replace(p, y_mm=float(y), x_mm=float(x)) for p, (y, x) in zip(particles, moved.T, strict=True)]


def _add_particle(density: Array, mask: Mask, grid: LesionGrid, particle: Particle) -> float:
    """Add one blurred particle to density and mask, in place; return its peak before the pixels average."""
    reach = particle.size_mm / 2 + 3 * PSF_MM + grid.spacing_mm
    rows = grid.pixels(particle.y_mm - reach, particle.y_mm + reach)
    columns = grid.pixels(particle.x_mm - reach, particle.x_mm + reach)
    y = grid.axis_mm(rows.start, rows.stop)[:, None] - np.float32(particle.y_mm)
    x = grid.axis_mm(columns.start, columns.stop)[None, :] - np.float32(particle.x_mm)
    cosine, sine = np.float32(np.cos(particle.angle)), np.float32(np.sin(particle.angle))
    along, across = x * cosine + y * sine, y * cosine - x * sine
    half = np.float32(particle.length_mm / 2)
    if half:
        across = (across - np.float32(particle.bend) * along * along) / (
            1 + np.float32(0.35) * np.sin(np.float32(9) * along + np.float32(particle.phase))
        )
    along -= np.clip(along, -half, half)
    rho = np.hypot(along, across) / (
        look_up(particle.outline, direction(across, along)) * np.float32(particle.width_mm / 2)
    )
    thickness = particle.density * np.maximum(1 - rho * rho, 0) ** np.float32(particle.exponent)
    blur = PSF_MM * grid.oversampling / grid.spacing_mm
    seen = ndimage.gaussian_filter(thickness.astype(np.float32), blur, mode="constant", truncate=3)
    pixels = grid.average(seen)
    # Where two overlap the larger one counts, so that the brightest particle is the peak of the cluster.
    np.maximum(density[rows, columns], pixels, out=density[rows, columns])
    mask[rows, columns] |= pixels >= MASK_SHARE * pixels.max()
    return float(seen.max())


def _add_haze(density: Array, grid: LesionGrid, particles: list[Particle], share: float) -> None:
    """Add a faint cloud over the cluster, in place: an ellipse along its axes that ends at 1.7 deviations."""
    places = np.array([[p.y_mm for p in particles], [p.x_mm for p in particles]])
    inverse = np.linalg.inv(np.cov(places) + 0.25 * np.eye(2)).astype(np.float32)
    axis = (np.arange(grid.size, dtype=np.float32) + 0.5 - grid.size / 2) * np.float32(grid.spacing_mm)
    y, x = axis[:, None], axis[None, :]
    distance = inverse[0, 0] * y * y + 2 * inverse[0, 1] * y * x + inverse[1, 1] * x * x
    density += np.float32(share) * np.maximum(1 - distance / 3, 0) ** 2
