"""`regenerate`: samples of a dataset made again from what the dataset carries."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from synthmammo._version import BYTES_VERSION, PIXELS_VERSION
from synthmammo.arguments import a_path, a_text
from synthmammo.building.assemble import Assembler, Failure
from synthmammo.dataset.layout import PLAN, RECIPE
from synthmammo.dataset.libraries import ABSENT, installed
from synthmammo.dataset.manifest import Manifest, machine
from synthmammo.dataset.reader import Dataset
from synthmammo.dataset.writers.base import Encoded
from synthmammo.errors import DatasetError, GeneratorError, OutputError, nearest
from synthmammo.files import writing
from synthmammo.mammogram.planned import Row
from synthmammo.mammogram.sample import Sample
from synthmammo.models.devices import Computing, usable
from synthmammo.planning.table import SCHEMA, as_row
from synthmammo.recipe import load_recipe


@dataclass(frozen=True)
class Remade:
    """A sample made again, beside the one in the dataset.

    Attributes:
        key: Key of the sample.
        largest_difference: Largest difference of a pixel of the image, in grey levels.
        equal_bytes: Whether image, preview, masks and record, and the DICOM objects, are the same to the byte.
    """

    key: str
    largest_difference: int
    equal_bytes: bool


@dataclass(frozen=True)
class Regenerated:
    """A sample that was made again.

    Attributes:
        sample: The sample.
        files: Files that were written.
        compared: Comparison with the dataset's.
        note: What differs between here and where the dataset was made, as a sentence; None where nothing does.
    """

    sample: Sample
    files: tuple[Path, ...]
    compared: Remade
    note: str | None


def regenerate(path: str | Path, key: str, out: str | Path | None = None, *, device: str = "cpu") -> Regenerated:
    """Make one sample of a built dataset again, from its plan and recipe alone, and compare it with the stored one.

    Args:
        path: Directory of the dataset.
        key: Key of the sample.
        out: Folder for KEY.image.png, KEY.preview.png, KEY.lesions.png, KEY.breast.png and KEY.json, and for KEY.dcm
            and what lies beside it where the dataset has DICOM; None writes nothing.
        device: Device that the networks run on; equal bytes are promised on the class of that of the dataset.

    Returns:
        The sample, the files, and how it compares with the dataset's.

    Raises:
        DatasetError: The directory is not a built dataset, or has no such sample.
        GeneratorError: The device is not there.
        OutputError: The files cannot be written.

    Example:
        >>> import synthmammo as sm
        >>> small = {"background.spacing_mm": 2, "emit.formats": ["parquet"]}
        >>> dataset = sm.build("balanced_mass", "masses", size=3, settings=small)
        >>> again = sm.regenerate("masses", "balanced_mass-0000001")
        >>> again.compared.equal_bytes, again.sample.shape
        (True, (115, 115))
    """
    directory, key = a_path(path, "path", DatasetError), a_text(key, "key", DatasetError)
    folder = None if out is None else a_path(out, "out", OutputError)
    device = usable(a_text(device, "device", GeneratorError))
    encoded, manifest = next(remake(directory, [key], device)), Manifest.read(directory)
    parts = members(encoded) | dicom_objects(manifest, encoded)
    files = () if folder is None else tuple(_written(folder / f"{key}.{name}", parts[name]) for name in parts)
    compared = compare(encoded, Dataset.open(directory).sample(key), directory)
    return Regenerated(encoded.sample, files, compared, platform_note(manifest, device))


def _written(path: Path, content: bytes) -> Path:
    with writing(path) as partial:
        partial.write_bytes(content)
    return path


def remake(directory: Path, keys: Sequence[str], device: str = "cpu") -> Iterator[Encoded]:
    """Samples of a built dataset made again, in the order of the plan.

    Args:
        directory: Directory of the dataset.
        keys: Keys of the samples.
        device: Device that the networks run on; batch and precision are those of the dataset.

    Raises:
        DatasetError: The directory is not a built dataset, or a key is not one of its samples.
    """
    manifest = Manifest.read(directory)
    if manifest.kind != "built":
        hint = "Only a build's samples can be made again; ingest or cut them again from their source."
        raise DatasetError("it was not built from a recipe", where=directory, hint=hint)
    recipe = load_recipe(directory / RECIPE)
    rows = planned(directory / PLAN, keys)
    assembler = Assembler(recipe, computing=Computing.recorded(manifest.machine, device))
    for sample, row in zip(assembler.samples(rows), rows, strict=True):
        if isinstance(sample, Failure):
            raise DatasetError(f"could not be made when the dataset was built: {sample.reason}", where=sample.key)
        yield Encoded(sample, row.index, recipe.emit.preview_px)


def planned(path: Path, keys: Sequence[str]) -> list[Row]:
    """The plan's rows of some keys, in the order of the plan.

    Args:
        path: Path of the plan.
        keys: Keys of the rows.

    Raises:
        DatasetError: A key is not in the plan, or the plan cannot be read.
    """
    try:
        table = pq.read_table(path, filters=pc.field("key").isin(list(keys)))
    except (OSError, pa.ArrowException) as error:
        hint = "The dataset is not whole: `synthmammo verify` tells what else is wrong."
        raise DatasetError("the plan is missing or cannot be read", where=path, hint=hint) from error
    if not table.schema.equals(SCHEMA):
        raise DatasetError("its columns are not those of a plan", where=path)
    rows = [as_row(record) for record in table.to_pylist()]
    missing = sorted(set(keys) - {row.key for row in rows})
    if missing:
        known = pq.read_table(path, columns=["key"])["key"].slice(0, 10_000).to_pylist()
        hint = nearest(missing[0], known) if len(known) < 20 else f"Keys look like '{known[0]}'."
        raise DatasetError(f"no sample has the key '{missing[0]}'", where=path, hint=hint)
    return rows


def members(encoded: Encoded) -> dict[str, bytes]:
    """The contents of the files that a sample is written as, by their endings."""
    record = json.dumps(encoded.record, sort_keys=True, ensure_ascii=False, indent=2) + "\n"
    return {
        "breast.png": encoded.breast_png,
        "image.png": encoded.image_png,
        "json": record.encode(),
        "lesions.png": encoded.lesions_png,
        "preview.png": encoded.preview_png,
    }


def dicom_objects(manifest: Manifest, encoded: Encoded) -> dict[str, bytes]:
    """The DICOM objects of a build's sample by the ending of their files; none where it has no DICOM."""
    options = manifest.options["emit"]["formats"].get("dicom")
    if options is None:
        return {}
    from synthmammo.dataset.writers.dicom import objects

    return objects(encoded, manifest.uids or manifest.digest, **options)


