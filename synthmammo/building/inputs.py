"""The inputs of a build beside the recipe: models, files of latents, hosts. What cannot serve is refused here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from synthmammo.dataset.index import read_index
from synthmammo.dataset.layout import MANIFEST
from synthmammo.dataset.manifest import Manifest
from synthmammo.dataset.selecting import selected
from synthmammo.errors import CheckpointError, GeneratorError, RecipeError
from synthmammo.generators.base import HOSTS, LESIONS, REMOVALS, find
from synthmammo.identity import file_digest
from synthmammo.models.file import describe
from synthmammo.models.inverted import read_inverted
from synthmammo.models.names import SUFFIX, is_model, locate
from synthmammo.recipe import IngestedBackground, Recipe, StyleGAN2Background
from synthmammo.recipe.edits import DirectionEdit, PartEdit


def refuse_unsupported(recipe: Recipe, found: Mapping[str, Path] | None = None) -> Mapping[str, Path]:
    """Refuse what a recipe may say but this version cannot carry out.

    Args:
        recipe: The checked recipe.
        found: Paths of its model files, as `models` finds them; None, the default, to look for them.

    Returns:
        Paths of its model files, by the names that the recipe gives them.

    Raises:
        GeneratorError: This version does not have a generator or its model, or the model's file does not have a
            direction.
        CheckpointError: The file of directions belongs to another model.
        RecipeError: The recipe asks for DICOM, and the images lack what that requires.
    """
    found = models(recipe) if found is None else found
    latent_files(recipe, found)
    check_views(recipe, found)
    check_directions(recipe, found)
    if recipe.emit.formats.dicom is not None:
        check_dicom(recipe)
    for table, name, where in named_generators(recipe):
        if not is_model(name):
            find(table, name, where)
    return found


def named_generators(recipe: Recipe) -> list[tuple[dict[str, str], str, str]]:
    """The generators that a recipe names: the table each stands in, its name, and the field that says it."""
    named: list[tuple[dict[str, str], str, str]] = [(HOSTS, recipe.background.generator, "background.generator")]
    named += [(LESIONS, spec.generator, f"lesions.{number}.generator") for number, spec in enumerate(recipe.lesions)]
    if recipe.removal:
        named.append((REMOVALS, recipe.removal.generator, "removal.generator"))
    return named


def check_dicom(recipe: Recipe) -> None:
    """Refuse at once what the DICOM writer would refuse after the first hosts.

    Raises:
        RecipeError: The images lack what DICOM requires.
    """
    background = recipe.background
    if isinstance(background, StyleGAN2Background) and background.latents:
        _check_real(read_inverted(background.latents).rows(), "Invert them with assume_spacing_mm, or leave DICOM out:")
    elif isinstance(background, StyleGAN2Background):
        view = background.view or background.views or (recipe.require and recipe.require.view)
        if not (view and background.laterality):
            raise _no_dicom(
                "those of a StyleGAN2 are as the recipe says",
                "State background.laterality, and background.view, views or require.view; or leave DICOM out:",
            )
    if not isinstance(background, IngestedBackground) or not (Path(background.dataset) / MANIFEST).is_file():
        return
    directory = Path(background.dataset)
    rows = selected(read_index(directory).to_pylist(), background.where, directory)
    if background.assume_spacing_mm:
        rows = [{**row, "spacing_mm": background.assume_spacing_mm} for row in rows]
    _check_real(rows, "Set background.assume_spacing_mm, or leave DICOM out:")


def _check_real(rows: list[dict[str, Any]], assume: str) -> None:
    for name, hint in (("spacing_mm", assume), ("view", ""), ("laterality", "")):
        if lacking := sum(row[name] is None for row in rows):
            raise _no_dicom(f"{lacking} of {len(rows)} hosts have no {name.removesuffix('_mm')}", hint)


def _no_dicom(what: str, hint: str) -> RecipeError:
    instead = "emit: {formats: [webdataset, parquet]}."
    message = f"a DICOM mammogram requires spacing, view and laterality, and {what}"
    return RecipeError(message, where="emit.formats.dicom", hint=f"{hint or 'Leave DICOM out:'} {instead}")


def check_views(recipe: Recipe, found: Mapping[str, Path]) -> None:
    """Refuse a recipe and a model of which only one says that views can be chosen.

    Raises:
        GeneratorError: The recipe chooses views and the model cannot, or the model asks for one and the recipe is
            silent.
    """
    background = recipe.background
    if not isinstance(background, StyleGAN2Background):
        return
    known = describe(found[background.model])
    if background.views and not known.makes_views:
        hint = "State background.view if all its images show one, or take a model that was trained on views."
        message = f"the model {background.model} does not make the view that it is asked for"
        raise GeneratorError(message, where="background.views", hint=hint)
    if known.makes_views and not (background.views or background.view or background.latents):
        hint = "E.g. views: {CC: 0.5, MLO: 0.5}."
        message = f"the model {background.model} makes the view that it is asked for, and none is asked for"
        raise GeneratorError(message, where="background.views", hint=hint)


def check_directions(recipe: Recipe, found: Mapping[str, Path]) -> None:
    """Refuse an edit along a direction that the model's file of directions does not have.

    Raises:
        GeneratorError: There is no such direction.
        CheckpointError: The file is of another model.
    """
    background = recipe.background
    wanted = [edit.direction for edit in recipe.edits if isinstance(edit, DirectionEdit)]
    if not wanted or not isinstance(background, StyleGAN2Background):
        return
    from synthmammo.editing.directions.file import directions_file, read_directions

    model = found[background.model]
    path = Path(background.directions or directions_file(model))
    directions = read_directions(path, file_digest(model))
    for name in wanted:
        directions.check(name, path)


def models(recipe: Recipe) -> dict[str, Path]:
    """Paths of the model files that a recipe names, by the names that it gives them.

    Raises:
        GeneratorError: One of them is not there; names the field.
    """
    return {name: located(name, where) for where, name in named_models(recipe).items()}


def named_models(recipe: Recipe) -> dict[str, str]:
    """Names of the models that a recipe names, by the field that says it."""
    named = {f"lesions.{number}.generator": spec.generator for number, spec in enumerate(recipe.lesions)}
    if recipe.removal:
        named["removal.generator"] = recipe.removal.generator
    named = {where: name for where, name in named.items() if is_model(name)}
    if isinstance(recipe.background, StyleGAN2Background):
        named["background.model"] = recipe.background.model
    return named


def located(name: str, where: str) -> Path:
    """The file of a model that a field names.

    Raises:
        GeneratorError: It is not there, naming the field.
    """
    with naming_field(where, name):
        return locate(name)


@contextmanager
def naming_field(where: str, name: str) -> Iterator[None]:
    """Have an error about a model say which field of the recipe names it."""
    try:
        yield
    except CheckpointError as error:
        raise GeneratorError(error.message, where=f"{where}: {name}", hint=error.hint) from error


def source_digests(recipe: Recipe, found: Mapping[str, Path]) -> dict[str, str]:
    """Digests of the inputs of a build beside the recipe, by name: files of models and latents, the dataset of hosts.

    Args:
        recipe: The checked recipe.
        found: Paths of its model files, as `models` finds them.
    """
    digests = {name: file_digest(path) for name, path in {**found, **latent_files(recipe, found)}.items()}
    if isinstance(recipe.background, IngestedBackground):
        directory = Path(recipe.background.dataset)
        digests[recipe.background.dataset] = Manifest.read(directory).digest
    return digests


def latent_files(recipe: Recipe, found: Mapping[str, Path]) -> dict[str, Path]:
    """The files beside the model that decide latents and their edits: inverted images, parts, directions.

    Args:
        recipe: The checked recipe.
        found: Paths of its model files, as `models` finds them.

    Returns:
        Paths by the name that the recipe gives the file, or by the model's name with the file's ending.

    Raises:
        GeneratorError: One of them is not there; names the field.
    """
    background = recipe.background
    if not isinstance(background, StyleGAN2Background):
        return {}
    named = {"background.latents": (background.latents, Path(background.latents))} if background.latents else {}
    stem = background.model.removesuffix(SUFFIX)
    if any(isinstance(edit, PartEdit) for edit in recipe.edits):
        from synthmammo.editing.parts.file import parts_file

        path = Path(background.parts or parts_file(found[background.model]))
        named["background.parts"] = (background.parts or stem + path.suffix, path)
    if any(isinstance(edit, DirectionEdit) for edit in recipe.edits):
        from synthmammo.editing.directions.file import directions_file

        path = Path(background.directions or directions_file(found[background.model]))
        named["background.directions"] = (background.directions or stem + path.suffix, path)
    for where, (_, path) in named.items():
        if not path.is_file():
            makes = {"latents": "invert IMAGE", "parts": "parts fit MODEL", "directions": "directions fit MODEL"}
            hint = f"`synthmammo {makes[where.removeprefix('background.')]}` makes it."
            raise GeneratorError("there is no such file", where=f"{where}: {path}", hint=hint)
    return dict(named.values())


def model_facts(path: Path) -> dict[str, Any]:
    """What the manifest of a dataset says of a model file: architecture, what it makes, licence, training data."""
    model = describe(path)
    names = ("architecture", "makes", "licence", "training_data")
    return {name: getattr(model, name) for name in names}
