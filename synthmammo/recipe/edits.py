"""Edits of a recipe: moves along directions, parts taken from a reference, and style mixing."""

from __future__ import annotations

import re
from difflib import get_close_matches
from itertools import accumulate, pairwise
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator

from synthmammo.errors import nearest
from synthmammo.mammogram.terms import ATTRIBUTES, DENSITY_SHARES
from synthmammo.recipe.draws import Draw, DrawModel, Share, Strict

_Layers = tuple[int, int]
_COMPONENT = re.compile(r"component \d+")
_ONE = DrawModel(uniform=(1.0, 1.0))

TARGET_WORDS: dict[str, dict[str, DrawModel]] = {
    "density": {
        letter: DrawModel(uniform=(low, high))
        for letter, (low, high) in zip(
            DENSITY_SHARES, pairwise(accumulate(DENSITY_SHARES.values(), initial=0.0)), strict=True
        )
    },
    "view": {"CC": DrawModel(uniform=(0, 0)), "MLO": DrawModel(uniform=(1, 1))},
    "implant": {"absent": DrawModel(uniform=(0, 0)), "present": DrawModel(uniform=(1, 1))},
}
"""Targets that have a name, as distributions.

A density letter is a range of quantiles among the model's own images, with the population's shares as its bounds, since
grey levels tell a denser breast from a less dense one, but not how dense it is. The other targets are values of the
attribute.
"""


def is_direction(name: str) -> bool:
    """Whether a name can be that of a direction: an attribute, or `component N`."""
    return name in ATTRIBUTES or _COMPONENT.fullmatch(name) is not None


class Edit(Strict):
    """What all edits have in common. Edits belong to the background: all its samples share them."""

    tag: ClassVar[str]
    probability: Share = Field(1.0, description="Share of the backgrounds that get the edit")

    @property
    def name(self) -> str:
        """Name of the edit in the plan."""
        raise NotImplementedError

    @property
    def draw(self) -> DrawModel:
        """Distribution of the strength, or of the target, that the plan draws."""
        raise NotImplementedError


class DirectionEdit(Edit):
    """A move of the latent w, after truncation, along a direction that `synthmammo directions fit` found.

    `density: 1.5` is short for `{direction: density, strength: 1.5}`, `density: {target: c}` for
    `{direction: density, target: c}`.
    """

    tag: ClassVar[str] = "direction edit"
    direction: str = Field(description="Attribute, e.g. density, or principal component from 0, e.g. component 7")
    strength: Draw | None = Field(
        None, description="Length of the move, in standard deviations of the latents along the direction; default 1"
    )
    target: str | Draw | None = Field(
        None,
        description="Value of the attribute to reach, in place of a strength; or a, b, c, d; CC, MLO; absent, present",
    )
    sweep: list[float] | None = Field(
        None, min_length=2, description="Strengths, in place of one, with each of which every background is made once"
    )
    layers: _Layers | None = Field(None, description="First layer of w, and the one after the last; default all")

    @model_validator(mode="after")
    def _understood(self) -> DirectionEdit:
        given = [name for name in ("strength", "target", "sweep") if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"expected one of strength, target and sweep, found {' and '.join(given)}")
        if self.sweep and self.probability != 1:
            raise ValueError("sweep: every background has all of its steps; remove probability")
        if not is_direction(self.direction):
            hint = nearest(self.direction, [*ATTRIBUTES, "component 0"])
            raise ValueError(f"direction: '{self.direction}' is neither an attribute nor 'component N'. {hint}")
        if self.target is not None:
            self._check_target()
        _check_layers(self.layers)
        return self

    def _check_target(self) -> None:
        words = TARGET_WORDS.get(self.direction, {})
        if self.direction not in ATTRIBUTES:
            raise ValueError(f"target: only an attribute has one, '{self.direction}' is none; state a strength")
        if isinstance(self.target, str) and self.target not in words:
            names = f"one of {', '.join(words)}, or a number" if words else "a number or [low, high]"
            raise ValueError(f"target: '{self.target}' is no target of {self.direction}; expected {names}")

    @property
    def name(self) -> str:
        """Name of the direction."""
        return self.direction

    @property
    def draw(self) -> DrawModel:
        """Distribution of the strength, or of the target (a value of the attribute; for density letters a quantile)."""
        if isinstance(self.target, str):
            return TARGET_WORDS[self.direction][self.target]
        return self.target or self.strength or _ONE


class Reference(Strict):
    """Images that a part or a mixture is taken from; by default each background has a fresh one."""

    seeds: list[Annotated[int, Field(ge=0, lt=2**64)]] = Field(
        [], description="Random seeds of the model's images, drawn evenly"
    )
    keys: list[str] = Field([], description="Keys of images in background.latents, drawn evenly")

    @model_validator(mode="after")
    def _one_kind(self) -> Reference:
        if self.seeds and self.keys:
            raise ValueError("expected either seeds or keys")
        return self


