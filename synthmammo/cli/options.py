"""Options and arguments that several commands share: one name, one meaning, one description."""

from __future__ import annotations

from math import isfinite
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem


def files(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """What shells complete where a path is one of several things that an argument can be."""
    return [CompletionItem(incomplete, type="file")]


class Folder(click.Path):
    """A directory, whether it is there yet or not; shells complete directories alone."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Directories."""
        return [CompletionItem(incomplete, type="dir")]


class ModelName(click.ParamType[str]):
    """Name of a model: zoo/NAME, a file, or hf://ORG/REPO/FILE@REVISION."""

    name = "text"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The models of the zoo, and files."""
        from synthmammo.models.names import zoo

        names = [CompletionItem(name) for name in zoo() if name.startswith(incomplete)]
        return [*files(ctx, param, incomplete), *names]


class Percents(click.ParamType[tuple[float, ...]]):
    """Numbers between commas."""

    name = "N,N,..."

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, ...]:
        """As click."""
        try:
            return value if isinstance(value, tuple) else tuple(float(part) for part in str(value).split(","))
        except ValueError:
            self.fail(f"'{value}' is not numbers between commas, as 0,25,50", param, ctx)


def _finite(number: float, param: click.Parameter | None, ctx: click.Context | None) -> float:
    """The number; click takes "nan" and "inf" for numbers in any range."""
    if not isfinite(number):
        raise click.BadParameter(f"{number} is not a finite number.", ctx, param)
    return number


class Number(click.types.FloatParamType):
    """A finite number."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """As click."""
        return _finite(super().convert(value, param, ctx), param, ctx)


class NumberRange(click.FloatRange):
    """A finite number in a range."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """As click."""
        return _finite(super().convert(value, param, ctx), param, ctx)


class Device(click.ParamType[str]):
    """Name of a device that PyTorch can use here."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """As click."""
        if value == "cpu" or (ctx and ctx.resilient_parsing):
            return str(value)
        import torch

        try:
            torch.ones(1, device=value).item()  # the value fails on "meta", which has none
        except (RuntimeError, AssertionError) as error:  # what PyTorch raises depends on the kind of device
            self.fail(f"'{value}' cannot be used here ({str(error).splitlines()[0]}); cpu can.", param, ctx)
        return str(value)


FILE = click.Path(path_type=Path)
FOLDER = Folder()
SPLIT = click.Choice(["train", "validation", "test"])
SPACING = NumberRange(0, 10, min_open=True, max_open=True)
"""Pixel spacing in mm; IngestOptions has the same limits."""

MODEL = click.argument("model", type=ModelName())
DIRECTORY = click.argument("directory", type=FOLDER)
DEVICE = click.option(
    "--device", type=Device(), default="cpu", show_default=True, help="Device of the networks, e.g. cuda."
)
WORKERS = click.option("--workers", type=click.IntRange(1), help="Number of processes.  [default: one per core]")
PICTURE = click.option("--out", type=FILE, required=True, help="PNG file to write.")
WHERE = click.option(
    "--where",
    metavar="CONDITION",
    help='Condition that images must meet, e.g. "modifier is null and not implant".  [default: none, all images]',
)
LABEL = click.option("--class", "label", help="Class of the samples of a conditional model.")
TRUNCATION = click.option(
    "--truncation",
    type=NumberRange(0),
    default=0.65,
    show_default=True,
    help="Truncation psi of samples named by a seed; 1 is none.",
)
