"""Which images each dataset of an audit gives, and what their origins mean for what is found."""

import pytest

from synthmammo.auditing.sides import check_separate, open_sides
from synthmammo.mammogram.origin import Origin
from tests.support.breasts import a_breast, write


@pytest.fixture
def sides(tmp_path):
    made = write(tmp_path / "made", [a_breast(50), a_breast(51, "test")])
    real = write(tmp_path / "real", [a_breast(0), a_breast(1, "validation"), a_breast(2, "test")])
    return open_sides({"dataset": made, "reference": real, "train": real})


def test_all_splits_are_judged_and_one_dataset_serves_both_other_parts(sides):
    keys = {name: [sample.key for sample in side.samples()] for name, side in sides.items()}
    assert keys == {"dataset": ["b00050", "b00051"], "reference": ["b00001", "b00002"], "train": ["b00000"]}
    assert sides["reference"].patients() == {"p00001", "p00002"}


@pytest.mark.parametrize(
    ("made", "real", "said"),
    [
        (Origin.SYNTHETIC, Origin.REAL, []),
        (Origin.REAL, Origin.REAL, ["The dataset that was judged holds real images"]),
        (Origin.SYNTHETIC, Origin.SYNTHETIC, ["The dataset of --reference", "The dataset of --train"]),
    ],
)
def test_origins_that_are_not_what_their_part_says_are_noted(sides, monkeypatch, made, real, said):
    origins = {"made": made, "real": real}
    monkeypatch.setattr(
        "synthmammo.dataset.reader.Dataset.origin", property(lambda dataset: origins[dataset.path.name])
    )
    notes = check_separate(sides)
    assert len(notes) == len(said) and all(note.startswith(start) for note, start in zip(notes, said, strict=True))
