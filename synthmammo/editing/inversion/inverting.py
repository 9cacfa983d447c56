"""`invert`: real images become latents of a model, in one call."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from synthmammo.arguments import a_function, a_model, a_name, a_number, a_path, a_positive, a_seed, a_text, wrong
from synthmammo.dataset.references import DatasetLike, dataset_path
from synthmammo.editing.inversion.invert import Inverting, Which, invert_images
from synthmammo.editing.inversion.options import InversionOptions
from synthmammo.errors import GeneratorError, OutputError
from synthmammo.models.inverted import Inverted
from synthmammo.progress import Progress, silent


def invert(
    model: str | Path,
    images: DatasetLike,
    out: str | Path,
    *,
    space: Literal["w", "w+"] = "w+",
    steps: int = 500,
    noise: Literal["fit", "fixed"] = "fit",
    keys: Sequence[str] = (),
    split: str | None = None,
    limit: int | None = None,
    label: str | None = None,
    assume_spacing_mm: float | None = None,
    seed: int = 0,
    picture: str | Path | None = None,
    device: str = "cpu",
    progress: Progress = silent,
) -> list[Inverted]:
    """Find the latents of real mammograms, so that they can be edited as samples of a model are.

    Each image is in the file as soon as it is done, and images that the file holds already are not inverted again, so
    the same call goes on after an interruption.

    Args:
        model: Name of the StyleGAN2: zoo/NAME, a path, or hf://ORG/REPO/FILE@REVISION; of one image channel.
        images: Dataset, the path of its directory, or the path of a PNG, JPEG, TIFF, PGM or DICOM file.
        out: File of latents to write or to add to; recipes take it as `background.latents`, and samples of it are
            named as OUT:KEY.
        space: Space of the latents: "w", one for all layers, or "w+", one per layer.
        steps: Number of optimisation steps per image, at least 1.
        noise: Noise maps: "fit" to the image, or "fixed", the model's own.
        keys: Keys of samples of the dataset; none of them, the default, for all samples.
        split: Split of a dataset whose samples are taken; None for all.
        limit: Largest number of images, taken from the first on; None for no limit.
        label: Class of a conditional model that the search starts from; None for the sample's own.
        assume_spacing_mm: Millimetres per pixel of images without a spacing, recorded as assumed; None assumes none.
        seed: Random seed for starting the optimisation.
        picture: PNG file to write, with each image, what its latents give, and the difference; None for none.
        device: Device that the network runs on, e.g. "cuda".
        progress: Function that is called with the number of optimisation steps done and that of all steps.

    Returns:
        The images with latents `float32 (1 or layers, w_dim)`, noise maps, and how near they came (PSNR in dB); those
        that were in the file before included.

    Raises:
        CheckpointError: There is no such model, or it is no StyleGAN2.
        GeneratorError: The class is missing or unknown, or an argument makes no sense (its name comes first).
        DatasetError: The dataset cannot be read, or `out` is of another model or was made with other options.
        SourceError: The file cannot be read.
        OutputError: The place cannot be written.

    Example:
        >>> import synthmammo as sm
        >>> model = "zoo/stylegan2-cbis-mass-128"
        >>> folder = sm.write_samples(model, "images", seeds=3, label="malignant")
        >>> found = sm.invert(model, "images/seed0003.png", "images.latents", steps=2, label="malignant")
        >>> found[0].facts.key
        'seed0003'
    """
    where, place = dataset_path(images, "images", GeneratorError), a_path(out, "out", OutputError)
    drawn = None if picture is None else a_path(picture, "picture", OutputError)
    which = _which(keys, split, limit, label, assume_spacing_mm)
    number = a_number(steps, "steps", GeneratorError, least=1)
    # In w+ all layers have one w for the first two fifths of the steps, before each gets its own.
    in_w = number if a_name(space, ("w", "w+"), "space", GeneratorError) == "w" else number * 2 // 5
    fitted = a_name(noise, ("fit", "fixed"), "noise", GeneratorError) == "fit"
    options = InversionOptions(
        w_steps=in_w, plus_steps=number - in_w, fit_noise=fitted, seed=a_seed(seed, "seed", GeneratorError)
    )
    a_function(progress, "progress", GeneratorError)
    inverting = Inverting(options, which, a_text(device, "device", GeneratorError))
    name = a_model(model, "model", GeneratorError)
    return invert_images(name, where, place, inverting, picture=drawn, progress=progress)


def _which(keys: object, split: object, limit: object, label: object, assume_spacing_mm: object) -> Which:
    if isinstance(keys, str) or not isinstance(keys, Sequence):
        raise wrong("keys", "several texts", keys, GeneratorError)
    unit = "mm per pixel"
    return Which(
        tuple(a_text(key, "keys", GeneratorError) for key in keys),
        None if split is None else a_text(split, "split", GeneratorError),
        None if limit is None else a_number(limit, "limit", GeneratorError, least=1),
        None if label is None else a_text(label, "label", GeneratorError),
        None if assume_spacing_mm is None else a_positive(assume_spacing_mm, "assume_spacing_mm", unit, GeneratorError),
    )
