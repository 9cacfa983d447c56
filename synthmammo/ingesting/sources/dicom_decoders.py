"""Why no decoder could read a file's pixels: each decoder's own reason, and the package that would help."""

from __future__ import annotations

import re

_PACKAGES = {
    "pylibjpeg": "pylibjpeg",
    "gdcm": "python-gdcm",
    "pyjpegls": "pyjpegls",
    "pillow": "pillow",
}
"""Names of pydicom's decoding plug-ins, with the packages that bring them."""


def cause(error: BaseException) -> str:
    """The reasons in an error of pydicom's decoders, on one line, with the packages that would help.

    Args:
        error: What decoding raised; pydicom lists its plug-ins on lines of their own.
    """
    lines = [line.strip() for line in str(error).strip().splitlines() if line.strip()]
    first, *reasons = lines or [type(error).__name__]
    if not reasons:
        return first.rstrip(".")
    joined = f"{first.rstrip('.:')}: {'; '.join(reason.rstrip('.') for reason in reasons)}"
    names = dict.fromkeys(package for reason in reasons for package in _missing(reason))
    return f"{joined}. Install: pip install {' '.join(names)}" if names else joined


def is_failure(error: BaseException) -> bool:
    """Whether a decoder failed: decoders raise what they like, and a panic of one in Rust is no `Exception`."""
    return isinstance(error, Exception) or type(error).__name__ == "PanicException"


def _missing(reason: str) -> list[str]:
    """Packages that a plug-in says it lacks: "gdcm - requires gdcm>=3.0.10"."""
    if " requires " not in reason:
        return []
    wanted = re.findall(r"[A-Za-z][\w.-]*(?=\s*[>=<~!])", reason.partition(" requires ")[2])
    return [_PACKAGES.get(name.lower(), name.lower()) for name in wanted if name.lower() != "numpy"]
