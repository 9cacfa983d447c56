"""synthmammo: mammogram generators into datasets.

A recipe says what to make, and every step leaves files that the next one reads:

    recipe.yaml -> Recipe -> plan.parquet -> shards, index, manifest.json -> README.md (the card)

    planning    draws everything there is to draw, one row per sample
    building    makes the rows: a host (phantom, StyleGAN2 or a real image), lesions put onto it, WebDataset, Parquet
                and DICOM; draws nothing, resumes, is the same byte for byte; checks a dataset and makes samples again
    ingesting   reads archives of real images into the same layout; patching cuts patches of either

Things are nouns, activities end in -ing, and functions are verbs: what the command `synthmammo build` does,
`synthmammo.build` does too. All errors that a caller can cause are a `SynthmammoError`.

Example:
    >>> import synthmammo as sm
    >>> small = {"background.spacing_mm": 2, "emit.formats": ["parquet"]}
    >>> dataset = sm.build("balanced_mass", "masses", size=6, settings=small)
    >>> dataset
    Dataset(balanced_mass: 6 samples, 5 train, 1 validation)
    >>> dataset.split("train")[0].image.dtype
    dtype('uint16')
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from synthmammo._version import __version__
from synthmammo.processors import take_large_pages, wait_without_spinning

if TYPE_CHECKING:
    from synthmammo.auditing.audit import audit
    from synthmammo.auditing.lineage import lineage
    from synthmammo.benchmarking.benchmark import benchmark, benchmark_detect
    from synthmammo.building.check import check
    from synthmammo.building.films import insert_lesion, remove_lesion
    from synthmammo.building.merge import merge
    from synthmammo.building.parts import build_part
    from synthmammo.building.recipes import build, make_hosts, plan
    from synthmammo.building.remake import regenerate
    from synthmammo.building.repair import repair
    from synthmammo.building.stored import build_stored
    from synthmammo.building.verify import verify
    from synthmammo.dataset.card import card
    from synthmammo.dataset.reader import Dataset
    from synthmammo.editing.sample import sample, write_samples
    from synthmammo.errors import SynthmammoError
    from synthmammo.exploring.serving import explore
    from synthmammo.ingesting.ingest import ingest
    from synthmammo.inspecting.inspect import inspect
    from synthmammo.inspecting.plugins import plugins
    from synthmammo.mammogram.sample import Box, Finding, Sample
    from synthmammo.models.convert import convert
    from synthmammo.models.threads import set_threads
    from synthmammo.patching.patches import patches
    from synthmammo.recipe import Recipe, load_recipe, shipped_recipes
    from synthmammo.sharing.publish import prepare_publication, publish
    from synthmammo.training.train import train

_PLACES = {
    "Box": "mammogram.sample",
    "Dataset": "dataset.reader",
    "Finding": "mammogram.sample",
    "Recipe": "recipe",
    "Sample": "mammogram.sample",
    "SynthmammoError": "errors",
    "audit": "auditing.audit",
    "benchmark": "benchmarking.benchmark",
    "benchmark_detect": "benchmarking.benchmark",
    "build": "building.recipes",
    "build_part": "building.parts",
    "build_stored": "building.stored",
    "card": "dataset.card",
    "check": "building.check",
    "convert": "models.convert",
    "explore": "exploring.serving",
    "ingest": "ingesting.ingest",
    "insert_lesion": "building.films",
    "inspect": "inspecting.inspect",
    "lineage": "auditing.lineage",
    "load_recipe": "recipe",
    "make_hosts": "building.recipes",
    "merge": "building.merge",
    "patches": "patching.patches",
    "plan": "building.recipes",
    "plugins": "inspecting.plugins",
    "prepare_publication": "sharing.publish",
    "publish": "sharing.publish",
    "regenerate": "building.remake",
    "remove_lesion": "building.films",
    "repair": "building.repair",
    "sample": "editing.sample",
    "set_threads": "models.threads",
    "shipped_recipes": "recipe",
    "train": "training.train",
    "verify": "building.verify",
    "write_samples": "editing.sample",
}
"""The module of each public name, below this package; a name here stands in `__all__` and among the imports above."""

__all__ = [
    "Box",
    "Dataset",
    "Finding",
    "Recipe",
    "Sample",
    "SynthmammoError",
    "__version__",
    "audit",
    "benchmark",
    "benchmark_detect",
    "build",
    "build_part",
    "build_stored",
    "card",
    "check",
    "convert",
    "explore",
    "ingest",
    "insert_lesion",
    "inspect",
    "lineage",
    "load_recipe",
    "make_hosts",
    "merge",
    "patches",
    "plan",
    "plugins",
    "prepare_publication",
    "publish",
    "regenerate",
    "remove_lesion",
    "repair",
    "sample",
    "set_threads",
    "shipped_recipes",
    "train",
    "verify",
    "write_samples",
]


# Here, as it holds only where it comes before PyTorch is imported.
wait_without_spinning()
take_large_pages()


def __getattr__(name: str) -> Any:
    # Imported when first used: the command line must start without NumPy.
    if name in _PLACES:
        return getattr(import_module(f"synthmammo.{_PLACES[name]}"), name)
    raise AttributeError(f"module 'synthmammo' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
