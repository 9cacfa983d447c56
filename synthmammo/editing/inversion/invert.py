"""VERB invert: real mammograms become latents of a model, so that they can be edited as its samples are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL.Image import Image as Picture

from synthmammo.dataset.reader import Dataset
from synthmammo.editing.samples import Samples, grey, known_class, one_grey_channel
from synthmammo.errors import DatasetError, SourceError
from synthmammo.files import writing
from synthmammo.generators.stylegan2 import quantised
from synthmammo.ingesting.sources.base import key_of
from synthmammo.ingesting.sources.rasters import SUFFIXES, read_raster
from synthmammo.mammogram.anatomy import Side, breast_mask, chest_wall_side
from synthmammo.mammogram.geometry import blank, crop, resize, square
from synthmammo.mammogram.intensity import Intensity, Plane
from synthmammo.mammogram.pictures import difference, sheet
from synthmammo.mammogram.sample import Box, Sample, SpacingOrigin
from synthmammo.models.file import Scale
from synthmammo.models.inverted import Facts, Inverted, read_inverted, write_inverted
from synthmammo.models.latents import Model, one_hot, open_model, restored
from synthmammo.progress import Progress, silent

if TYPE_CHECKING:
    from torch import Tensor

    from synthmammo.editing.inversion.search import Inversion, InversionOptions


@dataclass(frozen=True)
class Which:
    """Which images are inverted.

    Attributes:
        keys: Of a dataset's samples; empty for all.
        split: Only this split of a dataset; None for all. Of a single file: where its patient belongs.
        limit: Only so many, the first; None for all.
        label: Class of a conditional model that the search starts from; None for the sample's own.
        assume_spacing_mm: Millimetres per pixel of images without a spacing; recorded as assumed.
    """

    keys: tuple[str, ...] = ()
    split: str | None = None
    limit: int | None = None
    label: str | None = None
    assume_spacing_mm: float | None = None

    def spaced(self, sample: Sample) -> Sample:
        """The sample, with the assumed spacing where it has none."""
        if sample.spacing_mm is not None or self.assume_spacing_mm is None:
            return sample
        spacing = (self.assume_spacing_mm, self.assume_spacing_mm)
        return sample.with_(spacing_mm=spacing, spacing_origin=SpacingOrigin.ASSUMED)


def invert(
    model: str,
    images: Path,
    out: Path,
    options: InversionOptions,
    which: Which | None = None,
    *,
    device: str = "cpu",
    picture: Path | None = None,
    progress: Progress = silent,
) -> list[Inverted]:
    """Invert images, one after the other; each is in the file as soon as it is done.

    Latents that `out` holds already are kept, so after an interruption the same call goes on with the next.

    Args:
        model: `zoo/NAME`, a path, or `hf://ORG/REPO/FILE@REVISION`; of one image channel.
        images: A PNG, JPEG, TIFF, PGM or DICOM file, or a dataset directory.
        out: File of inverted images to make or to add to.
        options: How.
        which: Which of them.
        device: Where the network runs.
        picture: PNG to write: each image beside what its latents give, and their difference.
        progress: Called with optimisation steps done and steps in all.

    Returns:
        The images, those that were in the file before included.

    Raises:
        CheckpointError: There is no such model, or it is no StyleGAN2.
        GeneratorError: The model is conditional and the class is missing or unknown.
        DatasetError: The dataset cannot be read, or `out` is of another model or made with other options.
        SourceError: The file cannot be read.
        OutputError: The place cannot be written.
    """
    import torch

    from synthmammo.editing.inversion.search import invert as search
    from synthmammo.models.features import Features

    which = which or Which()
    opened = open_model(model, device)
    frame = Frame.of(opened)
    chosen = [frame.fitted(which.spaced(sample)) for sample in _samples(images, which, patches=frame.side is None)]
    if not chosen:
        raise DatasetError("no image was chosen", where=images, hint="Check the keys, the split and the limit.")
    found = _kept(out, opened, options)
    features = Features().to(device)
    steps, total = options.steps, options.steps * len(chosen)
    for number, sample in enumerate(chosen):
        before = number * steps
        known = found.get(sample.key)
        if known is None:
            label = _label(opened, which.label or sample.label, device)
            result = search(
                opened.network,
                torch.from_numpy(frame.units(sample))[None].to(device),
                features,
                options,
                label=label,
                progress=partial(_advance, progress, before, total),
            )
            found[sample.key] = _inverted(sample, result)
        else:
            # What is now said of the image, such as its spacing, needs no other latents.
            found[sample.key] = replace(known, facts=_facts(sample, known.facts.errors))
        if known is None or known.facts != found[sample.key].facts:
            write_inverted(out, opened.checkpoint.digest, asdict(options), found.values())
        progress(before + steps, total)
    kept = [found[sample.key] for sample in chosen]
    if picture is not None:
        with writing(picture) as file:
            comparison(opened, frame, chosen, kept).save(file, format="PNG")
    return kept


@dataclass(frozen=True)
class Frame:
    """How a model's images lie.

    Attributes:
        resolution: Side in pixels.
        side: Of the chest wall; None for a model of patches.
        scale: Its intensity mapping.
    """

    resolution: int
    side: Side | None
    scale: Scale

    @classmethod
    def of(cls, model: Model) -> Frame:
        """Of a model; where its chest walls are is seen on its average image."""
        import torch

        one_grey_channel(model)
        description, network = model.checkpoint.description, model.network
        side: Side | None = None
        if description.makes == "mammograms":
            with torch.inference_mode():
                average = network.synthesis(network.mapping.w_avg[None])[0, 0].cpu().numpy()
            image = quantised(average, 8)
            side = chest_wall_side(image, breast_mask(image, 8))
        return cls(network.config.resolution, side, description.scale)

    def fitted(self, sample: Sample) -> Sample:
        """A sample in the frame: air and labels blank, chest wall on its side, square, of the model's size."""
        size = self.resolution
        if self.side is not None:
            return square(blank(sample), size, self.side)
        height, width = sample.shape
        edge = min(height, width)
        top, left = (height - edge) // 2, (width - edge) // 2
        return resize(crop(sample, Box(top, left, top + edge, left + edge)), (size, size))

    def units(self, sample: Sample) -> Plane:
        """Pixels of a fitted sample as the network sees them, `float32 (H, W)` in [-1, 1]."""
        full = Intensity(0.0, float(2**sample.bits_stored - 1))
        mapping = full if self.scale is Scale.FULL_RANGE else Intensity.of(sample.image, sample.breast)
        return mapping.units(sample.image)


