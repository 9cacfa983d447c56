"""Detectors by name, behind one small class: what is computed once of an image, the loss, the marks.

* `centre` is the one for a processor: EfficientNet-Lite0 with ImageNet weights, frozen, its feature maps computed once
  per image, and a small head on them that is trained (`nets.centre`).
* `rt-detr` puts the encoder and decoder of RT-DETR from transformers (Zhao et al. 2023) on the same frozen maps.
* Anything else is the name or path of an object detector of transformers, which is trained as a whole.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, cast

import torch
from torch import Tensor, nn

from synthmammo.errors import CheckpointError, nearest
from synthmammo.metrics.detection import Marks
from synthmammo.models.features import SCALES, Features
from synthmammo.models.nets.centre import STRIDE, CentreHead, boxes_at, centre_loss, peaks

Prepared = tuple[Tensor, ...]
"""What is kept of images: tensors `(N, ...)`."""


class Detector(nn.Module, ABC):
    """A network that marks lesions; only what needs gradients is trained.

    Args:
        canvas_px: Height and width of the images, multiples of 32.
    """

    def __init__(self, canvas_px: tuple[int, int]) -> None:
        super().__init__()
        self.canvas_px = canvas_px

    about: str
    """Where its weights come from, for the report."""

    @abstractmethod
    def prepare(self, pixels: Tensor) -> Prepared:
        """What is computed once per image and kept.

        Args:
            pixels: Images in [-1, 1], `float32 (N, 1, H, W)`.
        """

    @abstractmethod
    def loss(self, prepared: Prepared, boxes: list[Tensor]) -> Tensor:
        """What training minimises, a scalar.

        Args:
            prepared: What `prepare` gave for N images.
            boxes: Boxes of the lesions of each image, `float32 (K, 4)` in pixels.
        """

    @abstractmethod
    def marks(self, prepared: Prepared, most: int) -> list[Marks]:
        """At most so many marks on each image, boxes in pixels."""


class FrozenScales(nn.Module):
    """Feature maps of EfficientNet-Lite0 at strides of 8, 16 and 32 pixels; never trained.

    Args:
        weights: Weights of the network, "imagenet" or "none".
    """

    channels = SCALES[1:]

    def __init__(self, weights: str) -> None:
        super().__init__()
        self.features = Features(pretrained=weights == "imagenet")
        self.about = f"EfficientNet-Lite0, frozen, {'ImageNet' if weights == 'imagenet' else 'random'} weights"

    @torch.no_grad()
    def forward(self, pixels: Tensor) -> Prepared:
        """`(N, C, H / s, W / s)` for s = 8, 16, 32, each contiguous."""
        return tuple(scale.contiguous() for scale in self.features.scales(pixels)[1:])

    def train(self, mode: bool = True) -> FrozenScales:
        """Stays as it is."""
        return self


class CentreDetector(Detector):
    """The detector `centre`.

    Args:
        canvas_px: See `Detector`.
        weights: Weights of the frozen network, "imagenet" or "none".
    """

    def __init__(self, canvas_px: tuple[int, int], weights: str) -> None:
        super().__init__(canvas_px)
        self.backbone = FrozenScales(weights)
        self.head = CentreHead(FrozenScales.channels)
        self.about = f"{self.backbone.about}; head after CenterNet, from scratch"

    def prepare(self, pixels: Tensor) -> Prepared:
        """See `Detector`."""
        return cast(Prepared, self.backbone(pixels))

    def loss(self, prepared: Prepared, boxes: list[Tensor]) -> Tensor:
        """See `Detector`."""
        centre, edges = self.head(prepared)
        return centre_loss(centre, edges, boxes)

    def marks(self, prepared: Prepared, most: int) -> list[Marks]:
        """See `Detector`."""
        centre, edges = self.head(prepared)
        scores, rows, columns = peaks(centre, most)
        image = torch.arange(len(scores))[:, None].expand_as(rows)
        boxes = boxes_at(edges, *(index.flatten() for index in (image, rows, columns))).reshape(*rows.shape, 4)
        return [_kept(*pair) for pair in zip(boxes, scores, strict=True)]


class RtDetr(Detector):
    """The detector `rt-detr`: small, on the maps at strides of 16 and 32.

    Args:
        canvas_px: See `Detector`.
        weights: Weights of the frozen network, "imagenet" or "none".
        width: Channels of encoder and decoder.
        queries: Number of boxes that it proposes per image.
    """

    def __init__(self, canvas_px: tuple[int, int], weights: str, width: int = 64, queries: int = 30) -> None:
        from transformers import RTDetrConfig, RTDetrForObjectDetection, RTDetrResNetConfig

        super().__init__(canvas_px)
        self.backbone = FrozenScales(weights)
        channels = list(FrozenScales.channels[1:])
        # Never run: the model's own backbone only tells it the channels of the maps that it gets.
        stand_in: dict[str, Any] = {"embedding_size": 8, "hidden_sizes": [8, 8, *channels], "depths": [1] * 4}
        stand_in |= {"layer_type": "basic", "out_indices": [3, 4]}
        labels: dict[str, Any] = {"num_labels": 1}
        config = RTDetrConfig(
            backbone_config=RTDetrResNetConfig(**stand_in),
            d_model=width,
            num_queries=queries,
            num_denoising=20,
            num_feature_levels=2,
            feat_strides=[2 * STRIDE, 4 * STRIDE],
            encode_proj_layers=[1],
            encoder_in_channels=channels,
            encoder_hidden_dim=width,
            encoder_ffn_dim=2 * width,
            encoder_attention_heads=4,
            hidden_expansion=0.5,
            decoder_in_channels=[width, width],
            decoder_ffn_dim=2 * width,
            decoder_layers=2,
            decoder_attention_heads=4,
            **labels,
        )
        self.network = RTDetrForObjectDetection(config)
        self.network.model.backbone = nn.Identity()
        self.about = f"{self.backbone.about}; encoder and decoder of RT-DETR, from scratch"

    def prepare(self, pixels: Tensor) -> Prepared:
        """See `Detector`."""
        return cast(Prepared, self.backbone(pixels)[1:])

    def loss(self, prepared: Prepared, boxes: list[Tensor]) -> Tensor:
        """See `Detector`."""
        return cast(Tensor, self._run(prepared, _labels(boxes, self.canvas_px)).loss)

    def marks(self, prepared: Prepared, most: int) -> list[Marks]:
        """See `Detector`."""
        out = self._run(prepared, None)
        return _queried(out.pred_boxes, out.logits.sigmoid()[..., 0], self.canvas_px, most)

    def _run(self, maps: Prepared, labels: list[dict[str, Tensor]] | None) -> Any:
        inner = self.network.model
        projected = [project(scale) for project, scale in zip(inner.encoder_input_proj, maps, strict=True)]
        # The maps are given to the encoder here, since the model's own way in starts at pixels.
        return self.network(
            pixel_values=None, inputs_embeds=projected[0], encoder_outputs=inner.encoder(projected), labels=labels
        )


class TransformersDetector(Detector):
    """An object detector of transformers, all of it trained, on pixels.

    Args:
        canvas_px: See `Detector`.
        name: Name on the Hugging Face Hub, or a folder.

    Raises:
        CheckpointError: It cannot be had, or is no object detector.
    """

    def __init__(self, canvas_px: tuple[int, int], name: str) -> None:
        from transformers import AutoModelForObjectDetection

        super().__init__(canvas_px)
        try:
            self.network = AutoModelForObjectDetection.from_pretrained(
                name, num_labels=1, id2label={0: "lesion"}, label2id={"lesion": 0}, ignore_mismatched_sizes=True
            )
        except (OSError, ValueError, ImportError) as error:
            reason = str(error).strip().splitlines()[0]
            hint = f"{nearest(name, DETECTORS)} Or give a folder that transformers' save_pretrained wrote."
            raise CheckpointError(f"no such detector can be loaded ({reason})", where=name, hint=hint) from error
        self.about = f"{name}, trained as a whole from its own weights"

    def prepare(self, pixels: Tensor) -> Prepared:
        """See `Detector`."""
        return (pixels,)

    def loss(self, prepared: Prepared, boxes: list[Tensor]) -> Tensor:
        """See `Detector`."""
        return cast(Tensor, self._run(prepared[0], _labels(boxes, self.canvas_px)).loss)

    def marks(self, prepared: Prepared, most: int) -> list[Marks]:
        """See `Detector`."""
        out = self._run(prepared[0], None)
        # One logit per class where each is decided alone; one more for "nothing" where one of them is chosen.
        alone = out.logits.shape[-1] == 1
        scores = out.logits.sigmoid() if alone else out.logits.softmax(-1)
        return _queried(out.pred_boxes, scores[..., 0], self.canvas_px, most)

    def _run(self, pixels: Tensor, labels: list[dict[str, Tensor]] | None) -> Any:
        return self.network(pixel_values=pixels.expand(-1, 3, -1, -1), labels=labels)


DETECTORS: dict[str, type[CentreDetector] | type[RtDetr]] = {"centre": CentreDetector, "rt-detr": RtDetr}


def make_detector(name: str, weights: str, canvas_px: tuple[int, int], seed: int) -> Detector:
    """A detector with fresh weights, but for those it is said to bring.

    Args:
        name: "centre", "rt-detr", or name or path of a detector of transformers.
        weights: Weights of the frozen network of the first two, "imagenet" or "none".
        canvas_px: Height and width of the images.
        seed: Random seed for drawing the fresh weights.

    Raises:
        CheckpointError: The detector cannot be had.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return DETECTORS[name](canvas_px, weights) if name in DETECTORS else TransformersDetector(canvas_px, name)


