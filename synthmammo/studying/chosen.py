"""Samples of one dataset as a study, for looking at them closely and for teaching; nothing is drawn or blinded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from synthmammo.dataset.index import read_index
from synthmammo.dataset.reader import Dataset
from synthmammo.errors import DatasetError
from synthmammo.studying.harmonise import WINDOW, difficulties
from synthmammo.studying.new import Case, StudyOptions, Twins, common_frame, written
from synthmammo.studying.study import Study, StudyCase


def study_of_samples(dataset: Path, keys: Sequence[str], out: Path, *, title: str = "Samples") -> Study:
    """Make a study of some samples of a dataset.

    Args:
        dataset: Directory of the dataset.
        keys: Keys of the samples, in the order of the cases.
        out: Directory to make.
        title: Title that readers see.

    Returns:
        The study.

    Raises:
        DatasetError: The dataset cannot be read, or has no such samples.
        OutputError: The directory cannot be written.
    """
    opened, table = Dataset.open(dataset), read_index(dataset)
    rows = {row["key"]: row for row in table.filter(pc.is_in(table["key"], pa.array([*keys]))).to_pylist()}
    missing = [key for key in keys if key not in rows]
    if missing or not keys:
        raise DatasetError(f"no sample is called '{missing[0] if missing else ''}'", where=dataset)
    cases = [Case("synthetic", "real" if row["origin"] == "real" else "synthesised", (row,)) for row in rows.values()]
    cases.sort(key=lambda case: keys.index(case.rows[0]["key"]))
    frame, twins = common_frame(cases, StudyOptions()), Twins({"synthetic": opened})
    items = [StudyCase(f"{number:04}", (str(case.rows[0]["view"] or ""),)) for number, case in enumerate(cases, 1)]
    truths = [written(out, item, case, opened, frame, twins) for item, case in zip(items, cases, strict=True)]
    hard = difficulties([one.lesions for one in truths], [one.density for one in truths])
    truths = [replace(one, difficulty=value) for one, value in zip(truths, hard, strict=True)]
    shape = (frame.size_px, frame.size_px)
    study = Study(out, title, 0, shape, WINDOW, tuple(items), {"synthetic": str(dataset.resolve())})
    study.write(truths)
    return study
