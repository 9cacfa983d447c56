"""Builds every shipped recipe small, audits it against real images, and writes what was found for the cards.

Usage: python -m tools.audit_shipped OUT --views FILMS --patches PATCHES [--size 60] [NAME ...]

FILMS and PATCHES are ingested datasets of real images, split by patient: training images in the split `train`, held-out
ones in the others. Recipes that make patches are judged against the second, all others against the first. Each model of
the zoo that makes whole images is judged through a recipe that makes nothing else. One process does all of it, what is
known of the real images is gathered once, and what is in OUT is not made again: the same command goes on after a break.

`cards/audits/NAME.md`, which tools.cards puts onto the card of NAME, and the table of docs/explanation/audit_shipped.md
are written from OUT by `python -m tools.audit_cards OUT`. No model that copies ships.
"""

from __future__ import annotations

import argparse
import os
import pickle
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import synthmammo as sm
from synthmammo.auditing.audit import concluded
from synthmammo.auditing.findings import check_enough
from synthmammo.auditing.leaks import Plants, plant
from synthmammo.auditing.material import Material, gather
from synthmammo.auditing.sides import Side, check_separate, open_sides
from synthmammo.models.features import Features

SIZES = {"cbis_mass_patches": 300}
"""Samples of recipes whose model has seen patients; all others have the size of the command."""

SETTINGS: dict[str, dict[str, Any]] = {"phantom_views": {"background.spacing_mm": 0.9}}
"""Phantoms without lesions are made as coarse as the films; frames have 224 pixels anyway."""

OF_MODELS = {"cbis_mass_patches": "stylegan2-cbis-mass-128", "turing_test": "stylegan2-phantom-256"}
"""Recipes whose images are those of one model and nothing else, and that model."""


class Real:
    """Real images that several datasets are judged against.

    Args:
        path: Ingested dataset.
        kept: Folder of what is gathered of them.
        features: Network of the maps.
    """

    def __init__(self, path: Path, kept: Path, features: Features) -> None:
        self.sides = open_sides({"reference": path, "train": path})
        self.notes = check_separate(self.sides)
        check_enough(self.sides)
        self._kept, self._features = kept / path.name, features

    @cached_property
    def materials(self) -> dict[str, Material]:
        """What was gathered of both parts."""
        return {name: self._gathered(name, side) for name, side in self.sides.items()}

    @cached_property
    def plants(self) -> Plants:
        """Planted copies of training images."""
        path = self._kept / "plants.pickle"
        if not path.is_file():
            _keep(path, plant(self.sides["train"], self.materials["train"]))
        found: Plants = _kept(path)
        return found

    def _gathered(self, name: str, side: Side) -> Material:
        path = self._kept / f"{name}.pickle"
        if not path.is_file():
            _keep(path, gather(side.samples(), self._features))
        found: Material = _kept(path)
        return found


def _keep(path: Path, what: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_bytes(pickle.dumps(what))
    partial.replace(path)


def _kept(path: Path) -> Any:
    return pickle.loads(path.read_bytes())  # written by this tool, in a folder of its own


def audited(name: str, out: Path, real: Mapping[str, Real], features: Features, size: int) -> Path:
    """Build and judge one recipe, unless that was done, and return the directory of the audit."""
    dataset, audit, material = out / "datasets" / name, out / "audits" / name, out / "materials" / f"{name}.pickle"
    if (audit / "audit.json").is_file():
        return audit
    changes = SETTINGS.get(name, {}) | {"emit.formats": ["parquet"]}
    sm.build(name, dataset, size=SIZES.get(name, size), settings=changes, workers=1)
    side = open_sides({"dataset": dataset})["dataset"]
    if not material.is_file():
        _keep(material, gather(side.samples(), features))
    made: Material = _kept(material)
    films = real["patches" if made.patches else "views"]
    sides = {"dataset": side, **films.sides}
    check_enough(sides)
    concluded(sides, films.notes, {"dataset": made, **films.materials}, audit, plants=films.plants)
    return audit


def main(options: argparse.Namespace) -> None:
    """Audit what was named, or everything, and say where each audit lies."""
    os.environ.setdefault("SYNTHMAMMO_CACHE", str(options.out / "cache"))
    features = Features()
    paths = {"views": options.views, "patches": options.patches}
    real = {name: Real(path, options.out / "real", features) for name, path in paths.items()}
    for name in options.names or sm.shipped_recipes():
        if sm.load_recipe(name).background.generator == "ingested":
            print(f"{name}: its backgrounds are real films that the recipe names, so there is nothing to audit")
            continue
        try:
            print(f"{name}: {audited(name, options.out, real, features, options.size)}", flush=True)
        except sm.SynthmammoError as error:
            print(f"{name}: {error}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--views", type=Path, required=True)
    parser.add_argument("--patches", type=Path, required=True)
    parser.add_argument("--size", type=int, default=60)
    main(parser.parse_args())
