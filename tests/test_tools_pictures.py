"""Pictures that the repository's own tools draw bear a mark, as those of the commands do."""

import re
from pathlib import Path

import pytest
from PIL import Image

import synthmammo
from tools import anatomy_sheet, cards

ROOT = Path(__file__).parents[1]


def test_a_sheet_of_anatomy(built, tmp_path):
    anatomy_sheet.main(str(built), str(tmp_path / "sheet.png"), count="2")
    assert synthmammo.inspect(tmp_path / "sheet.png").origin == "synthetic"


def test_the_picture_of_a_card(built, tmp_path, monkeypatch):
    monkeypatch.setattr(cards, "ROOT", tmp_path)
    cards.copy(built)
    (picture,) = (tmp_path / "cards" / "figures").glob("*.jpg")
    with Image.open(picture) as opened:
        assert b"algorithmicMedia" in opened.info["xmp"]


SCRIPTS = sorted([*ROOT.glob("tools/*.py"), *ROOT.glob("benchmarks/*.py")])


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_no_sheet_is_written_past_the_writer_of_marks(path):
    assert not re.search(r"contact_sheet\([^\n]*\)\.save\(", path.read_text())
