"""The plan of a recipe as an object: its rows are drawn whenever they are asked for, and are the same every time."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import pyarrow as pa

from synthmammo.arguments import a_path
from synthmammo.dataset.workers.local import Local
from synthmammo.errors import OutputError
from synthmammo.mammogram.planned import Row
from synthmammo.planning.estimate import Estimate, estimate
from synthmammo.planning.planner import tables, write_plan
from synthmammo.planning.summary import Summary, summarise_plan
from synthmammo.planning.table import SCHEMA, as_row
from synthmammo.progress import Progress, silent
from synthmammo.recipe import Recipe


class Plan:
    """Every draw of every sample of a recipe, one row per sample; nothing that comes later draws.

    Iterating gives the rows, as generators see them; memory does not grow with their number but in `table`.

    Attributes:
        recipe: The checked recipe.

    Example:
        >>> import synthmammo as sm
        >>> plan = sm.plan("balanced_mass", size=9)
        >>> plan
        Plan(balanced_mass: 9 samples on 9 backgrounds)
        >>> plan.summary.classes
        {'benign': (3, 0, 0), 'malignant': (2, 1, 0), 'normal': (2, 0, 1)}
        >>> plan.table().column("view").to_pylist()[:3]
        ['CC', 'CC', 'MLO']
    """

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe

    def __len__(self) -> int:
        """Number of samples."""
        return self.recipe.size

    def __iter__(self) -> Iterator[Row]:
        """The rows, in the order of their index."""
        for table in tables(self.recipe):
            for batch in table.to_batches(max_chunksize=4096):
                yield from map(as_row, batch.to_pylist())

    @cached_property
    def summary(self) -> Summary:
        """What the plan will make, counted."""
        return summarise_plan(self.recipe)

    def estimate(self, workers: int | None = None) -> Estimate:
        """Pixels of the plan's dataset, and bytes and time by what the last build of its kind took on this machine.

        Args:
            workers: Number of processes that would build it; None for one per core.
        """
        return estimate(self.recipe, Local(workers).workers)

    def table(self) -> pa.Table:
        """The whole plan as a `pyarrow.Table`, which pandas takes with `.to_pandas()`."""
        return pa.concat_tables([SCHEMA.empty_table(), *tables(self.recipe)])

    def write(self, path: str | Path, progress: Progress = silent) -> Path:
        """Write the plan as a Parquet file, whole or not at all.

        Args:
            path: The file.
            progress: Function that is told the number of rows done so far, and of all rows.

        Returns:
            The file's path.

        Raises:
            OutputError: It cannot be written.
        """
        path = a_path(path, "path", OutputError)
        write_plan(self.recipe, path, progress)
        return path

    def __repr__(self) -> str:
        return f"Plan({self.recipe.name}: {self.summary.samples:,} samples on {self.summary.hosts:,} backgrounds)"
