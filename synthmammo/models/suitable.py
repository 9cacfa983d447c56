"""Whether a model is one that can be used, told by its name and the header of its file: PyTorch is not imported."""

from __future__ import annotations

from pathlib import Path

from synthmammo.errors import CheckpointError, GeneratorError, nearest
from synthmammo.models.file import Description, describe
from synthmammo.models.names import hub_address, is_hosted, locate_model

SPACING_TOLERANCE = 0.1
"""Share by which pixels may differ from those that a detail network was trained to refine."""


def require_stylegan2(model: str | Path) -> Description | None:
    """Refuse a model that is no StyleGAN2 before the seconds that loading it takes.

    Args:
        model: Name of the model: zoo/NAME, a path, or hf://ORG/REPO/FILE@REVISION, of which only the name is checked.

    Returns:
        Its description; None of a model that is not here yet.

    Raises:
        CheckpointError: There is no such model, or it is no StyleGAN2.
    """
    if is_hosted(str(model)):
        hub_address(str(model))
        return None
    path = locate_model(model)
    description = describe(path)
    require_architecture(description, path, "stylegan2")
    return description


def require_samples(model: str | Path, label: str | None) -> None:
    """Refuse a model that is no StyleGAN2, or a class that it does not know, before the seconds that loading it takes.

    Args:
        model: Name of the model, as for `require_stylegan2`.
        label: Class that is asked for; None for none.

    Raises:
        CheckpointError: There is no such model, or it is no StyleGAN2.
        GeneratorError: The class is missing, unwanted or unknown.
    """
    if description := require_stylegan2(model):
        require_class(description, label, locate_model(model))


def require_architecture(description: Description, where: Path, *architectures: str) -> None:
    """Refuse a model of another architecture.

    Args:
        description: Description of the model.
        where: Its file.
        architectures: Architectures that will do.

    Raises:
        CheckpointError: It is of another one.
    """
    if description.architecture not in architectures:
        expected = " or ".join(architectures)
        message = f"is a model of the architecture {description.architecture}, expected {expected}"
        raise CheckpointError(message, where=where)


def require_class(description: Description, label: str | None, where: Path) -> None:
    """Refuse a class that does not fit a model.

    Args:
        description: Description of the model.
        label: Class that is asked for; None for none.
        where: Its file.

    Raises:
        GeneratorError: It is missing, unwanted or unknown.
    """
    classes = description.classes
    if label is not None and not classes:
        raise GeneratorError(f"the model knows no classes, '{label}' was asked for", where=where)
    if classes and label not in classes:
        missing = label is None or label == "unknown"
        found = "none is known" if missing else f"'{label}' is none of them"
        hint = (
            f"Name one as the class (label). Known: {', '.join(classes)}." if missing else nearest(str(label), classes)
        )
        raise GeneratorError(f"the model is conditional, so a class is needed; {found}", where=where, hint=hint)


def require_refinable(description: Description, spacing_mm: float, where: object) -> None:
    """Refuse images whose pixels are of another size than those that a detail network was trained to refine.

    Args:
        description: Description of the detail network; one without a spacing takes any.
        spacing_mm: Pixel spacing of the images in millimetres.
        where: What an error names as its place.

    Raises:
        GeneratorError: The pixels differ by more than `SPACING_TOLERANCE`.
    """
    if description.spacing_mm is None:
        return
    wanted = description.spacing_mm * int(description.config["factor"])
    if abs(spacing_mm / wanted - 1) > SPACING_TOLERANCE:
        message = f"refines pixels of {wanted:g} mm, the background's are {spacing_mm:g} mm"
        hint = f"Let the background have a spacing of {wanted:g} mm, or leave background.detail out."
        raise GeneratorError(message, where=where, hint=hint)
