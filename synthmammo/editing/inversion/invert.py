"""Real mammograms become latents of a model, so that they can be edited as its samples are."""

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
from synthmammo.editing.inversion.frame import ModelFrame
from synthmammo.editing.inversion.options import InversionOptions
from synthmammo.editing.samples import Samples, grey, known_class
from synthmammo.errors import DatasetError, SourceError
from synthmammo.files import writing
from synthmammo.ingesting.single import read_image_file
from synthmammo.ingesting.sources.base import key_of
from synthmammo.interruption import keeping
from synthmammo.mammogram import png
from synthmammo.mammogram.anatomy import breast_mask
from synthmammo.mammogram.mark import picture_packet
from synthmammo.mammogram.origin import STATEMENT
from synthmammo.mammogram.pictures import contact_sheet, difference
from synthmammo.mammogram.sample import Sample, SpacingOrigin
from synthmammo.models.inverted import Facts, Inverted, read_inverted, write_inverted
from synthmammo.models.latents import Model, one_hot, open_model, restored
from synthmammo.progress import Progress, resumed, silent, stage

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Which:
    """Which images are inverted.

    Attributes:
        keys: Keys of a dataset's samples; empty for all.
        split: Split of a dataset whose samples are taken, None for all; for a single file the split that its patient
            belongs to, None for "train".
        limit: Largest number of images, taken from the first on; None for no limit.
        label: Class of a conditional model that the search starts from; None for the sample's own.
        assume_spacing_mm: Millimetres per pixel of images without a spacing, recorded as assumed; None assumes none.
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


@dataclass(frozen=True)
class Inverting:
    """How images are inverted, and which.

    Attributes:
        options: Numbers of the search.
        which: Images that are inverted; all of them by default.
        device: Device the network runs on.
    """

    options: InversionOptions = InversionOptions()
    which: Which = Which()
    device: str = "cpu"


def invert_images(
    model: str,
    images: Path,
    out: Path,
    inverting: Inverting | None = None,
    *,
    picture: Path | None = None,
    progress: Progress = silent,
) -> list[Inverted]:
    """Invert images, one after the other; each is in the file as soon as it is done.

    Latents that `out` holds already are kept, so after an interruption the same call goes on with the next.

    Args:
        model: `zoo/NAME`, a path, or `hf://ORG/REPO/FILE@REVISION`; of one image channel.
        images: A PNG, JPEG, TIFF, PGM or DICOM file, or a dataset directory.
        out: File of inverted images to make or to add to.
        inverting: How they are inverted, and which; None for the defaults.
        picture: PNG to write, with each image beside what its latents give and their difference; None for none.
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
    inverting = inverting or Inverting()
    options, which = inverting.options, inverting.which
    _require_path(images)
    stage(progress, "loading the model")
    opened = open_model(model, inverting.device)
    if which.label is not None:
        known_class(opened, which.label)
    frame = ModelFrame.of(opened)
    chosen = [frame.fitted(which.spaced(sample)) for sample in _samples(images, which, patches=frame.side is None)]
    if not chosen:
        raise DatasetError("no image was chosen", where=images, hint="Check the keys, the split and the limit.")
    found = _kept(out, opened, options)
    inverter, total = _Inverter(opened, frame, inverting), options.steps * len(chosen)
    with keeping(lambda: f"images in {out} are kept ({len(found):,}), and the same command goes on from there"):
        for number, sample in enumerate(chosen):
            before = number * options.steps
            known = found.get(sample.key)
            if known is None:
                stage(progress, f"the first steps of {sample.key}")
                found[sample.key] = inverter.inverted(sample, partial(_advance, progress, before, total))
            else:
                # What is now said of the image, such as its spacing, needs no other latents.
                found[sample.key] = replace(known, facts=_facts(sample, known.facts.errors))
                resumed(progress, options.steps)
            if known is None or known.facts != found[sample.key].facts:
                write_inverted(out, opened.checkpoint.digest, asdict(options), found.values())
            progress(before + options.steps, total)
    kept = [found[sample.key] for sample in chosen]
    if picture is not None:
        with writing(picture) as file:
            packet = picture_packet([opened.checkpoint.making, *(sample.making for sample in chosen)])
            png.save(comparison(opened, frame, chosen, kept), file, packet)
    return kept


