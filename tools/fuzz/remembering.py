"""What a campaign computes once: pixels of files that it does not change, and the breast on them.

A reader of tables is given a thousand tables beside the same three films. Most of the time went into these films, which
other readers of the campaign damage.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from copy import deepcopy
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

_FUNCTIONS = (
    "synthmammo.mammogram.anatomy.breast.breast_mask",
    "synthmammo.ingesting.sources.rasters.read_raster",
    "synthmammo.ingesting.sources.rasters.read_noted_raster",
    "synthmammo.ingesting.sources.dicom_pixels.read_dicom_pixels",
    "synthmammo.ingesting.sources.film_breast.without_scanner_edges",
)
_MOST_KEPT = 256
"""Results that are kept per function; more would be those of files that change."""


def remember(changed: Path) -> None:
    """Let this process answer the same question to a slow function once.

    Args:
        changed: File whose content is another each time: what is read of it is not kept.
    """
    for name in _FUNCTIONS:
        place, _, function = name.rpartition(".")
        original = getattr(import_module(place), function)
        kept = _kept(original, changed)
        for module in list(sys.modules.values()):
            # Modules hold the function by the name that they imported.
            if module.__name__.startswith("synthmammo") and getattr(module, function, None) is original:
                setattr(module, function, kept)


def _kept(function: Callable[..., Any], changed: Path) -> Callable[..., Any]:
    results: dict[Any, Any] = {}

    def answer(*arguments: Any, **named: Any) -> Any:
        arguments = tuple(list(one) if hasattr(one, "__next__") else one for one in arguments)
        key = tuple(map(_key, (*arguments, *sorted(named.items()))))
        moves = any(isinstance(one, Path) and one == changed for one in arguments)
        if moves or (key not in results and len(results) >= _MOST_KEPT):
            return function(*arguments, **named)
        if key not in results:
            results[key] = function(*arguments, **named)
        return deepcopy(results[key])  # a reader may write into what it was given

    return answer


def _key(argument: Any) -> Any:
    if isinstance(argument, np.ndarray):
        return argument.shape, argument.dtype.str, argument.tobytes()
    return argument if isinstance(argument, int | float | str | Path | None) else repr(argument)
