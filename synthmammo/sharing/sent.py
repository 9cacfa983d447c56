"""What a DICOMweb server has taken of a dataset: JSON lines in the dataset, one file per address."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from synthmammo.errors import unwritable


@dataclass(frozen=True)
class SentObject:
    """What a server knows an object by.

    Attributes:
        study: Study Instance UID.
        uid: SOP Instance UID.
    """

    study: str
    uid: str

    @classmethod
    def read(cls, path: Path) -> SentObject:
        """The UIDs in a file; its pixels are not read."""
        from pydicom import dcmread

        one = dcmread(path, stop_before_pixels=True, specific_tags=["StudyInstanceUID", "SOPInstanceUID"])
        return cls(str(one.StudyInstanceUID), str(one.SOPInstanceUID))


class SentLog:
    """The objects that one server has taken: JSON lines in the dataset, one file per address.

    Attributes:
        known: UIDs of the objects by their file's name and SHA-256.
    """

    def __init__(self, directory: Path, url: str) -> None:
        host = urlsplit(url).hostname or "server"
        self._path = directory / f".sent-{host}-{hashlib.sha256(url.encode()).hexdigest()[:8]}.jsonl"
        self.known: dict[tuple[str, str], SentObject] = {}
        if self._path.is_file():
            self.known = dict(self._entries())

    def _entries(self) -> Iterator[tuple[tuple[str, str], SentObject]]:
        for line in self._path.read_text(encoding="utf-8").splitlines():
            try:
                entry = json.loads(line)
                yield (entry["file"], entry["sha256"]), SentObject(entry["study"], entry["uid"])
            except (json.JSONDecodeError, KeyError, TypeError):
                continue  # the last line of a run that was killed, or of an early release: its object is asked for

    def add(self, name: str, sha256: str, one: SentObject) -> None:
        """Remember a file that the server has taken.

        Raises:
            OutputError: The dataset cannot be written.
        """
        line = json.dumps({"file": name, "sha256": sha256, "study": one.study, "uid": one.uid}) + "\n"
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(line)
        except OSError as error:
            raise unwritable(self._path.parent, error) from error
