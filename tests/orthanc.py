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
def running(folder: Path, seconds: float = 60) -> Iterator[Orthanc]:
    """A server with an empty archive in `folder`, which ends with the body."""
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
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "orthanc.json").write_text(json.dumps(configuration), encoding="utf-8")
    with (folder / "orthanc.log").open("wb") as log:
        process = subprocess.Popen(["Orthanc", str(folder / "orthanc.json")], stdout=log, stderr=log)
    try:
        _wait(f"http://127.0.0.1:{http}/system", process, folder / "orthanc.log", seconds)
        yield Orthanc(f"http://127.0.0.1:{http}/dicom-web", dicom)
    finally:
        process.terminate()
        process.wait(30)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _wait(url: str, process: subprocess.Popen[bytes], log: Path, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=1)
        except urllib.error.HTTPError:
            return  # it asks who we are, so it is there
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"Orthanc did not start: {log.read_text(errors='replace')[-2000:]}")
