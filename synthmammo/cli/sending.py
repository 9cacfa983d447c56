"""Command that takes DICOM to a server: send."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("directory", type=click.Path(path_type=Path))
@click.argument("url")
@click.option("--user", default="", help="Name for the server; its password is read from SYNTHMAMMO_PASSWORD.")
def send(directory: Path, url: str, user: str) -> None:
    """Store the DICOM objects of the dataset in DIRECTORY on the DICOMweb server at URL.

    After a break the same command goes on: what the server took is noted in DIRECTORY, in a file .sent-*.jsonl. A
    bearer token is read from SYNTHMAMMO_TOKEN.

    Example: synthmammo send datasets/screening_exams http://localhost:8042/dicom-web
    """
    import os

    from synthmammo.cli.progress import progress_bar
    from synthmammo.sharing.dicomweb import Credentials
    from synthmammo.sharing.dicomweb import send as run

    password = os.environ.get("SYNTHMAMMO_PASSWORD", "")
    if user and not password:
        password = click.prompt(f"Password of {user}", hide_input=True, err=True)
    credentials = Credentials(user, password, os.environ.get("SYNTHMAMMO_TOKEN", ""))
    with progress_bar("send", unit="objects") as update:
        sent = run(directory, url, credentials=credentials, progress=update)
    there = sent.known + sent.present
    already = f"; {there} were there already" if there else ""
    click.echo(f"{url}: stored {sent.stored} objects, {sent.bytes / 1e6:,.1f} MB{already}")
