"""One training: what is shown, which weights are kept, and what they say of the test images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from synthmammo.benchmarking.classify.backbones import Backbone
from synthmammo.benchmarking.classify.config import ClassifyConfig
from synthmammo.benchmarking.classify.inputs import Inputs
from synthmammo.benchmarking.classify.mixing import Order, Shown
from synthmammo.errors import TrainingError
from synthmammo.files import writing
from synthmammo.metrics import auc
from synthmammo.progress import resumed

LogOdds = NDArray[np.float64]
Weights = dict[str, Tensor]

_BATCH = 32
_STATE_VERSION = 1


class Classifier(nn.Module):
    """A backbone, or the features of one, and a linear layer of two outputs.

    Args:
        backbone: Network without its classifier; None where the inputs are its features.
        width: Length of a feature vector.
    """

    def __init__(self, backbone: Backbone | None, width: int) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = nn.Linear(width, 2)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def features(self, inputs: Tensor) -> Tensor:
        """The last feature layer, `(N, width)`."""
        features: Tensor = self.backbone(inputs) if self.backbone else inputs
        return features

    def forward(self, inputs: Tensor) -> Tensor:
        """Log-odds of the positive class, up to a constant: logits `(N, 2)`."""
        logits: Tensor = self.head(self.features(inputs))
        return logits


@dataclass
class Fitted:
    """The end of a training.

    Attributes:
        network: Classifier with the best weights.
        selection_auc: Area under the ROC curve that they reached on the selection images.
        best_at: Number of images shown until then.
    """

    network: Classifier
    selection_auc: float
    best_at: int


def fit_classifier(
    network: Classifier,
    inputs: Inputs,
    order: Order,
    select: tuple[NDArray[np.intp], NDArray[np.bool_]],
    config: ClassifyConfig,
    state_file: Path | None = None,
    advance: Callable[[int], None] = lambda images: None,
) -> Fitted:
    """Train, and keep the weights with the largest area under the ROC curve on the selection images.

    Args:
        network: Classifier to train, on its device.
        inputs: Images or features that it is shown.
        order: Order in which they are shown.
        select: Numbers of the selection images, and which of them are positive.
        config: Configuration of the benchmark.
        state_file: File of the state, kept at every look, to go on from; None keeps none.
        advance: Called with the number of images shown since the last call.

    Raises:
        TrainingError: The loss is no number.
    """
    optimiser = torch.optim.Adam(network.parameters(), lr=config.learning_rate)
    shown, best, kept = _resumed(network, optimiser, state_file)
    resumed(advance, shown)
    advance(shown)
    while shown < config.samples:
        until = min(config.samples, (shown // config.evaluate_every + 1) * config.evaluate_every)
        network.train()
        while shown < until:
            count = min(config.batch_size, config.samples - shown)
            _step(network, optimiser, inputs, order.at(shown, count), config.penalty)
            shown += count
            advance(count)
        reached = auc(log_odds(network, inputs, select[0]), select[1])
        if reached > best["auc"]:
            best = {"auc": reached, "at": shown}
            kept = {name: value.detach().cpu().clone() for name, value in network.state_dict().items()}
        _save(network, optimiser, {"shown": shown, "best": best, "kept": kept}, state_file)
    network.load_state_dict(kept)
    network.eval()
    return Fitted(network, float(best["auc"]), int(best["at"]))


def _step(network: Classifier, optimiser: torch.optim.Optimizer, inputs: Inputs, batch: Shown, penalty: float) -> None:
    logits = network(inputs.shown(batch))
    loss = F.cross_entropy(logits, torch.from_numpy(batch.positive.astype(np.int64)).to(logits.device))
    if penalty:
        loss = loss + penalty / 2 * network.head.weight.square().sum()
    if not torch.isfinite(loss):
        hint = "Give a lower learning_rate, and another directory (out); finished trainings are kept."
        raise TrainingError("the loss is no finite number", where="benchmark", hint=hint)
    optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    optimiser.step()


@torch.no_grad()
def log_odds(network: Classifier, inputs: Inputs, numbers: NDArray[np.intp]) -> LogOdds:
    """Log-odds of the positive class of real images, `float64 (N)`."""
    network.eval()
    parts = [network(inputs.real(part)) for part in _parts(numbers)]
    logits = torch.cat(parts).double().cpu()
    return np.asarray((logits[:, 1] - logits[:, 0]).numpy())


@torch.no_grad()
def last_features(
    network: Classifier, take: Callable[[NDArray[np.intp]], Tensor], numbers: NDArray[np.intp]
) -> NDArray[np.float32]:
    """The last feature layer of some images, `float32 (N, width)`; `take` is `Inputs.real` or `Inputs.synthetic`."""
    network.eval()
    parts = [network.features(take(part)).float().cpu() for part in _parts(numbers)]
    return np.asarray(torch.cat(parts).numpy())


def _parts(numbers: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    return np.array_split(numbers, max(1, -(-len(numbers) // _BATCH)))


def _resumed(
    network: Classifier, optimiser: torch.optim.Optimizer, state_file: Path | None
) -> tuple[int, dict[str, float], Weights]:
    if state_file is None or not state_file.exists():
        return 0, {"auc": -1.0, "at": 0}, {}
    try:
        state = torch.load(state_file, map_location="cpu", weights_only=True)
        if state["version"] != _STATE_VERSION:
            raise ValueError("of another version")
        network.load_state_dict(state["network"])
        optimiser.load_state_dict(state["optimiser"])
        return state["shown"], state["best"], state["kept"]
    except Exception as error:  # torch raises many kinds for a file cut short
        hint = "Remove the file to begin this one training anew."
        reason = str(error).splitlines()[0]
        raise TrainingError(f"not a whole state of a training ({reason})", where=state_file, hint=hint) from error


def _save(
    network: Classifier, optimiser: torch.optim.Optimizer, facts: dict[str, Any], state_file: Path | None
) -> None:
    if state_file is None:
        return
    with writing(state_file) as partial:
        state = {"version": _STATE_VERSION, "network": network.state_dict(), "optimiser": optimiser.state_dict()}
        torch.save({**state, **facts}, partial)
