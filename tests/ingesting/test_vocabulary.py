"""Every reader maps the words of its archive as its vocabulary says, and the page on labels shows that."""

from importlib import import_module
from pathlib import Path

import pytest

from synthmammo.ingesting.sources.base import SOURCES, Record, open_source
from synthmammo.ingesting.sources.terms import NONE, VOCABULARY
from tests.support.archives import ARCHIVES
from tools import labels

ROOT = Path(__file__).parents[2]


def vocabulary(name):
    module, _, attribute = SOURCES[name].partition(":")
    return getattr(import_module(module), attribute).vocabulary


EVERY_WORD = [
    (name, field, word, meaning)
    for name in SOURCES
    for field, words in vocabulary(name).items()
    for word, meaning in words.items()
]


def of_record(record: Record, field: str) -> str:
    lesion = record.annotations[0] if record.annotations else None
    found = {
        "class": lambda: record.label,
        "pathology": lambda: lesion and lesion.pathology,
        "birads": lambda: record.provenance.get("birads") or (lesion and lesion.descriptors.get("birads")),
        "density": lambda: record.density,
        "view": lambda: record.view,
        "side": lambda: record.laterality,
        "kind": lambda: lesion and lesion.kind,
    }[field]()
    return NONE if found is None else str(found)


@pytest.mark.parametrize("name", SOURCES)
def test_every_vocabulary_speaks_the_words_of_all(name):
    for field, words in vocabulary(name).items():
        assert {*words.values()} <= {*VOCABULARY[field], NONE}, field
        assert all("=" in word for word in words), field


@pytest.mark.parametrize(("name", "field", "word", "meaning"), [case for case in EVERY_WORD if case[0] in ARCHIVES])
def test_a_word_of_an_archive_means_what_the_vocabulary_says(name, field, word, meaning, tmp_path):
    column, _, value = word.partition("=")
    ARCHIVES[name](tmp_path, {column: value})
    (record,) = open_source(name, tmp_path).records()
    assert isinstance(record, Record), record
    assert of_record(record, field) == meaning


def test_every_reader_but_that_of_a_package_has_an_archive_to_try():
    assert {*SOURCES} - {*ARCHIVES} == {"optimam"}


def test_the_page_on_labels_shows_the_vocabularies():
    assert labels.PAGE.read_text(encoding="utf-8") == labels.page(), "run `python -m tools.labels --write`"


@pytest.mark.parametrize("name", SOURCES)
def test_a_new_reader_is_named_wherever_readers_are_named(name):
    places = {
        "help of ingest": ROOT / "synthmammo" / "cli" / "archives.py",
        "docstring of ingest": ROOT / "synthmammo" / "ingesting" / "ingest.py",
        "libraries": ROOT / "synthmammo" / "dataset" / "libraries.py",
        "contract of imports": ROOT / "pyproject.toml",
        "how to read": ROOT / "docs" / "how_to" / "real_mammograms.md",
    }
    assert [place for place, path in places.items() if name not in path.read_text(encoding="utf-8")] == []
