"""Training a detector, and the marks it makes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.optim.lr_scheduler import OneCycleLR

from synthmammo.benchmarking.detect.config import DetectConfig
from synthmammo.benchmarking.detect.detectors import Detector, Prepared
from synthmammo.benchmarking.detect.films import Films
from synthmammo.errors import TrainingError
from synthmammo.metrics.detection import Marks, intersection_over_union

FilmNumbers = NDArray[np.intp]
_Advance = Callable[[int], None]

SAME_LESION_IOU = 0.2
"""Marks that overlap a better one by more mean the same thing."""

LARGEST_GRADIENT = 1.0
_BATCH = 16


class LesionPool(NamedTuple):
    """Numbers of the images of one side that may be trained on.

    Attributes:
        lesions: Numbers of the images with something to be found.
        others: Numbers of the images without.
    """

    lesions: FilmNumbers
    others: FilmNumbers


class PreparedFilms(NamedTuple):
    """One side of the benchmark as a detector sees it.

    Attributes:
        films: The images.
        prepared: What the detector computed of them, `float16`.
    """

    films: Films
    prepared: Prepared


@torch.no_grad()
def prepare(detector: Detector, films: Films, device: str, advance: _Advance) -> PreparedFilms:
    """What a detector computes once of every image."""
    parts = []
    for numbers in _batches(len(films)):
        pixels = torch.from_numpy(films.pixels[numbers].astype(np.float32))[:, None].to(device)
        parts.append([tensor.half().cpu() for tensor in detector.prepare(pixels)])
        advance(len(numbers))
    return PreparedFilms(films, tuple(torch.cat(tensors) for tensors in zip(*parts, strict=True)))


def draw_order(pools: Mapping[bool, LesionPool], share: float, config: DetectConfig, seed: int) -> NDArray[np.intp]:
    """What a training is shown, all of it drawn beforehand.

    Args:
        pools: Pools of images by whether they are synthetic; a side with a share of 0 may be absent.
        share: Share of synthetic images, 0 to 1.
        config: Configuration of the benchmark.
        seed: Random seed for drawing sides, images and their order.

    Returns:
        `(steps, batch, 2)`: whether the image is synthetic, and its number.
    """
    rng = np.random.default_rng(seed)
    synthetic, lesion, place = rng.random((3, config.steps, config.batch_size))
    order = np.zeros((config.steps, config.batch_size, 2), np.intp)
    order[..., 0] = synthetic < share
    for made, pool in pools.items():
        side = order[..., 0] == made
        for wanted in (True, False):
            # A side without healthy images shows only the others.
            numbers = pool.lesions if wanted or not len(pool.others) else pool.others
            chosen = side & ((lesion < config.lesion_share) == wanted)
            order[chosen, 1] = numbers[(place[chosen] * len(numbers)).astype(np.intp)]
    return order


def fit_detector(
    detector: Detector,
    sides: Mapping[bool, PreparedFilms],
    order: NDArray[np.intp],
    config: DetectConfig,
    device: str,
    advance: _Advance,
) -> float:
    """Train a detector on what `draw_order` says.

    Returns:
        Mean loss of the last tenth of the steps.

    Raises:
        TrainingError: The loss is no longer a number.
    """
    trained = [weight for weight in detector.parameters() if weight.requires_grad]
    optimiser = torch.optim.AdamW(trained, config.learning_rate, weight_decay=config.weight_decay)
    schedule = OneCycleLR(optimiser, config.learning_rate, total_steps=config.steps + 1, pct_start=0.1)
    detector.train()
    losses = []
    for step, shown in enumerate(order):
        prepared, boxes = _batch(sides, shown, device)
        loss = detector.loss(prepared, boxes)
        if not isfinite(loss.item()):
            hint = "Start again in another directory (out) with a lower learning_rate."
            raise TrainingError(f"the loss is no finite number after {step} steps", where=config.detector, hint=hint)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(trained, LARGEST_GRADIENT)
        optimiser.step()
        schedule.step()
        losses.append(loss.item())
        advance(len(shown))
    return float(np.mean(losses[-max(1, len(losses) // 10) :]))


def _batch(sides: Mapping[bool, PreparedFilms], shown: NDArray[np.intp], device: str) -> tuple[Prepared, list[Tensor]]:
    rows = [(sides[bool(synthetic)], int(number)) for synthetic, number in shown]
    count = len(rows[0][0].prepared)
    tensors = tuple(torch.stack([side.prepared[i][number] for side, number in rows]) for i in range(count))
    boxes = [torch.from_numpy(side.films.truths[number].lesions).to(device) for side, number in rows]
    return tuple(tensor.float().to(device) for tensor in tensors), boxes


@torch.no_grad()
def mark(
    detector: Detector, side: PreparedFilms, numbers: FilmNumbers, config: DetectConfig, device: str
) -> list[Marks]:
    """Marks on images: each on the breast, and none on what a better one already marks."""
    detector.eval()
    found: list[Marks] = []
    for chosen in _batches(len(numbers)):
        batch = tuple(tensor[numbers[chosen]].float().to(device) for tensor in side.prepared)
        found += detector.marks(batch, config.most_marks)
    return [distinct(on_breast(m, side.films.breasts[n])) for m, n in zip(found, numbers, strict=True)]


def on_breast(marks: Marks, breast: NDArray[np.bool_]) -> Marks:
    """The marks whose middle is on the breast.

    Args:
        marks: Marks on the image.
        breast: Outline of the breast, `bool (H, W)`.
    """
    height, width = breast.shape
    rows = np.clip((marks.boxes[:, 0] + marks.boxes[:, 2]) / 2, 0, height - 1).astype(int)
    columns = np.clip((marks.boxes[:, 1] + marks.boxes[:, 3]) / 2, 0, width - 1).astype(int)
    inside = breast[rows, columns]
    return Marks(marks.boxes[inside], marks.scores[inside])


def distinct(marks: Marks) -> Marks:
    """The marks that overlap no better one by much, best first."""
    order = np.argsort(-marks.scores, kind="stable")
    boxes, scores = marks.boxes[order], marks.scores[order]
    overlap = intersection_over_union(boxes, boxes) > SAME_LESION_IOU
    kept: list[int] = []
    for number in range(len(scores)):
        if not overlap[number, kept].any():
            kept.append(number)
    return Marks(boxes[kept], scores[kept])


def _batches(total: int) -> Sequence[FilmNumbers]:
    return np.array_split(np.arange(total), -(-total // _BATCH))