def _reference(value: Any) -> Any:
    # `reference: 4` and `reference: [4, 7]` are short for `reference: {seeds: ...}`.
    if isinstance(value, int) and not isinstance(value, bool):
        return {"seeds": [value]}
    return {"seeds": value} if isinstance(value, list) else value


ReferenceOrSeeds = Annotated[Reference, BeforeValidator(_reference, json_schema_input_type=int | list[int] | Reference)]


def _as_text(value: Any) -> Any:
    return str(value) if type(value) is int else value


class PartEdit(Edit):
    """A part, in the styles, taken from a reference ("Editing in Style", Collins et al. 2020)."""

    tag: ClassVar[str] = "part edit"
    part: Annotated[str, BeforeValidator(_as_text, json_schema_input_type=int | str)] = Field(
        description="Number of the part, from 0, as `synthmammo parts fit` shows it"
    )
    reference: ReferenceOrSeeds = Field(
        Reference(), description="Images that the part is taken from; default a fresh seed for each background"
    )
    strength: Draw = Field(_ONE, description="Share of the way to the reference, from 0 to 1")
    threshold: float = Field(0.1, ge=0, lt=1, description="Least contribution to the part of a channel that is moved")
    epsilon: float = Field(60.0, ge=0, description="Budget of change outside the part, in channels of 512")
    layers: _Layers | None = Field(None, description="First layer of w, and the one after the last; default all")

    @model_validator(mode="after")
    def _understood(self) -> PartEdit:
        _check_layers(self.layers)
        return self

    @property
    def name(self) -> str:
        """Name of the part, e.g. "part 3"."""
        return f"part {self.part}"

    @property
    def draw(self) -> DrawModel:
        """Distribution of the strength."""
        return self.strength


class MixingEdit(Edit):
    """Style mixing: some layers take the w of a reference (Karras et al. 2019, section 3.1)."""

    tag: ClassVar[str] = "mixing edit"
    mixing: _Layers = Field(description="First layer of w that is taken from the reference, and the one after the last")
    reference: ReferenceOrSeeds = Field(
        Reference(), description="Images that the layers are taken from; default a fresh seed for each background"
    )
    strength: Draw = Field(_ONE, description="Share of the way to the reference, from 0 to 1")

    @model_validator(mode="after")
    def _understood(self) -> MixingEdit:
        _check_layers(self.mixing, "mixing")
        return self

    @property
    def name(self) -> str:
        """The word "mixing"."""
        return "mixing"

    @property
    def draw(self) -> DrawModel:
        """Distribution of the strength."""
        return self.strength


def _check_layers(layers: _Layers | None, name: str = "layers") -> None:
    if layers and not 0 <= layers[0] < layers[1]:
        raise ValueError(f"{name}: {list(layers)} is not a range [first, one after the last]")


def _spelled_out(value: Any) -> Any:
    # `density: 1.5`, `density: [-1, 1]` and `density: {target: c}`.
    if not isinstance(value, dict) or _tag(value):
        return value
    named = [name for name in value if is_direction(str(name))]
    if len(value) != 1 or not named:
        raise ValueError(_EXPECTED_KEYS + _meant(value))
    ((name, content),) = value.items()
    drawn = not isinstance(content, dict) or set(content) & {"uniform", "normal", "lognormal"}
    return {"direction": name, **({"strength": content} if drawn else content)}


_EXPECTED_KEYS = "expected one of the keys direction, part, mixing, or an attribute with its strength"


def _meant(value: dict[Any, Any]) -> str:
    """The key that a mistyped one of an edit may stand for; empty where none is near."""
    words = ["direction", "part", "mixing", *ATTRIBUTES, "component 0"]
    for name in map(str, value):
        if close := get_close_matches(name, words, n=1, cutoff=0.6):
            return f"; found '{name}'. Did you mean '{close[0]}'?"
    return f"; found {', '.join(map(str, value)) or 'no key'}"


def _tag(value: Any) -> str | None:
    for kind in (DirectionEdit, PartEdit, MixingEdit):
        word = kind.tag.removesuffix(" edit")
        if isinstance(value, kind) or (isinstance(value, dict) and word in value):
            return kind.tag
    return None


_Tagged = (
    Annotated[DirectionEdit, Tag(DirectionEdit.tag)]
    | Annotated[PartEdit, Tag(PartEdit.tag)]
    | Annotated[MixingEdit, Tag(MixingEdit.tag)]
)
_Short = Annotated[
    dict[
        Annotated[str, Field(pattern=rf"^({'|'.join(ATTRIBUTES)}|{_COMPONENT.pattern})$")],
        float | tuple[float, float] | dict[str, Any],
    ],
    Field(min_length=1, max_length=1, json_schema_extra={"additionalProperties": False}),
]
EditSpec = Annotated[
    Annotated[
        _Tagged,
        Discriminator(
            _tag,
            custom_error_type="edit",
            custom_error_message=_EXPECTED_KEYS,
        ),
    ],
    BeforeValidator(_spelled_out, json_schema_input_type=_Tagged | _Short),
]
