"""Fetching CBIS-DDSM from The Cancer Imaging Archive, through the package `tcia-utils` (extra `[tcia]`)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from synthmammo.errors import OutputError, SourceError
from synthmammo.progress import Progress, silent

COLLECTION = "CBIS-DDSM"
BATCH = 50
"""Number of series fetched between two reports of progress."""
TABLES_URL = "https://www.cancerimagingarchive.net/wp-content/uploads/"
TABLES = tuple(f"{kind}_case_description_{half}_set.csv" for kind in ("mass", "calc") for half in ("train", "test"))
OFFER = """\
CBIS-DDSM (Curated Breast Imaging Subset of DDSM), The Cancer Imaging Archive
  size:     about 164 GB in 10,239 files, 1,566 patients
  licence:  Creative Commons Attribution 3.0 Unported (CC BY 3.0)
  cite:     Sawyer-Lee et al. 2016, https://doi.org/10.7937/K9/TCIA.2016.7O02S9CY
            Lee et al. 2017, Scientific Data 4, 170177"""
"""Text that is shown before anything is fetched."""
_OFFLINE = "Is there a network? The same command continues a download that was cut off."


def download_cbis_ddsm(folder: Path, confirm: Callable[[str], bool], progress: Progress = silent) -> int:
    """Fetch the collection and its four description tables; series that are there already are not fetched again.

    Args:
        folder: Folder to write to; made when absent.
        confirm: Function that is given `OFFER` before the network is used, and tells whether to go on.
        progress: Function that is called with the number of series that were tried and that of all series.

    Returns:
        Number of series in the folder.

    Raises:
        SourceError: Not confirmed, `tcia-utils` is not installed, or the archive cannot be reached.
        OutputError: The folder cannot be written.
    """
    nbia = _nbia()
    if not confirm(OFFER):
        raise SourceError("the download was not confirmed, so nothing was fetched", where=COLLECTION)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in TABLES:
            _table(folder / name)
    except OSError as error:
        raise OutputError(f"cannot be written ({error.strerror or error})", where=folder) from error
    series = nbia.getSeries(collection=COLLECTION)
    if not series:
        raise SourceError("The Cancer Imaging Archive does not answer", where=COLLECTION, hint=_OFFLINE)
    for start in range(0, len(series), BATCH):
        nbia.downloadSeries(series[start : start + BATCH], path=str(folder))
        progress(min(start + BATCH, len(series)), len(series))
    identifiers = [item["SeriesInstanceUID"] for item in series]
    missing = [identifier for identifier in identifiers if not (folder / identifier).is_dir()]
    if missing:
        message = f"{len(missing)} of {len(identifiers)} series could not be fetched"
        raise SourceError(message, where=COLLECTION, hint=_OFFLINE)
    return len(identifiers)


def _table(path: Path) -> None:
    from urllib.error import URLError
    from urllib.request import urlopen

    if path.is_file():
        return
    try:
        with urlopen(TABLES_URL + path.name, timeout=30) as answer:
            content = answer.read()
    except (URLError, TimeoutError) as error:
        message = f"{TABLES_URL}{path.name} cannot be fetched ({getattr(error, 'reason', error)})"
        raise SourceError(message, where=COLLECTION, hint=_OFFLINE) from error
    path.write_bytes(content)


def _nbia() -> Any:
    try:
        nbia = import_module("tcia_utils.nbia")
    except ImportError as error:
        hint = "Install it with: pip install 'synthmammo[tcia]'"
        raise SourceError("fetching needs the package 'tcia-utils', which is not installed", hint=hint) from error
    # It logs every request and every failure; progress and one message are enough.
    logging.getLogger("tcia_utils").setLevel(logging.CRITICAL)
    return nbia
