"""Answers in the formats of other programs for several readers: iMRMC's and MRMCaov's; and one table of all answers."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from synthmammo.files import writing
from synthmammo.studying.answers import read_answers
from synthmammo.studying.scoring import Classified
from synthmammo.studying.study import Study
from synthmammo.studying.tasks import TASKS, right


def write_exports(study: Study, read: Sequence[Classified], out: Path) -> list[Path]:
    """Write `ratings.imrmc`, `mrmcaov.csv` and `answers.csv`.

    Args:
        study: The study.
        read: Task 1 of each reader.
        out: Directory of the results.

    Raises:
        OutputError: The directory cannot be written.
    """
    texts = {"answers.csv": all_answers(study)}
    if read:
        texts |= {"ratings.imrmc": imrmc(study, read), "mrmcaov.csv": mrmcaov(study, read)}
    for name, text in texts.items():
        with writing(out / name) as partial:
            partial.write_text(text, encoding="utf-8")
    return [out / name for name in texts]


def imrmc(study: Study, read: Sequence[Classified]) -> str:
    """Ratings as iMRMC (FDA) reads them: a head, then reader, case, modality and score; reader -1 tells the truth."""
    numbers = {name: number for number, name in enumerate(study.by_name, 1)}
    seen = [name for name in numbers if any(name in one.ratings for one in read)]
    generated = sum(study.truths[name].generated for name in seen)
    head = [
        _plain(study.title),
        "",
        f"NR: {len(read)}",
        f"N0: {len(seen) - generated}",
        f"N1: {generated}",
        "NM: 1",
        "",
    ]
    lines = [f"-1,{numbers[name]},0,{int(study.truths[name].generated)}" for name in seen]
    for number, one in enumerate(read, 1):
        lines += [f"reader{number},{numbers[name]},study,{rating}" for name, rating in one.ratings.items()]
    return "\n".join([*head, "BEGIN DATA:", *lines]) + "\n"


def mrmcaov(study: Study, read: Sequence[Classified]) -> str:
    """Ratings as a data frame of MRMCaov: reader, treatment, case, truth, rating."""
    rows = [
        (one.reader, "study", name, int(study.truths[name].generated), rating)
        for one in read
        for name, rating in one.ratings.items()
    ]
    return table(("reader", "treatment", "case", "truth", "rating"), rows)


def all_answers(study: Study) -> str:
    """Every answer of every reader, with what was right."""
    rows = []
    for reader in read_answers(study.path):
        for one in reader.records:
            if one.get("task") not in TASKS:
                continue
            asked = one.get("item") or " ".join(one["shown"])
            given = one.get("rating", one.get("chosen", json.dumps(one.get("marks"))))
            said = one.get("comment", "")
            rows.append(
                (reader.name, one["task"], one["mode"], asked, given, int(right(study, one)), one["seconds"], said)
            )
    return table(("reader", "task", "mode", "case", "answer", "right", "seconds", "comment"), rows)


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """CSV; a text that a spreadsheet would take for a formula is quoted with an apostrophe."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows([_harmless(value) for value in row] for row in rows)
    return text.getvalue()


def _harmless(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value[:1] in "=+-@\t\r" and value else value


def _plain(text: str) -> str:
    return " ".join(text.replace(":", " ").split())
