"""`inspect`: says of any file what it is and where it came from, by what it holds and not by its name."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from synthmammo.arguments import a_path, a_text
from synthmammo.errors import DatasetError
from synthmammo.inspecting.found import Inspection

_HEAD_BYTES = 1024

_KINDS: tuple[tuple[str, Callable[[bytes], bool]], ...] = (
    ("pictures:picture", lambda head: head.startswith((b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"II*\0", b"MM\0*"))),
    ("pictures:picture", lambda head: head[:4] == b"RIFF" and head[8:12] == b"WEBP"),
    ("dicom:dicom", lambda head: head[128:132] == b"DICM"),
    ("shards:parquet", lambda head: head.startswith(b"PAR1")),
    ("shards:tar", lambda head: head[257:262] == b"ustar"),
    ("models:tensors", lambda head: head[8:10] == b'{"'),
)
"""Function of this room that knows a kind of file, and how such a file begins."""

_OF_ONE_SAMPLE = ("shards:parquet", "shards:tar")

_OTHERS = {
    b"PK\x03\x04": "zip archive, as .npz and PyTorch files are",
    b"\x80": "Python pickle, which is not opened: reading one can execute what it holds",
    b"\x93NUMPY": "NumPy array",
    b"\x1f\x8b": "gzip archive",
    b"%PDF": "PDF document",
}
"""What files are that cannot bear a mark of ours, by their first bytes."""


def inspect(path: str | Path, *, key: str | None = None) -> Inspection:
    """What a file is and where it came from: whether its images are real or synthetic, what made them, on whose word.

    Args:
        path: Picture (PNG, JPEG, TIFF, WebP, GIF), DICOM object, tar or Parquet shard, model file or `zoo/NAME`, or
            dataset directory; any other file is named as what it looks like.
        key: Key of the sample to report on, of a shard or a dataset; None for all of it.

    Returns:
        What was found. A file that bears no mark has `origin` None.

    Raises:
        DatasetError: There is nothing at the path, it cannot be read, or it has no sample of that key.
        CheckpointError: There is no model of that name.

    Example:
        >>> import synthmammo as sm
        >>> small = {"background.spacing_mm": 2, "emit.formats": ["parquet"]}
        >>> dataset = sm.build("balanced_mass", "masses", size=2, settings=small)
        >>> found = sm.inspect("masses")
        >>> found.what, str(found.origin), found.made_by[0]
        ('dataset of 2 samples, made by `synthmammo build`', 'synthetic', 'parametric (synthmammo pixels version 2)')
        >>> str(sm.inspect("masses", key="balanced_mass-0000001").source_type)
        'algorithmicMedia'
    """
    place = _named(a_path(path, "path", DatasetError))
    wanted = None if key is None else a_text(key, "key", DatasetError)
    if place.is_dir():
        from synthmammo.inspecting.datasets import directory

        return directory(place, wanted)
    head = _head(place)
    kind = next((name for name, begins in _KINDS if begins(head)), None)
    if wanted is not None and kind not in _OF_ONE_SAMPLE:
        hint = "Leave the key out, or name a dataset directory, a .parquet or a .tar."
        raise DatasetError("is not a file of several samples", where=place, hint=hint)
    if kind is None:
        return _other(place, head)
    module, _, function = kind.partition(":")
    found: Inspection = getattr(import_module(f"synthmammo.inspecting.{module}"), function)(
        place, *([wanted] if kind in _OF_ONE_SAMPLE else [])
    )
    return found


def _named(path: Path) -> Path:
    """The path, or the file of a model that is called `zoo/NAME` where there is nothing at that path."""
    if path.parts[:1] != ("zoo",) or path.exists():
        return path
    from synthmammo.models.names import locate_model

    return locate_model(path.as_posix())


def _head(path: Path) -> bytes:
    if not path.is_file():
        raise DatasetError("there is nothing at this path", where=path, hint="Check the spelling of the path.")
    try:
        with path.open("rb") as file:
            return file.read(_HEAD_BYTES)
    except OSError as error:
        raise DatasetError(f"cannot be read ({error.strerror})", where=path) from error


def _other(path: Path, head: bytes) -> Inspection:
    from synthmammo.inspecting.dicom import without_preamble

    found = without_preamble(path, head)
    if found is not None:
        return found
    known = next((what for start, what in _OTHERS.items() if head.startswith(start)), None)
    if known is None:
        known = "text file" if head and b"\0" not in head and _is_text(head) else "file of an unknown kind"
    return Inspection(str(path), "empty file" if not head else known)


def _is_text(head: bytes) -> bool:
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start > len(head) - 4  # a letter that was cut
    return True
