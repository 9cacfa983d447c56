"""Networks whose pooled features the distances of an audit are taken on: the default, or one on disk."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from synthmammo.errors import CheckpointError
from synthmammo.identity import file_digest
from synthmammo.models.features import EXTRACTOR, Features

if TYPE_CHECKING:
    from torch import Tensor


class Extractor(Protocol):
    """Something that turns frames into one vector each."""

    name: str
    """What is said beside every number."""

    def pooled(self, frames: Tensor, maps: list[Tensor]) -> Tensor:
        """Vectors `float32 (N, D)`.

        Args:
            frames: Frames in [-1, 1], `float32 (N, 1, 224, 224)`.
            maps: `Features.scales` of the frames.
        """


class Pooled:
    """Pooled features of EfficientNet-Lite0, the default.

    Args:
        features: The network.
    """

    name = EXTRACTOR

    def __init__(self, features: Features) -> None:
        self._features = features

    def pooled(self, frames: Tensor, maps: list[Tensor]) -> Tensor:
        """See `Extractor`."""
        from torch.nn import functional

        return functional.relu6(self._features.head(maps[-1])).mean((2, 3))


class OnDisk:
    """A network that the benchmark can train, as it lies on disk, without its classifier; nothing is fetched.

    Args:
        path: Directory of an image classifier of transformers, or file of weights of an EfficientNet-Lite0.

    Raises:
        CheckpointError: There is no such network.
    """

    def __init__(self, path: Path) -> None:
        from synthmammo.benchmarking.classify.backbones import LITE0, backbone

        if not path.exists():
            hint = "Give a directory that save_pretrained wrote, or a file of weights of EfficientNet-Lite0."
            raise CheckpointError("there is no such extractor", where=f"extractor {path}", hint=hint)
        network = backbone(LITE0 if path.is_file() else str(path), str(path))
        self._network = network.eval().requires_grad_(False)
        weights = path if path.is_file() else next(iter(sorted(path.glob("*.safetensors"))), None)
        known = f", digest {file_digest(weights)[:12]}" if weights else ""
        self.name = f"{path.name}{known}, last {network.width} features, frames of 224 pixels"

    def pooled(self, frames: Tensor, maps: list[Tensor]) -> Tensor:
        """See `Extractor`."""
        found: Tensor = self._network(frames.clamp(-1, 1)).float()
        return found
