"""What stands for a dataset in an argument: the dataset itself, or the path of its directory."""

from __future__ import annotations

from pathlib import Path

from synthmammo.arguments import a_path, wrong
from synthmammo.dataset.reader import Dataset
from synthmammo.errors import SynthmammoError

DatasetLike = Dataset | str | Path


def dataset_path(given: object, name: str, failure: type[SynthmammoError]) -> Path:
    """The directory of a dataset.

    Args:
        given: Dataset, or path of its directory as text or `Path`.
        name: Name of the argument.
        failure: Class of the error to raise.

    Raises:
        SynthmammoError: It is something else.
    """
    if isinstance(given, Dataset):
        return given.path
    if not isinstance(given, str | Path):
        raise wrong(name, "a Dataset, or the path of its directory (str or Path)", given, failure)
    return a_path(given, name, failure)
