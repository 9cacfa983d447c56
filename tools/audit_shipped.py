"""Builds every shipped recipe small, audits it against real images, and gives its card the section.

Usage: python -m tools.audit_shipped OUT --views FILMS --patches PATCHES [--size 360] [NAME ...]

FILMS and PATCHES are ingested datasets of real images, split by patient: training images in the split `train`, held-out
ones in the others. Recipes that make patches are judged against the second, all others against the first; each model of
the zoo that makes images is judged through a recipe of its own. What is there is not made or audited again, so that the
same command goes on after a break. The table at the end is for docs/explanation/audit.md. No model that copies ships.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import synthmammo as sm
from synthmammo.models.zoo import models

_PHANTOM = {"background.spacing_mm": 0.9}
"""Phantoms are audited at the spacing of small films: the distances are taken on 224 pixels anyway."""


def recipes() -> Iterator[tuple[str, Any, dict[str, Any]]]:
    """Name, recipe and settings of everything that ships and makes images without real hosts."""
    for name in sm.shipped_recipes():
        recipe = sm.load_recipe(name)
        if recipe.background.generator != "ingested":
            coarse = recipe.background.generator == "phantom" and not recipe.lesions and recipe.patch is None
            yield name, name, _PHANTOM if coarse else {}
    for model in models():
        if model.description.architecture == "stylegan2":
            yield model.name.replace("/", "-"), _of_model(model.name, model.description.classes), {}


def _of_model(name: str, classes: tuple[str, ...]) -> dict[str, Any]:
    labels: dict[str, Any] = {label: f"1/{len(classes)}" for label in classes} or {"normal": 1}
    background = {"generator": "stylegan2", "model": name, "conditional": bool(classes), "truncation": 1}
    content = {"version": 1, "name": name.rpartition("/")[2], "seed": 5000, "size": 300, "classes": labels}
    return content | {"background": background, "emit": {"formats": ["parquet"]}}


def audited(name: str, recipe: Any, settings: dict[str, Any], options: argparse.Namespace) -> dict[str, Any]:
    """Build and audit one recipe, unless that was done, and return the record of the audit."""
    dataset, out = options.out / "datasets" / name, options.out / "audits" / name
    changes = settings | {"emit.formats": ["parquet"]}
    sm.build(recipe, dataset, size=options.size, settings=changes, workers=None)
    if not (out / "audit.json").is_file():
        films = options.patches if _is_of_patches(dataset) else options.views
        sm.audit(dataset, films, films, out)
    sm.card(dataset, audit=out)
    record: dict[str, Any] = json.loads((out / "audit.json").read_text(encoding="utf-8"))
    return record


def _is_of_patches(dataset: Path) -> bool:
    return bool(sm.Dataset.open(dataset)[0].breast.mean() > 0.97)


def row(name: str, record: dict[str, Any]) -> str:
    """One line of the table."""
    memorised, realism = record["memorised"], record["realism"]
    distance, told = realism["kernel_distance_x1000"], realism["two_sample_auc"]
    return (
        f"| {name} | {record['dataset']['samples']} | {memorised['verdict']} | "
        f"{distance['value']:.1f} ({distance['low']:.1f} to {distance['high']:.1f}; real {distance['floor']:.1f}) | "
        f"{realism['recall']['value']:.2f} | {told['value']:.2f} | {memorised['membership_auc']['value']:.2f} |"
    )


def main(options: argparse.Namespace) -> None:
    """Audit what was named, or everything, and print the table."""
    lines = []
    for name, recipe, settings in recipes():
        if options.names and name not in options.names:
            continue
        try:
            lines.append(row(name, audited(name, recipe, settings, options)))
        except sm.SynthmammoError as error:
            lines.append(f"| {name} | | {error.message} | | | | |")
        print(lines[-1], flush=True)
    print("\n| what | samples | memorised | kernel distance x 1000 | recall | two-sample AUC | membership AUC |")
    print("\n".join(["| --- | --- | --- | --- | --- | --- | --- |", *lines]))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--views", type=Path, required=True)
    parser.add_argument("--patches", type=Path, required=True)
    parser.add_argument("--size", type=int, default=360)
    main(parser.parse_args())
