"""`send`: the DICOM objects of a dataset go to a DICOMweb server (STOW-RS); after a break the same call goes on.

The server is asked, one question per study, which objects it has: UIDs follow from the dataset's content, so two
objects of one UID are the same, and it is not sent again. What was stored is also written to a file in the dataset, one
line per object, before the next one is sent: it saves reading the files again, and is believed where a server has no
search.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from synthmammo.arguments import a_choice, a_function, a_text, wrong
from synthmammo.dataset.manifest import Manifest, ShardRecord
from synthmammo.dataset.references import DatasetLike, dataset_path
from synthmammo.errors import DatasetError, OutputError
from synthmammo.identity import digest, file_digest
from synthmammo.interruption import keeping
from synthmammo.progress import Progress, silent
from synthmammo.sharing.sent import SentLog, SentObject

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

_NO_SEARCH = {400, 404, 405, 406, 415, 501}
"""HTTP statuses of a store without a search, or of one that calls an unknown study an error."""

_UID = "00080018"
_WHOLE = 1 << 31
_GOES_ON = "What was stored is remembered: the same command goes on from here."

_Answer = TypeVar("_Answer")


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
        known: Number of objects sent by an earlier call; the server has them still, or cannot be asked.
        present: Number of objects that were not sent, because the server had them.
        lost: Number of objects sent by this call although an earlier one had: the server had them no longer.
        bytes: Size in bytes of what this call sent.
        unasked: Whether objects count as `known` that the server could not be asked about.
    """

    stored: int = 0
    known: int = 0
    present: int = 0
    lost: int = 0
    bytes: int = 0
    unasked: bool = False

    @property
    def done(self) -> int:
        """Number of objects that are on the server."""
        return self.stored + self.known + self.present


def send(
    path: DatasetLike,
    url: str,
    *,
    user: str = "",
    password: str = "",
    token: str = "",
    again: bool = False,
    progress: Progress = silent,
) -> Sent:
    """Store the DICOM objects of a dataset on a server.

    The server is asked what it has: only the rest is sent, so the same call goes on after a break.

    Args:
        path: Finished dataset with the format `dicom`, or the path of its directory.
        url: Base address of the DICOMweb service, e.g. `http://localhost:8042/dicom-web`.
        user: Name of the user; "", the default, for a server that is open.
        password: Password of the user.
        token: Bearer token, in place of user and password.
        again: Whether objects are sent that the server has, or took earlier; False by default.
        progress: Function that is called with the number of objects done and that of all objects.

    Returns:
        How many objects were sent, and how many did not have to be.

    Raises:
        DatasetError: The dataset has no DICOM, or a shard was changed since it was built.
        OutputError: The address is not one, the server cannot be reached, refuses the caller or an object, or an
            argument makes no sense (its name comes first).

    Example:
        >>> import synthmammo as sm
        >>> small = {"background.spacing_mm": 2, "emit.formats": ["parquet"]}
        >>> dataset = sm.build("balanced_mass", "masses", size=3, settings=small)
        >>> try:
        ...     sm.send(dataset, "http://localhost:8042/dicom-web")
        ... except sm.SynthmammoError as error:
        ...     print(error)
        masses: the dataset has no DICOM
          Build it with emit.formats=[parquet, dicom].
    """
    directory = dataset_path(path, "path", DatasetError)
    a_text(url, "url", OutputError)
    for name, text in (("user", user), ("password", password), ("token", token)):
        if not isinstance(text, str):
            raise wrong(name, "a text", text, OutputError)
    a_choice(again, "again", OutputError)
    a_function(progress, "progress", OutputError)
    return _sent(directory, _Server(url, Credentials(user, password, token)), again, progress)


