"""Scores of known answers, readers of known skill, other programs' formats, pages without surprises, case sets."""

import csv
import json
import re
from pathlib import Path

import numpy as np
import pydicom
import pytest

from synthmammo.errors import DatasetError, OutputError
from synthmammo.metrics.curves import auc
from synthmammo.studying.answers import write_readers
from synthmammo.studying.cases import export_cases
from synthmammo.studying.exports import all_answers, imrmc, mrmcaov, table
from synthmammo.studying.new import StudyOptions, make_study
from synthmammo.studying.report import table_two, write_study_report
from synthmammo.studying.scoring import resampled_mean, scores_of
from synthmammo.studying.simulation import ratings, simulate, skill_distance
from synthmammo.studying.studies import SKILLS
from synthmammo.studying.study import Study
from synthmammo.studying.tasks import Rules, learning_curve, offered, rounds
from tests.support import studies, tiny

EVIL = '<img src=x onerror="alert(1)">'


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return studies.make(tmp_path / "study", 52, 48)


def record(task: str, seconds: float = 2.0, **given: object) -> dict[str, object]:
    return {"task": task, "mode": "study", "seconds": seconds, **given}


def test_known_answers_have_known_scores(tmp_path: Path) -> None:
    study = studies.make(tmp_path / "s", 4, 4, lesions=False)
    made = [name for name, truth in study.truths.items() if truth.generated]
    real = [name for name in study.truths if name not in made]
    given = dict(zip([*made, *real], (6, 5, 4, 2, 1, 2, 3, 5), strict=True))
    answers = [
        record("classify", float(place), item=name, rating=value) for place, (name, value) in enumerate(given.items())
    ]
    write_readers(study.path, [("Ada", answers)])
    (found,) = scores_of(study).classified
    assert (found.precision, found.sensitivity, found.specificity, found.seconds) == (0.75, 0.75, 0.75, 3.5)
    assert found.auc.estimate == auc(np.array([*given.values()]), np.array([True] * 4 + [False] * 4))
    assert scores_of(study).together is None


def test_rounds_and_times_per_round(tmp_path: Path) -> None:
    study = studies.make(tmp_path / "s", 12, 10)
    every = rounds(study, "x", Rules())
    assert len(every) == 10 and len(set(every)) == 10
    answers = []
    for place, names in enumerate(every[:5]):
        chosen = next(name for name in names if study.truths[name].generated == (place < 2))
        answers.append(record("pick", 10.0 + place, shown=list(names), chosen=chosen))
    write_readers(study.path, [("Ada", answers)])
    (found,) = scores_of(study).picked
    assert (found.rounds, found.right, found.seconds) == (5, 2, 12.0)
    assert "| Ada | 12.0 | 5 |" in table_two(scores_of(study)) and "| Average | 12.0 | 5.00 |" in table_two(
        scores_of(study)
    )


def test_marks_are_held_against_lesions(tmp_path: Path) -> None:
    study = studies.make(tmp_path / "s", 6, 6)
    lesions = [name for name, truth in study.truths.items() if truth.lesions]
    hit, miss = (
        {"image": 0, "row": 15, "column": 15, "birads": "5"},
        {"image": 0, "row": 40, "column": 40, "birads": "2"},
    )
    answers = [record("find", item=name, marks=[hit] if place < 2 else []) for place, name in enumerate(lesions)]
    rest = [name for name in study.by_name if name not in lesions]
    answers += [record("find", item=name, marks=[miss] if place < 3 else []) for place, name in enumerate(rest)]
    write_readers(study.path, [("Ada", answers)])
    (found,) = scores_of(study).found
    assert found.sensitivities == (0.5,) * 4 and found.froc.images == 12 and len(found.froc.false_scores) == 3


def test_what_the_tasks_need_decides_what_is_offered(tmp_path: Path) -> None:
    assert offered(studies.make(tmp_path / "a", 12, 10), Rules()) == ("classify", "pick", "find")
    assert offered(studies.make(tmp_path / "b", 4, 3, lesions=False), Rules()) == ("classify",)
    assert offered(studies.make(tmp_path / "c", 0, 6), Rules()) == ("find",)