def _labels(boxes: list[Tensor], canvas_px: tuple[int, int]) -> list[dict[str, Tensor]]:
    """Boxes in the form of transformers: (x, y, width, height) of the middle, as shares of the canvas."""
    (height, width), labels = canvas_px, []
    for found in boxes:
        row0, col0, row1, col1 = found.unbind(1)
        shares = ((col0 + col1) / 2 / width, (row0 + row1) / 2 / height, (col1 - col0) / width, (row1 - row0) / height)
        labels.append({"class_labels": torch.zeros(len(found), dtype=torch.long), "boxes": torch.stack(shares, 1)})
    return labels


def _queried(boxes: Tensor, scores: Tensor, canvas_px: tuple[int, int], most: int) -> list[Marks]:
    """Marks from boxes `(N, Q, 4)` as `_labels` has them and scores `(N, Q)`, the highest first."""
    scores, best = scores.topk(min(most, scores.shape[1]))
    column, row, width, height = boxes.gather(1, best[..., None].expand(-1, -1, 4)).unbind(-1)
    edges = torch.stack([row - height / 2, column - width / 2, row + height / 2, column + width / 2], -1)
    pixels = edges * torch.tensor(canvas_px * 2, device=edges.device)
    return [_kept(*pair) for pair in zip(pixels, scores, strict=True)]


def _kept(boxes: Tensor, scores: Tensor) -> Marks:
    there = scores > 0
    return Marks(boxes[there].cpu().numpy(), scores[there].cpu().numpy())
