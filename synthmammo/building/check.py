"""VERB check: what can be known to be wrong with a recipe before anything is drawn, imported or fetched."""

from __future__ import annotations

from synthmammo.building.inputs import check_dicom, check_directions, find_inputs
from synthmammo.building.sizes import check_sizes
from synthmammo.generators.inputs import located_here
from synthmammo.recipe import Recipe, RecipeLike, as_recipe
from synthmammo.settings import Changes


def check(recipe: RecipeLike, *, settings: Changes = (), size: int | None = None) -> Recipe:
    """Check a recipe: its fields, the names of its generators, and that the files of its models are there.

    Quick, since nothing is drawn, no network is opened and nothing is fetched: of a model on the Hugging Face Hub the
    name alone is checked, and of real hosts that are not ingested yet nothing is known.

    Args:
        recipe: Path of a recipe, name of a shipped one, mapping of its keys, or a `Recipe`.
        settings: Values to change, by dotted key (`{"emit.shard_size": 16}`) or as `KEY=VALUE` texts.
        size: Number of samples in place of the recipe's; None for the recipe's own.

    Returns:
        The checked recipe, includes merged and defaults filled in.

    Raises:
        RecipeError: The recipe cannot be read, says something that is not understood or contradicts itself, or asks for
            what cannot be: lesions larger than the breast or smaller than a pixel, edits that leave the latents.
        GeneratorError: A generator is unknown, or a model or a file beside it is not there.
        CheckpointError: A file of directions is not of the recipe's model.

    Example:
        >>> import synthmammo as sm
        >>> sm.check("balanced_mass")
        Recipe(balanced_mass: 300 samples of normal, benign, malignant; phantom backgrounds)
        >>> sm.check("balanced_mass", settings={"background.generator": "phantm"})
        Traceback (most recent call last):
        ...
        synthmammo.errors.RecipeError: ...: background.generator: no generator is called 'phantm'
          Did you mean 'phantom'? Known: ingested, phantom, stylegan2.
    """
    checked = as_recipe(recipe, settings, size)
    inputs = find_inputs(checked, located_here)
    check_directions(checked, inputs)
    check_dicom(checked)
    check_sizes(checked, inputs)
    return checked
