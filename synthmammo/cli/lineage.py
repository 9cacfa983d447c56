"""The command on which models and datasets rest on which patients: lineage."""

from __future__ import annotations

from pathlib import Path

import click

from synthmammo.cli.answers import JSON
from synthmammo.cli.options import FILE


@click.command()
@click.argument("paths", nargs=-1, required=True, type=FILE, metavar="PATH...")
@click.option("--patient", help="Pseudonym of the patient, as an index has it.  [default: none]")
@JSON
def lineage(paths: tuple[Path, ...], patient: str | None, as_json: bool) -> None:
    """Say what falls if a patient is withdrawn.

    PATH is a model file, a dataset directory, or a folder of them; each model and dataset falls, stands, or cannot be
    told. Model files hold salted digests of the patients that they were trained on. Without --patient it is listed what
    each rests on. The exit code is 0 whatever is found.

    Example: synthmammo lineage datasets models --patient P_00123
    """
    import json

    import synthmammo

    found = synthmammo.lineage(paths, patient)
    if as_json:
        rows = [
            {"path": str(one.path), "kind": one.kind, "patients": one.patients}
            | {"because": one.because, "verdict": one.verdict}
            for one in found
        ]
        click.echo(json.dumps(rows, indent=2))
        return
    for one in found:
        click.echo(f"{one.verdict + '  ' if patient else ''}{one.kind} {one.path}: {'; '.join(one.because)}")
    if patient:
        counts = {verdict: sum(one.verdict == verdict for one in found) for verdict in ("falls", "unknown", "stands")}
        click.echo(f"{counts['falls']} fall, of {counts['unknown']} it cannot be told, {counts['stands']} stand")
