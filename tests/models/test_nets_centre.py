"""The head that finds objects as points: its targets, its boxes, its loss."""

import pytest
import torch

from synthmammo.models.nets.centre import PRIOR, STRIDE, CentreHead, boxes_at, centre_loss, generalised_iou, peaks

CHANNELS = (4, 6, 8)


def maps(count: int = 2) -> tuple[torch.Tensor, ...]:
    sides = ((8, 4), (4, 2), (2, 1))
    return tuple(torch.randn(count, channels, *side) for channels, side in zip(CHANNELS, sides, strict=True))


def test_a_fresh_head_expects_little():
    torch.manual_seed(0)
    centre, edges = CentreHead(CHANNELS, width=8)(maps())
    assert centre.shape == (2, 1, 8, 4)
    assert edges.shape == (2, 4, 8, 4)
    assert centre.sigmoid().mean().item() == pytest.approx(PRIOR, rel=0.8)


def test_boxes_lie_around_their_cell():
    """Log-distances of 0 are twice the stride to each side of the cell's middle."""
    edges = torch.zeros(1, 4, 8, 4)
    box = boxes_at(edges, *(torch.tensor([n]) for n in (0, 3, 1)))
    middle = torch.tensor([3.5, 1.5, 3.5, 1.5]) * STRIDE
    assert torch.equal(box[0], middle + torch.tensor([-2.0, -2, 2, 2]) * STRIDE)


def test_the_loss_is_lowest_where_the_truth_is_said():
    """Sure of the right cell and its edges, the loss is nearly 0; elsewhere, or with other edges, it is not."""
    boxes = [torch.tensor([[12.0, 4.0, 44.0, 36.0]]), torch.zeros(0, 4)]

    def loss(row: int, column: int, distance: float) -> float:
        centre = torch.full((2, 1, 8, 4), -12.0)
        centre[0, 0, row, column] = 12.0
        return centre_loss(centre, torch.full((2, 4, 8, 4), distance), boxes).item()

    assert loss(3, 2, 0.0) < 0.01
    assert loss(0, 0, 0.0) > 1
    assert 0.1 < loss(3, 2, 1.0) < 4


def test_images_without_lesions_are_a_loss_of_their_own():
    quiet, loud = torch.full((1, 1, 8, 4), -9.0), torch.full((1, 1, 8, 4), 9.0)
    edges, nothing = torch.zeros(1, 4, 8, 4), [torch.zeros(0, 4)]
    assert centre_loss(quiet, edges, nothing) < 0.001 < centre_loss(loud, edges, nothing)


def test_a_lesion_beyond_the_canvas_counts_at_its_edge():
    boxes = [torch.tensor([[60.0, 30.0, 90.0, 50.0]])]
    assert torch.isfinite(centre_loss(torch.zeros(1, 1, 8, 4), torch.zeros(1, 4, 8, 4), boxes))


def test_generalised_iou_by_hand():
    box = torch.tensor([[0.0, 0, 10, 10]])
    others = torch.tensor([[0.0, 0, 10, 10], [0, 5, 10, 15], [0, 20, 10, 30]])
    assert generalised_iou(box.expand(3, 4), others).tolist() == pytest.approx([1, 1 / 3, -1 / 3])


def test_peaks_are_cells_above_their_neighbours():
    centre = torch.full((1, 1, 8, 4), -5.0)
    centre[0, 0, 2, 1], centre[0, 0, 2, 2], centre[0, 0, 6, 3] = 3.0, 2.0, 1.0
    scores, rows, columns = peaks(centre, 2)
    assert list(zip(rows[0].tolist(), columns[0].tolist(), strict=True)) == [(2, 1), (6, 3)]
    assert scores[0].tolist() == pytest.approx(torch.sigmoid(torch.tensor([3.0, 1.0])).tolist())


def test_a_head_learns_where_a_bright_square_is():
    torch.manual_seed(0)
    head = CentreHead((1, 1, 1), width=8)
    rows, columns = torch.randint(1, 7, (24,)), torch.randint(1, 7, (24,))
    bright = torch.zeros(24, 1, 8, 8)
    for image, (row, column) in enumerate(zip(rows, columns, strict=True)):
        bright[image, 0, row - 1 : row + 2, column - 1 : column + 2] = 1
    scales = (bright, *(torch.nn.functional.avg_pool2d(bright, side) for side in (2, 4)))
    middles = torch.stack([rows, columns], 1).repeat(1, 2) * STRIDE + STRIDE / 2
    boxes = [box[None] for box in middles + torch.tensor([-1.5, -1.5, 1.5, 1.5]) * STRIDE]
    optimiser = torch.optim.Adam(head.parameters(), 2e-2)
    for _ in range(60):
        optimiser.zero_grad()
        loss = centre_loss(*head(scales), boxes)
        loss.backward()
        optimiser.step()
    centre, edges = head(scales)
    _, found, across = peaks(centre, 1)
    right = (found[:, 0] == rows) & (across[:, 0] == columns)
    assert right.float().mean() > 0.9
    predicted = boxes_at(edges, torch.arange(24), found[:, 0], across[:, 0])
    assert generalised_iou(predicted, torch.cat(boxes)).mean() > 0.6
