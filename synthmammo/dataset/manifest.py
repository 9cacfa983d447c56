"""`manifest.json`, which tells what a dataset directory holds, and which is written last.

A directory without `manifest.json` is unfinished. Nothing in these files depends on the clock, the number of
workers or the output path, so that equal datasets have equal manifests.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from synthmammo.dataset.layout import MANIFEST, PATCHES_PLAN
from synthmammo.dataset.manifest_check import check_manifest
from synthmammo.errors import DatasetError
from synthmammo.files import writing
from synthmammo.identity import digest, file_digest
from synthmammo.mammogram.origin import Origin, making_of

FORMAT_VERSION = 1


@dataclass(frozen=True)
class ShardRecord:
    """One finished shard of one format.

    Attributes:
        format: "webdataset", "parquet" or "dicom".
        split: Split that all its samples belong to.
        name: Path relative to the dataset directory, with `/`.
        samples: Number of samples in it.
        bytes: Size in bytes; for a folder the sum over its files.
        sha256: SHA-256 of the file; for a folder that of the sorted list of its files' names and digests.
    """

    format: str
    split: str
    name: str
    samples: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What a dataset directory holds, and what it was made from.

    Attributes:
        kind: "built", "ingested" or "patches".
        name: Name of the dataset.
        digest: SHA-256 of everything that decides the pixels.
        options: The resolved recipe, or the options of `ingest` or `patches`.
        counts: Number of samples by split and label.
        findings: Number of findings by kind and pathology, e.g. {"mass": {"malignant": 3}}.
        shards: Finished shards, sorted by format and name.
        files: SHA-256 by relative path of the other files and folders that belong to the content (plan, index), as
            `content_digest` gives it.
        failed: Rows that could not be made or read, with the reason.
        versions: Versions of the interpreter, of this package and of the libraries that decided pixels or bytes, by
            name; see `libraries`.
        pixels_version: Version of the pixels that this package's code makes; see `_version`.
        bytes_version: Version of the bytes that this package's code writes; see `_version`.
        origin: Whether the images are "real", "synthetic", or "mixed": some of each, or real ones that a program
            changed. That of a dataset of release 0.1 or 0.2 is derived, see `derived_origin`.
        made_by: Programs that made images or parts of them: name, version or weights, and number of samples.
        machine: Device class and instruction set that equal bytes are promised for; where a build was asked for a
            device or a batch, also the batch and the precision.
        licence: Licence of the content, as an SPDX identifier or a short text.
        terms: What that licence and those of all sources let one do with the dataset, see `licences.Terms`; empty in
            manifests of earlier releases.
        citation: Publication to cite, with attribution, when the content is used.
        sources: Digests of the inputs (host datasets, models) by name.
        uids: Digest that the UIDs of DICOM objects derive from, where the dataset grew: that of the first and smallest
            one. Empty where they derive from its own.
        models: Facts of each model among the sources, by its name: architecture, what it makes, licence, and name and
            digest of the dataset that it was trained on (`training_data`, empty when unknown).
        format_version: Version of this file's layout.
    """

    kind: str
    name: str
    digest: str
    options: dict[str, Any]
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    findings: dict[str, dict[str, int]] = field(default_factory=dict)
    shards: tuple[ShardRecord, ...] = ()
    files: dict[str, str] = field(default_factory=dict)
    failed: tuple[dict[str, str], ...] = ()
    versions: dict[str, str] = field(default_factory=dict)
    pixels_version: int = 0
    bytes_version: int = 0
    origin: str = ""
    made_by: tuple[dict[str, Any], ...] = ()
    machine: dict[str, str] = field(default_factory=dict)
    licence: str = "other"
    terms: str = ""
    citation: str = ""
    sources: dict[str, str] = field(default_factory=dict)
    models: dict[str, dict[str, Any]] = field(default_factory=dict)
    uids: str = ""
    format_version: int = FORMAT_VERSION

    @property
    def samples(self) -> int:
        """Samples in the dataset."""
        return sum(sum(labels.values()) for labels in self.counts.values())

    def write(self, directory: Path) -> Path:
        """Write `manifest.json` under its final name, whole or not at all; returns its path.

        Raises:
            OutputError: The directory cannot be written.
        """
        text = json.dumps(asdict(self), indent=2, sort_keys=True, ensure_ascii=False) + "\n"
        path = directory / MANIFEST
        with writing(path) as partial:
            partial.write_text(text, encoding="utf-8")
        return path

    @classmethod
    def read(cls, directory: Path) -> Manifest:
        """The manifest of a dataset directory.

        Raises:
            DatasetError: There is none, or it is not one of ours.
        """
        path = directory / MANIFEST
        if not path.is_file():
            hint = "Is the path right? An interrupted build or ingest is finished by running its command again."
            raise DatasetError(f"no {MANIFEST} in it, so it is not a finished dataset", where=directory, hint=hint)
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            if content["format_version"] != FORMAT_VERSION:
                message = f"format_version is {content['format_version']}, this package reads {FORMAT_VERSION}"
                raise DatasetError(message, where=path, hint="Use the version of synthmammo that made it.")
            check_manifest(content)
            content["shards"] = tuple(ShardRecord(**shard) for shard in content["shards"])
            for name in ("failed", "made_by"):
                content[name] = tuple(content.get(name, ()))
            found = cls(**content)
        except OSError as error:
            raise DatasetError(f"cannot be read ({error.strerror})", where=path) from error
        except (KeyError, TypeError, ValueError, RecursionError) as error:
            raise DatasetError(f"not a manifest of this package ({error})", where=path) from error
        return found if found.origin else replace(found, origin=str(derived_origin(directory, found)))


