"""Commands that pass datasets and models on: send, publish."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from synthmammo.cli.options import DIRECTORY, FILE

if TYPE_CHECKING:
    from synthmammo.sharing.publication import Outgoing


@click.command()
@DIRECTORY
@click.argument("url")
@click.option("--user", default="", help="User name on the server; SYNTHMAMMO_PASSWORD holds the password.")
def send(directory: Path, url: str, user: str) -> None:
    """Store the DICOM objects of a dataset on a server.

    URL is that of the DICOMweb server. After an interruption the same command continues: files named .sent-*.jsonl in
    DIRECTORY list what the server has taken. SYNTHMAMMO_TOKEN may hold a bearer token.

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


@click.command()
@click.argument("source", type=FILE)
@click.argument("repo_id")
@click.option("--model", is_flag=True, help="Publish SOURCE as a model file, not as a dataset.")
@click.option("--private", is_flag=True, help="Make the repository private.")
@click.option("--revision", help="Branch of the repository.  [default: main]")
@click.option("--yes", is_flag=True, help="Send the files; without this flag they are listed and not sent.")
def publish(source: Path, repo_id: str, model: bool, private: bool, revision: str | None, yes: bool) -> None:
    """Publish a dataset or a model on the Hugging Face Hub.

    SOURCE goes to the repository REPO_ID. A dataset is verified first. Files that are there already are not sent
    again, so the same command continues after an interruption. The token comes from HF_TOKEN or `hf auth login`.

    Example: synthmammo publish datasets/balanced_calc me/balanced_calc --private --yes
    """
    import synthmammo
    from synthmammo.cli.progress import progress_bar

    with progress_bar("verify", unit="checks") as update:
        publication = synthmammo.prepare_publication(
            source,
            repo_id,
            kind="model" if model else "dataset",
            revision=revision,
            sending=yes,
            progress=update,
        )
    for note in publication.notes:
        click.echo(f"note: {note}")
    if not yes:
        _list(publication.files)
        click.echo(f"Nothing was sent. With --yes they go to the {publication.kind} {repo_id}.")
        return
    with progress_bar("publish", unit="MB") as update:

        def in_megabytes(done: int, total: int | None) -> None:
            update(round(done / 1e6), round(total / 1e6) if total is not None else None)

        done = synthmammo.publish(publication, repo_id, private=private, revision=revision, progress=in_megabytes)
    click.echo(f"{done.url}: {len(done.sent)} files sent, {done.kept} were there, {len(done.removed)} removed")


def _list(files: tuple[Outgoing, ...]) -> None:
    """Files with their sizes; those of a shard that is a folder on one line."""
    sizes: dict[str, list[int]] = {}
    for file in files:
        folder, _, name = file.name.rpartition("/")
        sizes.setdefault(f"{folder}/" if "/" in folder else file.name, []).append(file.size)
    for name, each in sizes.items():
        click.echo(f"{sum(each):>15,}  {name}" + (f"  ({len(each)} files)" if name.endswith("/") else ""))
    click.echo(f"{sum(file.size for file in files):>15,}  bytes in {len(files)} files")
