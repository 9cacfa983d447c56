"""`verify`: is a dataset whole and unchanged, and does it come out the same when it is made again?"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path

from synthmammo.arguments import a_function, a_number, a_path, a_text
from synthmammo.building.remake import Remade, compare, platform_note, remake
from synthmammo.dataset.manifest import Manifest
from synthmammo.dataset.reader import Dataset
from synthmammo.dataset.verify import Soundness, verify_files
from synthmammo.errors import DatasetError
from synthmammo.models.devices import usable
from synthmammo.progress import Progress, silent

ONE_GREY_LEVEL = 1


@dataclass
class Verification(Soundness):
    """What was found of a dataset's files, and of samples that were made again.

    Attributes:
        remade: Comparisons of the samples that were made again with the stored ones.
        repairable: Whether `repair` makes again what is damaged: the dataset was built.
    """

    remade: list[Remade] = field(default_factory=list)
    repairable: bool = False


def verify(
    path: str | Path, *, pixels: int = 0, seed: int = 0, device: str = "cpu", progress: Progress = silent
) -> Verification:
    """Check hashes, counts and schema of a dataset, and make some of its samples again.

    Args:
        path: Directory of the dataset.
        pixels: Number of samples to make again and compare byte by byte, 0 by default; needs a built dataset with
            Parquet or WebDataset.
        seed: Random seed for choosing these samples, 0 by default.
        device: Device that the networks run on; equal bytes are promised on the class of that of the dataset.
        progress: Function that is called with the number of checks done and that of all checks.

    Returns:
        What was found; `problems` is empty for a sound dataset. On another platform than the dataset's a difference of
        one grey level is no problem.

    Raises:
        DatasetError: The directory is no finished dataset, or an argument is of the wrong kind.

    Example:
        >>> import synthmammo as sm
        >>> small = {"background.spacing_mm": 2, "emit.formats": ["parquet"]}
        >>> dataset = sm.build("balanced_mass", "masses", size=3, settings=small)
        >>> sm.verify("masses", pixels=1).problems
        []
    """
    directory = a_path(path, "path", DatasetError)
    pixels, seed = a_number(pixels, "pixels", DatasetError, least=0), a_number(seed, "seed", DatasetError)
    a_function(progress, "progress", DatasetError)
    device = usable(a_text(device, "device", DatasetError), failure=DatasetError)
    manifest = Manifest.read(directory)
    pixels = min(pixels, manifest.samples)  # or the progress would not reach its end
    files = verify_files(directory, lambda done, total: progress(done, None if total is None else total + pixels))
    found = Verification(**vars(files), repairable=manifest.kind == "built")
    if pixels and found.problems:
        found.notes.append(_not_compared(directory, found))
    elif pixels:
        for compared in _remade(directory, pixels, seed, device):
            found.remade.append(compared)
            progress(found.files + len(found.remade), found.files + pixels)
        _judge(manifest, found, device)
    if not found.remade:
        progress(found.files, found.files)
    return found


def _not_compared(directory: Path, found: Verification) -> str:
    """Why no sample was made again, and what helps."""
    reason = "no sample was made again to compare its pixels, since the dataset is not whole"
    if not (found.repairable and found.damaged):
        return f"{reason}; mend that first"
    return f"{reason}; `synthmammo repair {directory}` makes again what is damaged"


def _remade(directory: Path, number: int, seed: int, device: str) -> list[Remade]:
    dataset = Dataset.open(directory)
    keys = random.Random(seed).sample(sorted(dataset.keys), min(number, len(dataset)))
    made = remake(directory, keys, device)
    return [compare(encoded, dataset.sample(encoded.sample.key), directory) for encoded in made]


def _judge(manifest: Manifest, found: Verification, device: str) -> None:
    elsewhere = platform_note(manifest, device)
    for compared in found.remade:
        if compared.equal_bytes:
            continue
        if elsewhere and compared.largest_difference <= ONE_GREY_LEVEL:
            found.notes.append(f"{compared.key}: differs by at most one grey level, as other platforms may")
        else:
            found.problems.append(
                f"{compared.key}: made again it differs, by up to {compared.largest_difference} grey levels"
            )
    if elsewhere:
        found.notes.append(elsewhere)
