"""The summary of a plan counts what its rows say."""

from collections import Counter

import pytest

from synthmammo.planning.planner import tables
from synthmammo.planning.summary import summarise_plan
from tests.support import tiny

MASS, CALCIFICATION = tiny.TINY["lesions"]
MALIGNANT = {"classes": {"malignant": 1}, "lesions": [{**MASS, "classes": ["malignant"]}]}
STYLEGAN2 = {"background": {"generator": "stylegan2", "model": "zoo/any"}}


def rows(recipe):
    return [row for table in tables(recipe) for row in table.to_pylist()]


def told(recipe):
    return dict(summarise_plan(recipe).lines)


def test_lines_count_the_columns_most_frequent_first():
    recipe = tiny.recipe(size=90)
    lines, planned = told(recipe), rows(recipe)
    for name in ("view", "laterality", "density"):
        counts = Counter(row[name] for row in planned)
        written = [part.split(" ", 1) for part in lines[name].split(", ")]
        assert {value: int(number) for number, value in written} == counts
        assert [int(number) for number, _ in written] == sorted(counts.values(), reverse=True)
    assert lines["finding"] == "30 benign mass, 30 malignant calcification, 30 malignant mass"
    assert lines["formats"] == "webdataset, parquet, dicom"


def test_classes_stand_by_split_and_splits_without_samples_are_left_out():
    summary = summarise_plan(tiny.recipe(size=60, splits={"train": 0.5, "test": 0.5}))
    assert summary.splits == ("train", "test")
    assert {name: sum(counts) for name, counts in summary.classes.items()} == dict.fromkeys(summary.classes, 20)
    assert [sum(counts) for counts in zip(*summary.classes.values(), strict=True)] == pytest.approx([30, 30], abs=1)


def test_cells_and_findings_are_those_of_the_rows():
    lesions = [{**MASS, "classes": ["malignant"], "count": {0: 0.3, 2: 0.7}}]
    recipe = tiny.recipe(size=80, classes={"malignant": 1}, lesions=lesions, pair="host")
    summary, planned = summarise_plan(recipe), rows(recipe)
    cells = {
        (label, split): number
        for label, numbers in summary.classes.items()
        for split, number in zip(summary.splits, numbers, strict=True)
    }
    assert cells == Counter((row["label"], row["split"]) for row in planned)
    shown = sum(len(row["lesions"]) for row in planned if row["role"] == "lesion")
    assert dict(summary.lines)["finding"] == f"{shown} malignant mass"


@pytest.mark.parametrize(
    ("changes", "samples", "hosts"),
    [
        ({}, 12, 12),
        ({"background": {**tiny.TINY["background"], "samples_per_host": 3}}, 12, 4),
        (MALIGNANT | {"pair": "host"}, 12, 6),
        ({"background": {**tiny.TINY["background"], "exam": "four views"}}, 12, 12),
    ],
)
def test_hosts_are_different_backgrounds(changes, samples, hosts):
    summary = summarise_plan(tiny.recipe(**changes))
    assert (summary.samples, summary.hosts) == (samples, hosts)


def test_removed_lesions_and_untouched_hosts_are_no_findings():
    for changes in ({"pair": "host"}, {"pair": "removed", "removal": {}}):
        assert told(tiny.recipe(**MALIGNANT, **changes))["finding"] == "6 malignant mass"
    assert "finding" not in told(tiny.recipe(**MALIGNANT, removal={"classes": ["malignant"]}))


def test_edits_and_patients_are_counted_where_there_are_any():
    edits = [{"density": 1.5}, {"mixing": [4, 8], "probability": 0.5}]
    recipe = tiny.recipe(size=60, edits=edits, **STYLEGAN2)
    mixed = sum(len(row["edits"]) == 2 for row in rows(recipe))
    assert told(recipe)["edits"] == f"60 density, {mixed} mixing" and 15 < mixed < 45
    exams = tiny.recipe(background={**tiny.TINY["background"], "exam": "four views"})
    assert told(exams)["patients"] == "3, four views each"
    assert {"edits", "patients"}.isdisjoint(told(tiny.recipe()))
