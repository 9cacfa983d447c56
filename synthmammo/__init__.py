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
from synthmammo.models.processors import take_large_pages, wait_without_spinning

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
    from synthmammo.dataset.standing import status
    from synthmammo.editing.directions.file import find_directions
    from synthmammo.editing.directions.fit import fit_directions
    from synthmammo.editing.inversion.inverting import invert
    from synthmammo.editing.parts.fit import fit_parts
    from synthmammo.editing.pictures.drawing import draw_directions, draw_parts, draw_seeds, draw_transfers
    from synthmammo.editing.pictures.mix import draw_mix
    from synthmammo.editing.pictures.walk import draw_walk
    from synthmammo.editing.sample import sample, write_samples
    from synthmammo.errors import SynthmammoError
    from synthmammo.exploring.serving import explore
    from synthmammo.exploring.space import export_space
    from synthmammo.ingesting.download import download
    from synthmammo.ingesting.ingest import ingest
    from synthmammo.inspecting.diagnosis import diagnose
    from synthmammo.inspecting.inspect import inspect
    from synthmammo.inspecting.plugins import plugins
    from synthmammo.inspecting.show import show
    from synthmammo.mammogram.sample import Box, Finding, Sample
    from synthmammo.models.convert import convert
    from synthmammo.models.names import zoo_folders
    from synthmammo.models.threads import set_threads
    from synthmammo.models.zoo import add_model, find_model, list_models
    from synthmammo.patching.patches import patches
    from synthmammo.recipe import Recipe, load_recipe, shipped_recipes
    from synthmammo.recipe.beginning import write_recipe
    from synthmammo.recipe.schema import recipe_schema
    from synthmammo.sharing.dicomweb import send
    from synthmammo.sharing.publish import prepare_publication, publish
    from synthmammo.studying.studies import export_study, new_study, score_study, serve_study, simulate_study
    from synthmammo.studying.turing import draw_turing_test
    from synthmammo.training.train import train

_PLACES = {
    "Box": "mammogram.sample",
    "Dataset": "dataset.reader",
    "Finding": "mammogram.sample",
    "Recipe": "recipe",
    "Sample": "mammogram.sample",
    "SynthmammoError": "errors",
    "add_model": "models.zoo",
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
    "diagnose": "inspecting.diagnosis",
    "download": "ingesting.download",
    "draw_directions": "editing.pictures.drawing",
    "draw_mix": "editing.pictures.mix",
    "draw_parts": "editing.pictures.drawing",
    "draw_seeds": "editing.pictures.drawing",
    "draw_transfers": "editing.pictures.drawing",
    "draw_turing_test": "studying.turing",
    "draw_walk": "editing.pictures.walk",
    "export_space": "exploring.space",
    "export_study": "studying.studies",
    "find_directions": "editing.directions.file",
    "find_model": "models.zoo",
    "fit_directions": "editing.directions.fit",
    "fit_parts": "editing.parts.fit",
    "ingest": "ingesting.ingest",
    "insert_lesion": "building.films",
    "inspect": "inspecting.inspect",
    "invert": "editing.inversion.inverting",
    "lineage": "auditing.lineage",
    "list_models": "models.zoo",
    "load_recipe": "recipe",
    "make_hosts": "building.recipes",
    "merge": "building.merge",
    "new_study": "studying.studies",
    "patches": "patching.patches",
    "plan": "building.recipes",
    "plugins": "inspecting.plugins",
    "prepare_publication": "sharing.publish",
    "publish": "sharing.publish",
    "recipe_schema": "recipe.schema",
    "regenerate": "building.remake",
    "remove_lesion": "building.films",
    "repair": "building.repair",
    "sample": "editing.sample",
    "score_study": "studying.studies",
    "send": "sharing.dicomweb",
    "serve_study": "studying.studies",
    "set_threads": "models.threads",
    "shipped_recipes": "recipe",
    "show": "inspecting.show",
    "simulate_study": "studying.studies",
    "status": "dataset.standing",
    "train": "training.train",
    "verify": "building.verify",
    "write_recipe": "recipe.beginning",
    "write_samples": "editing.sample",
    "zoo_folders": "models.names",
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
    "add_model",
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
    "diagnose",
    "download",
    "draw_directions",
    "draw_mix",
    "draw_parts",
    "draw_seeds",
    "draw_transfers",
    "draw_turing_test",
    "draw_walk",
    "export_space",
    "export_study",
    "find_directions",
    "find_model",
    "fit_directions",
    "fit_parts",
    "ingest",
    "insert_lesion",
    "inspect",
    "invert",
    "lineage",
    "list_models",
    "load_recipe",
    "make_hosts",
    "merge",
    "new_study",
    "patches",
    "plan",
    "plugins",
    "prepare_publication",
    "publish",
    "recipe_schema",
    "regenerate",
    "remove_lesion",
    "repair",
    "sample",
    "score_study",
    "send",
    "serve_study",
    "set_threads",
    "shipped_recipes",
    "show",
    "simulate_study",
    "status",
    "train",
    "verify",
    "write_recipe",
    "write_samples",
    "zoo_folders",
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
