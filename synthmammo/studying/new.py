"""A blinded set of real, synthesised and edited images, with everything but the picture made equal."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from synthmammo.arguments import a_path
from synthmammo.dataset.index import read_index
from synthmammo.dataset.reader import Dataset
from synthmammo.errors import DatasetError, OutputError
from synthmammo.mammogram.sample import Sample
from synthmammo.progress import Progress, silent
from synthmammo.studying.giveaway import check_giveaways
from synthmammo.studying.harmonise import WINDOW, CaseFrame, brought, difficulties, lesions_of
from synthmammo.studying.study import (
    CHECK,
    STUDY,
    CaseTruth,
    MarkedLesion,
    Study,
    StudyCase,
    read_pixels,
    write_json,
    write_pixels,
)
from synthmammo.studying.turing import shuffled


@dataclass(frozen=True)
class StudyOptions:
    """What a study is made of; the numbers are those of Zakka et al. 2020, Table I.

    Attributes:
        real: Number of real cases.
        synthesised: Number of synthesised cases.
        edited: Number of edited cases; without a dataset of edited ones they are synthesised ones.
        seed: Random seed for drawing the cases and their order.
        size_px: Height and width of all images in pixels; None for the smaller of the two datasets' usual height.
        pairs: Whether a case is the CC and the MLO view of one breast, side by side, in place of one image.
        split: Split of the real images; None for all.
        title: Title that readers see.
    """

    real: int = 52
    synthesised: int = 31
    edited: int = 17
    seed: int = 0
    size_px: int | None = None
    pairs: bool = False
    split: str | None = None
    title: str = "Reader study"


@dataclass(frozen=True)
class Case:
    """One case before its pixels are read: index rows of its samples, and where they are from."""

    source: str
    kind: str
    rows: tuple[Mapping[str, Any], ...]


def make_study(
    real: str | Path,
    synthetic: str | Path,
    out: str | Path,
    *,
    edited: str | Path | None = None,
    options: StudyOptions | None = None,
    progress: Progress = silent,
) -> Study:
    """Make a blinded study.

    Args:
        real: Dataset of real images.
        synthetic: Dataset of generated images.
        out: Directory to make.
        edited: Dataset of edited images; None where there is none.
        options: What it is made of; by default 52 real and 48 generated images.
        progress: Called with cases written and cases in all.

    Returns:
        The study; `Study.check` says what tells the origin beside the picture.

    Raises:
        DatasetError: A dataset cannot be read, or has too few images.
        OutputError: The directory holds a study already, or cannot be written.
    """
    options, out = options or StudyOptions(), a_path(out, "out", OutputError)
    if (out / STUDY).exists():
        raise OutputError("holds a study already", where=out, hint="Name another directory.")
    places = {"real": Path(real), "synthetic": Path(synthetic)} | ({"edited": Path(edited)} if edited else {})
    datasets = {name: Dataset.open(path) for name, path in places.items()}
    cases = choose_cases(places, options)
    frame = common_frame(cases, options)
    items, truths, twins = [], [], Twins(datasets)
    for number, case in enumerate(cases, 1):
        item = StudyCase(f"{number:04}", tuple(str(row["view"] or "") for row in case.rows))
        truths.append(written(out, item, case, datasets[case.source], frame, twins))
        items.append(item)
        progress(number, len(cases))
    if not all(view for item in items for view in item.views):
        # A view that is known for one origin alone would tell it.
        items = [StudyCase(item.name, ("",) * len(item.views)) for item in items]
    hard = difficulties([one.lesions for one in truths], [one.density for one in truths])
    truths = [replace(one, difficulty=value) for one, value in zip(truths, hard, strict=True)]
    sources = {name: str(path.resolve()) for name, path in places.items()}
    shape = (frame.size_px, frame.size_px)
    study = Study(out, options.title, options.seed, shape, WINDOW, tuple(items), sources)
    images = [read_pixels(out / "images" / f"{item.images[0]}.u16") for item in items]
    write_json(out / CHECK, check_giveaways(images, np.array([one.generated for one in truths]), options.seed))
    study.write(truths)
    return study


def choose_cases(places: Mapping[str, Path], options: StudyOptions) -> list[Case]:
    """What a study shows, in an order that does not tell the origin; nothing comes twice.

    Args:
        places: Directories of the datasets by name: "real", "synthetic" and perhaps "edited".
        options: What it is made of.

    Raises:
        DatasetError: A dataset has too few images, or too few breasts with both views.
    """
    wanted = {"real": options.real, "synthetic": options.synthesised}
    if "edited" in places:
        wanted["edited"] = options.edited
    else:
        wanted["synthetic"] += options.edited
    cases: list[Case] = []
    for name, number in wanted.items():
        split = options.split if name == "real" else None
        found = _candidates(places[name], options.pairs, split)
        if len(found) < number:
            what = "breasts with both views" if options.pairs else "images"
            hint = f"Ask for at most {len(found)}, or give a larger dataset."
            raise DatasetError(f"{len(found)} {what}, but the study needs {number}", where=places[name], hint=hint)
        chosen = shuffled([*found], options.seed, f"study/{name}")[:number]
        cases += [Case(name, _kind(name, found[key]), found[key]) for key in chosen]
    order = shuffled([f"{case.source}/{case.rows[0]['key']}" for case in cases], options.seed, "study/order")
    by_name = {f"{case.source}/{case.rows[0]['key']}": case for case in cases}
    return [by_name[name] for name in order]


def _kind(source: str, rows: Sequence[Mapping[str, Any]]) -> str:
    if source == "real":
        return "real"
    return "edited" if source == "edited" or any(row["edits"] for row in rows) else "synthesised"


def _candidates(place: Path, pairs: bool, split: str | None) -> dict[str, tuple[Mapping[str, Any], ...]]:
    """Index rows that a case can be made of, by the first one's key."""
    rows = [row for row in read_index(place).to_pylist() if split in (None, row["split"])]
    if not pairs:
        return {row["key"]: (row,) for row in rows}
    breasts: dict[tuple[str, str], dict[str, Mapping[str, Any]]] = {}
    for row in sorted(rows, key=lambda row: str(row["key"])):
        if row["view"] and row["laterality"]:
            breasts.setdefault((row["patient"], row["laterality"]), {}).setdefault(row["view"], row)
    whole = [(views["CC"], views["MLO"]) for views in breasts.values() if {"CC", "MLO"} <= {*views}]
    return {pair[0]["key"]: pair for pair in whole}


