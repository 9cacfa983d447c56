"""A recipe to begin with: commented, checked, and with the line by which editors find the schema."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml

from synthmammo.arguments import a_choice, a_path, wrong
from synthmammo.errors import OutputError, RecipeError
from synthmammo.files import writing
from synthmammo.recipe.fields import LONGEST_NAME, NAME, RecipeFields, plain_name
from synthmammo.recipe.load import load_recipe, own_schema, resolved_yaml
from synthmammo.recipe.shipped import locate_recipe

SCHEMA = "recipe.schema.json"
"""Name of the file with the JSON Schema, beside the recipe."""

_TEMPLATE = """\
version: 1
name: {name}
description: Whole phantom mammograms with and without masses. # one or two sentences, for the card
# licence: cc-by-4.0         # of the dataset, as the Hugging Face Hub names it
seed: {seed} # of every draw: the same seed makes the same images
size: 30 # number of samples; a larger one leaves the first as they are
classes: {{normal: 1/3, benign: 1/3, malignant: 1/3}} # shares; they sum to 1
splits: {{train: 0.8, validation: 0.1, test: 0.1}}
background: # what the images show before lesions are put in
  generator: phantom # or stylegan2 (model: zoo/NAME), or ingested (dataset: DIRECTORY of real mammograms)
  spacing_mm: 0.2 # 0.05 to 0.1 in a clinic; a calcification needs 0.1
  height_mm: 240
  width_mm: 180
  response: digital # or film
lesions: # each entry says which classes get the lesion
  - kind: mass # or calcification, distortion, asymmetry
    classes: [benign, malignant]
    generator: parametric # or a contextual GAN, e.g. zoo/contextual-mass
    diameter_mm: [8, 20] # drawn between these
emit:
  formats: [webdataset, parquet] # and dicom
  shard_size: 100
# Further keys: pair, removal, series, patch, edits, require, quality. `synthmammo schema` and docs/reference/recipe.md
# describe them all.
"""


def write_recipe(
    name: str, out: str | Path | None = None, *, like: str | Path | None = None, overwrite: bool = False
) -> Path:
    """Write a commented recipe that passes `check` as it is, and the JSON Schema beside it.

    Args:
        name: Name of the dataset.
        out: YAML file to write; None, the default, for `NAME.yaml` in the current folder.
        like: Recipe to begin with, a path or the name of a shipped one; None, the default, for a short one of phantoms
            with masses.
        overwrite: Whether a file that is there is replaced; False by default.

    Returns:
        `out`.

    Raises:
        RecipeError: The name cannot be that of a dataset, or `like` is no recipe.
        OutputError: The file is there, or cannot be written.

    Example:
        >>> import synthmammo as sm
        >>> path = sm.write_recipe("my_masses", like="balanced_mass")
        >>> sm.check(path).name
        'my_masses'
    """
    if not isinstance(name, str):
        raise wrong("name", "a text", name, RecipeError)
    _check_name(name)
    out = Path(f"{name}.yaml") if out is None else a_path(out, "out", OutputError)
    like = None if like is None else a_path(like, "like", RecipeError)
    a_choice(overwrite, "overwrite", RecipeError)
    if out.exists() and not overwrite:
        hint = "Choose another file with --out, or replace this one with --overwrite."
        raise OutputError("is there already", where=out, hint=hint)
    text = _TEMPLATE.format(name=name, seed=1) if like is None else _text_like(like, name, out)
    head = f"# yaml-language-server: $schema={SCHEMA}\n# synthmammo build {out}\n"
    with writing(out) as partial:
        partial.write_text(head + text, encoding="utf-8")
    _write_schema(out.parent / SCHEMA)
    return out


def _check_name(name: str) -> None:
    if not re.fullmatch(NAME, name) or len(name) > LONGEST_NAME:
        suggestion = plain_name(name)[:LONGEST_NAME] or "my_dataset"
        expected = f"letters from a to z, digits, _ and -, at most {LONGEST_NAME}, the first a letter or a digit"
        raise RecipeError(f"'{name}' cannot be the name of a dataset; expected {expected}", hint=f"Try {suggestion}.")


def _text_like(like: Path, name: str, out: Path) -> str:
    """The text of a recipe under another name: its comments are kept, files that it includes are merged in."""
    file = locate_recipe(like)
    recipe = load_recipe(file)
    text = file.read_text(encoding="utf-8")
    if "include" in yaml.safe_load(text):
        return _annotated(resolved_yaml(recipe.model_copy(update={"name": name})))
    lines = text.splitlines(keepends=True)
    first = next(place for place, line in enumerate(lines) if line.strip() and not line.startswith("#"))
    remarks = [line for line in lines[:first] if _still_holds(line)]
    body = re.sub(r"^name:.*$", f"name: {name}", "".join(lines[first:]), count=1, flags=re.MULTILINE)
    return f"# Begun with {recipe.name}, of which this was said:\n{''.join(remarks)}{body}" if remarks else body


def _still_holds(line: str) -> bool:
    """Whether a line at the head of a recipe says more than how to find its schema and to build it."""
    return bool(line.strip("# \n")) and "yaml-language-server" not in line and "synthmammo build" not in line


def _annotated(text: str) -> str:
    """YAML of a recipe with what each key of the first level means."""
    lines = []
    for line in text.splitlines():
        key = re.match(r"(\w+):", line)
        described = RecipeFields.model_fields[key[1]].description if key else None
        lines += [f"# {described}", line] if described else [line]
    return "\n".join(lines) + "\n"


def _write_schema(path: Path) -> None:
    """Write the schema where there is none, or one of a release before; a file of something else is left alone."""
    schema: dict[str, Any] = own_schema()
    if path.exists():
        try:
            if json.loads(path.read_text(encoding="utf-8")).get("title") != schema["title"]:
                return
        except (ValueError, AttributeError):
            return
    with writing(path) as partial:
        partial.write_text(json.dumps(schema, indent=2) + "\n", encoding="utf-8")
