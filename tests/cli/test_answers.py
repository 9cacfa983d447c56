"""Tables in terminals, pipes and narrow windows."""

import sys

import pytest

from synthmammo.cli.answers import markdown_table, print_facts, print_markdown_table, print_table

COLUMNS, ROWS = ("class", "share"), [("benign", "3"), ("a | b", "12")]


@pytest.fixture
def terminal(monkeypatch):
    """Standard output is a terminal of so many columns."""

    def of(columns: int) -> None:
        monkeypatch.setenv("COLUMNS", str(columns))
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)

    return of


def test_a_pipe_gets_markdown(capsys):
    print_table(COLUMNS, ROWS, title="Shares")
    expected = "Shares\n\n| class  | share |\n| ------ | ----: |\n| benign |     3 |\n| a \\| b |    12 |\n"
    assert capsys.readouterr().out == expected


def test_a_terminal_gets_a_table(capsys, terminal):
    terminal(80)
    print_table(COLUMNS, ROWS, title="Shares")
    out = capsys.readouterr().out
    assert "|---" not in out and "─" in out and "a | b" in out and "Shares" in out
    assert max(map(len, out.splitlines())) <= 80


@pytest.mark.parametrize("columns", [80, 40])
def test_a_table_that_is_too_wide_becomes_a_list(capsys, terminal, columns):
    terminal(columns)
    print_table([f"column {n}" for n in range(16)], [[f"value {n}" for n in range(16)]])
    out = capsys.readouterr().out
    assert " column 3  value 3\n" in out and max(map(len, out.splitlines())) <= columns


def test_markup_of_rich_is_text(capsys, terminal):
    terminal(80)
    print_table(("a",), [("[red]x[/red]",)])
    assert "[red]x[/red]" in capsys.readouterr().out


def test_a_markdown_table_is_drawn_in_a_terminal(capsys, terminal):
    text = markdown_table(COLUMNS, [("benign", "3")])
    print_markdown_table(text)
    assert capsys.readouterr().out == text + "\n"
    terminal(80)
    print_markdown_table(text)
    out = capsys.readouterr().out
    assert "---" not in out and "benign" in out


def test_facts_are_broken_to_the_terminal(capsys, terminal):
    facts = [("bytes", "word " * 30)]
    print_facts(facts)
    assert len(capsys.readouterr().out.splitlines()) == 1
    terminal(60)
    print_facts(facts)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) > 2 and max(map(len, lines)) <= 60 and lines[1].startswith(" " * 16 + "word")
