r"""Measure a contextual GAN on pairs of phantom patches it never saw; the numbers and the picture of its model card.

Usage: python -m benchmarks.contextual_lesions MODEL PAIRS
           [--coarse MM] [--minimum-area SHARE] [--out MODEL_WITH_NUMBERS] [--sheet PICTURE.png]

PAIRS is a dataset of the recipe the model was trained on, built with another seed:
synthmammo build recipes/pairs/mass_pairs_256.yaml --set seed=7 --size 800 \
  --out datasets/mass_pairs_held_out

A linear classifier, fitted to the drawn lesions and their untouched twins of a third of PAIRS, judges the rest before
and after the model. For lesions put on: how many the paper's post-processing discards, and size, contrast and
variety of the others beside drawn lesions. For lesions taken off: the error inside the lesion against the untouched
twin, before and after. `--coarse` first averages every image down to pixels of so many millimetres, and enlarges it
again: what a coarser view shows. `--minimum-area` takes the place of the paper's tenth of the patch. `--out` writes the
model again in half precision with the numbers in its description.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from synthmammo.building.compose import isolate
from synthmammo.dataset.reader import Dataset
from synthmammo.generators.base import Context, Lesion
from synthmammo.generators.contextual import Contextual, ContextualRemoval
from synthmammo.mammogram import png
from synthmammo.mammogram.intensity import Intensity, resample
from synthmammo.mammogram.mark import picture_packet
from synthmammo.mammogram.pictures import contact_sheet
from synthmammo.mammogram.planned import PlannedLesion
from synthmammo.mammogram.sample import Box, Mask, Plane, Sample
from synthmammo.metrics import LinearProbe, auc
from synthmammo.models import file as checkpoints
from synthmammo.models.features import EXTRACTOR, Features, scale_means
from synthmammo.models.file import Checkpoint
from synthmammo.recipe.lesions import PAPER_POST, PostProcessing

VARIED_CONTEXTS, VARIED_SEEDS = 16, 8
SHEET_COLUMNS = 8


class Pair(NamedTuple):
    """A patch with a drawn lesion and the same without, in units of [-1, 1]."""

    lesion: Plane
    twin: Plane
    mask: Mask
    context: Context
    planned: PlannedLesion


class Made(NamedTuple):
    """What a model did to a patch; the change is None where post-processing discards it."""

    channel: Plane
    change: Plane | None
    component: Mask | None
    combined: Plane


def read(folder: Path, coarse_mm: float | None = None) -> list[Pair]:
    """Pairs of malignant lesions in the order of the dataset; those of removal models have all kinds."""
    halves: dict[int, dict[str, Sample]] = {}
    for sample in Dataset.open(folder).samples():
        halves.setdefault(sample.provenance["index"] // 2, {})[sample.provenance["role"]] = sample
    pairs = [_pair(both["lesion"], both["host"]) for both in halves.values() if len(both) == 2]
    pairs = [pair for pair in pairs if pair.planned.pathology == "malignant"]
    return [_coarser(pair, coarse_mm) for pair in pairs] if coarse_mm else pairs


def _coarser(pair: Pair, spacing_mm: float) -> Pair:
    size = pair.twin.shape
    small = (round(size[0] * pair.context.spacing_mm / spacing_mm),) * 2
    lesion, twin = (resample(resample(plane, small), size) for plane in (pair.lesion, pair.twin))
    return pair._replace(lesion=lesion, twin=twin, context=replace(pair.context, pixels=twin))


def _pair(lesion: Sample, twin: Sample) -> Pair:
    intensity, finding = Intensity(*twin.provenance["intensity"]), lesion.findings[0]
    assert twin.spacing_mm
    pixels = intensity.units(twin.image)
    context = Context(pixels, twin.breast, twin.spacing_mm[0])
    planned = PlannedLesion(finding.kind, finding.pathology, 1.0, 1.0, {}, ())
    return Pair(intensity.units(lesion.image), pixels, lesion.lesions > 0, context, planned)


def made(generator: Lesion, pair: Pair, seed: int, sign: int, post: PostProcessing) -> Made:
    """The model on the untouched half of a pair (sign 1) or on the half with the lesion (sign -1)."""
    before = pair.twin if sign == 1 else pair.lesion
    context = replace(pair.context, pixels=before)
    channel = generator(context, pair.planned, seed).channel
    piece = isolate(channel, post, context.spacing_mm, sign=sign)
    if piece is None:
        return Made(channel, None, None, before)
    return Made(channel, piece.channel, piece.component, np.clip(before + piece.channel, -1, 1))


def features(images: list[Plane], extractor: Features) -> NDArray[np.float32]:
    """Means of all scales, `float32 (N, 496)`."""
    batches = np.array_split(np.stack(images)[:, None], max(1, len(images) // 32))
    with torch.inference_mode():
        return torch.cat([scale_means(extractor.scales(torch.from_numpy(part))) for part in batches]).numpy()


class Judge:
    """The classifier of drawn lesions against untouched tissue.

    Args:
        pairs: To fit it to.
    """

    def __init__(self, pairs: list[Pair]) -> None:
        self.extractor = Features()
        images = [pair.twin for pair in pairs] + [pair.lesion for pair in pairs]
        labels = np.repeat([0, 1], len(pairs))
        self.probe = LinearProbe.fit(features(images, self.extractor), labels)

    def scores(self, images: list[Plane]) -> NDArray[np.float64]:
        """Logit of "lesion" of each image."""
        logits = self.probe.logits(features(images, self.extractor))
        return logits[:, 1] - logits[:, 0]


def judged(judge: Judge, pairs: list[Pair], results: list[Made], name: str) -> dict[str, float]:
    """Mean logits and areas under the ROC curve against untouched tissue."""
    scores = {
        "untouched": judge.scores([pair.twin for pair in pairs]),
        "drawn": judge.scores([pair.lesion for pair in pairs]),
        name: judge.scores([result.combined for result in results]),
    }
    found = {f"logit_{key}": float(values.mean()) for key, values in scores.items()}
    for key in ("drawn", name):
        both = np.concatenate([scores["untouched"], scores[key]])
        found[f"auc_{key}"] = auc(both, np.arange(len(both)) >= len(pairs))
    return found


def shape(channel: Plane, mask: Mask, spacing_mm: float) -> tuple[float, float]:
    """Longest side of a lesion's box in mm, and the mean of its channel inside."""
    box = Box.around(mask)
    assert box
    return max(box.height, box.width) * spacing_mm, float(channel[mask].mean())


