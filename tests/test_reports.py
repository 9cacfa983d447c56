import shutil

import pytest
import tiny

from synthmammo.errors import DatasetError
from synthmammo.manifest import Manifest
from synthmammo.reports import Report, reports
from synthmammo.verify import verify

MEASURED = Report(
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
