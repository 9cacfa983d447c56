"""Checks across the fields of a recipe; each failure names the field and says what would be right."""

from __future__ import annotations

from synthmammo.mammogram.sample import SPLITS, Pathology
from synthmammo.recipe.backgrounds import StyleGAN2Background
from synthmammo.recipe.edits import DirectionEdit
from synthmammo.recipe.fields import RecipeFields


def check_consistency(recipe: RecipeFields) -> None:
    """Check the fields of a recipe against each other.

    Raises:
        ValueError: Two fields contradict each other; the message names them.
    """
    _check_splits(recipe)
    _check_classes(recipe)
    _check_groups(recipe)
    _check_series(recipe)
    _check_removal(recipe)
    _check_edits(recipe)
    if recipe.patch and (reason := recipe.background.no_patches):
        raise ValueError(f"patch: {reason}")
    if recipe.patch and any(lesion.placement.site for lesion in recipe.lesions):
        raise ValueError("patch: a patch is cut around a lesion that is placed by a draw; remove placement.site")
    if recipe.patch:
        _check_patch(recipe, recipe.patch.size_px)


def _check_patch(recipe: RecipeFields, size_px: int) -> None:
    if recipe.emit.formats.dicom is not None:
        raise ValueError(
            "emit.formats: a patch has no orientation on the patient, so no DICOM; use [webdataset, parquet]"
        )
    shorter = recipe.background.shorter_side_px
    if shorter is not None and size_px > shorter:
        raise ValueError(f"patch.size_px: {size_px} is more than the background has, {shorter} pixels")


def _check_edits(recipe: RecipeFields) -> None:
    background = recipe.background
    if background.edited:
        _check_sweep(recipe)
        _check_latents(recipe, background.edited)
        return
    for name, can in (("edits", False), ("require", background.drawn_again)):
        if getattr(recipe, name) and not can:
            found = background.generator
            raise ValueError(f"{name}: needs a stylegan2 background, whose latents it changes; found {found}")


def _check_sweep(recipe: RecipeFields) -> None:
    """Check that at most one edit sweeps, and that its steps are the only samples of a background."""
    sweeps = [n for n, edit in enumerate(recipe.edits) if isinstance(edit, DirectionEdit) and edit.sweep]
    if not sweeps:
        return
    first, *more = sweeps
    if more:
        raise ValueError(f"edits.{more[0]}.sweep: edits.{first} sweeps already, and a recipe has one sweep at most")
    for name in ("pair", "series", "exam", "patch", "require"):
        if getattr(recipe, name):
            raise ValueError(f"edits.{first}.sweep: cannot be combined with {name}")
    if recipe.background.samples_per_host > 1:
        raise ValueError(f"edits.{first}.sweep: cannot be combined with background.samples_per_host")


def _check_latents(recipe: RecipeFields, background: StyleGAN2Background) -> None:
    """Check what depends on where the latents come from: inverted images have keys and noise, seeds have neither."""
    if background.seeds and (background.latents or recipe.require):
        other = "latents: inverted images" if background.latents else "require: images that are drawn until they fit"
        raise ValueError(f"background.seeds: cannot be combined with {other}; leave out one of the two")
    if background.views and recipe.require and recipe.require.view:
        raise ValueError("require.view: background.views says already which views the model makes")
    if not background.latents:
        for number, edit in enumerate(recipe.edits):
            reference = getattr(edit, "reference", None)
            if reference and reference.keys:
                message = "needs background.latents, the file that has these keys"
                raise ValueError(f"edits.{number}.reference.keys: {message}")
        return
    if background.noise == "own":
        raise ValueError("background.noise: inverted images (background.latents) bring theirs; leave out noise: own")
    if recipe.require:
        raise ValueError("require: inverted images (background.latents) have no seed that could be drawn again")


def _check_splits(recipe: RecipeFields) -> None:
    if recipe.splits is None:
        return
    if recipe.background.brings_patients:
        raise ValueError("splits: real hosts bring the split of their patients; remove the key")
    for split in recipe.splits:
        if split not in SPLITS:
            raise ValueError(f"splits: '{split}' is not one of {', '.join(SPLITS)}")


