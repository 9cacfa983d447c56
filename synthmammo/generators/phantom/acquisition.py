"""From tissue to pixels: attenuation, thickness roll-off, film or detector response, noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from synthmammo.errors import GeneratorError, nearest
from synthmammo.generators.phantom.field import Field, Grid, noise, smoothstep, stream
from synthmammo.mammogram.sample import Mask

ATTENUATION_FAT = 0.0456
ATTENUATION_GLAND = 0.0802
"""Linear attenuation at 20 keV in 1/mm (Johns & Yaffe 1987)."""


SCATTER = 0.7
"""What scattered radiation leaves of the contrast between fat and gland."""


@dataclass(frozen=True)
class Response:
    """How attenuation becomes a grey level.

    Attributes:
        equalise: Share of the thickness roll-off that processing takes out, 0 to 1.
        gamma: Slope of optical density over the decimal logarithm of exposure.
        density: Optical density that the automatic exposure aims at inside the breast, mean and deviation.
        grain: Noise, standard deviation in optical density.
        grain_mm: Its correlation length.
    """

    equalise: float
    gamma: float
    density: tuple[float, float]
    grain: float
    grain_mm: float


PRESETS = {
    "film": Response(equalise=0.0, gamma=3.3, density=(1.71, 0.25), grain=0.068, grain_mm=0.25),
    "digital": Response(equalise=0.85, gamma=2.8, density=(1.5, 0.1), grain=0.012, grain_mm=0.08),
}
_FOG, _BLACK, _DIGITISED = 0.18, 3.5, 3.2  # optical densities: clear film, fully exposed film, the digitiser's darkest


def find_response(response: str | Response) -> Response:
    """The preset of that name, or the response itself.

    Raises:
        GeneratorError: There is no such preset.
    """
    if isinstance(response, Response):
        return response
    if response not in PRESETS:
        raise GeneratorError(f"no response is called '{response}'", where="response", hint=nearest(response, PRESETS))
    return PRESETS[response]


def attenuate(share: Field, depth: Field, thickness: float, equalise: float) -> Field:
    """Attenuation (natural logarithm) of a breast, `float32 (H, W)`.

    Args:
        share: Glandular share of the thickness.
        depth: Distance to the skin in millimetres.
        thickness: Compressed thickness in millimetres; the free edge falls off over half as much.
        equalise: Share of that fall to take out.
    """
    t = 1 - np.clip(depth / np.float32(0.44 * thickness), 0, 1)
    roll_off = np.sqrt(1 - t * t)
    if equalise:
        roll_off = (roll_off + np.float32(equalise) * (1 - roll_off)) * smoothstep(depth, -1.0, 2.5)
    tissue = np.float32(ATTENUATION_FAT) + np.float32(SCATTER * (ATTENUATION_GLAND - ATTENUATION_FAT)) * share
    skin = np.float32(0.06) * np.exp(-(((depth - np.float32(0.8)) / np.float32(0.7)) ** 2))
    return np.asarray(np.float32(thickness) * roll_off * tissue + skin, dtype=np.float32)


def expose(seed: int, attenuation: Field, sensed: Mask, grid: Grid, response: Response) -> Field:
    """Grey level in [0, 1] of a film digitised over optical densities 0 to 3.2, bright where it is clear.

    Args:
        seed: Seed of exposure and grain.
        attenuation: Negative natural logarithm of the transmission.
        sensed: What the automatic exposure looks at, `bool (H, W)`.
        grid: Grid of both.
        response: Film or detector.
    """
    target = response.density[0] + response.density[1] * float(stream(seed, "exposure").standard_normal())
    middle = float(attenuation[sensed].mean())
    steep = 4 * response.gamma / (_BLACK - _FOG)
    offset = float(np.log((target - _FOG) / (_BLACK - target))) / steep + np.log10(np.e) * middle
    log_exposure = np.float32(offset) - np.float32(np.log10(np.e)) * attenuation
    density = np.float32(_FOG) + np.float32(_BLACK - _FOG) / (1 + np.exp(np.float32(-steep) * log_exposure))
    # Pixels wider than the grain average over it.
    grain_mm = max(response.grain_mm, grid.spacing_mm)
    grain = response.grain * response.grain_mm / grain_mm
    density += np.float32(grain) * noise(stream(seed, "grain"), grid, grain_mm)
    return np.asarray(np.clip(1 - density / np.float32(_DIGITISED), 0, 1), dtype=np.float32)
