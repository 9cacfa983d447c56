"""Classifiers trained on real and synthetic images in several ratios, tested on real ones.

After Wu et al. 2020 ("Experiments"), with what a careful reader misses there: weights are chosen and tested on
different patients, intervals count patients and not patches, several trainings stand beside each other, and what the
generator has seen is checked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import isnan
from pathlib import Path
from time import perf_counter

import numpy as np
import torch
from numpy.typing import NDArray

from synthmammo.benchmarking.arrays import read_array
from synthmammo.benchmarking.classify.backbones import Backbone, backbone
from synthmammo.benchmarking.classify.config import ClassifyConfig, runs
from synthmammo.benchmarking.classify.embed import embedded
from synthmammo.benchmarking.classify.external import External
from synthmammo.benchmarking.classify.fit import Classifier, Fitted, LogOdds, fit_classifier, last_features, log_odds
from synthmammo.benchmarking.classify.folds import Fold, check_share, low_data, make_folds
from synthmammo.benchmarking.classify.grey_levels import grey_level_auc
from synthmammo.benchmarking.classify.images import (
    LabelledImages,
    check_synthetic,
    positive_classes,
    read_images,
    side_facts,
)
from synthmammo.benchmarking.classify.inputs import (
    FeatureArray,
    FeatureInputs,
    Inputs,
    PixelInputs,
    frozen_features,
    standardising,
)
from synthmammo.benchmarking.classify.mixing import ClassPool, Mixture, Order
from synthmammo.benchmarking.lineage import check_lineage, origin_notes, usable
from synthmammo.benchmarking.results import ResultRecord, Results, Run
from synthmammo.benchmarking.trainings import one_by_one
from synthmammo.errors import DatasetError
from synthmammo.identity import digest, file_digest
from synthmammo.metrics import average_precision, delong_interval, sensitivity_at_specificity
from synthmammo.progress import Progress, Steps, resumed, silent, stage


@dataclass(frozen=True)
class Compared:
    """A finished benchmark, for its report.

    Attributes:
        results: Directory of the benchmark.
        config: What was trained.
        real: The real images.
        synthetic: The synthetic ones.
        positive: Whether each real image is positive, `bool (N)`.
        tested: Numbers of the tested images, in the order of the scores.
        records: Records by training.
        notes: What was checked, and what could not be.
        grey_level_auc: Area under the ROC curve of four grey-level statistics alone, on the tested images.
        external: The second test set; None where there is none.
    """

    results: Results
    config: ClassifyConfig
    real: LabelledImages
    synthetic: LabelledImages | None
    positive: NDArray[np.bool_]
    tested: NDArray[np.intp]
    records: dict[Run, ResultRecord]
    notes: tuple[str, ...]
    grey_level_auc: float
    external: External | None = None


def classify(
    config: ClassifyConfig,
    real: Path,
    synthetic: Path | None,
    out: Path,
    *,
    external: Path | None = None,
    generator: str | None = None,
    device: str = "cpu",
    progress: Progress = silent,
) -> Compared:
    """Run what is not finished yet of a benchmark.

    Args:
        config: What is trained.
        real: Dataset of real images.
        synthetic: Dataset of synthetic images, or a folder with a subfolder for each class; None for baselines only.
        out: Directory of the results. A finished training in it is not run again, one under way goes on.
        external: Dataset of real images of another source, a second test set; None for none.
        generator: Model that made the synthetic images, where no manifest says so; what it has seen is checked.
        device: Device the networks run on.
        progress: Called with images shown and images in all.

    Raises:
        DatasetError: The images do not allow a fair comparison; says why.
        CheckpointError: Weights cannot be had.
        OutputError: The directory holds another benchmark, or cannot be written.
        TrainingError: A training went wrong.
    """
    return Classification(config, real, synthetic, out, external=external, generator=generator, device=device).run(
        progress
    )


class Classification:
    """Both sides of a benchmark in memory, checked; see `classify` for the arguments."""

    def __init__(
        self,
        config: ClassifyConfig,
        real: Path,
        synthetic: Path | None,
        out: Path,
        *,
        external: Path | None = None,
        generator: str | None = None,
        device: str = "cpu",
    ) -> None:
        self.config, self.results, self.device = config, Results(out), device
        self.real = read_images(real, where=config.where, properties=config.subgroups)
        self.positives = positive_classes(self.real, config.positive)
        self.positive = self.real.positive(self.positives)
        self.folds = make_folds(self.real, self.positive, config)
        self.synthetic = read_images(synthetic, config.synthetic_split) if synthetic else None
        self.notes = self._check_synthetic(generator)
        rest = (self.real, self.synthetic, self.positives, config.subgroups, generator)
        self.external = External(external, *rest) if external else None
        self.tested = np.sort(np.concatenate([fold.test for fold in self.folds]))
        self.grid = runs(config, with_synthetic=self.synthetic is not None)
        self.orders = {(run, number): self._order(run, number) for run in self.grid for number in range(self._count)}
        self.features: dict[str, FeatureArray] = {}

    @property
    def _count(self) -> int:
        return len(self.folds)

    def _check_synthetic(self, generator: str | None) -> list[str]:
        if self.synthetic is None:
            return [*origin_notes(self.real), "No synthetic images were given."]
        check_synthetic(self.real, self.synthetic)
        return check_lineage(self.real, self.synthetic, self.config, generator)

    def _order(self, run: Run, number: int) -> Order:
        """What a training is shown.

        Raises:
            DatasetError: A side that it needs lacks a class.
        """
        fold, ratio = self.folds[number], 1.0 if run.ratio is None else run.ratio / 100
        mixture = Mixture(
            ratio, self.config.decay if run.ratio is not None else 0.0, self.config.decay_every, self.config.schedule
        )
        train = low_data(self.real, fold.train, run.share / 100, run.seed)
        check_share(self.real, train, self.positive, run.share, self.real.where)
        real = _pool(train, self.positive[train])
        _need_both(real, self.real.where, f"{run.share:g} % of the training images")
        if ratio == 0 or self.synthetic is None:
            return Order(real, _EMPTY, mixture, self._seed(run, number))
        allowed = usable(self.synthetic, self.real, set(self.real.patients[train].tolist()))
        made = _pool(np.flatnonzero(allowed), self.synthetic.positive(self.positives)[allowed])
        _need_both(made, self.synthetic.where, "the synthetic images that may be used")
        return Order(real if run.ratio is not None else _EMPTY, made, mixture, self._seed(run, number))

    def _seed(self, run: Run, number: int) -> int:
        return run.seed * 1000 + number

    def run(self, progress: Progress) -> Compared:
        """See `classify`."""
        finished = self.results.finished()
        left = [run for run in self.grid if run not in finished or not self._tested_externally(run)]
        grey = grey_level_auc(self.real.grey, self.positive, self.folds, self.tested)
        if left:
            self._backbone(self.config.first_seed)  # weights that cannot be had leave no directory behind
        self.results.begin(self._facts(grey), self._tested())
        frozen = self.config.mode == "frozen" and left
        extra = sum(len(images) for _, images in self._all_images()) if frozen else 0
        advance = Steps(progress, extra + len(self.grid) * self._count * self.config.samples)
        if frozen:
            stage(advance, "features of the images")
            self._freeze(advance)
        done = (len(self.grid) - len(left)) * self._count * self.config.samples
        resumed(advance, done)
        advance(done)
        one_by_one(advance, len(self.grid), left, lambda run: self._train(run, advance))
        records = self.results.finished()
        return Compared(
            *(self.results, self.config, self.real, self.synthetic, self.positive, self.tested),
            records={run: records[run] for run in self.grid},
            notes=tuple(self.notes),
            grey_level_auc=grey,
            external=self.external,
        )

    def _tested_externally(self, run: Run) -> bool:
        return self.external is None or self.results.external_file(run).is_file()

    def _all_images(self) -> list[tuple[str, LabelledImages]]:
        """The images by name of their side, those tested last."""
        external = self.external.images if self.external else None
        sides = (("real", self.real), ("synthetic", self.synthetic), ("external", external))
        return [(name, images) for name, images in sides if images is not None]

    def _facts(self, grey: float) -> ResultRecord:
        parts = {"train": 0, "select": 0, "test": 0}
        for name in parts:
            parts[name] = round(float(np.mean([len(getattr(fold, name)) for fold in self.folds])))
        return {
            "benchmark": "classify",
            "real": side_facts(self.real),
            "synthetic": side_facts(self.synthetic),
            **({"external": side_facts(self.external.images)} if self.external else {}),
            "positive": list(self.positives),
            "images": parts,
            "folds": self._count,
            "notes": self.notes,
            "grey_level_auc": round(grey, 4),
            "config": self.config.model_dump(mode="json"),
        }

    def _tested(self) -> Iterator[tuple[str, str, str]]:
        columns = (self.real.keys, self.real.patients, self.real.labels)
        return zip(*(column[self.tested].tolist() for column in columns), strict=True)

    def _freeze(self, advance: Callable[[int], None]) -> None:
        """Features of a frozen network on both sides; taken once and kept."""
        weights = Path(self.config.weights)
        known = file_digest(weights) if weights.is_file() else self.config.weights
        for name, images in self._all_images():
            settings = (self.config.backbone, known, self.config.size_px, self.config.intensity, self.config.augment)
            path = self.results.features_file(f"frozen-{name}-{digest([images.digest, *settings])[:16]}")
            if path.is_file():
                self.features[name] = read_array(path)
                resumed(advance, len(images))
                advance(len(images))
                continue
            network = self._backbone(self.config.first_seed).to(self.device)
            self.features[name] = frozen_features(network, images, self.config, self.device, advance)
            self.results.keep_array(path, self.features[name])

    def _backbone(self, seed: int) -> Backbone:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return backbone(self.config.backbone, self.config.weights)

    def _train(self, run: Run, advance: Callable[[int], None]) -> None:
        started, found = perf_counter(), np.full(len(self.real), np.nan)
        fits = []
        for number, fold in enumerate(self.folds):
            inputs = self._inputs(run, number)
            fitted = self._fit(run, number, inputs, advance)
            found[fold.test] = log_odds(fitted.network, inputs, fold.test)
            fits.append(fitted)
            if number == 0:
                self._keep_features(run, fold, fitted, inputs)
        facts = self._measured(found[self.tested]) | self._shown(run)
        if self.external:
            pairs = [(fit.network, self._inputs(run, number, "external")) for number, fit in enumerate(fits)]
            self.results.keep_array(self.results.external_file(run), self.external.scores(pairs))
        facts |= {
            "selection_auc": round(float(np.mean([fitted.selection_auc for fitted in fits])), 6),
            "best_at": [fitted.best_at for fitted in fits],
            "seconds": round(perf_counter() - started, 1),
            "config": digest(self.config.model_dump(mode="json")),
            "real": self.real.digest,
            "synthetic": self.synthetic.digest if self.synthetic else None,
        }
        self.results.add(run, found[self.tested], facts)
        self.results.forget(run)

    def _inputs(self, run: Run, number: int, tested: str = "real") -> Inputs:
        """What a network of a training is shown; `tested` "external" puts the second test set in place of the real."""
        if self.config.mode == "fine-tune":
            real = self.external.images if tested == "external" and self.external else self.real
            return PixelInputs((real, self.synthetic), self.config, self.device)
        order = self.orders[run, number]
        # Standardised by what is trained on, so that synthetic images alone are told nothing of the real ones.
        pool, trained_on = (order.synthetic, "synthetic") if run.ratio is None else (order.real, "real")
        statistics = standardising(self.features[trained_on][np.concatenate(pool)])
        return FeatureInputs((self.features[tested], self.features.get("synthetic")), *statistics)

    def _fit(self, run: Run, number: int, inputs: Inputs, advance: Callable[[int], None]) -> Fitted:
        frozen, seed = self.config.mode == "frozen", self._seed(run, number)
        base = None if frozen else self._backbone(seed)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = Classifier(base, base.width if base else self.features["real"].shape[2])
            if not frozen:
                network.to(self.device)
            fold = self.folds[number]
            state = None if frozen else self.results.state_file(run, number)
            select = (fold.select, self.positive[fold.select])
            return fit_classifier(network, inputs, self.orders[run, number], select, self.config, state, advance)

    def _keep_features(self, run: Run, fold: Fold, fitted: Fitted, inputs: Inputs) -> None:
        """Last features of tested and of some synthetic images, of the first training of each ratio."""
        if run.seed != self.config.first_seed or run.share != max(self.config.shares):
            return
        kept = last_features(fitted.network, inputs.real, fold.test)
        self.results.keep_array(self.results.features_file(f"{run.name}-real"), kept.astype(np.float16))
        if self.synthetic is not None:
            made = last_features(fitted.network, inputs.synthetic, embedded(self.synthetic))
            self.results.keep_array(self.results.features_file(f"{run.name}-synthetic"), made.astype(np.float16))

    def _measured(self, found: LogOdds) -> ResultRecord:
        positive = self.positive[self.tested]
        area = delong_interval(positive, found)
        values = {
            "auc": area.estimate,
            "auc_low": area.low,
            "auc_high": area.high,
            "sensitivity_at_90_specificity": sensitivity_at_specificity(found, positive),
            "auprc": average_precision(found, positive),
        }
        return {name: None if isnan(value) else round(value, 6) for name, value in values.items()}

    def _shown(self, run: Run) -> ResultRecord:
        orders = [self.orders[run, number] for number in range(self._count)]
        return {
            "real_images": round(float(np.mean([sum(map(len, order.real)) for order in orders]))),
            "synthetic_images": round(float(np.mean([sum(map(len, order.synthetic)) for order in orders]))),
        }


_EMPTY: ClassPool = (np.zeros(0, np.intp), np.zeros(0, np.intp))


def _pool(numbers: NDArray[np.intp], positive: NDArray[np.bool_]) -> ClassPool:
    return numbers[~positive], numbers[positive]


def _need_both(pool: ClassPool, where: Path, what: str) -> None:
    if not len(pool[0]) or not len(pool[1]):
        message = f"{what} are {len(pool[1])} positives and {len(pool[0])} negatives; both are needed"
        hint = "With one class only a network would learn to tell the sides apart." if "synthetic" in what else None
        raise DatasetError(message, where=where, hint=hint)
