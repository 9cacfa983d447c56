"""`python -m tools.fuzz`: inputs for every reader, in blocks that a log remembers, so that it goes on where it was."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from tools.fuzz.campaign import Outcome, campaign_in_child, in_own_folder
from tools.fuzz.reader import Reader, made
from tools.fuzz.readers import READERS

Row = dict[str, Any]
"""A line of the log: the fields of `Outcome`."""

BLOCK = 1_000
"""Inputs of one child process and one line of the log."""


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(READERS)), metavar="[READER]...")
@click.option("--inputs", default=100_000, show_default=True, help="Inputs per reader, those of earlier runs included.")
@click.option("--first", default=0, show_default=True, help="Seed of the first input; other seeds, other inputs.")
@click.option("--log", default="build/fuzz/log.jsonl", show_default=True, type=click.Path(path_type=Path))
@click.option("--broken", default="build/fuzz/broken", show_default=True, type=click.Path(path_type=Path))
@click.option("--guided", is_flag=True, help="Let atheris choose the inputs by the lines that they reach; one READER.")
def main(names: Sequence[str], inputs: int, first: int, log: Path, broken: Path, guided: bool) -> None:
    """Give generated and damaged files to the READERs, by default to all."""
    if guided:
        from tools.fuzz.guided import guide

        if len(names) != 1:
            raise click.UsageError("--guided takes one READER")
        guide(READERS[names[0]], inputs, first, broken)
        return
    log.parent.mkdir(parents=True, exist_ok=True)
    chosen = [READERS[name] for name in names or READERS]
    for reader in chosen:
        if not reader.runs:
            click.echo(f"{reader.name}: left out, since {reader.needs} is not installed", err=True)
    bad = sum(_reader(reader, inputs, first, log, broken) for reader in chosen if reader.runs)
    if bad:
        raise click.ClickException(f"{bad} inputs broke a promise; they are in {broken}")


def _reader(reader: Reader, inputs: int, first: int, log: Path, broken: Path) -> int:
    rows = [row for row in _rows(log) if row["reader"] == reader.name and first <= row["first"] < first + inputs]
    done = max((row["first"] + row["inputs"] for row in rows), default=first)
    if done < first + inputs:
        home, folder, corpus = in_own_folder(reader)
        with home:
            for seed in range(done, first + inputs, BLOCK):
                count = min(BLOCK, first + inputs - seed)
                outcome = campaign_in_child(reader, seed, count, corpus, folder)
                rows.append(_logged(outcome, log))
                _keep(reader, outcome, corpus, broken)
    return _summary(reader.name, rows)


def _rows(log: Path) -> list[Row]:
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


def _logged(outcome: Outcome, log: Path) -> Row:
    row = outcome.as_row()
    with log.open("a") as file:
        file.write(json.dumps(row) + "\n")
    return row


def _keep(reader: Reader, outcome: Outcome, corpus: Sequence[bytes], broken: Path) -> None:
    seen: Counter[str] = Counter()
    for seed, said in outcome.broken.items():
        seen[said] += 1
        if seen[said] == 1:
            broken.mkdir(parents=True, exist_ok=True)
            (broken / f"{reader.name}-{seed}").write_bytes(made(reader, seed, corpus))
            click.echo(f"{reader.name} {seed}: {said}", err=True)


def _summary(name: str, rows: Sequence[Row]) -> int:
    total = {key: sum(row[key] for row in rows) for key in ("inputs", "read", "refused", "seconds")}
    bad = sum(len(row["broken"]) for row in rows)
    rate = total["inputs"] / max(total["seconds"], 1e-9)
    click.echo(
        f"{name:<22}{total['inputs']:>9,} inputs {total['read']:>8,} read {total['refused']:>8,} refused "
        f"{bad:>5} broken {rate:>7,.0f} inputs/s"
    )
    return bad


if __name__ == "__main__":
    main()
