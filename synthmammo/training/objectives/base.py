"""What all objectives share: networks and optimisers by name, counters, averaged gradients and weights."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

Losses = dict[str, float]
"""Named figures of one step, for `stats.jsonl`."""

PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
"""Types of the activations, by their names in a configuration."""

_LAST_RATE = 0.1
"""Factor on the learning rates at the end of annealing."""

Reduce = Callable[[Tensor], Tensor]
"""Function that averages a tensor over the processes of a run."""


@dataclass(frozen=True)
class Batch:
    """Real images and their classes.

    Attributes:
        images: Images in [-1, 1], `float32 (N, C, H, W)`.
        labels: Number of the class of each image, `int64 (N)`.
    """

    images: Tensor
    labels: Tensor


class Training:
    """What objectives have in common: networks and optimisers by name, a counter of images, averaged gradients.

    Args:
        networks: Networks by name.
        optimisers: Optimisers by name.
        reduce: Function that averages a gradient over the processes; None where there is one process.

    Attributes:
        processes: Number of processes; each sees its share of every batch.
        steps: Steps taken so far.
        images_seen: Real images shown so far, by all processes.
    """

    def __init__(
        self,
        networks: Mapping[str, nn.Module],
        optimisers: Mapping[str, torch.optim.Optimizer],
        reduce: Reduce | None = None,
    ) -> None:
        self.networks, self.optimisers, self.reduce = dict(networks), dict(optimisers), reduce
        self.processes, self.steps, self.images_seen = 1, 0, 0

    def counters(self) -> dict[str, Any]:
        """Numbers and tensors beside the weights that a resumed run needs; `set_counters` takes them back."""
        return {"steps": self.steps, "images_seen": self.images_seen}

    def set_counters(self, counters: Mapping[str, Any]) -> None:
        """Undo `counters`."""
        self.steps, self.images_seen = int(counters["steps"]), int(counters["images_seen"])

    def state(self) -> dict[str, Any]:
        """All that a resumed run needs."""
        return {
            "networks": {name: network.state_dict() for name, network in self.networks.items()},
            "optimisers": {name: optimiser.state_dict() for name, optimiser in self.optimisers.items()},
            "counters": self.counters(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Undo `state`."""
        for name, network in self.networks.items():
            network.load_state_dict(state["networks"][name])
        for name, optimiser in self.optimisers.items():
            optimiser.load_state_dict(state["optimisers"][name])
        self.set_counters(state["counters"])

    def anneal(self, kimg: tuple[float, float] | None) -> None:
        """Set the learning rates to what `annealed` gives after the images seen so far; opens a step."""
        self.scale_rates(annealed(self.images_seen, kimg))

    def scale_rates(self, factor: float) -> None:
        """Set every optimiser's learning rate to `factor` times the one it began with."""
        for optimiser in self.optimisers.values():
            for group in optimiser.param_groups:
                group["lr"] = factor * group.setdefault("initial_lr", group["lr"])

    def descend(self, name: str, loss: Tensor, parameters: Iterable[nn.Parameter]) -> None:
        """Move the parameters of one optimiser down the gradient of a loss."""
        self.optimisers[name].zero_grad(set_to_none=True)
        chosen = [parameter for parameter in parameters if parameter.requires_grad]
        for parameter, gradient in zip(chosen, torch.autograd.grad(loss, chosen, allow_unused=True), strict=True):
            if gradient is not None:
                gradient = self.reduce(gradient) if self.reduce else gradient
                parameter.grad = gradient.nan_to_num(0, 1e5, -1e5)
        self.optimisers[name].step()


def annealed(images_seen: int, kimg: tuple[float, float] | None) -> float:
    """Factor on learning rates: 1 until the first of two counts of images, a tenth from the second on.

    Args:
        images_seen: Number of images shown so far.
        kimg: The two counts in thousands, between which the factor falls geometrically; None for 1 all along.
    """
    if kimg is None:
        return 1.0
    first, last = (1000 * count for count in kimg)
    return float(_LAST_RATE ** min(1.0, max(0.0, (images_seen - first) / max(last - first, 1.0))))


@torch.no_grad()
def move_average(average: nn.Module, current: nn.Module, decay: float) -> None:
    """Move an exponential moving average of weights; buffers are copied."""
    for mean, parameter in zip(average.parameters(), current.parameters(), strict=True):
        mean.lerp_(parameter, 1 - decay)
    for kept, buffer in zip(average.buffers(), current.buffers(), strict=True):
        kept.copy_(buffer)


def average_decay(batch_size: int, half_life_kimg: float, images_seen: int, ramp: float) -> float:
    """Decay of the weight average per step.

    Args:
        batch_size: Images per step.
        half_life_kimg: Half-life in thousands of images.
        images_seen: Number of images shown so far.
        ramp: Largest half-life, as a share of the images seen; 0 for no such limit.
    """
    half_life = half_life_kimg * 1000
    if ramp:
        half_life = min(half_life, images_seen * ramp)
    return float(0.5 ** (batch_size / max(half_life, 1e-8)))


def one_hot_labels(labels: Tensor, classes: int) -> Tensor | None:
    """`(N)` -> `float32 (N, classes)`; None for an unconditional model."""
    return nn.functional.one_hot(labels, classes).float() if classes else None
