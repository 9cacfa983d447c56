"""A second test set of a benchmark of detectors: films of another source, marked by every detector."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from synthmammo.benchmarking.arrays import read_array
from synthmammo.benchmarking.detect.config import DetectConfig, DetectorTraining, RowName
from synthmammo.benchmarking.detect.detectors import Detector
from synthmammo.benchmarking.detect.films import Films, load_films
from synthmammo.benchmarking.detect.fit import FilmNumbers, PreparedFilms, mark, prepare
from synthmammo.benchmarking.detect.marks import as_table, of_table
from synthmammo.benchmarking.lineage import check_other_patients, check_unseen
from synthmammo.benchmarking.results import Results
from synthmammo.metrics.detection import Marks


class External:
    """The films of a second test set, checked against those that are trained on.

    Args:
        path: Dataset of real whole images with boxes; all of its splits are tested on.
        config: Configuration of the benchmark.
        real: The real images of the benchmark.
        synthetic: The synthetic ones; None where there are none.
        results: Directory of the benchmark.

    Raises:
        DatasetError: They share patients with the real ones, a generator was trained on them, or they have no boxes.

    Attributes:
        films: The films.
    """

    def __init__(
        self, path: Path, config: DetectConfig, real: Films, synthetic: Films | None, results: Results
    ) -> None:
        self.films = load_films(path, config.canvas_px, config.kinds)
        check_other_patients(self.films, real)
        if synthetic is not None:
            check_unseen(self.films, synthetic)
        self._config, self._results = config, results
        self._prepared: PreparedFilms | None = None

    def __len__(self) -> int:
        """Number of films."""
        return len(self.films)

    @property
    def _all(self) -> FilmNumbers:
        return np.arange(len(self.films))

    def file_of(self, training: DetectorTraining) -> Path:
        """Where the marks of a training on these films are kept."""
        return self._results.path / "external" / f"{training.name}.npy"

    def prepare(self, detector: Detector, device: str, advance: Callable[[int], None]) -> None:
        """Compute the fixed features of all films once."""
        self._prepared = prepare(detector, self.films, device, advance)

    def test(self, training: DetectorTraining, detector: Detector, device: str) -> None:
        """Mark all films with the detector of a training, and keep the marks."""
        assert self._prepared is not None
        marks = mark(detector, self._prepared, self._all, self._config, device)
        self._results.keep_array(self.file_of(training), as_table(marks, self._all))

    def gathered(self, grid: Sequence[DetectorTraining]) -> dict[tuple[RowName, int], list[Marks]]:
        """Marks on all films, by row and by number of seed and fold."""
        found: dict[tuple[RowName, int], list[Marks]] = {}
        folds = 1 + max(training.fold for training in grid)
        for training in grid:
            marks = of_table(read_array(self.file_of(training)), self._all)
            number = training.seed * folds + training.fold
            found[training.row, number] = [marks[image] for image in self._all.tolist()]
        return found