class _Inverter:
    """A model and the network that compares its images with real ones."""

    def __init__(self, model: Model, frame: ModelFrame, inverting: Inverting) -> None:
        from synthmammo.models.features import Features

        self.model, self.frame, self.inverting = model, frame, inverting
        self.features = Features().to(model.device)

    def inverted(self, sample: Sample, progress: Progress) -> Inverted:
        """The latents of a fitted sample."""
        import torch

        from synthmammo.editing.inversion.search import search_latents

        device = self.model.device
        own = self.model.checkpoint.description.class_of(sample.label, sample.view)
        label = _label(self.model, self.inverting.which.label or own, device)
        target = torch.from_numpy(self.frame.units(sample))[None].to(device)
        network, options = self.model.network, self.inverting.options
        result = search_latents(network, target, self.features, options, label=label, progress=progress)
        noise = {layer: plane[0].cpu().numpy().astype(np.float16) for layer, plane in result.noise.items()}
        return Inverted(_facts(sample, result.errors), result.w.cpu().numpy(), noise)


def comparison(model: Model, frame: ModelFrame, samples: Sequence[Sample], found: Sequence[Inverted]) -> Picture:
    """A sheet: each image, what its latents give, and the difference."""
    painter, tiles, captions = Samples(model), [], []
    for sample, inverted in zip(samples, found, strict=True):
        again = restored([inverted], device=model.device)
        given, made = frame.units(sample), painter.image(again.w[0], again.noise)
        tiles += [grey(given), grey(made), difference(given, made)]
        captions += [sample.key, f"inverted, {inverted.facts.reached['psnr_db']:.1f} dB", "difference (blue: less)"]
    return contact_sheet(tiles, 3 if len(samples) < 4 else 6, captions, (256, 256))


def _samples(images: Path, which: Which, *, patches: bool) -> Iterator[Sample]:
    if images.is_dir():
        dataset = Dataset.open(images)
        chosen = map(dataset.sample, which.keys) if which.keys else dataset.samples(which.split)
        return islice(chosen, which.limit)
    chosen_from = [f"--{name}" for name, given in (("key", which.keys), ("split", which.split)) if given]
    if chosen_from:
        message = f"is one image, and {chosen_from[0]} chooses among the samples of a dataset"
        raise SourceError(message, where=images, hint=f"Leave out {chosen_from[0]}, or give a dataset.")
    return iter([_from_file(images, which, patches=patches)])


def _require_path(images: Path) -> None:
    if not images.exists():
        raise SourceError("there is nothing at this path", where=images, hint="Check the spelling of the path.")


def _from_file(path: Path, which: Which, *, patches: bool) -> Sample:
    found = read_image_file(path)
    image, spacing = found.image, found.spacing_mm
    breast = np.ones(image.shape, np.bool_) if patches else breast_mask(image, found.bits_stored)
    if not breast.any():
        raise SourceError("no breast can be seen on it", where=path)
    key = key_of(path.stem)
    return Sample(
        key=key,
        image=image,
        bits_stored=found.bits_stored,
        breast=breast,
        lesions=np.zeros(image.shape, np.uint8),
        view=found.view,
        laterality=found.laterality,
        label=which.label or "unknown",
        split=which.split or "train",
        patient=key,
        spacing_mm=spacing,
        spacing_origin=SpacingOrigin.KNOWN if spacing else SpacingOrigin.UNKNOWN,
        provenance={STATEMENT: found.making.record()},
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
        origin=sample.making.record(),
        errors=errors,
    )
