"""Commands that pass datasets and models on: send, publish."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from synthmammo.cli.options import DIRECTORY, FILE
from synthmammo.cli.volume import note

if TYPE_CHECKING:
    from synthmammo.sharing.publication import Outgoing


@click.command()
@DIRECTORY
@click.argument("url")
@click.option("--user", default="", help="User name on the server; SYNTHMAMMO_PASSWORD holds the password.")
@click.option("--again", is_flag=True, help="Send also what the server has already.")
def send(directory: Path, url: str, user: str, again: bool) -> None:
    """Store the DICOM objects of a dataset on a server.

    URL is that of the DICOMweb server, which is asked what it has: only the rest is sent, so the same command continues
    after an interruption. Files named .sent-*.jsonl in DIRECTORY list what a server has taken, for servers that cannot
    be asked. SYNTHMAMMO_TOKEN may hold a bearer token.

    Example: synthmammo send datasets/screening_exams http://localhost:8042/dicom-web
    """
    import os

    import synthmammo
    from synthmammo.cli.progress import progress_bar

    token = os.environ.get("SYNTHMAMMO_TOKEN", "")
    password = "" if token else _password(user)
    with progress_bar("send", unit="objects") as update:
        sent = synthmammo.send(directory, url, user=user, password=password, token=token, again=again, progress=update)
    there = sent.known + sent.present
    already = f"; {there} were there already" if there else ""
    lost = f"; {sent.lost} of these had been sent before, but were no longer there" if sent.lost else ""
    click.echo(f"{url}: stored {sent.stored} objects, {sent.bytes / 1e6:,.1f} MB{lost}{already}")
    if sent.unasked:
        click.echo("note: the server has no search, so what was sent before counts as there; --again sends it again")


def _password(user: str) -> str:
    """The password of a user: from the environment, or typed in where somebody can."""
    import os
    import sys

    password = os.environ.get("SYNTHMAMMO_PASSWORD", "")
    if password or not user:
        return password
    if not sys.stdin.isatty():
        from synthmammo.errors import OutputError

        hint = "Put it into the variable SYNTHMAMMO_PASSWORD."
        raise OutputError(f"the password of {user} is needed, and there is no terminal to ask on", hint=hint)
    return str(click.prompt(f"Password of {user}", hide_input=True, err=True))


@click.command()
@click.argument("source", type=FILE)
@click.argument("repo_id")
@click.option("--model", is_flag=True, hidden=True, help="A file is a model; the option is not needed any more.")
@click.option("--private", is_flag=True, help="Make the repository private.")
@click.option("--revision", help="Branch of the repository.  [default: main]")
@click.option("--yes", is_flag=True, help="Go ahead: send the files, which are only listed otherwise.")
def publish(source: Path, repo_id: str, model: bool, private: bool, revision: str | None, yes: bool) -> None:
    """Publish a dataset or a model on the Hugging Face Hub.

    SOURCE, a dataset or the file of a model, goes to the repository REPO_ID. A dataset is verified first. Files that
    are there already are not sent again, so the same command continues after an interruption. The token comes from
    HF_TOKEN or `hf auth login`.

    Example: synthmammo publish datasets/balanced_calc me/balanced_calc --private --yes
    """
    import synthmammo
    from synthmammo.cli.progress import progress_bar

    if model:
        note("--model is not needed any more: a file is a model; the next release does not know it.")
    with progress_bar("verify", unit="checks") as update:
        publication = synthmammo.prepare_publication(
            source,
            repo_id,
            kind="model" if model else None,
            revision=revision,
            sending=yes,
            progress=update,
        )
    for text in publication.notes:
        note(text)
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
