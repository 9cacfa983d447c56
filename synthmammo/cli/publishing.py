"""The command that sends datasets and models to the Hugging Face Hub: publish."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from synthmammo.sharing.hub import Outgoing


@click.command()
@click.argument("source", type=click.Path(path_type=Path))
@click.argument("repo_id")
@click.option("--model", is_flag=True, help="SOURCE is a model file.")
@click.option("--private", is_flag=True, help="Make the repository private.")
@click.option("--revision", help="Branch.  [default: main]")
@click.option("--yes", is_flag=True, help="Send the files; without it they are only listed.")
def publish(source: Path, repo_id: str, model: bool, private: bool, revision: str | None, yes: bool) -> None:
    """Publish the dataset (or the model) SOURCE as REPO_ID on the Hugging Face Hub.

    A dataset is verified first. Files that are there already are not sent again, so that the same command goes on
    after a break. The token comes from HF_TOKEN or `hf auth login`.

    Example: synthmammo publish datasets/balanced_calc me/balanced_calc --private --yes
    """
    from synthmammo.cli.progress import progress_bar
    from synthmammo.sharing.hub import dataset_publication, model_publication, require_token
    from synthmammo.sharing.hub import publish as run

    if yes:
        require_token(repo_id)
    if model:
        publication = model_publication(source, repo_id, revision)
    else:
        with progress_bar("verify", unit="checks") as update:
            publication = dataset_publication(source, update)
    for note in publication.notes:
        click.echo(f"note: {note}")
    if not yes:
        _list(publication.files)
        click.echo(f"Nothing was sent. With --yes they go to the {publication.kind} {repo_id}.")
        return
    with progress_bar("publish", unit="MB") as update:

        def in_megabytes(done: int, total: int) -> None:
            update(round(done / 1e6), round(total / 1e6))

        done = run(publication, repo_id, private=private, revision=revision, progress=in_megabytes)
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
