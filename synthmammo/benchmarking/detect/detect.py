"""Detectors trained on real images, synthetic images and both, tested on real annotated images.

Three rows: "real" alone, "synthetic" alone, "both". Each sees the same number of images, and real and synthetic
images are equally often with and without lesions, so that the rows differ in the images alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from synthmammo.benchmarking.arrays import read_array
from synthmammo.benchmarking.classify.folds import LEAST_PATIENTS, low_data
from synthmammo.benchmarking.detect.config import DetectConfig, DetectorTraining, RowName
from synthmammo.benchmarking.detect.detectors import make_detector
from synthmammo.benchmarking.detect.external import External
from synthmammo.benchmarking.detect.films import Films, load_films
from synthmammo.benchmarking.detect.fit import (
    FilmNumbers,
    LesionPool,
    PreparedFilms,
    draw_order,
    fit_detector,
    mark,
    prepare,
)
from synthmammo.benchmarking.detect.marks import as_table, of_table
from synthmammo.benchmarking.lineage import check_lineage, origin_notes, usable
from synthmammo.benchmarking.results import ResultRecord, Results
from synthmammo.benchmarking.trainings import one_by_one
from synthmammo.dataset.splits import Patient, draw_splits
from synthmammo.errors import DatasetError, nearest
from synthmammo.files import writing
from synthmammo.identity import digest, file_digest
from synthmammo.metrics.detection import Marks
from synthmammo.progress import Progress, Steps, resumed, silent, stage


@dataclass(frozen=True)
class Detected:
    """A finished benchmark of detectors, for its report.

    Attributes:
        out: Its directory.
        config: What was trained.
        real: The real images.
        synthetic: The synthetic ones.
        tested: Numbers of the tested real images.
        marks: Marks on the tested images, by row and seed.
        records: Records by training.
        notes: What was checked, and what could not be.
        about: Where the detector's weights come from.
        external: The second test set; None where there is none.
        external_marks: Marks on its images, by row and by number of seed and fold.
    """

    out: Path
    config: DetectConfig
    real: Films
    synthetic: Films | None
    tested: FilmNumbers
    marks: dict[tuple[RowName, int], list[Marks]]
    records: dict[DetectorTraining, ResultRecord]
    notes: tuple[str, ...]
    about: str
    external: Films | None = None
    external_marks: dict[tuple[RowName, int], list[Marks]] = field(default_factory=dict)


def detect(
    config: DetectConfig,
    real: Path,
    synthetic: Path | None,
    out: Path,
    *,
    rows: tuple[RowName, ...],
    external: Path | None = None,
    device: str = "cpu",
    progress: Progress = silent,
) -> Detected:
    """Run what is not finished yet of a benchmark of detectors.

    Args:
        config: What is trained.
        real: Dataset of real images with boxes.
        synthetic: Dataset of synthetic images with boxes; None where no row needs it.
        out: Directory of the results. A finished training in it is not run again.
        rows: Names of the rows, which say what is trained on.
        external: Dataset of real images of another source with boxes, a second test set; None for none.
        device: Device the networks run on.
        progress: Called with images done and images in all; reading counts as well.

    Raises:
        DatasetError: The images do not allow a fair comparison; says why.
        CheckpointError: The detector cannot be had.
        OutputError: The directory holds another benchmark, or cannot be written.
        TrainingError: A training went wrong.
    """
    return Detection(config, real, synthetic, out, rows, device, external).run(progress)


class Detection:
    """Both sides of a benchmark in memory, checked; see `detect` for the arguments."""

    def __init__(
        self,
        config: DetectConfig,
        real: Path,
        synthetic: Path | None,
        out: Path,
        rows: tuple[RowName, ...],
        device: str,
        external: Path | None = None,
    ) -> None:
        self.config, self.results, self.device = config, Results(out), device
        if synthetic is None and set(rows) != {"real"}:
            hint = "Give synthetic images, or the row real alone."
            raise DatasetError("the rows synthetic and both need synthetic images", where="synthetic", hint=hint)
        seeds = range(config.first_seed, config.first_seed + config.seeds)
        self.first = make_detector(config.detector, config.weights, config.canvas_px, config.first_seed)
        self.real = load_films(real, config.canvas_px, config.kinds, where=config.where, properties=config.subgroups)
        self.folds = make_film_folds(self.real, config)
        self.synthetic: Films | None = None
        self.notes = [*origin_notes(self.real), "No synthetic images were given."]
        if synthetic is not None:
            self.synthetic = load_films(synthetic, config.canvas_px, config.kinds, split=config.synthetic_split)
            self.notes = check_lineage(self.real, self.synthetic, config)
        self.external = External(external, config, self.real, self.synthetic, self.results) if external else None
        self.grid = [
            DetectorTraining(row, seed, fold) for fold in range(len(self.folds)) for seed in seeds for row in rows
        ]
        self.pools = {training: self._pools(training) for training in self.grid}
        self.tested = np.sort(np.concatenate([test for _, test in self.folds]))

    def _trained_on(self, training: DetectorTraining) -> FilmNumbers:
        """Numbers of the real images of a training's share.

        Raises:
            DatasetError: Too few patients of the share have lesions.
        """
        share, real = self.config.share, self.real
        train = low_data(real, self.folds[training.fold][0], share / 100, training.seed)
        if share < 100 and len(np.unique(real.patients[train][real.with_lesions[train]])) < LEAST_PATIENTS:
            message = f"{share:g} % of the training images show lesions of fewer than {LEAST_PATIENTS} patients"
            raise DatasetError(message, where=real.where, hint="Give a larger share, or the images of more patients.")
        return train

    def _pools(self, training: DetectorTraining) -> dict[bool, LesionPool]:
        """Numbers of the images of each side that a training may see.

        Raises:
            DatasetError: A side that it needs has no lesion left.
        """
        train = self._trained_on(training)
        pools = {False: _pool(self.real, train)} if training.row != "synthetic" else {}
        if training.row != "real" and self.synthetic is not None:
            allowed = usable(self.synthetic, self.real, set(self.real.patients[train].tolist()))
            pools[True] = _pool(self.synthetic, np.flatnonzero(allowed))
        for made, pool in pools.items():
            if not len(pool.lesions):
                side = self.synthetic if made else self.real
                assert side
                kinds = " or ".join(self.config.kinds)
                message = f"no image with a box of kind {kinds} to train fold {training.fold} on"
                hint = "Images of tested patients, and such with findings of other kinds, are not trained on."
                raise DatasetError(message, where=side.where, hint=hint)
        return pools

    def run(self, progress: Progress) -> Detected:
        """See `detect`."""
        self.results.begin(self._facts(), self._tested())
        finished = self._finished()
        left = [training for training in self.grid if training not in finished]
        shown = self.config.steps * self.config.batch_size
        films = sum(len(side) for side in (self.real, self.synthetic, self.external) if side is not None)
        advance = Steps(progress, films * bool(left) + len(self.grid) * shown)
        resumed(advance, done := (len(self.grid) - len(left)) * shown)
        advance(done)
        stage(advance, "features of the images")
        sides = self._sides(advance) if left else {}
        if left and self.external:
            self.external.prepare(self.first.to(self.device), self.device, advance)
        one_by_one(advance, len(self.grid), left, lambda training: self._train(training, sides, advance))
        records = self._finished()
        return Detected(
            *(self.results.path, self.config, self.real, self.synthetic, self.tested),
            marks=self._gathered(records),
            records={training: records[training] for training in self.grid},
            notes=tuple(self.notes),
            about=self.first.about,
            external=self.external.films if self.external else None,
            external_marks=self.external.gathered(self.grid) if self.external else {},
        )

    def _sides(self, advance: Callable[[int], None]) -> dict[bool, PreparedFilms]:
        detector = self.first.to(self.device)
        films = {False: self.real} | ({True: self.synthetic} if self.synthetic else {})
        return {made: prepare(detector, side, self.device, advance) for made, side in films.items()}

    def _train(
        self, training: DetectorTraining, sides: dict[bool, PreparedFilms], advance: Callable[[int], None]
    ) -> None:
        config, started = self.config, perf_counter()
        pools, seed = self.pools[training], training.seed * 1000 + training.fold
        share = {"real": 0.0, "synthetic": 1.0, "both": config.synthetic_share}[training.row]
        detector = make_detector(config.detector, config.weights, config.canvas_px, seed).to(self.device)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            loss = fit_detector(detector, sides, draw_order(pools, share, config, seed), config, self.device, advance)
        test = self.folds[training.fold][1]
        marks = mark(detector, sides[False], test, config, self.device)
        if self.external:
            self.external.test(training, detector, self.device)
        path = self._marks_file(training)
        with writing(path) as partial, partial.open("wb") as file:
            np.save(file, as_table(marks, test))
        sizes = {"synthetic" if made else "real": sum(map(len, pool)) for made, pool in pools.items()}
        facts = {
            "real_images": sizes.get("real", 0),
            "synthetic_images": sizes.get("synthetic", 0),
            "loss": round(loss, 4),
            "seconds": round(perf_counter() - started, 1),
            "config": digest(config.model_dump(mode="json")),
            "real": self.real.digest,
            "synthetic": self.synthetic.digest if self.synthetic else None,
            "marks": f"marks/{path.name}",
            "marks_sha256": file_digest(path),
        }
        self.results.append({**training._asdict(), **facts})

    def _marks_file(self, training: DetectorTraining) -> Path:
        return self.results.path / "marks" / f"{training.name}.npy"

    def _finished(self) -> dict[DetectorTraining, ResultRecord]:
        """Records by training, without trainings whose marks are no longer what they were."""
        found = {}
        for record in self.results.records():
            training = DetectorTraining(record["row"], record["seed"], record["fold"])
            path = self._marks_file(training)
            tested = self.external is None or self.external.file_of(training).is_file()
            if path.is_file() and file_digest(path) == record["marks_sha256"] and tested:
                found[training] = record
        return found

    def _gathered(self, records: dict[DetectorTraining, ResultRecord]) -> dict[tuple[RowName, int], list[Marks]]:
        """Marks on all tested images, those of all folds together."""
        gathered: dict[tuple[RowName, int], dict[int, Marks]] = {}
        for training in self.grid:
            found = of_table(read_array(self._marks_file(training)), self.folds[training.fold][1])
            gathered.setdefault((training.row, training.seed), {}).update(found)
        assert all(training in records for training in self.grid)
        return {key: [found[int(number)] for number in self.tested] for key, found in gathered.items()}

    def _facts(self) -> ResultRecord:
        return {
            "benchmark": "detect",
            "real": _described(self.real),
            "synthetic": _described(self.synthetic),
            **({"external": _described(self.external.films)} if self.external else {}),
            "folds": len(self.folds),
            "notes": self.notes,
            "detector": self.first.about,
            "config": self.config.model_dump(mode="json"),
        }

    def _tested(self) -> Iterator[tuple[str, str, str]]:
        columns = (self.real.keys, self.real.patients, self.real.labels)
        return zip(*(column[self.tested].tolist() for column in columns), strict=True)


def make_film_folds(real: Films, config: DetectConfig) -> list[tuple[FilmNumbers, FilmNumbers]]:
    """Numbers of the real images to train and to test on: one fold of fixed splits, or a cross-validation by patient.

    Raises:
        DatasetError: A patient is in both, or a test has no lesion.
    """
    folds = _cross_validation(real, config.folds) if config.folds else [_fixed(real, config)]
    for number, (train, test) in enumerate(folds):
        shared = sorted(set(real.patients[train].tolist()) & set(real.patients[test].tolist()))
        if shared:
            message = f"{len(shared)} patients are trained on and tested on, e.g. {shared[0]}"
            hint = "Split by patient, as `synthmammo ingest` does; or cross-validate with folds."
            raise DatasetError(message, where=real.where, hint=hint)
        if not real.with_lesions[test].any():
            message = f"no {' or '.join(config.kinds)} on the {len(test)} images to test on, in fold {number}"
            raise DatasetError(message, where=real.where, hint="Test on another split, or with fewer folds.")
    return folds


def _fixed(real: Films, config: DetectConfig) -> tuple[FilmNumbers, FilmNumbers]:
    known = sorted(set(real.splits.tolist()))
    for name in (config.train_on, config.test_on):
        if name not in known:
            hint = f"{nearest(name, known)} Choose with train_on and test_on, or cross-validate with folds."
            raise DatasetError(f"no images in the split '{name}'", where=real.where, hint=hint)
    return np.flatnonzero(real.splits == config.train_on), np.flatnonzero(real.splits == config.test_on)


def _cross_validation(real: Films, count: int) -> list[tuple[FilmNumbers, FilmNumbers]]:
    marked = real.with_lesions
    left, folds = np.arange(len(real)), []
    for number in range(count):
        labels: dict[str, list[str]] = {}
        for image in left:
            labels.setdefault(str(real.patients[image]), []).append("lesion" if marked[image] else "none")
        patients = [Patient(name, tuple(found)) for name, found in sorted(labels.items())]
        share = 1 / (count - number)
        split = draw_splits(patients, {"train": 1 - share, "test": share}, number)
        chosen = np.array([split[patient] == "test" for patient in real.patients[left].tolist()], np.bool_)
        test, left = left[chosen], left[~chosen]
        folds.append((np.setdiff1d(np.arange(len(real)), test), test))
    return folds


def _pool(films: Films, numbers: NDArray[np.intp]) -> LesionPool:
    usable_numbers = numbers[films.trainable[numbers]]
    marked = films.with_lesions[usable_numbers]
    return LesionPool(usable_numbers[marked], usable_numbers[~marked])


def _described(films: Films | None) -> dict[str, Any] | None:
    if films is None:
        return None
    return {
        "name": films.manifest.name,
        "digest": films.digest,
        "images": len(films),
        "patients": len(set(films.patients.tolist())),
        "images_with_lesions": int(films.with_lesions.sum()),
        "lesions": sum(len(truth.lesions) for truth in films.truths),
    }
