"""A real Orthanc server on loopback, started for tests where Debian's orthanc and orthanc-dicomweb are installed."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
USER, PASSWORD = "reader", "secret"


class Orthanc(NamedTuple):
    """A running server."""

    url: str
    dicom_port: int


def missing() -> str | None:
    """Why no server can be started; None when one can."""
    if not shutil.which("Orthanc"):
        return "Orthanc (Debian's orthanc) is not installed"
    return None if PLUGIN.is_file() else "Orthanc's DICOMweb plugin (Debian's orthanc-dicomweb) is not installed"


@contextmanager
def running(folder: Path) -> Iterator[Orthanc]:
    """A server with an empty archive in `folder`, which ends with the body."""
    # Another process may take a port between our asking and the server's binding.
    for attempt in range(3):
        process, server = _started(folder / str(attempt))
        if server:
            break
    else:
        log = (folder / "2" / "orthanc.log").read_text(errors="replace")
        raise AssertionError(f"Orthanc did not start: {log[-2000:]}")
    try:
        yield server
    finally:
        _stop(process)


def ask(server: Orthanc, path: str, method: str = "GET", body: bytes | None = None, **headers: str) -> bytes:
    """The answer of a server's own interface (not DICOMweb) to a request."""
    manager = urllib.request.HTTPPasswordMgrWithDefaultRealm()
    root = server.url.removesuffix("/dicom-web")
    manager.add_password(None, root, USER, PASSWORD)
    opener = urllib.request.build_opener(urllib.request.HTTPBasicAuthHandler(manager))
    request = urllib.request.Request(f"{root}{path}", body, headers, method=method)
    with opener.open(request, timeout=30) as answer:
        content: bytes = answer.read()
    return content


def wipe(server: Orthanc) -> None:
    """Delete every patient that a server has."""
    for patient in json.loads(ask(server, "/patients")):
        ask(server, f"/patients/{patient}", "DELETE")


def shown(server: Orthanc, sop_instance_uid: str) -> bytes:
    """The picture that a server shows of an image, as PNG.

    Raises:
        urllib.error.HTTPError: It cannot show it.
    """
    (instance,) = json.loads(ask(server, "/tools/lookup", "POST", sop_instance_uid.encode()))
    return ask(server, f"/instances/{instance['ID']}/preview", Accept="image/png")


def _started(folder: Path) -> tuple[subprocess.Popen[bytes], Orthanc | None]:
    """A server's process, and the server once it answers; None when it ended or was silent for a minute."""
    http, dicom = _free_port(), _free_port()
    configuration = {
        "Name": "tests",
        "StorageDirectory": str(folder / "archive"),
        "IndexDirectory": str(folder / "archive"),
        "HttpPort": http,
        "DicomPort": dicom,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": True,
        "RegisteredUsers": {USER: PASSWORD},
        "DicomAlwaysAllowStore": True,
        "Plugins": [str(PLUGIN)],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
    }
    folder.mkdir(parents=True)
    (folder / "orthanc.json").write_text(json.dumps(configuration), encoding="utf-8")
    with (folder / "orthanc.log").open("wb") as log:
        process = subprocess.Popen(["Orthanc", str(folder / "orthanc.json")], stdout=log, stderr=log)
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{http}/system", timeout=1)
        except urllib.error.HTTPError:
            return process, Orthanc(f"http://127.0.0.1:{http}/dicom-web", dicom)  # it asks who we are, so it is there
        except OSError:
            time.sleep(0.1)
    _stop(process)
    return process, None


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
