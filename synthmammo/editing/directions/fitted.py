"""Global edits: directions in W that images change along, and moves along them.

Principal components of W after GANSpace (Härkönen et al. 2020, section 2.1), here from the exact covariance: W has a
few hundred dimensions, so nothing need be approximated. On top of them directions for an attribute, by regression of
values that were measured on images (`fit_attribute`).

Everything happens in whitened coordinates: along a component, one unit is one standard deviation of the latents. So a
strength of 1 is equally far, by Mahalanobis distance, along every direction.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthmammo.errors import GeneratorError, nearest

COMPONENTS = 100
"""Number of principal components that are kept by default, as in Zakka et al. 2020."""

FARTHEST = 3.0
"""Most standard deviations that a target may move a latent; beyond, images fall apart before they arrive."""

AVOIDANCE = 4.0
"""How much other attributes count against an attribute's direction; see `disentangled`.

On an early model of phantom views (128 x 128, six attributes, twelve images moved by two deviations) the attribute's
own change over the root mean square of the others' was 1.6, 2.8 and 3.1 with 0, 4 and 30 (geometric means), and the own
change 0.82, 0.64 and 0.47 of its deviation between images.
"""

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Attribute:
    """A direction fitted to an attribute.

    Attributes:
        gradient: Change of the attribute, in its unit, per standard deviation along each component, `float32 (K)`.
        direction: Unit vector that latents are moved along, `float32 (K)`: the gradient, turned away from those of
            other attributes.
        mean: Mean of the attribute over the measured images.
        quantiles: Percentiles 0 to 100 of the attribute, `float32 (101)`.
        correlation: Correlation of predicted and measured values, on images the fit had not seen.
    """

    gradient: Array
    direction: Array
    mean: float
    quantiles: Array
    correlation: float

    @property
    def slope(self) -> float:
        """Predicted change of the attribute per standard deviation along its direction."""
        return float(self.gradient.astype(np.float64) @ self.direction.astype(np.float64))


@dataclass(frozen=True)
class Directions:
    """Directions of one model.

    Attributes:
        means: Mean of w of each class, `float32 (classes, w_dim)`; one row for an unconditional model.
        components: Unit vectors, the strongest first, `float32 (K, w_dim)`; the largest entry of each is positive.
        deviations: Standard deviation of the latents along each component, inside a class, `float32 (K)`.
        explained: Share of the variance that each component explains, `float32 (K)`.
        attributes: Fitted directions by the attribute's name.
        facts: How they were found, and the tables of `synthmammo directions`, as JSON.
    """

    means: Array
    components: Array
    deviations: Array
    explained: Array
    attributes: dict[str, Attribute] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"Directions({', '.join([*self.attributes, f'{len(self.components)} components'])})"

    @property
    def names(self) -> tuple[str, ...]:
        """Names that `step` knows, attributes first."""
        return (*self.attributes, *(f"component {number}" for number in range(len(self.components))))

    def check(self, name: str, where: object = None) -> None:
        """Refuse a name that is not one of `names`.

        Raises:
            GeneratorError: There is no such direction; `where` is what the message names.
        """
        if name not in self.names:
            raise GeneratorError(f"has no direction '{name}'", where=where, hint=_hint(name, self))

    def whitened(self, name: str) -> NDArray[np.float64]:
        """A direction as a unit vector over the components, `float64 (K)`; name and errors as `step`."""
        self.check(name, "directions")
        if name in self.attributes:
            return self.attributes[name].direction.astype(np.float64)
        along = np.zeros(len(self.components))
        along[int(name.removeprefix("component "))] = 1
        return along

    def step(self, name: str) -> Array:
        """One standard deviation of the latents along a direction, `float32 (w_dim)`.

        Args:
            name: Name of the direction, one of `names`.

        Raises:
            GeneratorError: There is no such direction.
        """
        return self.unwhitened(self.whitened(name))

    def unwhitened(self, coordinates: NDArray[np.float64]) -> Array:
        """The move in W, `float32 (w_dim)`, of whitened coordinates `(K)`."""
        return np.asarray((coordinates * self.deviations) @ self.components, np.float32)

    def coordinates(self, w: Array, classes: NDArray[np.int64] | int = 0) -> NDArray[np.float64]:
        """Whitened coordinates `float64 (..., K)` of latents `(..., w_dim)`, from the mean of their classes."""
        along = (w.astype(np.float64) - self.means[classes]) @ self.components.T
        return along / np.maximum(self.deviations, 1e-12)

    def predicted(self, name: str, w: Array, classes: NDArray[np.int64] | int = 0) -> NDArray[np.float64]:
        """The attribute that latents `(..., w_dim)` should have, by the regression."""
        attribute = self.attributes[name]
        return attribute.mean + self.coordinates(w, classes) @ attribute.gradient


def _hint(name: str, directions: Directions) -> str:
    if name.startswith("component "):
        return f"It has the components 0 to {len(directions.components) - 1}."
    if not directions.attributes:
        return "No attribute was fitted; `synthmammo directions fit` does, with more than 0 samples."
    return nearest(name, directions.attributes)


def principal_components(
    batches: Iterable[tuple[Array, NDArray[np.int64]]], classes: int, count: int
) -> tuple[Array, Array, Array, Array]:
    """Principal components of latents, of their covariance inside the classes.

    Sums of products are taken in float64, so the covariance is exact to rounding, however many latents there are.

    Args:
        batches: Latents `float32 (N, w_dim)` with the class number of each, `int64 (N)`; all 0 where there are none.
        classes: Number of classes, at least 1.
        count: Number of components wanted, at most w_dim.

    Returns:
        Means, components, deviations and explained shares, as `Directions` has them.
    """
    sums, products = np.zeros((classes, 0)), np.zeros((0, 0))
    counts = np.zeros(classes)
    for latents, labels in batches:
        exact = latents.astype(np.float64)
        if not sums.size:
            sums, products = np.zeros((classes, exact.shape[1])), np.zeros((exact.shape[1],) * 2)
        products += exact.T @ exact
        for number in range(classes):
            sums[number] += exact[labels == number].sum(0)
        counts += np.bincount(labels, minlength=classes)
    means = sums / np.maximum(counts, 1)[:, None]
    covariance = (products - (means * counts[:, None]).T @ means) / max(counts.sum() - classes, 1)
    values, vectors = np.linalg.eigh(covariance)
    values, vectors = np.maximum(values[::-1], 0), vectors[:, ::-1].T[:count]
    largest = np.take_along_axis(vectors, np.abs(vectors).argmax(1)[:, None], 1)
    components = vectors * np.where(largest < 0, -1.0, 1.0)
    found = (means, components, np.sqrt(values[:count]), values[:count] / max(values.sum(), 1e-30))
    return tuple(np.asarray(array, np.float32) for array in found)  # type: ignore[return-value]


PENALTIES = np.geomspace(1e-3, 1e2, 13)
"""Ridge penalties that are tried, times the number of images."""


def fit_attribute(coordinates: NDArray[np.float64], values: NDArray[np.float64]) -> Attribute | None:
    """Ridge regression of measured values on whitened coordinates.

    The penalty is the one that predicts best when each tenth of the images is left out in turn.

    Args:
        coordinates: Whitened coordinates, `(N, K)`; see `Directions.coordinates`.
        values: Measured values, `(N)`; images on which the attribute could not be measured are NaN and left out.

    Returns:
        The direction; None where fewer than 30 values are there, or they hardly differ.
    """
    known = np.isfinite(values)
    x, y = coordinates[known], values[known]
    if len(y) < 30 or np.ptp(np.percentile(y, [10, 90])) <= 1e-6:
        return None
    tried = PENALTIES * len(y)
    folds = np.arange(len(y)) % 10
    predicted = np.zeros((len(tried), len(y)))
    for fold in range(10):
        inside = folds != fold
        for number, penalty in enumerate(tried):
            slopes, mean = _ridge(x[inside], y[inside], penalty)
            predicted[number, ~inside] = mean + x[~inside] @ slopes
    best = int(((predicted - y) ** 2).sum(1).argmin())
    slopes, mean = _ridge(x, y, tried[best])
    spread = predicted[best].std()
    correlation = float(np.corrcoef(predicted[best], y)[0, 1]) if spread > 1e-12 else 0.0
    quantiles = np.quantile(y, np.linspace(0, 1, 101)).astype(np.float32)
    direction = slopes / max(float(np.linalg.norm(slopes)), 1e-30)
    return Attribute(slopes.astype(np.float32), direction.astype(np.float32), mean, quantiles, correlation)


def disentangled(attributes: dict[str, Attribute], avoidance: float = AVOIDANCE) -> dict[str, Attribute]:
    """The attributes with directions that move the others less.

    The direction d of an attribute is near its unit gradient g and across the others': it minimises
    |d - g|^2 + avoidance x sum over the others of (r g_other . d)^2, r being how well the other is predicted.

    Args:
        attributes: Attributes by name, from `fit_attribute`.
        avoidance: Weight of the others; 0 leaves the gradients, and more of it also moves the attribute itself less.
    """
    units = {name: one.gradient / max(float(np.linalg.norm(one.gradient)), 1e-30) for name, one in attributes.items()}
    weighted = {name: units[name].astype(np.float64) * max(one.correlation, 0) for name, one in attributes.items()}
    turned = {}
    for name, one in attributes.items():
        others = np.array([weighted[other] for other in attributes if other != name]).reshape(-1, len(units[name]))
        found = np.linalg.solve(np.eye(len(units[name])) + avoidance * others.T @ others, units[name])
        turned[name] = replace(one, direction=(found / max(float(np.linalg.norm(found)), 1e-30)).astype(np.float32))
    return turned


def _ridge(x: NDArray[np.float64], y: NDArray[np.float64], penalty: float) -> tuple[NDArray[np.float64], float]:
    """Slopes `(K)` and the value at the origin."""
    middle, mean = x.mean(0), float(y.mean())
    centred = x - middle
    slopes = np.linalg.solve(centred.T @ centred + penalty * np.eye(x.shape[1]), centred.T @ (y - mean))
    return slopes, mean - float(middle @ slopes)
