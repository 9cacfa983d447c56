"""`send`: the DICOM objects of a dataset go to a DICOMweb server (STOW-RS); after a break the same call goes on.

What was stored is written to a file in the dataset, one line per object, before the next one is sent. The server is
also asked which objects of a study it has: UIDs follow from the dataset's content, so two objects of one UID are the
same, and it is not sent again.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from synthmammo.dataset.manifest import Manifest, ShardRecord
from synthmammo.errors import DatasetError, OutputError, unwritable
from synthmammo.identity import digest, file_digest
from synthmammo.progress import Progress, silent

if TYPE_CHECKING:
    from dicomweb_client.api import DICOMwebClient
    from pydicom import Dataset
    from requests import HTTPError, Response

ATTEMPTS = 5
"""Number of tries of a request before the server counts as unreachable; waits double from `WAIT_SECONDS`."""

WAIT_SECONDS = 1.0
TIMEOUT_SECONDS = (10, 300)
"""Time to connect, and time for an answer: a server may look at an object for long before it takes it."""

_PASSING = {408, 425, 429, 500, 502, 503, 504}
"""HTTP statuses of a server that may do better in a moment."""

_WHOLE = 1 << 31
_GOES_ON = "What was stored is remembered: the same command goes on from here."

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Credentials:
    """What shows a server who asks; nothing for a server that is open.

    Attributes:
        user: Name of the user (HTTP Basic).
        password: Password of the user.
        token: Bearer token, in place of user and password.
    """

    user: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)


@dataclass
class Sent:
    """What came of sending, in objects.

    Attributes:
        stored: Number of objects sent by this call.
        known: Number of objects sent by an earlier call.
        present: Number of objects that were not sent, because the server had them.
        bytes: Size in bytes of what this call sent.
    """

    stored: int = 0
    known: int = 0
    present: int = 0
    bytes: int = 0

    @property
    def done(self) -> int:
        """Number of objects that are on the server."""
        return self.stored + self.known + self.present


def send(
    directory: Path,
    url: str,
    *,
    credentials: Credentials | None = None,
    progress: Progress = silent,
) -> Sent:
    """Store the DICOM objects of a dataset on a server.

    Args:
        directory: Directory of a finished dataset with the format `dicom`.
        url: Base address of the DICOMweb service, e.g. `http://localhost:8042/dicom-web`.
        credentials: Credentials for the server; None, the default, for an open one.
        progress: Function that is called with the number of objects done and that of all objects.

    Returns:
        How many objects were sent, and how many did not have to be.

    Raises:
        DatasetError: The directory has no DICOM, or a shard was changed since it was built.
        OutputError: The address is not one, or the server cannot be reached, refuses the caller or an object.
    """
    shards = [shard for shard in Manifest.read(directory).shards if shard.format == "dicom"]
    if not shards:
        hint = "Build it with emit.formats=[parquet, dicom]."
        raise DatasetError("the dataset has no DICOM", where=directory, hint=hint)
    server, log, sent = _Server(url, credentials or Credentials()), _Log(directory, url), Sent()
    total = sum(len(list((directory / shard.name).glob("*.dcm"))) for shard in shards)
    progress(0, total)
    for shard in shards:
        for path, sha256 in _checked(directory, shard):
            name = f"{shard.name}/{path.name}"
            if log.has(name, sha256):
                sent.known += 1
            else:
                size = server.store(path)
                sent.stored += size > 0
                sent.present += size == 0
                sent.bytes += size
                log.add(name, sha256)
            progress(sent.done, total)
    return sent


def _checked(directory: Path, shard: ShardRecord) -> list[tuple[Path, str]]:
    """The files of a shard with their digests.

    Raises:
        DatasetError: They are not those that were built.
    """
    files = [(path, file_digest(path)) for path in sorted((directory / shard.name).glob("*"))]
    if digest([(path.name, sha256) for path, sha256 in files]) != shard.sha256:
        hint = "`synthmammo verify` tells what else is wrong; build the dataset again."
        raise DatasetError("was changed since it was built, so it is not sent", where=directory / shard.name, hint=hint)
    return files


class _Log:
    """The objects that one server has taken: JSON lines in the dataset, one file per address."""

    def __init__(self, directory: Path, url: str) -> None:
        host = urlsplit(url).hostname or "server"
        self._path = directory / f".sent-{host}-{hashlib.sha256(url.encode()).hexdigest()[:8]}.jsonl"
        self._known: set[tuple[str, str]] = set()
        if self._path.is_file():
            self._known = set(self._entries())

    def _entries(self) -> Iterator[tuple[str, str]]:
        for line in self._path.read_text(encoding="utf-8").splitlines():
            try:
                entry = json.loads(line)
                yield entry["file"], entry["sha256"]
            except (json.JSONDecodeError, KeyError, TypeError):
                continue  # the last line of a run that was killed; its object is asked for, or sent again

    def has(self, name: str, sha256: str) -> bool:
        """Whether the server has taken this file."""
        return (name, sha256) in self._known

    def add(self, name: str, sha256: str) -> None:
        """Remember a file that the server has taken.

        Raises:
            OutputError: The dataset cannot be written.
        """
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"file": name, "sha256": sha256}) + "\n")
        except OSError as error:
            raise unwritable(self._path, error) from error


class _Server:
    """A DICOMweb service; failures that may pass are tried again, and each refusal becomes one message."""

    def __init__(self, url: str, credentials: Credentials) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            hint = "Expected e.g. http://localhost:8042/dicom-web."
            raise OutputError("is not the address of a DICOMweb service", where=url, hint=hint)
        self._url = url.rstrip("/")
        self._client = _client(self._url, credentials)
        self._studies: dict[str, set[str]] = {}

    def store(self, path: Path) -> int:
        """Store one file; its size in bytes, or 0 when the server has the object already.

        Raises:
            OutputError: The server cannot be reached, or refuses.
        """
        from pydicom import dcmread

        one = dcmread(path)
        if one.SOPInstanceUID in self._present(str(one.StudyInstanceUID)):
            return 0
        answer = self._patiently(lambda: self._client.store_instances([one]), path)
        taken = {item.ReferencedSOPInstanceUID for item in answer.get("ReferencedSOPSequence", [])}
        if one.SOPInstanceUID not in taken:
            raise OutputError(f"the server did not store it ({_failure(answer)})", where=path, hint=_GOES_ON)
        return path.stat().st_size

    def _present(self, study: str) -> set[str]:
        """SOP Instance UIDs of a study that the server has; none where it cannot be asked."""
        if study not in self._studies:
            from requests import HTTPError

            def ask() -> list[dict[str, Any]]:
                try:
                    return self._client.search_for_instances(study, fields=["SOPInstanceUID"])
                except HTTPError as error:
                    # A store without a search, or one that calls an unknown study an error.
                    if _status(error) in (400, 404, 405, 406, 415, 501):
                        return []
                    raise

            found = self._patiently(ask, self._url)
            self._studies[study] = {entry["00080018"]["Value"][0] for entry in found}
        return self._studies[study]

    def _patiently(self, request: Callable[[], Answer], where: object) -> Answer:
        from requests import ConnectionError, HTTPError, RequestException, Timeout

        for attempt in range(1, ATTEMPTS + 1):
            try:
                return request()
            except HTTPError as error:
                if _status(error) not in _PASSING or attempt == ATTEMPTS:
                    raise self._refused(error, where) from error
            except (ConnectionError, Timeout) as error:
                if attempt == ATTEMPTS:
                    raise self._unreachable(error) from error
            except RequestException as error:
                raise OutputError(f"the request failed ({error})", where=self._url, hint=_GOES_ON) from error
            time.sleep(WAIT_SECONDS * 2 ** (attempt - 1))
        raise AssertionError("the last attempt returns or raises")

    def _unreachable(self, error: Exception) -> OutputError:
        hint = f"Is the server running, and the address right? {_GOES_ON}"
        return OutputError(
            f"the server cannot be reached ({_cause(error)}; {ATTEMPTS} tries)", where=self._url, hint=hint
        )

    def _refused(self, error: HTTPError, where: object) -> OutputError:
        response = error.response
        assert response is not None
        status = f"{response.status_code} {response.reason}".strip()
        if response.status_code in (401, 403):
            hint = "Give a user name, with the password in SYNTHMAMMO_PASSWORD, or a token in SYNTHMAMMO_TOKEN."
            return OutputError(f"the server refuses the caller ({status})", where=self._url, hint=hint)
        if response.status_code in (404, 405):
            hint = "The address is that of the service, e.g. .../dicom-web for Orthanc."
            return OutputError(f"no DICOMweb service that stores is there ({status})", where=self._url, hint=hint)
        said = " ".join(response.text.split())[:200] if response.text else "no reason given"
        return OutputError(f"the server refuses it ({status}: {said})", where=where, hint=_GOES_ON)


def _client(url: str, credentials: Credentials) -> DICOMwebClient:
    from dicomweb_client.api import DICOMwebClient
    from requests import Session

    logging.getLogger("retrying").setLevel(logging.CRITICAL)  # it would print each failure with a traceback
    session = Session()
    if credentials.user:
        session.auth = (credentials.user, credentials.password)
    headers = {"Accept": "application/dicom+json"}
    if credentials.token:
        headers["Authorization"] = f"Bearer {credentials.token}"
    # The client's own retries would send an empty body the second time where it is sent in chunks; ours follow below.
    client = DICOMwebClient(
        url, session, headers=headers, callback=_bare_content_type, chunk_size=_WHOLE, timeout=TIMEOUT_SECONDS
    )
    client.set_http_retry_params(retry=False)
    return client


def _bare_content_type(response: Response, *_: Any, **__: Any) -> Response:
    # The client knows the types without parameters only, and takes an answer of another type for an empty one.
    content_type = response.headers.get("Content-Type", "")
    if not content_type.startswith("multipart"):
        response.headers["Content-Type"] = content_type.partition(";")[0].strip()
    return response


def _status(error: HTTPError) -> int:
    return 0 if error.response is None else int(error.response.status_code)


def _cause(error: BaseException) -> str:
    """What the system said at the bottom of a chain of exceptions."""
    while deeper := error.__cause__ or error.__context__:
        error = deeper
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _failure(answer: Dataset) -> str:
    """Why a server did not take an object, as its answer says."""
    reasons = {f"failure reason {item.FailureReason:#06x}" for item in answer.get("FailedSOPSequence", [])}
    return ", ".join(sorted(reasons)) or "its answer does not name the object"
