"""Objects as points: a small head that finds boxes on feature maps of three scales (Zhou et al. 2019, CenterNet).

A top-down pass brings the maps to the finest one's grid. There each cell says how likely a lesion's middle is in it,
and how far the four edges of that lesion's box would be.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

STRIDE = 8
"""Pixels of the image per cell of the finest map."""

PRIOR = 0.01
"""Probability of a middle that an untrained head gives every cell."""

ALPHA, BETA = 2, 4
"""Exponents of the focal loss, equation 1 of the paper."""

BOX_WEIGHT = 2.0


class CentreHead(nn.Module):
    """Feature maps at strides of 8, 16 and 32 pixels -> middles and edges.

    Args:
        channels: Channels of the three maps, the finest first.
        width: Channels inside the head, a multiple of 8.
    """

    def __init__(self, channels: tuple[int, int, int], width: int = 48) -> None:
        super().__init__()
        self.lateral = nn.ModuleList(nn.Conv2d(inputs, width, 1) for inputs in channels)
        self.middle = nn.Sequential(
            nn.GroupNorm(8, width),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1),
            nn.GroupNorm(8, width),
            nn.ReLU(),
        )
        self.fine = nn.Sequential(
            nn.Conv2d(width, width, 5, padding=2, groups=width),
            nn.Conv2d(width, width, 1),
            nn.GroupNorm(8, width),
            nn.ReLU(),
        )
        self.centre = nn.Conv2d(width, 1, 1)
        self.edges = nn.Conv2d(width, 4, 1)
        assert self.centre.bias is not None
        nn.init.constant_(self.centre.bias, math.log(PRIOR / (1 - PRIOR)))

    def forward(self, maps: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        """Logits of a middle `(N, 1, h, w)`, and edges' log-distances `(N, 4, h, w)`, of the finest map's cells."""
        fine, middle, coarse = (lateral(scale) for lateral, scale in zip(self.lateral, maps, strict=True))
        middle = self.middle(middle + _grown(coarse, middle))
        x = self.fine(fine + _grown(middle, fine))
        return self.centre(x), self.edges(x)


def _grown(small: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(small, size=like.shape[2:], mode="bilinear", align_corners=False)


def boxes_at(edges: Tensor, image: Tensor, row: Tensor, column: Tensor) -> Tensor:
    """Boxes that cells predict.

    Args:
        edges: Edges that `CentreHead` gives, `(N, 4, h, w)`.
        image: Numbers of the images, `(K)`.
        row: Rows of the cells, `(K)`.
        column: Columns of the cells, `(K)`.

    Returns:
        Boxes (row0, col0, row1, col1) in pixels, `(K, 4)`.
    """
    distances = edges[image, :, row, column].clamp(-4, 4).exp() * 2 * STRIDE
    middle = torch.stack([row, column], 1).repeat(1, 2).float().add(0.5) * STRIDE
    return middle + distances * torch.tensor([-1.0, -1.0, 1.0, 1.0], device=edges.device)


def centre_loss(centre: Tensor, edges: Tensor, boxes: list[Tensor]) -> Tensor:
    """The focal loss of the middles plus twice the loss of the boxes (1 - generalised IoU), per lesion.

    Args:
        centre: Logits of a middle, `(N, 1, h, w)`.
        edges: Log-distances of the edges, `(N, 4, h, w)`.
        boxes: Boxes of the lesions of each image, `(K, 4)` in pixels.

    Returns:
        A scalar.
    """
    wanted, (image, row, column) = _targets(boxes, (centre.shape[2], centre.shape[3]))
    wanted = wanted.to(centre.device)
    probability = centre[:, 0].sigmoid().clamp(1e-4, 1 - 1e-4)
    at_middle = wanted == 1
    hits = (1 - probability) ** ALPHA * probability.log() * at_middle
    others = (1 - wanted) ** BETA * probability**ALPHA * (1 - probability).log() * ~at_middle
    lesions = max(len(image), 1)
    loss: Tensor = -(hits.sum() + others.sum()) / lesions
    if len(image):
        true = torch.cat(boxes).to(centre.device)
        predicted = boxes_at(edges, image, row, column)
        loss = loss + BOX_WEIGHT * (1 - generalised_iou(predicted, true)).mean()
    return loss


def _targets(boxes: list[Tensor], shape: tuple[int, int]) -> tuple[Tensor, tuple[Tensor, Tensor, Tensor]]:
    """A Gaussian around each middle, `(N, h, w)`, 1 at its cell; and image, row and column of these cells."""
    height, width = shape
    wanted = torch.zeros(len(boxes), height, width)
    rows, columns = torch.arange(height)[:, None], torch.arange(width)[None]
    cells = []
    for image, found in enumerate(boxes):
        for row0, col0, row1, col1 in (found / STRIDE).tolist():
            row = min(max(int((row0 + row1) / 2), 0), height - 1)
            column = min(max(int((col0 + col1) / 2), 0), width - 1)
            # A sixth of the box: at its edges the Gaussian is at three deviations.
            spread = max((row1 - row0) / 6, 0.5), max((col1 - col0) / 6, 0.5)
            distance = ((rows - row) / spread[0]) ** 2 + ((columns - column) / spread[1]) ** 2
            wanted[image] = torch.maximum(wanted[image], torch.exp(-distance / 2))
            cells.append((image, row, column))
    image_row_column = torch.tensor(cells, dtype=torch.long).reshape(-1, 3).T
    return wanted, (image_row_column[0], image_row_column[1], image_row_column[2])


def generalised_iou(first: Tensor, second: Tensor) -> Tensor:
    """Generalised intersection over union of pairs of boxes `(K, 4)`, `(K)` in (-1, 1] (Rezatofighi et al. 2019)."""
    low, high = torch.maximum(first[:, :2], second[:, :2]), torch.minimum(first[:, 2:], second[:, 2:])
    both = (high - low).clamp(min=0).prod(1)
    either = _area(first) + _area(second) - both
    hull = torch.maximum(first[:, 2:], second[:, 2:]) - torch.minimum(first[:, :2], second[:, :2])
    around = hull.clamp(min=0).prod(1)
    return both / either - (around - either) / around


def _area(boxes: Tensor) -> Tensor:
    return (boxes[:, 2:] - boxes[:, :2]).clamp(min=0).prod(1)


def peaks(centre: Tensor, most: int) -> tuple[Tensor, Tensor, Tensor]:
    """The most probable middles that no neighbouring cell surpasses.

    Args:
        centre: Logits of a middle, `(N, 1, h, w)`.
        most: Largest number of middles per image, K.

    Returns:
        Probabilities, rows and columns, each `(N, K)`; cells that are no peaks have the probability 0.
    """
    probability = centre.sigmoid()
    at_peak = probability == F.max_pool2d(probability, 3, 1, 1)
    width = probability.shape[3]
    values, places = (probability * at_peak).flatten(1).topk(min(most, probability[0].numel()))
    return values, places // width, places % width
