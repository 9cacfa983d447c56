"""Keys are distinct, never empty and never long, whatever the files are called; classes have one spelling."""

import os
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from synthmammo.ingesting.listing import MAX_KEY, distinct_keys, name_in, one_spelling
from synthmammo.ingesting.sources.base import Record, key_of

FOLDER = Path("archive")
NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/\0"), min_size=1, max_size=90).filter(
    lambda name: name.strip(".")
)


def records(*names):
    return [Record(FOLDER / name, key_of(Path(name).with_suffix("")), "p") for name in names]


def keys(*names):
    return [record.key for record in distinct_keys(records(*names), FOLDER)]


def test_plain_names_are_keys():
    assert keys("a.png", "sub/b c.png", "mdb001.pgm") == ["a", "sub_b_c", "mdb001"]


def test_names_in_any_script_give_keys_of_their_own():
    names = ("患者1.png", "患者2.png", "Müller.png", "Muller.png", "!!.png", "??.png", "يمين.png", "ñ.png", "n.png")
    found = keys(*names)
    assert len(set(found)) == len(names) and all(found)
    assert found[2].startswith("Muller-") and found[3] == "Muller" and found[8] == "n"
    assert all(key.isascii() and "." not in key for key in found)


def test_composed_and_decomposed_letters_are_one_name():
    assert key_of("Mu\u0308ller") == key_of("M\u00fcller")


def test_keys_do_not_collide_whatever_is_beside_them():
    found = keys("a.png", "a.jpg", "a-2.png", "A.png", "a_b.png", "a/b.png")
    assert len({key.lower() for key in found}) == 6
    assert found[2] == "a-2"
    literal = keys("a.png", "a.jpg")[0]
    assert len(set(keys("a.png", "a.jpg", f"{literal}.png"))) == 3
    same = [Record(FOLDER / "x.png", "x", "p")] * 3
    assert len({record.key for record in distinct_keys(same, FOLDER)}) == 3


def test_names_that_are_no_text_have_keys_and_can_be_listed():
    names = [os.fsdecode(name) for name in (b"M\xfcller.png", b"M\xf6ller.png", b"\xff\xfe.png", b"\xff\xfe.jpg")]
    assert len(set(keys(*names))) == 4
    assert name_in(FOLDER, FOLDER / names[0]) == "M\\udcfcller.png"


def test_keys_do_not_depend_on_the_order_of_the_files():
    names = ("a.png", "a.jpg", "b.png")
    assert dict(zip(names, keys(*names), strict=True)) == dict(zip(names[::-1], keys(*names[::-1]), strict=True))


@given(st.lists(NAMES, min_size=1, max_size=12, unique=True))
def test_any_names_give_distinct_keys(names):
    found = keys(*names)
    assert len({key.casefold() for key in found}) == len(names)
    assert all(0 < len(key) <= MAX_KEY and not set(key) & set("./\\ ") for key in found)


def test_classes_that_differ_in_case_only_are_one_and_said():
    labels = ["Malignant", "malignant", "BENIGN", "Benign", "Benign", "Normal"]
    found, notes = one_spelling([Record(FOLDER / f"{i}", f"{i}", "p", label=label) for i, label in enumerate(labels)])
    assert [record.label for record in found] == ["malignant", "malignant", "Benign", "Benign", "Benign", "Normal"]
    assert notes == [
        "classes that differ in case only are one: 'malignant' and 'Malignant' are 'malignant'",
        "classes that differ in case only are one: 'Benign' and 'BENIGN' are 'Benign'",
    ]
