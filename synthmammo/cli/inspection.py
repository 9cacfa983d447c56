"""The command that says what files are: inspect."""

from __future__ import annotations

import json

import click

from synthmammo.cli.kinds import files


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="FILE...", shell_complete=files)
@click.option("--key", help="Sample of a dataset, a tar or a Parquet file to report on.  [default: all of it]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON: a list with one object per file.")
def inspect(paths: tuple[str, ...], key: str | None, as_json: bool) -> None:
    """Say what files are and where they came from.

    FILE is a picture, a DICOM object, a tar, a Parquet file, a model or a dataset directory. The account says whether
    its images are real, synthetic or mixed, what made them, and on whose word; of a file that bears no mark it says so.
    What cannot be read is named, and the exit code is then 1.

    Example: synthmammo inspect datasets/balanced_calc figure.png
    """
    import synthmammo
    from synthmammo.cli.main import print_error
    from synthmammo.errors import SynthmammoError

    found, failed = [], False
    for path in paths:
        try:
            found.append(synthmammo.inspect(path, key=key))
        except SynthmammoError as error:
            print_error(error)
            failed = True
            continue
        if not as_json:
            click.echo("\n".join(found[-1].lines()))
    if as_json:
        click.echo(json.dumps([one.record() for one in found], indent=2, ensure_ascii=False))
    if failed:
        raise SystemExit(1)
