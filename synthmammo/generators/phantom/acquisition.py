"""From tissue to pixels: attenuation, thickness roll-off, film or detector response, noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from synthmammo.errors import GeneratorError, nearest
from synthmammo.generators.phantom.field import K, Field, Grid, noise, stream

ATTENUATION_FAT = 0.0456
ATTENUATION_GLAND = 0.0802
"""Linear attenuation at 20 keV in 1/mm (Johns & Yaffe 1987)."""


@dataclass(frozen=True)
class Response:
    """How attenuation becomes a grey level.

    Attributes:
        equalise: Share of the thickness roll-off that processing takes out, 0 to 1.
        gamma: Slope of optical density over the logarithm of exposure.
        density: Optical density the automatic exposure aims at inside the breast, mean and deviation.
        grain: Noise, in optical density.
        grain_mm: Its correlation length.
    """

    equalise: float
    gamma: float
    density: tuple[float, float]
    grain: float
    grain_mm: float


PRESETS = {
    "film": Response(equalise=0.0, gamma=3.3, density=(1.25, 0.13), grain=0.02, grain_mm=0.12),
    "digital": Response(equalise=0.8, gamma=2.2, density=(1.9, 0.1), grain=0.012, grain_mm=0.08),
}


def find_response(response: str | Response) -> Response:
    """The preset of that name.

    Raises:
        GeneratorError: There is none.
    """
    if isinstance(response, Response):
        return response
    if response not in PRESETS:
        raise GeneratorError(f"no response is called '{response}'", where="response", hint=nearest(response, PRESETS))
    return PRESETS[response]


def attenuate(share: Field, depth: Field, thickness: float) -> Field:
    """Attenuation (natural logarithm) of a breast.

    Args:
        share: Glandular share of the thickness.
        depth: Distance to the skin in millimetres.
        thickness: Compressed thickness in millimetres; the free edge is about half a circle across.
    """
    edge = np.float32(K["edge"] * thickness)
    t = 1 - np.clip(depth / edge, 0, 1)
    roll_off = np.sqrt(1 - t * t)
    tissue = np.float32(ATTENUATION_FAT) + np.float32(K["contrast"] * (ATTENUATION_GLAND - ATTENUATION_FAT)) * share
    skin = np.float32(K["skin"]) * np.exp(-(((depth - np.float32(0.8)) / np.float32(0.7)) ** 2))
    return np.float32(thickness) * roll_off * tissue + skin


def expose(seed: int, attenuation: Field, inside: Field, grid: Grid, response: Response) -> Field:
    """Grey level in [0, 1] of a film digitised over optical densities 0 to 3.2.

    Args:
        seed: Seed of exposure and grain.
        attenuation: `-log` of transmission, natural logarithm.
        inside: Weights of the automatic exposure, over the breast.
        grid: Grid of both.
        response: Film or detector.
    """
    rng = stream(seed, "exposure")
    target = K["od"] + response.density[1] * rng.standard_normal()
    middle = float((attenuation * inside).sum() / inside.sum())
    exposure = (np.float32(middle) - attenuation) * np.float32(0.4343)
    low, high = 0.18, 3.5
    steep = 4 * K["gamma"] / (high - low)
    offset = np.log((target - low) / (high - target)) / steep
    film = np.float32(low) + np.float32(high - low) / (1 + np.exp(-np.float32(steep) * (exposure + np.float32(offset))))
    grain_mm = max(response.grain_mm, grid.spacing_mm)
    film += np.float32(K["grain"] * response.grain * response.grain_mm / grain_mm) * noise(stream(seed, "grain"), grid, grain_mm)
    return np.clip(1 - film / np.float32(3.2), 0, 1)