def derived_origin(directory: Path, manifest: Manifest) -> Origin:
    """The origin of a dataset whose manifest does not state it, as those of release 0.1 and 0.2 do not.

    What was ingested counts as real. What was built is mixed where its backgrounds are real images or made from them,
    else synthetic. Patches are mixed where they were cut from a built dataset, as the names of its images tell.

    Args:
        directory: Directory of the dataset.
        manifest: Its manifest.
    """
    background = manifest.options.get("background") or {}
    if manifest.kind == "built":
        on_real = background.get("generator") == "ingested" or background.get("latents")
        return Origin.MIXED if on_real else Origin.SYNTHETIC
    if manifest.kind == "patches":
        return Origin.MIXED if manifest.models else _origin_of_patches(directory / PATCHES_PLAN)
    return Origin.REAL


def _origin_of_patches(plan: Path) -> Origin:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        first = pq.ParquetFile(plan).read_row_group(0, ["source"]).column("source")[0].as_py()
    except (OSError, pa.ArrowException, IndexError, KeyError):
        return Origin.MIXED
    return making_of({"source": first, "source_shape": []}).origin


def machine(device: str = "cpu") -> dict[str, str]:
    """The machine that equal bytes are promised for.

    Args:
        device: Device class that makes the pixels, "cpu" by default.

    Returns:
        The device class, the processor family, and the widest instruction set that NumPy uses; "baseline" where it
        finds none above what it was compiled for.
    """
    import numpy as np

    # NumPy leaves the entry out, and does not set it to an empty list, where it finds no extension.
    extensions = np.show_config(mode="dicts")["SIMD Extensions"].get("found")
    instruction_set = extensions[-1] if extensions else "baseline"
    return {"device": device, "processor": platform.machine(), "instruction_set": instruction_set}


def machines(found: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """The machines of all parts as one; equal bytes are promised where all of them are of one kind.

    Args:
        found: Facts of each machine by name.
    """
    values: dict[str, dict[str, None]] = {}
    for machine in found:
        for name, value in machine.items():
            values.setdefault(name, {}).update(dict.fromkeys(value.split(", ")))
    return {name: ", ".join(sorted(of)) for name, of in values.items()}


def stated_computing(manifest: Manifest) -> dict[str, str]:
    """Device class, batch and precision that a build was asked for; nothing where it had the default."""
    names = ("device", "batch", "precision")
    return {name: manifest.machine[name] for name in names} if "batch" in manifest.machine else {}


def content_digest(path: Path) -> str:
    """SHA-256 of a file; for a folder that of the sorted list of its files' names and digests."""
    if not path.is_dir():
        return file_digest(path)
    return digest([(file.name, file_digest(file)) for file in sorted(path.iterdir())])


def digests(directory: Path, names: Iterable[str]) -> dict[str, str]:
    """SHA-256 by name of files and folders in a dataset directory, for `Manifest.files`."""
    return {name: content_digest(directory / name) for name in sorted(names)}
