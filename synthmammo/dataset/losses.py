"""Classes that were planned for a dataset and of which no sample could be made."""

from __future__ import annotations

from pathlib import Path

from synthmammo.dataset.layout import PLAN
from synthmammo.dataset.manifest import Manifest


def lost_classes(directory: Path, manifest: Manifest) -> tuple[str, ...]:
    """Names of the classes that the plan of a built dataset has and its samples have not.

    Args:
        directory: Directory of the dataset.
        manifest: Its manifest.

    Returns:
        The names, sorted; none where every class has a sample, or there is no plan.
    """
    path = directory / PLAN
    if not manifest.failed or not path.is_file():
        return ()
    import pyarrow.parquet as pq

    planned = set(pq.read_table(path, columns=["label"])["label"].unique().to_pylist())
    return tuple(sorted(planned - {label for labels in manifest.counts.values() for label in labels}))