def _sent(directory: Path, server: _Server, again: bool, progress: Progress) -> Sent:
    shards = [shard for shard in Manifest.read(directory).shards if shard.format == "dicom"]
    if not shards:
        hint = "Build it with emit.formats=[parquet, dicom]."
        raise DatasetError("the dataset has no DICOM", where=directory, hint=hint)
    log, sent = SentLog(directory, server.url), Sent()
    total = sum(len(list((directory / shard.name).glob("*.dcm"))) for shard in shards)
    progress(0, total)
    with keeping(lambda: f"the server has {sent.done:,} of {total:,} objects, and the same command goes on from there"):
        for shard in shards:
            for path, sha256 in _checked(directory, shard):
                one = log.known.get((name := f"{shard.name}/{path.name}", sha256)) or SentObject.read(path)
                logged = (name, sha256) in log.known
                if not again and _is_there(server, one, logged, sent):
                    sent.known += logged
                    sent.present += not logged
                else:
                    sent.bytes += server.store(path)
                    sent.stored += 1
                    sent.lost += logged and not again
                if not logged:
                    log.add(name, sha256, one)
                progress(sent.done, total)
    return sent


def _is_there(server: _Server, one: SentObject, logged: bool, sent: Sent) -> bool:
    """Whether the server has an object; where it cannot be asked, whether it took it earlier."""
    present = server.present(one.study)
    if present is None:
        sent.unasked |= logged
        return logged
    return one.uid in present


def _checked(directory: Path, shard: ShardRecord) -> list[tuple[Path, str]]:
    """The files of a shard with their digests.

    Raises:
        DatasetError: They are not those that were built.
    """
    files = [(path, file_digest(path)) for path in sorted((directory / shard.name).glob("*"))]
    if digest([(path.name, sha256) for path, sha256 in files]) != shard.sha256:
        hint = f"`synthmammo verify {directory}` tells what else is wrong, `synthmammo repair` makes it again."
        raise DatasetError("was changed since it was built, so it is not sent", where=directory / shard.name, hint=hint)
    return files


class _Server:
    """A DICOMweb service; failures that may pass are tried again, and each refusal becomes one message."""

    def __init__(self, url: str, credentials: Credentials) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            hint = "Expected e.g. http://localhost:8042/dicom-web."
            raise OutputError("is not the address of a DICOMweb service", where=url, hint=hint)
        self.url, self._url = url, url.rstrip("/")
        self._client = _client(self._url, credentials)
        self._studies: dict[str, set[str] | None] = {}

    def store(self, path: Path) -> int:
        """Store one file; returns its size in bytes.

        Raises:
            OutputError: The server cannot be reached, or refuses.
        """
        from pydicom import dcmread

        one = dcmread(path)
        answer = self._patiently(lambda: self._client.store_instances([one]), path)
        taken = {item.ReferencedSOPInstanceUID for item in answer.get("ReferencedSOPSequence", [])}
        if one.SOPInstanceUID not in taken:
            raise OutputError(f"the server did not store it ({_failure(answer)})", where=path, hint=_GOES_ON)
        return path.stat().st_size

    def present(self, study: str) -> set[str] | None:
        """SOP Instance UIDs of a study that the server has; None where it cannot be asked.

        Raises:
            OutputError: The server cannot be reached, or refuses the caller.
        """
        if study not in self._studies:
            found = self._asked(lambda: self._client.search_for_instances(study, fields=["SOPInstanceUID"]))
            # Some call an unknown study an error, as those do that have no search at all.
            self._studies[study] = found if found is not None else (set() if self._searches else None)
        return self._studies[study]

    @cached_property
    def _searches(self) -> bool:
        """Whether the server has a search."""
        return self._asked(lambda: self._client.search_for_studies(limit=1)) is not None

    def _asked(self, question: Callable[[], list[dict[str, Any]]]) -> set[str] | None:
        """SOP Instance UIDs in the answer to a search; None where the server does not answer that."""
        from requests import HTTPError

        def ask() -> list[dict[str, Any]] | None:
            try:
                return question()
            except HTTPError as error:
                if _status(error) in _NO_SEARCH:
                    return None
                raise

        found = self._patiently(ask, self._url)
        return None if found is None else {entry[_UID]["Value"][0] for entry in found if _UID in entry}

    def _patiently(self, request: Callable[[], _Answer], where: object) -> _Answer:
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