def spread(values: list[float]) -> list[float]:
    """10th percentile, median and 90th percentile."""
    return [round(float(value), 3) for value in np.percentile(values, (10, 50, 90))]


def variety(generator: Lesion, pairs: list[Pair]) -> dict[str, float]:
    """Mean absolute difference of two lesions (a quarter of the grid), on one context, and of two drawn ones."""
    size = (len(pairs[0].twin) // 4,) * 2
    drawn = np.stack([resample(pair.lesion - pair.twin, size) for pair in pairs])
    apart = []
    for pair in pairs[:VARIED_CONTEXTS]:
        channels = [generator(pair.context, pair.planned, seed).channel for seed in range(VARIED_SEEDS)]
        apart.append(_apart(np.stack([resample(channel, size) for channel in channels])))
    return {"one_context": float(np.mean(apart)), "drawn": _apart(drawn[: VARIED_CONTEXTS * VARIED_SEEDS])}


def _apart(lesions: Plane) -> float:
    first, second = np.triu_indices(len(lesions), 1)
    return float(np.abs(lesions[first] - lesions[second]).mean())


def inserted(
    generator: Lesion, judge: Judge, pairs: list[Pair], post: PostProcessing
) -> tuple[dict[str, object], list[Made]]:
    """Numbers of a model that puts lesions on."""
    results = [made(generator, pair, seed, 1, post) for seed, pair in enumerate(pairs)]
    kept = [(pair, result) for pair, result in zip(pairs, results, strict=True) if result.component is not None]
    spacing_mm = pairs[0].context.spacing_mm
    ours = [shape(result.change, result.component, spacing_mm) for _, result in kept]
    drawn = [shape(pair.lesion - pair.twin, pair.mask, spacing_mm) for pair in pairs]
    numbers: dict[str, object] = {
        "discarded": 1 - len(kept) / len(pairs),
        "drawn_ones_as_small": float(np.mean([pair.mask.mean() < post.minimum_area for pair in pairs])),
    }
    for name, shapes in (("model", ours), ("drawn", drawn)):
        sizes, contrasts = zip(*shapes, strict=True) if shapes else ((0.0,), (0.0,))
        numbers[name] = {"diameter_mm": spread(list(sizes)), "mean_contrast": spread(list(contrasts))}
    numbers["variety"] = variety(generator, pairs)
    numbers["classifier"] = judged(judge, [p for p, _ in kept], [r for _, r in kept], "model") if kept else {}
    return numbers, results


def removed(
    generator: Lesion, judge: Judge, pairs: list[Pair], post: PostProcessing
) -> tuple[dict[str, object], list[Made]]:
    """Numbers of a model that takes lesions off."""
    results = [made(generator, pair, seed, -1, post) for seed, pair in enumerate(pairs)]
    errors = {
        "before": [float(np.abs(pair.lesion - pair.twin)[pair.mask].mean()) for pair in pairs],
        "after": [
            float(np.abs(result.combined - pair.twin)[pair.mask].mean())
            for pair, result in zip(pairs, results, strict=True)
        ],
    }
    return {
        "left_as_it_was": float(np.mean([result.change is None for result in results])),
        "mean_error_inside": {name: spread(values) for name, values in errors.items()},
        "classifier": judged(judge, pairs, results, "removed"),
    }, results


def picture(pairs: list[Pair], results: list[Made], sign: int, model: Checkpoint, path: Path) -> None:
    """Rows of input, lesion channel (grey is 0) and output; the first ones, not chosen. For removal also the truth."""
    shown = list(zip(pairs, results, strict=True))[:SHEET_COLUMNS]
    before = [pair.twin if sign == 1 else pair.lesion for pair, _ in shown]
    rows = [before, [result.channel for _, result in shown], [result.combined for _, result in shown]]
    rows.append([pair.lesion if sign == 1 else pair.twin for pair, _ in shown])
    tiles = [np.uint8((plane.clip(-1, 1) * 0.5 + 0.5) * 255) for row in rows for plane in row]
    png.save(contact_sheet(tiles, SHEET_COLUMNS, tile_px=(160, 160)), path, picture_packet([model.making]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("pairs", type=Path)
    parser.add_argument("--coarse", type=float)
    parser.add_argument("--minimum-area", type=float)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--sheet", type=Path)
    given = parser.parse_args()
    checkpoint = checkpoints.load(given.model)
    sign = -1 if checkpoint.description.makes == "removal" else 1
    generator = (ContextualRemoval if sign == -1 else Contextual)(given.model)
    pairs = read(given.pairs, given.coarse)
    post = PAPER_POST[pairs[0].planned.kind]
    if given.minimum_area is not None:
        post = post.model_copy(update={"minimum_area": given.minimum_area})
    third = len(pairs) // 3
    judge, judged_pairs = Judge(pairs[:third]), pairs[third:]
    numbers, results = (removed if sign == -1 else inserted)(generator, judge, judged_pairs, post)
    measured = {
        "extractor": EXTRACTOR,
        "contexts": len(judged_pairs),
        "coarse_mm": given.coarse,
        "minimum_area": post.minimum_area,
        **numbers,
    }
    print(json.dumps(measured, indent=2))
    if given.sheet:
        picture(judged_pairs, results, sign, checkpoint, given.sheet)
    if given.out:
        description = replace(checkpoint.description, metrics=measured)
        checkpoints.save_model(given.out, {"generator": generator.network}, description, torch.float16)


if __name__ == "__main__":
    main()
