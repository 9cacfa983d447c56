"""Fetch a public archive of mammograms, where its terms let a program do it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from synthmammo.arguments import a_function, a_path, a_text
from synthmammo.errors import SourceError
from synthmammo.progress import Progress, silent


def download(source: str, path: str | Path, *, confirm: Callable[[str], bool], progress: Progress = silent) -> int:
    """Fetch an archive; what is there already is not fetched again, so the same call goes on after a break.

    Args:
        source: Name of the archive: "cbis_ddsm", from The Cancer Imaging Archive (164 GB; it needs the extra `tcia`).
        path: Folder to write to, for `ingest`; made when absent.
        confirm: Function that is given size, licence and citation as a text before the network is used, and tells
            whether to go on.
        progress: Function that is called with the number of series that were tried and that of all series.

    Returns:
        Number of series in the folder.

    Raises:
        SourceError: The archive cannot be fetched by a program, was not confirmed, cannot be reached, or an argument
            makes no sense (its name comes first).
        OutputError: The folder cannot be written.

    Example:
        >>> import synthmammo as sm
        >>> try:
        ...     sm.download("inbreast", "inbreast", confirm=lambda offer: True)
        ... except sm.SynthmammoError as error:
        ...     print(error)
        source: 'inbreast' cannot be fetched from here
          cbis_ddsm can.
    """
    a_text(source, "source", SourceError)
    folder = a_path(path, "path", SourceError)
    a_function(confirm, "confirm", SourceError)
    a_function(progress, "progress", SourceError)
    if source != "cbis_ddsm":
        raise SourceError(f"'{source}' cannot be fetched from here", where="source", hint="cbis_ddsm can.")
    from synthmammo.ingesting.sources.tcia import download_cbis_ddsm

    return download_cbis_ddsm(folder, confirm, progress)
