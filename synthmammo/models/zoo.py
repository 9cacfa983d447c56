"""The zoo: the small models that recipes name as `zoo/NAME`, those of the package and those a user adds.

A model is one file in half precision, NAME.safetensors, with its card, NAME.md, beside it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from synthmammo.arguments import a_choice, a_path, wrong
from synthmammo.errors import CheckpointError, OutputError
from synthmammo.files import writing
from synthmammo.models.file import Description, describe, load, save_model
from synthmammo.models.names import SUFFIX, ZOO, locate_model, zoo, zoo_folders

MOST_NUMBERS = 8_000_000
"""Weights and fixed noise of a generator; 16 MB in half precision."""

_FIXED = ("noise_const", "w_avg", "mean_w")
"""Numbers beside the weights: fixed noise, and the mean of w."""

_PRECISIONS = {"F16": "16-bit floats", "BF16": "16-bit brain floats", "F32": "32-bit floats", "F64": "64-bit floats"}

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


@dataclass(frozen=True)
class ModelFile:
    """A model file, without its weights.

    Attributes:
        name: Name that recipes give it.
        path: The file.
        description: What it says of itself.
        numbers: How many weights, and other numbers such as fixed noise, its generator has.
        weights: How many of these were trained.
        precision: How they are stored, e.g. "16-bit floats".
        others: Names of the further networks in the file, which a trained file needs to be trained on.
    """

    name: str
    path: Path
    description: Description
    numbers: int
    weights: int
    precision: str
    others: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"ModelFile({self.name}: {self.makes}, {self.weights / 1e6:.1f} million weights)"

    @property
    def side_px(self) -> int | None:
        """Side of the images it makes; None where its configuration does not say."""
        config = self.description.config
        side = config.get("resolution", config.get("size"))
        return None if side is None else int(side)

    @property
    def makes(self) -> str:
        """What it makes, e.g. "mammograms, 256 x 256"."""
        side = f", {self.side_px} x {self.side_px}" if self.side_px else ""
        return self.description.makes + side

    @property
    def shipped(self) -> bool:
        """Whether it came with the package."""
        return self.path.parent == ZOO

    @property
    def card(self) -> str:
        """Its card, or one drafted from its description where none lies beside it."""
        path = self.path.with_suffix(".md")
        return path.read_text(encoding="utf-8") if path.is_file() else drafted_card(self)


def list_models() -> list[ModelFile]:
    """All models that can be named as `zoo/NAME`, those of the package and those that were added; no weight is read.

    Returns:
        The models in the order of their names.

    Raises:
        CheckpointError: A file in the zoo is damaged.

    Example:
        >>> import synthmammo as sm
        >>> "zoo/contextual-mass" in [model.name for model in sm.list_models()]
        True
    """
    return [find_model(name) for name in zoo()]


def find_model(name: str | Path) -> ModelFile:
    """What is known of a model; its weights are not read.

    Args:
        name: Name of the model: zoo/NAME, a path, or hf://ORG/REPO/FILE@REVISION, which is fetched.

    Returns:
        Its description, numbers and card.

    Raises:
        CheckpointError: There is none, the file is damaged, or the argument is no name.

    Example:
        >>> import synthmammo as sm
        >>> model = sm.find_model("zoo/stylegan2-cbis-mass-128")
        >>> model.makes, model.description.classes
        ('patches, 128 x 128', ('benign', 'malignant'))
    """
    from safetensors import safe_open

    a_path(name, "name", CheckpointError)
    path, description = locate_model(name), describe(name)
    numbers, stored, networks = Counter[bool](), Counter[str](), set()
    with safe_open(path, framework="np") as file:
        for tensor in file.keys():  # noqa: SIM118
            network, _, layer = tensor.partition(".")
            networks.add(network)
            if network == "generator":
                part = file.get_slice(tensor)
                numbers[layer.rpartition(".")[2] in _FIXED] += prod(part.get_shape())
                stored[str(part.get_dtype())] += prod(part.get_shape())
    precision = " and ".join(_PRECISIONS.get(name, name) for name, _ in stored.most_common())
    others = tuple(sorted(networks - {"generator"}))
    return ModelFile(str(name), path, description, numbers.total(), numbers[False], precision, others)


def add_model(source: str | Path, name: str | None = None, *, overwrite: bool = False) -> ModelFile:
    """Put the generator of a model into the user's zoo, in half precision, with its card.

    Args:
        source: Model of this package: zoo/NAME, a path, or hf://ORG/REPO/FILE@REVISION. A card that lies beside it
            comes along; else one is drafted from what the file says of itself.
        name: Name to give it; None for that of the file.
        overwrite: Whether to take the place of a model of that name; False by default.

    Returns:
        The new model.

    Raises:
        CheckpointError: The source is no model of this package, or has too many weights.
        OutputError: The name is taken or not one, or the folder cannot be written.

    Example:
        >>> import os, synthmammo as sm
        >>> os.environ["SYNTHMAMMO_ZOO"] = "my_zoo"
        >>> sm.add_model("zoo/contextual-mass", "masses").name
        'zoo/masses'
        >>> del os.environ["SYNTHMAMMO_ZOO"]
    """
    from torch import float16

    a_path(source, "source", CheckpointError)
    if not isinstance(name, str | None):
        raise wrong("name", "a text", name, OutputError)
    a_choice(overwrite, "overwrite", OutputError)
    checkpoint = load(source)
    generator = checkpoint.network("generator")
    numbers = sum(tensor.numel() for tensor in generator.state_dict().values())
    if numbers > MOST_NUMBERS:
        message = f"its generator has {numbers / 1e6:.1f} million weights; a model of the zoo has at most"
        hint = "Recipes can name it by its path, or as hf://ORG/REPO/FILE@REVISION; or train a smaller one."
        raise CheckpointError(f"{message} {MOST_NUMBERS / 1e6:g} million (16 MB)", where=checkpoint.path, hint=hint)
    name = checkpoint.path.stem if name is None else name.removeprefix("zoo/")
    if not _NAME.fullmatch(name):
        raise OutputError(f"'{name}' is no name: expected letters, digits, - and _", where="name")
    out = zoo_folders()[0] / f"{name}{SUFFIX}"
    if out.exists() and not overwrite:
        raise OutputError("a model of this name is there", where=out, hint="Give another name, or replace it.")
    card = checkpoint.path.with_suffix(".md")
    text = card.read_text(encoding="utf-8") if card.is_file() else None
    save_model(out, {"generator": generator}, checkpoint.description, float16)
    added = find_model(f"zoo/{name}")
    with writing(out.with_suffix(".md")) as partial:
        partial.write_text(text or drafted_card(added), encoding="utf-8")
    return added


def drafted_card(described: ModelFile) -> str:
    """A card with all that the file says of itself, to be completed by those who trained the model."""
    about = described.description.about or "Not described by those who trained it."
    rows = "\n".join(f"| {name} | {value} |" for name, value in _facts(described))
    measured = "\n".join(f"| {name} | {_shown(value)} |" for name, value in _leaves(described.description.metrics))
    reached = f"| measured | value |\n| --- | --- |\n{measured}" if measured else "Nothing was measured."
    return (
        f"# {described.name.removeprefix('zoo/')}\n\n{about}\n\n"
        "**For research. Not for clinical use; no radiologist has validated it.**\n\n"
        f"| property | value |\n| --- | --- |\n{rows}\n\n## What it reached\n\n{reached}\n"
    )


def _facts(described: ModelFile) -> Iterator[tuple[str, str]]:
    description = described.description
    yield "licence", description.licence
    size = f"{described.weights / 1e6:.2f} million weights, {described.precision}"
    yield "architecture", f"{description.architecture}, {size}"
    if described.others:
        yield "for further training", ", ".join(name.replace("_", " ") for name in described.others)
    yield "makes", f"{described.makes} pixels, {description.bits_stored} bits"
    yield "pixel spacing", f"{description.spacing_mm:g} mm" if description.spacing_mm else "unknown"
    if description.classes:
        yield "classes", ", ".join(description.classes)
    data = description.training_data
    if data:
        digest = f" (digest {data['digest'][:12]})" if data.get("digest") else ""
        yield "trained on", f"{data.get('name', 'unknown')}{digest}"
        yield "origin of the training images", data.get("origin", "not recorded")
    for name, value in _leaves(description.training):
        yield name, _shown(value)


def _leaves(values: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{above}{name}, ")
        else:
            yield above + name.replace("_", " "), value


def _shown(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
