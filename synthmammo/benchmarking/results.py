"""The directory of a benchmark, which explains itself and is gone on with.

```
OUT/
  benchmark.yaml    the configuration, both sides with their digests, what was checked
  tested.csv        the tested images, in the order of the scores
  results.jsonl     one line per finished training, only ever appended to
  scores/           log-odds of the positive class by training, `float64 (N)`
  external/         the same of a second test set, where there is one
  features/         last feature layers, for the embedding; features of a frozen network
  unfinished/       states of trainings under way
  report.html, report.md, card_line.md, figures/
```
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import yaml
from numpy.typing import NDArray

from synthmammo._version import __version__
from synthmammo.benchmarking.arrays import read_array
from synthmammo.errors import DatasetError, OutputError, unwritable
from synthmammo.files import writing
from synthmammo.identity import file_digest

ResultRecord = dict[str, Any]


GRID = ("ratios", "synthetic_only", "shares", "seeds", "first_seed", "subgroups")
"""What may change when a benchmark goes on: which trainings there are, not what one of them does."""


class Run(NamedTuple):
    """One training of the grid.

    Attributes:
        share: Percent of the real training images.
        ratio: Percent of synthetic images at the start; None for synthetic images alone.
        seed: Random seed for every draw of the training.
    """

    share: float
    ratio: float | None
    seed: int

    @property
    def name(self) -> str:
        """Name of the training's files."""
        mix = "synthetic" if self.ratio is None else f"ratio{self.ratio:g}"
        return f"share{self.share:g}-{mix}-seed{self.seed}"


class Results:
    """Files of one benchmark.

    Args:
        path: The directory.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.facts, self.lines, self.tested = path / "benchmark.yaml", path / "results.jsonl", path / "tested.csv"

    def begin(self, facts: ResultRecord, tested: Iterable[tuple[str, str, str]]) -> None:
        """Record what is compared, or check that the benchmark that is here compares the same.

        Args:
            facts: Facts of the benchmark, with `config`, `real` and `synthetic`.
            tested: Key, patient and class of the tested images.

        Raises:
            OutputError: The directory belongs to another benchmark, or cannot be written.
        """
        if self.facts.exists():
            self._check_same(facts)
        with writing(self.facts) as partial:
            partial.write_text(yaml.safe_dump(facts, sort_keys=False, allow_unicode=True, width=120), encoding="utf-8")
        with writing(self.tested) as partial, partial.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([("key", "patient", "class"), *tested])

    def _check_same(self, facts: ResultRecord) -> None:
        hint = "Give another directory (out), or go on with what the directory's benchmark.yaml says."
        try:
            before = yaml.safe_load(self.facts.read_text(encoding="utf-8"))
            pairs = [(f"digest of the {side} images", before[side], facts[side]) for side in ("real", "synthetic")]
            pairs += [("digest of the external images", before.get("external"), facts.get("external"))]
            known, now = before["config"], facts["config"]
            pairs += [(name, known.get(name), now.get(name)) for name in {**known, **now}]
        except (OSError, KeyError, TypeError, AttributeError, yaml.YAMLError) as error:
            raise OutputError(f"not the record of a benchmark ({error})", where=self.facts, hint=hint) from None
        for name, old, new in pairs:
            old, new = (value["digest"][:12] if isinstance(value, dict) else value for value in (old, new))
            if name not in GRID and old != new:
                raise OutputError(f"{name} was {old!r} when it began, and is {new!r} now", where=self.path, hint=hint)

    def records(self) -> list[ResultRecord]:
        """All finished trainings; a line cut short by a crash is left out.

        Raises:
            DatasetError: A line in the middle is damaged.
        """
        if not self.lines.exists():
            return []
        lines = self.lines.read_text(encoding="utf-8").splitlines()
        records = []
        for number, line in enumerate(lines):
            try:
                records.append(json.loads(line))
            except json.JSONDecodeError as error:
                if number + 1 < len(lines):
                    where = f"{self.lines}, line {number + 1}"
                    raise DatasetError("not a record of a training", where=where, hint="Remove the line.") from error
        return records

    def finished(self) -> dict[Run, ResultRecord]:
        """Records by training, without trainings whose scores are no longer what they were."""
        found = {}
        for record in self.records():
            run = Run(record["share"], record["ratio"], record["seed"])
            scores = self.path / record["scores"]
            if scores.is_file() and file_digest(scores) == record["scores_sha256"]:
                found[run] = record
        return found

    def add(self, run: Run, scores: NDArray[np.float64], facts: ResultRecord) -> None:
        """Keep the scores of a training, then append its line."""
        path = self.path / "scores" / f"{run.name}.npy"
        with writing(path) as partial, partial.open("wb") as file:
            np.save(file, scores)
        self.append({**run._asdict(), **facts, "scores": f"scores/{path.name}", "scores_sha256": file_digest(path)})

    def append(self, record: ResultRecord) -> None:
        """Add one line to the results.

        Raises:
            OutputError: It cannot be written.
        """
        try:
            self._drop_cut_line()
            with self.lines.open("a", encoding="utf-8") as file:
                file.write(json.dumps({**record, "package": __version__}) + "\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise unwritable(self.lines, error) from error

    def _drop_cut_line(self) -> None:
        # What a crash left of a line is no result, and the next line must not be glued to it.
        content = self.lines.read_bytes() if self.lines.exists() else b""
        if not content.endswith(b"\n") and content:
            with self.lines.open("r+b") as file:
                file.truncate(content.rfind(b"\n") + 1)

    def scores(self, record: ResultRecord) -> NDArray[np.float64]:
        """Scores of a finished training, `float64 (N)`."""
        return np.asarray(read_array(self.path / record["scores"]), np.float64)

    def state_file(self, run: Run, fold: int) -> Path:
        """Where the state of a training under way is kept."""
        return self.path / "unfinished" / f"{run.name}-fold{fold}.pt"

    def forget(self, run: Run) -> None:
        """Remove the states of a training that is finished."""
        for path in (self.path / "unfinished").glob(f"{run.name}-fold*.pt"):
            path.unlink(missing_ok=True)

    def external_file(self, run: Run) -> Path:
        """Where the log-odds of a second test set are kept."""
        return self.path / "external" / f"{run.name}.npy"

    def features_file(self, name: str) -> Path:
        """Where features are kept."""
        return self.path / "features" / f"{name}.npy"

    def keep_array(self, path: Path, array: NDArray[np.generic]) -> None:
        """Write an array, whole or not at all."""
        with writing(path) as partial, partial.open("wb") as file:
            np.save(file, array)
