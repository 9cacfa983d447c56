"""What `synthmammo doctor` looks at: versions, optional parts, processors, DICOM plug-ins, disks."""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any

from synthmammo._version import PIXELS_VERSION, __version__

LEAST_FREE_BYTES = 2**30
"""Free space below which a disk is remarked on: a build of a few hundred mammograms fills it."""

TitledTable = tuple[str, Sequence[str], Sequence[Sequence[str]]]
"""Title, columns and rows."""

_SYNTAXES = {
    "RLE": "RLELossless",
    "JPEG baseline": "JPEGBaseline8Bit",
    "JPEG lossless": "JPEGLosslessSV1",
    "JPEG-LS": "JPEGLSLossless",
    "JPEG 2000": "JPEG2000Lossless",
    "HTJ2K": "HTJ2KLossless",
}
"""Names that pydicom has for the transfer syntaxes of mammograms."""


@dataclass(frozen=True)
class Library:
    """A library that the package uses: its name, the extra it belongs to ("" for all users), and what is installed.

    Attributes:
        name: Name of the distribution, as pip knows it.
        extra: Name of the optional part, or "".
        wanted: Versions that the package works with, e.g. ">=2.6".
        found: Version that is installed; empty where there is none.
        fits: Whether it is installed in such a version.
    """

    name: str
    extra: str
    wanted: str
    found: str
    fits: bool


@dataclass(frozen=True)
class Diagnosis:
    """What was found.

    Attributes:
        machine: Facts of the computer by name.
        libraries: Libraries that the package uses.
        devices: Devices that networks can compute on, with what is known of them.
        dicom: What reads and what writes each compression of DICOM; empty texts where nothing does.
        disks: Free bytes by folder.
        problems: What every user needs and is not there, with what to do.
        remarks: What some users will miss.
    """

    machine: dict[str, str]
    libraries: tuple[Library, ...]
    devices: dict[str, str]
    dicom: dict[str, dict[str, str]]
    disks: dict[str, int]
    problems: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def __repr__(self) -> str:
        return f"Diagnosis({len(self.problems)} problems, {len(self.remarks)} remarks)"

    def facts(self) -> dict[str, Any]:
        """All of it as JSON-able values."""
        return asdict(self)

    def tables(self) -> Iterator[TitledTable]:
        """All of it but problems and remarks."""
        yield "Machine", ("what", "found"), [*self.machine.items(), *self.devices.items()]
        rows = [(lib.name, lib.found or "-", lib.wanted or "any", lib.extra or "all") for lib in self.libraries]
        yield "Libraries", ("library", "installed", "wanted", "for"), rows
        pixels = [(name, found["read"] or "-", found["write"] or "-") for name, found in self.dicom.items()]
        yield "DICOM", ("compression", "read by", "written by"), pixels
        free = [(folder, f"{amount / 1e9:,.1f} GB") for folder, amount in self.disks.items()]
        yield "Disks", ("folder", "free"), free


def diagnose() -> Diagnosis:
    """Look at this installation: versions, optional parts, processors, DICOM plug-ins, disks.

    Nothing is changed, and nothing is fetched.

    Returns:
        What was found, with what every user needs and lacks in `problems`.

    Example:
        >>> import synthmammo as sm
        >>> sm.diagnose().machine["synthmammo"].partition(",")[0] == sm.__version__
        True
    """
    libraries = tuple(_libraries())
    devices, trouble = _devices()
    found = Diagnosis(_machine(), libraries, devices, _dicom(), _disks())
    found.problems.extend([*_missing(libraries), *trouble])
    found.remarks.extend(_remarks(found))
    return found


def _machine() -> dict[str, str]:
    return {
        "synthmammo": f"{__version__}, pixels version {PIXELS_VERSION}",
        "Python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "processor cores": f"{len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count()}",
        "memory": _memory(),
    }


