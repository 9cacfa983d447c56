"""What was done becomes a recipe, which `build` makes with the same pixels; a real image becomes latents for it."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import yaml

from synthmammo.editing.inversion.invert import Inverting, Which, invert_images
from synthmammo.editing.inversion.options import InversionOptions
from synthmammo.errors import OutputError
from synthmammo.exploring.painter import Painter
from synthmammo.exploring.scene import Origin, Scene
from synthmammo.files import writing
from synthmammo.models.inverted import Facts, read_inverted, write_inverted
from synthmammo.progress import Progress, silent
from synthmammo.recipe.fields import LONGEST_NAME, plain_name

QUICK = InversionOptions(w_steps=80, plus_steps=120)
"""A search of a minute or two; `synthmammo invert` takes its time and comes nearer."""


def save_recipe(painter: Painter, scene: Scene, folder: Path, name: str = "explored") -> list[Path]:
    """Write the recipe of a scene.

    Args:
        painter: Painter of the model.
        scene: The scene.
        folder: Folder to write into.
        name: What the dataset shall be called; letters, digits and `_` are kept of it.

    Returns:
        Paths of NAME.yaml and, where the scene began with a real image, of NAME.latents.

    Raises:
        OutputError: The folder cannot be written.
    """
    name = plain_name(name)[:LONGEST_NAME] or "explored"
    path, latents = folder / f"{name}.yaml", folder / f"{name}.latents"
    content = painter.recipe(scene, name, latents.name if scene.origin.latents else None)
    command = f"# synthmammo build {path.name}\n# One image, as the explorer showed it.\n"
    if scene.origin.latents:
        command += f"# Its background is the real image in {latents.name}: run it where that file lies.\n"
    with writing(path) as partial:
        text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120)
        partial.write_text(command + text, encoding="utf-8")
    if scene.origin.latents is None:
        return [path]
    with writing(latents) as partial:
        shutil.copyfile(scene.origin.latents, partial)
    return [path, latents]


def invert(
    painter: Painter,
    image: Path,
    folder: Path,
    options: InversionOptions = QUICK,
    *,
    assume_spacing_mm: float | None = None,
    progress: Progress = silent,
) -> Origin:
    """A real image as the origin of scenes.

    Args:
        painter: Painter of the model.
        image: PNG, JPEG, TIFF, PGM or DICOM file.
        folder: Folder for the file of latents.
        options: Numbers of the search.
        assume_spacing_mm: Millimetres per pixel of a file that does not say, recorded as assumed; lesions need them.
        progress: Called with optimisation steps done and in all.

    Raises:
        SourceError: The file cannot be read as an image.
        OutputError: The folder cannot be written.
    """
    label = painter.labels[0] if painter.labels else None
    out = folder / f"{plain_name(image.stem)[:LONGEST_NAME] or 'image'}.latents"
    out.unlink(missing_ok=True)
    inverting = Inverting(options, Which(label=label, assume_spacing_mm=assume_spacing_mm))
    (found,) = invert_images(painter.name, image, out, inverting, progress=progress)
    return Origin(label=label, latents=str(out), key=found.facts.key)


def inverted_origin(painter: Painter, named: str, folder: Path) -> Origin:
    """An image that `synthmammo invert` made as the origin of scenes.

    Args:
        painter: Painter of the model.
        named: FILE:KEY.
        folder: Folder for a file of this one image alone, from which a recipe of one image can be made.

    Raises:
        DatasetError: The file cannot be read, is of another model, or has no such key.
        OutputError: The folder cannot be written.
    """
    file, _, key = named.rpartition(":")
    images = read_inverted(file, painter.model.checkpoint.digest)
    found = images[key]
    facts: Facts = replace(found.facts, split="train")
    out = folder / f"{plain_name(key)[:LONGEST_NAME] or 'image'}.latents"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot be made ({error.strerror})", where=folder) from error
    write_inverted(out, images.weights, images.options, [replace(found, facts=facts)])
    return Origin(label=painter.labels[0] if painter.labels else None, latents=str(out), key=key)