def _check_classes(recipe: RecipeFields) -> None:
    if not all(label.strip() for label in recipe.classes):
        raise ValueError("classes: a class has no name")
    with_lesions = {label for lesion in recipe.lesions for label in lesion.classes}
    unknown = sorted(with_lesions - set(recipe.classes))
    if unknown:
        raise ValueError(f"lesions: class '{unknown[0]}' is not one of the classes {', '.join(recipe.classes)}")
    for number, lesion in enumerate(recipe.lesions):
        for label in lesion.classes:
            if lesion.pathology is None and label not in (Pathology.MALIGNANT, Pathology.BENIGN):
                raise ValueError(f"lesions.{number}: class '{label}' does not tell the pathology; state pathology")
    if recipe.background.makes_classes:
        return  # a model's classes are checked when it is opened
    for label in recipe.classes:
        if label in (Pathology.MALIGNANT, Pathology.BENIGN) and label not in with_lesions:
            raise ValueError(
                f"classes: '{label}' has no lesions; add an entry under lesions with classes: [{label}], or, for a "
                "stylegan2 that was trained on these classes, background.conditional: true"
            )


def _check_groups(recipe: RecipeFields) -> None:
    if recipe.pair and recipe.series:
        raise ValueError("pair and series cannot be combined")
    if recipe.exam:
        _check_exam(recipe)
    if recipe.size % recipe.together:
        nearest = max(recipe.together, round(recipe.size / recipe.together) * recipe.together)
        raise ValueError(f"size: {recipe.size} is not a multiple of {recipe.together}; use {nearest}, for example")
    if recipe.pair and recipe.background.samples_per_host > 1 and not recipe.patch:
        raise ValueError("pair: each pair of whole images has its own host; remove background.samples_per_host")
    for number, lesion in enumerate(recipe.lesions):
        if lesion.placement.layout == "contiguous" and len(lesion.count) > 1:
            raise ValueError(f"lesions.{number}.count: a contiguous layout needs one fixed number")


def _check_exam(recipe: RecipeFields) -> None:
    background = recipe.background
    for name in ("pair", "series", "patch"):
        if getattr(recipe, name):
            raise ValueError(f"background.exam: a patient's four views cannot be combined with {name}")
    if background.samples_per_host > 1:
        raise ValueError("background.exam: every view is its own background; remove background.samples_per_host")
    fields = type(background).model_fields
    for name in fields.keys() & {"views", "lateralities"}:
        if getattr(background, name) != fields[name].default:
            raise ValueError(f"background.exam: an exam has all four views; remove background.{name}")


def _check_series(recipe: RecipeFields) -> None:
    if recipe.series is None:
        return
    if len(recipe.lesions) != 1 or set(recipe.lesions[0].count) != {1}:
        raise ValueError("series: expected exactly one entry under lesions, with count: 1")
    if set(recipe.lesions[0].classes) != set(recipe.classes):
        raise ValueError("series: every class must get the lesion")
    if not recipe.lesions[0].follows_plan:
        raise ValueError(
            "series: a contextual GAN decides size and contrast itself; only generator: parametric follows the steps"
        )


def _check_removal(recipe: RecipeFields) -> None:
    if recipe.pair == "removed" and recipe.removal is None:
        raise ValueError("removal: pair: removed needs a removal generator, e.g. removal: {generator: parametric}")
    if recipe.removal is None:
        return
    for label in recipe.removal.classes:
        if not any(label in lesion.classes for lesion in recipe.lesions):
            raise ValueError(f"removal.classes: class '{label}' has no lesions that could be removed")
    removal = recipe.removal
    for number, lesion in enumerate(recipe.lesions):
        removed = recipe.pair == "removed" or set(lesion.classes) & set(removal.classes)
        if removed and not removal.removes(lesion.generator):
            name = removal.generator
            message = f"{name} can only remove {name} lesions, lesions.{number} has {lesion.generator}"
            raise ValueError(f"removal.generator: {message}")