def common_frame(cases: Sequence[Case], options: StudyOptions) -> CaseFrame:
    """The size and bit depth that no dataset of the study falls short of."""
    rows = {
        name: [row for case in cases if case.source == name for row in case.rows] for name in {c.source for c in cases}
    }
    heights = [float(np.median([max(row["height"], row["width"]) for row in found])) for found in rows.values()]
    every = [row for found in rows.values() for row in found]
    patches = all((row["breast_share"] or 0) >= 1 for row in every if row is not None)
    bits = min(row["bits_stored"] or 16 for row in every)
    return CaseFrame(options.size_px or int(min(heights)), bits, patches)


class Twins:
    """The lesion-free halves of pairs (`pair:` of a recipe), by the key of the half with the lesion."""

    def __init__(self, datasets: Mapping[str, Dataset]) -> None:
        self._datasets = datasets

    def of(self, sample: Sample, source: str) -> Sample | None:
        """The twin; None for a sample that is no half of a pair, or whose twin is not in the dataset."""
        if sample.history.role != "lesion" or not sample.findings:
            return None
        place = re.fullmatch(r"(.*-)(\d+)", sample.key)
        key = f"{place[1]}{int(place[2]) + 1:0{len(place[2])}}" if place else ""
        dataset = self._datasets[source]
        return dataset.sample(key) if key in dataset else None


def written(out: Path, item: StudyCase, case: Case, dataset: Dataset, frame: CaseFrame, twins: Twins) -> CaseTruth:
    """Write the pixels of a case; returns what is behind it."""
    lesions, found = list[MarkedLesion](), list[str]()
    for number, (image, row) in enumerate(zip(item.images, case.rows, strict=True)):
        sample = dataset.sample(row["key"])
        twin = twins.of(sample, case.source)
        made, without = brought(sample, frame, twin)
        write_pixels(out / "images" / f"{image}.u16", made.image)
        if twin is not None and without is not None:
            write_pixels(out / "twins" / f"{image}.u16", without)
            found.append(twin.key)
        lesions += lesions_of(made, number)
    return CaseTruth(
        item.name,
        case.kind,
        case.source,
        tuple(row["key"] for row in case.rows),
        tuple(lesions),
        case.rows[0]["density"],
        tuple(found),
        "; ".join(_edits(case.rows)),
    )


def _edits(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for row in rows:
        yield from row["edits"] or ()
