"""The command that says what files are: inspect."""

from __future__ import annotations

import click

from synthmammo.cli.answers import JSON, print_json
from synthmammo.cli.kinds import files


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="FILE...", shell_complete=files)
@click.option(
    "--key", help="Key of the sample of a dataset, a tar or a Parquet file to report on.  [default: all of it]"
)
@JSON
def inspect(paths: tuple[str, ...], key: str | None, as_json: bool) -> None:
    """Say what files are and where they came from.

    FILE is a picture, a DICOM object, a tar, a Parquet file, a model (also zoo/NAME) or a dataset directory. The
    account says whether its images are real, synthetic or mixed, what made them, and on whose word; of a file that
    bears no mark it says so. What cannot be read is named, and the exit code is then 1. JSON is a list with one object
    per file.

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
        print_json([one.record() for one in found])
    if failed:
        raise SystemExit(1)