@pytest.mark.parametrize("skill", [0.3, 0.55, 0.8, 0.95])
def test_simulated_readers_come_out_at_their_skill(skill: float) -> None:
    rng = np.random.default_rng(0)
    positive = np.arange(200_000) % 2 == 0
    given = ratings(skill, positive, rng)
    assert auc(given, positive) == pytest.approx(skill, abs=0.004)
    assert set(np.unique(given)) == set(range(1, 7)) and np.bincount(given)[1:].min() > 5000
    assert (skill_distance(skill) > 0) == (skill > 0.5)


def test_a_simulated_study_is_scored_at_its_readers_skill(study: Study) -> None:
    areas = []
    for seed in range(12):
        for path in simulate(study, SKILLS, seed=seed):
            path.rename(path.with_name(f"{path.stem}-{seed}.jsonl"))
    scores = scores_of(study, resamples=100)
    for name, skill in (("0.55", 0.55), ("0.8", 0.8)):
        found = [one.auc for one in scores.classified if one.reader.endswith(f"AUC {name}")]
        areas.append(np.mean([one.estimate for one in found]))
        assert areas[-1] == pytest.approx(skill, abs=0.05)
        assert sum(one.low <= skill <= one.high for one in found) >= 9
    assert scores.together and scores.together.mean.low < 0.675 < scores.together.mean.high
    assert scores.resampled and scores.resampled.low < 0.675 < scores.resampled.high
    assert len(scores.picked) == len(scores.found) == 24
    rounds_of = {n: np.mean([one.rounds for one in scores.picked if one.reader.endswith(n)]) for n in ("0.55", "0.8")}
    assert rounds_of["0.8"] > rounds_of["0.55"] >= 3


def test_simulating_twice_and_wrong_skills(study: Study) -> None:
    simulate(study, (0.7,))
    with pytest.raises(OutputError, match="is there already"):
        simulate(study, (0.7,))
    with pytest.raises(DatasetError, match="skills: expected a number from 0.05 to 0.95"):
        simulate(study, (1.5,))
    assert tiny.run("study", "simulate", study.path, "--auc", "2").exit_code == 2


def test_the_bootstrap_draws_readers_and_cases() -> None:
    rng = np.random.default_rng(0)
    positive = np.arange(80) % 2 == 0
    read = np.stack([ratings(skill, positive, rng) for skill in (0.6, 0.9)]).astype(float)
    found = resampled_mean(positive, read, resamples=300)
    alone = resampled_mean(positive, read[:1], resamples=300)
    assert found.low < found.estimate < found.high and found.high - found.low > alone.high - alone.low
    assert found == resampled_mean(positive, read, resamples=300)


def test_other_programs_formats(tmp_path: Path) -> None:
    study = studies.make(tmp_path / "s", 3, 2, lesions=False)
    answers = [record("classify", item=name, rating=place + 1) for place, name in enumerate(study.by_name)]
    write_readers(study.path, [("=Ada, MD", answers), ("Eve", answers)])
    read = scores_of(study, resamples=100).classified
    lines = imrmc(study, read).splitlines()
    assert lines[2:6] == ["NR: 2", "N0: 3", "N1: 2", "NM: 1"]
    data = [line.split(",") for line in lines[lines.index("BEGIN DATA:") + 1 :]]
    truths = {case: score for reader, case, modality, score in data if reader == "-1"}
    assert all(len(line) == 4 for line in data) and sorted(truths) == ["1", "2", "3", "4", "5"]
    assert sum(map(int, truths.values())) == 2 and len(data) == 15
    rows = list(csv.DictReader(mrmcaov(study, read).splitlines()))
    assert len(rows) == 10 and list(rows[0]) == ["reader", "treatment", "case", "truth", "rating"]
    assert {row["reader"] for row in rows} == {"'=Ada, MD", "Eve"}, "no spreadsheet takes a name for a formula"
    assert {int(row["truth"]) for row in rows} == {0, 1} and {row["case"] for row in rows} == {*study.by_name}
    assert len(all_answers(study).splitlines()) == 11
    assert table(("a",), [("-x",)]) == "a\n'-x\n"