def _memory() -> str:
    try:
        amount = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):  # a system that does not tell
        return "unknown"
    return f"{amount / 1e9:,.1f} GB"


def _libraries() -> Iterator[Library]:
    from packaging.requirements import Requirement

    for text in _requirements():
        wanted = Requirement(text)
        extra = _extra_of(str(wanted.marker or ""))
        if extra in ("dev", "docs"):
            continue
        found = _installed(wanted.name)
        fits = bool(found) and wanted.specifier.contains(found, prereleases=True)
        yield Library(wanted.name, extra, str(wanted.specifier), found, fits)


def _requirements() -> Sequence[str]:
    try:
        return requires("synthmammo") or []
    except PackageNotFoundError:  # run from a checkout that is not installed
        return []


def _extra_of(marker: str) -> str:
    _, names, rest = marker.partition("extra == ")
    return rest.strip("\"' )") if names else ""


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _devices() -> tuple[dict[str, str], list[str]]:
    """Devices, and why PyTorch cannot be used where it cannot."""
    try:
        import torch
    except (ImportError, OSError) as error:  # a library of the graphics driver that is missing is an OSError
        reason = str(error).splitlines()[0]
        return {}, [f"PyTorch cannot be imported ({reason}); install it as https://pytorch.org/get-started says."]
    threads = torch.get_num_threads()
    counted = "1 thread" if threads == 1 else f"{threads} threads"
    found = {"cpu": f"{counted}, {torch.backends.cpu.get_cpu_capability()}"}
    for number in range(torch.cuda.device_count()):
        card = torch.cuda.get_device_properties(number)
        found[f"cuda:{number}"] = f"{card.name}, {card.total_memory / 1e9:,.1f} GB"
    if torch.backends.mps.is_available():
        found["mps"] = "Apple graphics"
    return found, []


def _dicom() -> dict[str, dict[str, str]]:
    try:
        from pydicom import uid
        from pydicom.pixels.decoders.base import get_decoder
        from pydicom.pixels.encoders.base import get_encoder
    except ImportError:
        return {}
    found = {}
    for name, syntax in _SYNTAXES.items():
        kinds = {"read": get_decoder, "write": get_encoder}
        found[name] = {what: _plugins(get, getattr(uid, syntax)) for what, get in kinds.items()}
    return found


def _plugins(get: Any, syntax: str) -> str:
    try:
        return ", ".join(get(syntax).available_plugins)
    except NotImplementedError:  # nothing writes it
        return ""


def _disks() -> dict[str, int]:
    cache = Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface")
    folders = (Path.cwd(), Path(tempfile.gettempdir()), cache)
    return {str(folder): shutil.disk_usage(_present(folder)).free for folder in folders}


def _present(folder: Path) -> Path:
    return next(path for path in (folder, *folder.parents) if path.exists())


def _missing(libraries: Sequence[Library]) -> Iterator[str]:
    for library in libraries:
        if not library.extra and not library.fits:
            found = f"{library.found} is installed" if library.found else "is not installed"
            name = f"{library.name}{library.wanted}"
            yield f"{library.name} {found}; {name} is needed: pip install '{name}'"


def _remarks(found: Diagnosis) -> Iterator[str]:
    for extra in sorted({library.extra for library in found.libraries if library.extra and not library.fits}):
        names = ", ".join(lib.name for lib in found.libraries if lib.extra == extra and not lib.fits)
        yield f"the part '{extra}' lacks {names}: pip install 'synthmammo[{extra}]'"
    for name, plugins in found.dicom.items():
        if not plugins["read"]:
            yield f"DICOM files compressed with {name} cannot be read"
    for folder, free in found.disks.items():
        if free < LEAST_FREE_BYTES:
            yield f"{folder} has {free / 1e9:,.1f} GB left"
    if not any(name != "cpu" for name in found.devices):
        yield "networks compute on the processor: no graphics card that PyTorch can use was found"
