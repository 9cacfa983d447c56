"""Pages of a report: everything is in them, nothing is fetched, and texts cannot become markup."""

from pathlib import Path

import pytest

from synthmammo.benchmarking.pages import Section, html_page, markdown_page, markdown_table

TABLE = (("a", "b"), ("1", "2 < 3"))


@pytest.fixture
def section(tmp_path: Path) -> Section:
    picture = tmp_path / "figures" / "x.png"
    picture.parent.mkdir()
    picture.write_bytes(b"picture")
    return Section("A <b>", ("1 & 2", "second"), TABLE, ((picture, 'a "caption"'),))


def test_a_table_has_a_row_of_dashes() -> None:
    assert markdown_table(TABLE).splitlines() == ["| a | b |", "| --- | --- |", "| 1 | 2 < 3 |"]


def test_markdown_names_pictures_relative_to_its_folder(section: Section, tmp_path: Path) -> None:
    page = markdown_page("Title", [section, Section("Empty")], tmp_path)
    assert page.startswith("# Title\n\n## A <b>\n\n1 & 2\n\nsecond\n\n| a | b |")
    assert '![a "caption"](figures/x.png)' in page and page.endswith("## Empty\n") and str(tmp_path) not in page


def test_html_escapes_texts_and_holds_its_pictures(section: Section, tmp_path: Path) -> None:
    page = html_page("T & T", [section])
    assert "<h1>T &amp; T</h1>" in page and "<h2>A &lt;b&gt;</h2>" in page and "<td>2 &lt; 3</td>" in page
    assert "<th>a</th>" in page and 'alt="a &quot;caption&quot;"' in page
    assert "data:image/png;base64,cGljdHVyZQ==" in page
    assert not any(word in page for word in ("http://", "https://", "<script", str(tmp_path)))
