"""Options and arguments that several commands share: one name, one meaning, one description."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from synthmammo.cli.kinds import (
    Choice,
    Device,
    ExistingFolder,
    KnownModel,
    NewFile,
    NewFolder,
    NumberRange,
    RecipeName,
    SampleNames,
    Seed,
)

Decorated = TypeVar("Decorated", bound=Callable[..., Any] | click.Command)


def _both(
    first: Callable[[Decorated], Decorated], second: Callable[[Decorated], Decorated]
) -> Callable[[Decorated], Decorated]:
    return lambda command: first(second(command))


def _set_threads(ctx: click.Context, param: click.Parameter, value: int | None) -> None:
    """Settle the number of threads before PyTorch is imported, which reads it then."""
    if not ctx.resilient_parsing:
        from synthmammo.models.threads import set_threads

        set_threads(value)


def _suited(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Refuse a class, or a model, before the seconds that importing PyTorch takes; done when both are known."""
    known = {**ctx.params, str(param.name): value}
    if {"model", "label"} <= known.keys() and not ctx.resilient_parsing:
        from synthmammo.models.suitable import require_samples

        require_samples(known["model"], known["label"])
    return value


def _stylegan2(ctx: click.Context, param: click.Parameter, value: str) -> str:
    """Refuse a model of another kind before PyTorch is imported."""
    if not ctx.resilient_parsing:
        from synthmammo.models.suitable import require_stylegan2

        require_stylegan2(value)
    return value


FILE = click.Path(path_type=Path)
FOLDER = ExistingFolder()
SPLIT = Choice(["train", "validation", "test"])
SPACING = NumberRange(0, 10, min_open=True, max_open=True)
"""Pixel spacing in mm; IngestOptions has the same limits."""


def settings_option(of: str, example: str) -> Callable[[Decorated], Decorated]:
    """The option `--set`: a value of one key of whatever a command is configured by.

    Args:
        of: What has the keys, e.g. "the recipe".
        example: One assignment.
    """
    text = f"Value of one key of {of}, e.g. {example}; may be repeated."
    return click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help=text)


RECIPE = click.argument("recipe", type=RecipeName())
SIZE = click.option("--size", type=int, help="Number of samples.  [default: the recipe's size]")
SETTINGS = settings_option("the recipe", "emit.shard_size=16")
FROM_SPLIT = click.option("--split", type=SPLIT, help="Split that the images are taken from.  [default: all]")
LIMIT = click.option(
    "--limit", type=click.IntRange(1), help="Number of images to read, the first ones.  [default: all]"
)
ASSUME_SPACING = click.option(
    "--assume-spacing-mm",
    type=SPACING,
    help="Pixel spacing in mm of images without one; recorded as assumed.  [default: unknown]",
)
HOST = click.option(
    "--host", default="127.0.0.1", show_default=True, help="Address to listen at; another needs --token."
)
PORT = click.option(
    "--port", type=click.IntRange(0, 65535), help="Port to listen at.  [default: the first free one from 8000]"
)
TOKEN = click.option("--token", help="Word that links to the page carry.  [default: none, only this machine is served]")
LAYERS = "Layers of w that change, first and last, e.g. 4-7."
DIRECTIONS = click.option("--directions", type=FILE, help="Directions file to read.  [default: beside the model]")


def seed_option(what: str) -> Callable[[Decorated], Decorated]:
    """The option `--seed`: what makes random draws come out the same again.

    Args:
        what: What is drawn, e.g. "drawing the splits".
    """
    return click.option("--seed", type=Seed(), default=0, show_default=True, help=f"Random seed for {what}.")


def sample_option(
    default: str, name: str = "--seeds", what: str = "Samples to draw", **more: Any
) -> Callable[[Decorated], Decorated]:
    """The option `--seeds`: samples of a model by their names.

    Args:
        default: Names of the samples where none are given.
        name: Name of the option, where the samples have a part of their own.
        what: What is done with the samples.
        more: Further arguments of `click.option`.
    """
    text = f"{what}: seeds as 0-3,7, or FILE:KEY."
    return click.option(name, default=default, show_default=True, type=SampleNames(), help=text, **more)


def count_option(what: str, default: int, **more: Any) -> Callable[[Decorated], Decorated]:
    """The option `--count`: how many of the things that there are are shown.

    Args:
        what: The things, e.g. "samples".
        default: Number of them.
        more: Further arguments of `click.option`.
    """
    text = f"Number of {what} that are shown."
    return click.option("--count", type=click.IntRange(1), default=default, show_default=True, help=text, **more)


def columns_option(default: int, least: int = 1) -> Callable[[Decorated], Decorated]:
    """The option `--columns`: pictures in a row.

    Args:
        default: Number of pictures.
        least: Least number.
    """
    return click.option(
        "--columns", type=click.IntRange(least), default=default, show_default=True, help="Number of pictures per row."
    )


def most_option(default: float) -> Callable[[Decorated], Decorated]:
    """The option `--most`: how far along a direction.

    Args:
        default: Distance in standard deviations.
    """
    text = "Largest distance along the direction, both ways, in standard deviations."
    return click.option("--most", type=NumberRange(0, min_open=True), default=default, show_default=True, help=text)


def truncation_option(default: float) -> Callable[[Decorated], Decorated]:
    """The option `--truncation`.

    Args:
        default: Truncation psi.
    """
    text = "Truncation psi of samples named by a seed; less is more typical, 1 is none."
    return click.option("--truncation", type=NumberRange(0), default=default, show_default=True, help=text)


MODEL = click.argument("model", type=KnownModel(), callback=_suited)
FITTED_MODEL = click.argument("model", type=KnownModel(), callback=_stylegan2)
"""A StyleGAN2 that something is fitted to, of all its classes."""
DIRECTORY = click.argument("directory", type=FOLDER)
THREADS = click.option(
    "--threads",
    type=click.IntRange(1),
    is_eager=True,
    expose_value=False,
    callback=_set_threads,
    help="Number of threads of the networks.  [default: one per free core]",
)


def device_option(default: str) -> Callable[[Decorated], Decorated]:
    """The option `--device`.

    Args:
        default: "auto" where a measurement, weights or a picture comes of it; "cpu" where a dataset does, so that no
            byte depends on the machine by accident.
    """
    text = "Device of the networks: cpu, cuda, mps, or auto for the best that there is."
    return click.option("--device", type=Device(), default=default, show_default=True, help=text)


DEVICE = _both(device_option("auto"), THREADS)
"""Where networks compute: --device and --threads."""
DATASET_DEVICE = device_option("cpu")
"""Where the networks of a dataset compute, each on one thread."""
WORKERS = click.option("--workers", type=click.IntRange(1), help="Number of processes.  [default: one per core]")
OUT_FILE, OUT_FOLDER = NewFile(), NewFolder()
PICTURE_FILE = NewFile(".png")
PICTURE = click.option("--out", type=PICTURE_FILE, required=True, help="PNG file to write.")
WHERE = click.option(
    "--where",
    metavar="CONDITION",
    help='Condition that images must meet, e.g. "modifier is null and not implant".  [default: none, all images]',
)
LABEL = click.option("--class", "label", callback=_suited, help="Class of the samples of a conditional model.")
TRUNCATION = truncation_option(0.65)
