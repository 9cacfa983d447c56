"""What a model file says of itself, held against what it can mean before anything is made of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

LARGEST = 65_536
"""Largest number in a configuration; no network of this package has a side, a width or a depth beyond it."""

_ORIGINS = {
    "f208a2e21dafe641762cc0deaae800f8b7630abaa6a3014c6862a85708181f61": "synthetic",  # phantom_views
    "24cee23d968a2689afaab34d770910a489dac8fa7169ac2bfe06005799e355eb": "synthetic",  # mass_pairs_256
    "ea8b87735950f9638c93aaa763e6b4172a9c9da2d0313ebcad9222a1a5294a64": "synthetic",  # calcification_pairs_256
    "9bb7d9eef33684ca7584b11872f1256875759ca785badadfbb3e96b079ac6be9": "real",  # mass patches of CBIS-DDSM
}
"""Origins by the digest of the training data, for the shipped models: their files are older than the field, and other
bytes of them would be another model to every dataset that names its digest."""

_TEXTS = ("architecture", "makes", "licence", "about", "scale")
_MAPPINGS = ("config", "training_data", "training", "metrics")
_NUMBERS = ("bits_stored", "spacing_mm")


def checked_header(content: Any) -> dict[str, Any]:
    """The description in a file's header, where each part of it is of its kind.

    Args:
        content: What the JSON of the header holds.

    Raises:
        TypeError: A part is of another kind; the message names it.
    """
    if not isinstance(content, dict):
        raise TypeError(f"expected a mapping, found {type(content).__name__}")
    kinds: dict[str, Any] = dict.fromkeys(_TEXTS, str) | dict.fromkeys(_MAPPINGS, dict)
    kinds |= dict.fromkeys(_NUMBERS, int | float | None) | {"classes": list, "half_precision": bool}
    for name, kind in kinds.items():
        if name in content and not isinstance(content[name], kind):
            raise TypeError(f"{name} is {type(content[name]).__name__}")
    if not all(isinstance(name, str) for name in content.get("classes", [])):
        raise TypeError("classes are not all texts")
    return content


def checked_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration of a network, where each number is one that a network can have.

    Args:
        config: Arguments of the architecture's configuration.

    Raises:
        ValueError: A number is not a whole one or a share, or is beyond `LARGEST`; the message names it.
    """
    for name, value in config.items():
        for part in value if isinstance(value, list | tuple) else [value]:
            if isinstance(part, int | float) and not 0 <= part <= LARGEST and name != "channel_base":
                raise ValueError(f"{name}: expected a number from 0 to {LARGEST}, got {part}")
    return dict(config)


def with_origin(training_data: Mapping[str, str]) -> dict[str, str]:
    """What a model says of its training data, with the origin where it is known of these data.

    Args:
        training_data: As `Description.training_data`; an origin that it states stays.
    """
    known = _ORIGINS.get(training_data.get("digest", ""))
    return dict(training_data) if known is None else {"origin": known, **training_data}
