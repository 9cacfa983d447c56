"""How far a dataset has come, as `status` prints it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from synthmammo.cli.answers import print_table

if TYPE_CHECKING:
    from synthmammo.dataset.standing import Standing

_STATES = {
    "finished": "finished",
    "running": "being made now",
    "unfinished": "unfinished; the command that began it goes on from there",
    "done": "done; `synthmammo merge` makes a dataset of all parts",
}
_MOST_REASONS, _MOST_SHARDS = 5, 8


def print_standing(found: Standing) -> None:
    """Print how far a dataset, a part of one, or all parts have come.

    Args:
        found: What was found out.
    """
    portion = f", {found.portion}" if found.portion and not found.parts else ""
    click.echo(f"{found.path}{portion}: {_STATES[found.state]}")
    for line in _lines(found):
        click.echo(f"  {line}")
    if found.growing:
        of = "" if found.growing.planned is None else f" to {found.growing.planned:,} samples"
        click.echo(f"It grows{of}: {_STATES[found.growing.state]}")
        for line in _lines(found.growing):
            click.echo(f"  {line}")
    if found.parts:
        rows = [_row(part) for part in found.parts]
        print_table(("part", "state", "samples", "of", "failed", "shards", "of", "samples/s"), rows, texts=(0, 1))


def _lines(found: Standing) -> Iterator[str]:
    of = f" of {found.planned:,}" if found.planned is not None and found.state != "finished" else ""
    yield f"{found.samples:,}{of} samples in {found.files:,} files, {found.bytes / 1e6:,.1f} MB"
    if found.state != "finished":
        yield f"{found.shards_done:,}{_of(found.shards_planned)} shards done" + _running(found)
    for split, labels in found.counts.items():
        yield f"{split}: " + ", ".join(f"{number:,} {label}" for label, number in labels.items())
    if found.failed:
        yield f"{found.failed:,} could not be made"
        most = sorted(found.reasons.items(), key=lambda item: -item[1])[:_MOST_REASONS]
        yield from (f"  {number:,} x {reason}" for reason, number in most)
    if found.rate is not None:
        left = found.seconds_left
        then = f", about {_time(left)} left" if left is not None else ""
        run = "present" if found.state == "running" else "last"
        yield f"{found.rate:,.3g} samples per second in the {run} run{then}"


def _of(number: int | None) -> str:
    return "" if number is None else f" of {number:,}"


def _running(found: Standing) -> str:
    if not found.running:
        return ""
    shown = ", ".join(found.running[:_MOST_SHARDS])
    more = len(found.running) - _MOST_SHARDS
    return f", {len(found.running)} being written: {shown}" + (f" and {more} more" if more > 0 else "")


def _row(part: Standing) -> tuple[str, ...]:
    numbers = (part.samples, part.planned or 0, part.failed, part.shards_done, part.shards_planned or 0)
    rate = "" if part.rate is None else f"{part.rate:,.3g}"
    return (part.path.name, part.state, *(f"{number:,}" for number in numbers), rate)


def _time(seconds: float) -> str:
    for unit, size in (("days", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:,.1f} {unit}"
    return f"{seconds:,.0f} s"