def comparison(model: Model, frame: Frame, samples: Sequence[Sample], found: Sequence[Inverted]) -> Picture:
    """A sheet: each image, what its latents give, and the difference."""
    painter, tiles, captions = Samples(model), [], []
    for sample, inverted in zip(samples, found, strict=True):
        again = restored([inverted], device=model.device)
        given, made = frame.units(sample), painter.image(again.w[0], again.noise)
        tiles += [grey(given), grey(made), difference(given, made)]
        captions += [sample.key, f"inverted, {inverted.facts.reached['psnr_db']:.1f} dB", "difference (blue: less)"]
    return sheet(tiles, 3 if len(samples) < 4 else 6, captions, (256, 256))


def _samples(images: Path, which: Which, *, patches: bool) -> Iterator[Sample]:
    if images.is_dir():
        dataset = Dataset.open(images)
        chosen = map(dataset.sample, which.keys) if which.keys else dataset.samples(which.split)
        return islice(chosen, which.limit)
    return iter([_from_file(images, which, patches=patches)])


def _from_file(path: Path, which: Which, *, patches: bool) -> Sample:
    if not path.is_file():
        raise SourceError("there is nothing at this path", where=path, hint="Check the spelling of the path.")
    view, laterality, spacing = None, None, None
    if path.suffix.lower() in SUFFIXES:
        image, bits = read_raster(path)
    else:
        from synthmammo.ingesting.sources import dicom_header as head
        from synthmammo.ingesting.sources.dicom_pixels import read_dicom_pixels

        image, bits, _ = read_dicom_pixels(path)
        header = head.open_dicom(path, with_pixels=False)
        view, laterality, spacing = head.view(header), head.laterality(header), head.spacing_mm(header)[0]
    breast = np.ones(image.shape, np.bool_) if patches else breast_mask(image, bits)
    if not breast.any():
        raise SourceError("no breast can be seen on it", where=path)
    key = key_of(path.stem)
    return Sample(
        key=key,
        image=image,
        bits_stored=bits,
        breast=breast,
        lesions=np.zeros(image.shape, np.uint8),
        view=view,
        laterality=laterality,
        label=which.label or "unknown",
        split=which.split or "train",
        patient=key,
        spacing_mm=spacing,
        spacing_origin=SpacingOrigin.KNOWN if spacing else SpacingOrigin.UNKNOWN,
    )


def _kept(out: Path, model: Model, options: InversionOptions) -> dict[str, Inverted]:
    if not out.is_file():
        return {}
    found = read_inverted(out, model.checkpoint.digest)
    if found.options != asdict(options):
        wanted = asdict(options)
        changed = [name for name in wanted if found.options.get(name) != wanted[name]]
        hint = "Name another file, or delete this one."
        raise DatasetError(f"its images were inverted with other options: {', '.join(changed)}", where=out, hint=hint)
    return dict(found.images)


def _advance(progress: Progress, before: int, total: int, done: int, _: int) -> None:
    progress(before + done, total)


def _label(model: Model, label: str, device: str) -> Tensor | None:
    classes = model.checkpoint.description.classes
    if not classes:
        return None
    known_class(model, label)
    return one_hot(model.checkpoint, [label], device)


def _inverted(sample: Sample, result: Inversion) -> Inverted:
    noise = {layer: plane[0].cpu().numpy().astype(np.float16) for layer, plane in result.noise.items()}
    return Inverted(_facts(sample, result.errors), result.w.cpu().numpy(), noise)


def _facts(sample: Sample, errors: dict[str, dict[str, float]]) -> Facts:
    return Facts(
        key=sample.key,
        patient=sample.patient or sample.key,
        split=sample.split,
        view=sample.view,
        laterality=sample.laterality,
        density=sample.history.density,
        spacing_mm=sample.spacing_mm,
        spacing_origin=str(sample.spacing_origin),
        errors=errors,
    )
