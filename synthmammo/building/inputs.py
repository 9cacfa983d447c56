"""The inputs of a build beside the recipe: models, files of latents, hosts. What cannot serve is refused here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from synthmammo.errors import GeneratorError, RecipeError
from synthmammo.generators.backgrounds.kinds import kind_of
from synthmammo.generators.inputs import Input, Inputs, Locate, located
from synthmammo.generators.lesions.base import LesionKind, lesion_kind
from synthmammo.identity import file_digest
from synthmammo.models.names import SUFFIX
from synthmammo.recipe import Recipe
from synthmammo.recipe.edits import DirectionEdit, PartEdit
from synthmammo.recipe.lesions import LesionSpec, Removal


def find_inputs(recipe: Recipe, locate: Locate = located) -> Inputs:
    """Everything that a recipe's generators and edits read.

    Args:
        recipe: The checked recipe.
        locate: Finds the file of a model by its name and field; by default one on the Hugging Face Hub is fetched.

    Raises:
        GeneratorError: A generator is unknown, or something is not there; names the field.
    """
    background = list(kind_of(recipe).inputs(recipe, locate))
    lesions = [one for kind, stated, where in _lesions(recipe) for one in kind.inputs(stated, where, locate)]
    return Inputs([*lesions, *background, *_edit_files(recipe, Inputs(background))])


def refuse_unsupported(recipe: Recipe, inputs: Inputs | None = None) -> Inputs:
    """Refuse what a recipe may say but this version cannot carry out.

    Args:
        recipe: The checked recipe.
        inputs: Its inputs, as `find_inputs` finds them; None, the default, to look for them.

    Returns:
        Its inputs.

    Raises:
        GeneratorError: This version does not have a generator or its model, or the model's file does not have a
            direction.
        CheckpointError: The file of directions belongs to another model.
        RecipeError: The recipe asks for DICOM, and the images lack what that requires.
    """
    inputs = find_inputs(recipe) if inputs is None else inputs
    kind_of(recipe).check(recipe, inputs)
    check_directions(recipe, inputs)
    check_dicom(recipe)
    return inputs


def _lesions(recipe: Recipe) -> Iterator[tuple[LesionKind, LesionSpec | Removal, str]]:
    """The kinds of a recipe's lesions and of their removal, with what it says of each and the field that names it."""
    for number, spec in enumerate(recipe.lesions):
        where = f"lesions.{number}.generator"
        yield lesion_kind(spec.generator, where), spec, where
    if recipe.removal:
        yield lesion_kind(recipe.removal.generator, "removal.generator"), recipe.removal, "removal.generator"


def check_dicom(recipe: Recipe) -> None:
    """Refuse at once what the DICOM writer would refuse after the first hosts.

    Raises:
        RecipeError: The recipe asks for DICOM, and the images lack what that requires.
    """
    if recipe.emit.formats.dicom is None or (lack := kind_of(recipe).lacks(recipe)) is None:
        return
    message = f"a DICOM mammogram requires spacing, view and laterality, and {lack.what}"
    hint = f"{lack.hint or 'Leave DICOM out:'} emit: {{formats: [webdataset, parquet]}}."
    raise RecipeError(message, where="emit.formats.dicom", hint=hint)


def check_directions(recipe: Recipe, inputs: Inputs) -> None:
    """Refuse an edit along a direction that the model's file of directions does not have.

    Raises:
        GeneratorError: There is no such direction.
        CheckpointError: The file is of another model.
    """
    background = recipe.background.edited
    wanted = [edit.direction for edit in recipe.edits if isinstance(edit, DirectionEdit)]
    model = background and inputs.path(background.model)
    if not wanted or not background or not model:
        return
    from synthmammo.editing.directions.file import directions_file, read_directions

    path = Path(background.directions or directions_file(model))
    directions = read_directions(path, file_digest(model))
    for name in wanted:
        directions.check(name, path)


def _edit_files(recipe: Recipe, inputs: Inputs) -> Iterator[Input]:
    """The files beside the model that edits of its latents need: parts, directions.

    Args:
        recipe: The checked recipe.
        inputs: The background's inputs; without its model nothing is looked for.

    Raises:
        GeneratorError: One of them is not there; names the field.
    """
    background = recipe.background.edited
    model = background and inputs.path(background.model)
    if not background or not model:
        return
    from synthmammo.editing.directions.file import directions_file
    from synthmammo.editing.parts.file import parts_file

    for what, kind, beside in (("parts", PartEdit, parts_file), ("directions", DirectionEdit, directions_file)):
        if not any(isinstance(edit, kind) for edit in recipe.edits):
            continue
        stated: str | None = getattr(background, what)
        path = Path(stated or beside(model))
        if not path.is_file():
            hint = f"`synthmammo {what} fit MODEL` makes it."
            raise GeneratorError("there is no such file", where=f"background.{what}: {path}", hint=hint)
        # Beside a model of the Hub or the zoo it has no path that holds elsewhere, so it is named after the model.
        yield Input(stated or background.model.removesuffix(SUFFIX) + path.suffix, path)