def test_the_report_escapes_and_asks_for_nothing(tmp_path: Path) -> None:
    study = studies.make(tmp_path / "s", 12, 10, title=f"Study {EVIL}")
    (study.path / "check.json").write_text(json.dumps({"warnings": [EVIL], "machine": [0.6, 0.5, 0.7]}))
    simulate(study, (0.6, 0.7))
    answers = [record("classify", item=name, rating=3, comment=EVIL) for name in study.by_name]
    teach = [{**one, "mode": "teach"} for one in answers]
    write_readers(study.path, [(f"$x^_{EVIL}", [*answers, *teach])])
    out = tmp_path / "results"
    paths = write_study_report(study, scores_of(study, resamples=100), out)
    page = (out / "report.html").read_text()
    assert EVIL not in page and "&lt;img src=x" in page
    assert re.findall(r'(?:src|href)="(?!data:image/png)', page) == []
    assert {path.name for path in paths} == {
        *("roc.png", "froc.png", "learning.png", "scores.json", "table2.md", "report.html"),
        *("answers.csv", "ratings.imrmc", "mrmcaov.csv"),
    }
    kept = json.loads((out / "scores.json").read_text())
    assert kept["machine"] == [0.6, 0.5, 0.7] and len(kept["task1"]) == 3 and len(kept["finished"]) == 3
    assert "Obuchowski-Rockette" in page and "machine" in page


def test_the_command_scores(study: Study) -> None:
    result = tiny.run("study", "score", study.path)
    assert result.exit_code == 1 and "nobody has answered anything yet" in result.output
    assert tiny.run("study", "simulate", study.path).exit_code == 0
    result = tiny.run("study", "score", study.path, "--resamples", 100)
    assert result.exit_code == 0 and "| Radiologist | AUC | Precision |" in result.output
    assert (study.path / "results" / "report.html").is_file()


def test_a_reader_who_has_only_begun_is_left_out_of_the_mean(study: Study) -> None:
    simulate(study, (0.6, 0.7))
    before = scores_of(study, resamples=100)
    write_readers(study.path, [("Late", [record("classify", item=study.items[0].name, rating=3)])])
    after = scores_of(study, resamples=100)
    assert len(after.classified) == 3 and len(after.finished) == 2
    assert after.together and before.together and after.together.mean == before.together.mean


def test_answers_of_another_study_are_named(study: Study) -> None:
    write_readers(study.path, [("Ada", [record("classify", item="9999", rating=3)])])
    with pytest.raises(DatasetError, match="answers case 9999, which the study does not have"):
        scores_of(study)


def test_a_learners_curve_is_over_the_last_ten() -> None:
    assert learning_curve([True, False]) == [1.0, 0.5]
    assert learning_curve([False] * 10 + [True] * 5)[-1] == 0.5


def test_case_sets(built: Path, tmp_path: Path) -> None:
    study = make_study(built, built, tmp_path / "s", options=StudyOptions(3, 6, 0))
    assert export_cases(study, tmp_path / "dicom", "dicom") == 6
    files = sorted((tmp_path / "dicom" / "cases").glob("*.dcm"))
    images = [path for path in files if path.name.count(".") == 1]
    lesions = sum(bool(truth.lesions) for truth in study.truths.values() if truth.generated)
    assert len(images) == 6 and len([path for path in files if path.name.endswith(".sr.dcm")]) == lesions > 0
    assert pydicom.dcmread(images[0]).Modality == "MG"
    result = tiny.run("study", "export", study.path, "--out", tmp_path / "page", "--with-real")
    assert result.exit_code == 0 and "9 cases" in result.output
    page = (tmp_path / "page" / "index.html").read_text()
    assert {path.name for path in (tmp_path / "page").iterdir()} >= {"viewer.js", "study.css", "cases.js", "page.js"}
    assert "http" not in page and len(list((tmp_path / "page").glob("case-*.js"))) == 9
    with pytest.raises(OutputError, match="is there already"):
        export_cases(study, tmp_path / "page")
    with pytest.raises(DatasetError, match="has no generated cases"):
        export_cases(studies.make(tmp_path / "r", 3, 0), tmp_path / "none")
