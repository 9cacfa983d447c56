import shutil

import pytest
import yaml

from synthmammo.building.verify import verify
from synthmammo.dataset.manifest import Manifest
from synthmammo.dataset.reports import CardReport, attach_benchmark, reports
from synthmammo.errors import DatasetError
from synthmammo.sharing.publication import dataset_publication
from tests.support import tiny

MEASURED = CardReport(
    "On real images", "synthmammo benchmark --real R", "| AUC |\n| --- |\n| 0.7 |", {"figures/auc.png": "AUC by ratio"}
)


@pytest.fixture
def copy(built, tmp_path):
    return shutil.copytree(built, tmp_path / "copy")


def test_the_card_shows_what_was_measured_later(copy):
    shutil.copy(copy / "figures" / "samples.png", copy / "figures" / "auc.png")
    MEASURED.write(copy / "benchmark.json")
    assert reports(copy) == {"benchmark.json": MEASURED}
    before = Manifest.read(copy)
    assert tiny.run("card", copy).exit_code == 0
    text = (copy / "README.md").read_text()
    assert "## On real images\n\n| AUC |" in text and "![AUC by ratio](figures/auc.png)" in text
    assert "`synthmammo benchmark --real R`" in text
    assert Manifest.read(copy) == before and not verify(copy).problems


def test_none_is_usual(built):
    assert reports(built) == {}


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"title": 1}', '{"title": "a", "command": "b", "markdown": "c", "more": 1}']
)
def test_other_files_are_refused(copy, text):
    (copy / "quality.json").write_text(text)
    with pytest.raises(DatasetError, match="quality.json: is not a report"):
        reports(copy)


def test_a_missing_figure_is_named(copy):
    MEASURED.write(copy / "benchmark.json")
    result = tiny.run("card", copy)
    assert result.exit_code == 1 and "figures/auc.png, which is not there" in result.output


@pytest.fixture
def benchmark(copy, tmp_path):
    """The directory that a finished benchmark of the dataset leaves."""
    out = tmp_path / "benchmark"
    (out / "figures").mkdir(parents=True)
    sides = {"real": {"name": "films"}, "synthetic": {"digest": Manifest.read(copy).digest}}
    (out / "benchmark.yaml").write_text(yaml.safe_dump({**sides, "notes": ["one seed"]}))
    (out / "card_line.md").write_text("Benchmark: AUC 0.71.\n")
    (out / "report.md").write_text("# Title\n\nText.\n\n| AUC |\n| --- |\n| 0.71 |\n\n| other |\n")
    shutil.copy(copy / "figures" / "samples.png", out / "figures" / "auc.png")
    return out


def test_the_results_of_a_benchmark_come_onto_the_card(copy, benchmark):
    assert tiny.run("card", copy, "--benchmark", benchmark).exit_code == 0
    text = (copy / "README.md").read_text()
    part = text.partition("## Measured on real images")[2].partition("\n## ")[0]
    assert "AUC 0.71." in part and "| AUC |\n| --- |\n| 0.71 |\n" in part and "| other |" not in part
    assert "* one seed" in part and "figures/benchmark-auc.png" in part and "--real films --synthetic tiny" in part
    assert not verify(copy).problems
    names = {file.name for file in dataset_publication(copy).files}
    assert {"benchmark.json", "figures/benchmark-auc.png"} <= names


def test_the_benchmark_of_another_dataset_is_refused(copy, benchmark):
    content = yaml.safe_load((benchmark / "benchmark.yaml").read_text())
    (benchmark / "benchmark.yaml").write_text(yaml.safe_dump({**content, "synthetic": {"digest": "other"}}))
    result = tiny.run("card", copy, "--benchmark", benchmark)
    assert result.exit_code == 1 and "of the digest other" in result.output and not (copy / "benchmark.json").exists()


@pytest.mark.parametrize("absent", ["benchmark.yaml", "report.md"])
def test_an_unfinished_benchmark_is_refused(copy, benchmark, absent):
    (benchmark / absent).unlink()
    with pytest.raises(DatasetError, match="no benchmark|no finished benchmark"):
        attach_benchmark(copy, benchmark)
