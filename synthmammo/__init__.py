"""synthmammo: mammogram generators into datasets.

A recipe says what to make, and every step leaves files that the next one reads:

    recipe.yaml -> Recipe -> plan.parquet -> shards, index, manifest.json -> README.md (the card)

    planning    draws everything there is to draw, one row per sample
    building    makes the rows: a host (phantom, StyleGAN2 or a real image), lesions put onto it, WebDataset, Parquet
                and DICOM; draws nothing, resumes, is the same byte for byte; checks a dataset and makes samples again
    ingesting   reads archives of real images into the same layout; patching cuts patches of either

Things are nouns, activities end in -ing; the names below are what other code needs most.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from synthmammo._version import __version__

if TYPE_CHECKING:
    from synthmammo.dataset.reader import Dataset
    from synthmammo.errors import SynthmammoError
    from synthmammo.mammogram.sample import Box, Finding, Sample
    from synthmammo.recipe import Recipe, load_recipe

_NAMES = {
    "Box": "mammogram.sample",
    "Dataset": "dataset.reader",
    "Finding": "mammogram.sample",
    "Recipe": "recipe",
    "Sample": "mammogram.sample",
    "SynthmammoError": "errors",
    "load_recipe": "recipe",
}

__all__ = ["Box", "Dataset", "Finding", "Recipe", "Sample", "SynthmammoError", "__version__", "load_recipe"]


def __getattr__(name: str) -> Any:
    # Imported when first used: the command line must start without NumPy.
    if name in _NAMES:
        return getattr(import_module(f"synthmammo.{_NAMES[name]}"), name)
    raise AttributeError(f"module 'synthmammo' has no attribute '{name}'")
