"""Distributions as a recipe states them; their quantile functions turn the plan's uniform draws into values."""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator


class Strict(BaseModel):
    """Base of all models of a recipe: unknown keys and infinite numbers are refused, values cannot change."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True, allow_inf_nan=False)


Positive = Annotated[float, Field(gt=0)]


def _share(value: Any) -> Any:
    # A third cannot be written as a decimal; "1/3" can.
    try:
        return float(Fraction(value)) if isinstance(value, str) else value
    except (ValueError, ZeroDivisionError):
        raise ValueError(f"expected a number or a fraction such as '1/3', found '{value}'") from None


Share = Annotated[
    float,
    BeforeValidator(_share, json_schema_input_type=float | str),
    Field(ge=0, le=1, description="A share of the whole, as a number or as a fraction such as '1/3'"),
]


def _sum_to_one(shares: dict[Any, float]) -> dict[Any, float]:
    total = sum(shares.values())
    if abs(total - 1) > 1e-6:
        listed = " + ".join(f"{share:g}" for share in shares.values())
        raise ValueError(f"shares sum to {total:g} ({listed}), expected 1")
    return shares


def _single(value: Any) -> Any:
    # `views: MLO` is short for `views: {MLO: 1}`.
    return {str(value): 1.0} if isinstance(value, str | bool) else value


Shares = Annotated[
    dict[str, Share],
    BeforeValidator(_single, json_schema_input_type=dict[str, float | str] | str),
    AfterValidator(_sum_to_one),
    Field(min_length=1),
]
"""Shares by name that sum to one; a bare name has the whole share."""


def fractions(shares: dict[str, float]) -> list[Fraction]:
    """The shares as exact fractions that sum to exactly one (denominators up to a million)."""
    exact = [Fraction(share).limit_denominator(1_000_000) for share in shares.values()]
    exact[-1] += 1 - sum(exact)
    return exact


class Choice:
    """Draws entries by their shares.

    Args:
        shares: Shares by name, with a sum of one.
    """

    def __init__(self, shares: dict[str, float]) -> None:
        self._edges = np.cumsum([float(share) for share in shares.values()])[:-1]

    def __call__(self, uniform: NDArray[np.float64]) -> NDArray[np.int64]:
        """The number of an entry, from 0 in the order of the shares, for every uniform draw in [0, 1)."""
        return np.searchsorted(self._edges, uniform, side="right")


Pair = tuple[float, float]


def _draw(value: Any) -> Any:
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return {"uniform": (value, value)}
    if isinstance(value, list | tuple):
        return {"uniform": tuple(value)}
    return value


class DrawModel(Strict):
    """A number, or the distribution that it is drawn from.

    It is written as a number (which is then fixed), as `[low, high]` (uniform), or as one of `uniform: [low, high]`,
    `normal: [mean, sd]`, `lognormal: [median, factor]`; `within: [low, high]` beside it clips what is drawn.
    """

    uniform: Pair | None = Field(None, description="[low, high], every value as likely")
    normal: Pair | None = Field(None, description="[mean, standard deviation]")
    lognormal: Pair | None = Field(None, description="[median, factor]: two thirds lie within the factor of the median")
    within: Pair | None = Field(None, description="[low, high] that drawn values are clipped to")

    @model_validator(mode="after")
    def _one_kind(self) -> DrawModel:
        given = [name for name in ("uniform", "normal", "lognormal") if getattr(self, name) is not None]
        if len(given) != 1:
            found = " and ".join(given) or "none"
            raise ValueError(f"expected a number, [low, high], or one of uniform, normal, lognormal; found {found}")
        for name in ("uniform", "within"):
            pair = getattr(self, name)
            if pair and pair[0] > pair[1]:
                raise ValueError(f"{name}: low {pair[0]:g} is above high {pair[1]:g}")
        if self.normal and self.normal[1] < 0:
            raise ValueError(f"normal: standard deviation {self.normal[1]:g} is negative")
        if self.lognormal and (self.lognormal[0] <= 0 or self.lognormal[1] < 1):
            raise ValueError("lognormal: expected [median above 0, factor of at least 1]")
        return self

    def at(self, uniform: NDArray[np.float64]) -> NDArray[np.float64]:
        """The quantiles at uniform draws in [0, 1), an array of the same shape."""
        values = self._quantiles(uniform)
        return np.clip(values, *self.within) if self.within else values

    def _quantiles(self, uniform: NDArray[np.float64]) -> NDArray[np.float64]:
        if self.uniform:
            low, high = self.uniform
            return low + (high - low) * uniform
        from scipy.special import ndtri

        # The smallest draw is 0, whose quantile is infinite.
        deviations: NDArray[np.float64] = ndtri(np.maximum(uniform, 2.0**-54))
        if self.normal:
            return self.normal[0] + self.normal[1] * deviations
        assert self.lognormal is not None
        return self.lognormal[0] * self.lognormal[1] ** deviations

    @property
    def bounds(self) -> Pair:
        """Lowest and highest value that can be drawn."""
        if self.within:
            return self.within
        if self.uniform:
            return self.uniform
        return (0.0 if self.lognormal else -np.inf), np.inf

    @property
    def usual(self) -> Pair:
        """Range that nearly all drawn values lie in: the bounds, or two deviations of a distribution without any."""
        low, high = self.bounds
        if self.normal and not self.within:
            return self.normal[0] - 2 * self.normal[1], self.normal[0] + 2 * self.normal[1]
        if self.lognormal and not self.within:
            return self.lognormal[0] / self.lognormal[1] ** 2, self.lognormal[0] * self.lognormal[1] ** 2
        return low, high

    def __str__(self) -> str:
        if self.uniform:
            low, high = self.uniform
            return f"{low:g}" if low == high else f"{low:g} to {high:g}"
        if self.normal:
            return f"normal {self.normal[0]:g} ± {self.normal[1]:g}"
        assert self.lognormal is not None
        return f"lognormal, median {self.lognormal[0]:g}, factor {self.lognormal[1]:g}"


Draw = Annotated[DrawModel, BeforeValidator(_draw, json_schema_input_type=float | tuple[float, float] | DrawModel)]