def _stored_objects(directory: Path, key: str) -> dict[str, bytes]:
    paths = (directory / "dicom").glob(f"*/{key}.*")
    return {path.name.removeprefix(f"{key}."): path.read_bytes() for path in paths}


def compare(made: Encoded, stored: Sample, directory: Path) -> Remade:
    """Compare a sample made again with the stored one of a built dataset.

    Args:
        made: The sample made again.
        stored: The sample as it is stored.
        directory: Directory of the dataset.
    """
    again = made.sample
    if again.shape != stored.shape:
        return Remade(again.key, 2**again.bits_stored - 1, False)
    difference = np.abs(again.image.astype(np.int32) - stored.image.astype(np.int32))
    kept = Encoded(stored, made.index, made.preview_px)
    equal = _digests(made) == _digests(kept)
    equal = equal and dicom_objects(Manifest.read(directory), made) == _stored_objects(directory, again.key)
    return Remade(again.key, int(difference.max()), equal)


def _digests(encoded: Encoded) -> dict[str, str]:
    return {name: hashlib.sha256(content).hexdigest() for name, content in members(encoded).items()}


def same_platform(manifest: Manifest, device: str = "cpu") -> list[str]:
    """What differs between here and where a dataset was made; equal bytes are promised where nothing does.

    Compared are the pixels and bytes versions of this package, the versions that the manifest records, and the machine.

    Args:
        manifest: Manifest of the dataset.
        device: Device that samples are made again on.

    Returns:
        One text per difference.
    """
    there = {"pixels version": str(manifest.pixels_version), "bytes version": str(manifest.bytes_version)}
    there |= {**manifest.versions, **manifest.machine}
    here = {"pixels version": str(PIXELS_VERSION), "bytes version": str(BYTES_VERSION)}
    here |= {**installed(manifest.versions), **machine(), **Computing.recorded(manifest.machine, device).record()}
    return [
        f"{name} {there.get(name, ABSENT)} there, {here.get(name, ABSENT)} here"
        for name in {**there, **here}
        if here.get(name) != there.get(name)
    ]


def platform_note(manifest: Manifest, device: str = "cpu") -> str | None:
    """A sentence on what `same_platform` finds; None where it finds nothing."""
    found = same_platform(manifest, device)
    return f"this is not the platform it was made on ({'; '.join(found)})" if found else None
