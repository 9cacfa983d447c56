"""Kinds of values of options and arguments: what is understood, how it is completed, and what is refused."""

from __future__ import annotations

import os
import re
from math import isfinite
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from synthmammo.cli.volume import note
from synthmammo.errors import GeneratorError, nearest

MOST_SAMPLES, MOST_SAMPLE_SEED = 1_000_000, 2**64 - 1
"""Greatest number of samples that one command draws, and the seed of the last one that there is."""

MOST_SEED = 2**63 - 1
"""Greatest random seed, as in recipes."""


def files(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """What shells complete where a path is one of several things that an argument can be."""
    return [CompletionItem(incomplete, type="file")]


class ExistingFolder(click.Path):
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


class KnownModel(ModelName):
    """Name of a model that is there; nothing is fetched yet."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """As click."""
        from synthmammo.models.names import hub_address, is_hosted, locate_model

        if not (ctx and ctx.resilient_parsing):
            hub_address(value) if is_hosted(value) else locate_model(value)
        return str(value)


def source_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Names of readers of archives, those of plug-ins among them, for completion."""
    from synthmammo.extending import SOURCES as PLUGINS
    from synthmammo.extending import plugins
    from synthmammo.ingesting.sources.base import SOURCES

    return [name for name in (*SOURCES, *plugins(PLUGINS)) if name.startswith(incomplete)]


def recipe_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The shipped recipes, and files."""
    from synthmammo.recipe.shipped import shipped_recipes

    names = [CompletionItem(name) for name in shipped_recipes() if name.startswith(incomplete)]
    return [*files(ctx, param, incomplete), *names]


class Text(click.ParamType[str]):
    """A text that says something."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """As click."""
        if not str(value).strip():
            self.fail("expected a text, found none.", param, ctx)
        return str(value)


def _refuse_blocked(kind: click.ParamType[Any], path: Path, param: click.Parameter | None, ctx: Any) -> None:
    """Refuse a path that nothing can be written to, before hours of work are done for it."""
    above = next((place for place in path.absolute().parents if place.exists()), None)
    if above is not None and not above.is_dir():
        kind.fail(f"'{path}' cannot be written: {above} is a file.", param, ctx)
    if above is not None and not path.exists() and not os.access(above, os.W_OK):
        kind.fail(f"'{path}' cannot be written: nothing may be made in {above}.", param, ctx)


class NewPlace(click.Path):
    """A file or a folder to write, as its ending says."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """As click."""
        _refuse_blocked(self, Path(value), param, ctx)
        return super().convert(value, param, ctx)


class NewFile(NewPlace):
    """A file to write.

    Args:
        endings: Endings that it may have; none for any.
    """

    def __init__(self, *endings: str) -> None:
        super().__init__()
        self.endings = endings

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """As click."""
        path = Path(value)
        if self.endings and path.suffix.lower() not in self.endings:
            known = " or ".join(self.endings) if len(self.endings) < 3 else "one of " + ", ".join(self.endings)
            self.fail(f"'{value}' ends in none of what can be written; expected {known}.", param, ctx)
        if path.is_dir():
            self.fail(f"'{value}' is a folder; name a file.", param, ctx)
        return super().convert(value, param, ctx)


class NewFolder(ExistingFolder):
    """A directory to write."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """As click."""
        path = Path(value)
        if path.exists() and not path.is_dir():
            self.fail(f"'{value}' is a file; name a folder.", param, ctx)
        _refuse_blocked(self, path, param, ctx)
        return super().convert(value, param, ctx)


class NewDataset(NewFolder):
    """A directory to write, or the address of a storage, as s3://BUCKET/NAME."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """As click; an address stays a text."""
        return value if isinstance(value, str) and "://" in value else super().convert(value, param, ctx)


class SampleNames(click.ParamType[str]):
    """Samples of a model: seeds as 0-3,7, or FILE:KEY, between commas.

    Args:
        files: Whether FILE:KEY is understood; True by default.
    """

    name = "SAMPLES"

    def __init__(self, files: bool = True) -> None:
        self.files = files

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """As click; the text is checked and stays one, and files are not looked at."""
        count = 0
        for part in filter(None, (part.strip() for part in str(value).split(","))):
            count += self._number(part, param, ctx)
        if not 0 < count <= MOST_SAMPLES:
            found = "no sample" if not count else f"{count:,} samples, more than {MOST_SAMPLES:,}"
            self.fail(f"'{value}' names {found}; expected e.g. 0-3,7.", param, ctx)
        return str(value)

    def _number(self, part: str, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """How many samples a part between commas names."""
        found = re.fullmatch(r"(\d+)(?:-(\d+))?", part, re.ASCII)
        if not found and self.files and ":" in part.strip(":"):
            return 1
        if not found:
            named = ", nor FILE:KEY" if self.files else ""
            self.fail(f"'{part}' is neither a seed, nor a range of seeds as 0-35{named}.", param, ctx)
        first, last = int(found[1]), int(found[2] or found[1])
        if last < first:
            self.fail(f"'{part}' names no sample: the last comes before the first.", param, ctx)
        if last > MOST_SAMPLE_SEED:
            self.fail(f"'{part}': the largest seed of a sample is {MOST_SAMPLE_SEED}.", param, ctx)
        return last - first + 1


class RecipeName(click.Path):
    """A recipe: a file, or the name of a shipped one."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The shipped recipes, and files."""
        return recipe_names(ctx, param, incomplete)


class Choice(click.Choice[str]):
    """One of some names; another is answered with the nearest of them."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """As click."""
        if value not in self.choices:
            self.fail(f"'{value}' is not known. {nearest(str(value), self.choices)}", param, ctx)
        return str(value)


class Layers(click.ParamType[tuple[int, int]]):
    """Layers as FIRST-LAST, both included, or one number; the value is the first, and the one after the last."""

    name = "FIRST-LAST"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        """As click; FIRST:END, the notation of the release before, is understood."""
        if isinstance(value, tuple):
            return value
        found = re.fullmatch(r"(\d{1,4})(?:([-:])(\d{1,4}))?", value)
        if not found:
            self.fail(f"'{value}' names no layers; expected e.g. 4-7.", param, ctx)
        first, sign, last = found.groups()
        end = int(last or first) + (sign != ":")
        if end <= int(first):
            self.fail(f"'{value}' names no layers: the last comes before the first.", param, ctx)
        if sign == ":":
            note(f"--layers {value} is now written {first}-{end - 1}; the next release knows only that.")
        return int(first), end


class Seed(click.IntRange):
    """A random seed."""

    def __init__(self) -> None:
        super().__init__(0)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """As click; the limit goes without saying in the help."""
        number: int = super().convert(value, param, ctx)
        if number > MOST_SEED:
            self.fail(f"{number} is above the largest seed, {MOST_SEED}.", param, ctx)
        return number


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
    """Name of a device that PyTorch can use here, or "auto" for the best that there is."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """As click; what "auto" stands for is found out where PyTorch is needed anyway."""
        from synthmammo.models.devices import AUTO, CPU, usable

        if value in (CPU, AUTO) or (ctx and ctx.resilient_parsing):
            return str(value)
        try:
            return usable(str(value))
        except GeneratorError as error:
            self.fail(f"{error.message}. {error.hint or ''}".strip(), param, ctx)
