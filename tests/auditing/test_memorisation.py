"""Thresholds come from held-out images; an instrument that does not find planted copies cannot judge."""

from dataclasses import dataclass

import numpy as np
import pytest

from synthmammo.auditing.embedding import train_embedding
from synthmammo.auditing.kept import digest_of, kept_embedding
from synthmammo.auditing.memorisation import Alike, Embedded, Looks, judge, membership, reproduced, share, threshold


def looks(values):
    means = np.asarray(values, np.float32)
    return Looks(np.zeros((len(means), 64, 64), np.float32), means)


@dataclass(frozen=True)
class Nearest:
    """Likeness is minus the distance of two numbers."""

    name: str = "numbers"

    def most_alike(self, queries, training):
        distance = np.abs(queries.means[:, :1] - training.means[:, 0])
        return Alike(distance.argmin(1), -distance.min(1))


TRAINING = looks([[10.0 * number] for number in range(20)])
HELD_OUT = looks([[10 * (number % 20) + 3 + 0.01 * number] for number in range(40)])


def test_at_most_one_held_out_image_in_a_hundred_is_called_a_copy():
    rng = np.random.default_rng(0)
    for count in (30, 99, 100, 250, 1000):
        held_out = rng.normal(0.5, 0.1, count).astype(np.float32)
        assert (held_out > threshold(held_out)).sum() <= count // 100
    with pytest.raises(ValueError, match="at least 30 held-out images, got 29"):
        threshold(np.zeros(29, np.float32))


def test_images_that_are_no_copies_are_hardly_ever_flagged():
    rng = np.random.default_rng(1)
    held_out, clean = (rng.normal(0.5, 0.05, count).astype(np.float32) for count in (150, 20_000))
    assert (clean > threshold(held_out)).mean() < 1e-3


def test_copies_are_flagged_and_counted_on_both_sides():
    samples = looks([[0.0], [0.001], [50.0], [57.0], [103.0]])
    found = judge(Nearest(), samples, TRAINING, HELD_OUT, {"exact": TRAINING})
    assert found.flagged.tolist() == [True, True, True, False, False]
    assert found.able and found.controls == {"exact": 1.0} and found.held_out_flagged <= 0.01
    assert reproduced(found.nearest, found.flagged, len(TRAINING)) == 2 / 20


def test_an_instrument_that_misses_planted_copies_cannot_judge():
    far = looks([[10.0 * number + 4] for number in range(20)])
    found = judge(Nearest(), TRAINING, TRAINING, HELD_OUT, {"exact": TRAINING, "shifted": far})
    assert not found.able and found.controls == {"exact": 1.0, "shifted": 0.0}


def test_the_share_has_an_interval_by_patient():
    flagged = np.arange(200) < 20
    by_image, by_patient = share(flagged, np.arange(200)), share(flagged, np.arange(200) // 20)
    assert by_image.estimate == by_patient.estimate == 0.1
    assert by_patient.high - by_patient.low > 1.5 * (by_image.high - by_image.low)


def test_that_nothing_was_flagged_of_a_hundred_leaves_room_for_four_in_a_hundred():
    nothing = share(np.zeros(100, np.bool_), np.arange(100))
    assert (nothing.estimate, nothing.low) == (0, 0) and nothing.high == pytest.approx(0.0362, abs=1e-4)


def test_membership_is_a_coin_toss_where_nothing_was_learned_by_heart():
    rng = np.random.default_rng(2)
    same = membership(rng.normal(0, 1, 300).astype(np.float32), rng.normal(0, 1, 150).astype(np.float32))
    nearer = membership(rng.normal(1, 1, 300).astype(np.float32), rng.normal(0, 1, 150).astype(np.float32))
    assert same.low < 0.5 < same.high and nearer.low > 0.65


def test_an_embedding_learns_which_pictures_belong_together():
    """What belongs together is 8 of 40 features; the others are stronger noise."""
    rng = np.random.default_rng(3)

    def pictures(things):
        return np.concatenate([things + rng.normal(0, 0.3, things.shape), rng.normal(0, 3, (len(things), 32))], 1)

    things, new = rng.normal(size=(400, 8)), rng.normal(size=(100, 8))
    first, second = (looks(pictures(things)).seen for _ in range(2))
    embedding = train_embedding(first, second, groups=np.arange(400))
    known, again = looks(pictures(new)), looks(pictures(new))
    found = Embedded(embedding, "learned").most_alike(again, known)
    plain = np.linalg.norm(again.means[:, None] - known.means, axis=2).argmin(1)
    assert (found.number == np.arange(100)).mean() > 0.8 > (plain == np.arange(100)).mean() + 0.4


def test_an_embedding_is_trained_once_for_the_same_training_images(tmp_path, monkeypatch):
    monkeypatch.setenv("SYNTHMAMMO_CACHE", str(tmp_path))
    rng, trained = np.random.default_rng(0), []
    features = rng.normal(size=(40, 6)).astype(np.float32)

    def train():
        trained.append(1)
        return train_embedding(features, features + 0.01, groups=np.arange(40))

    first, again = (kept_embedding(digest_of("copies", [features]), train) for _ in range(2))
    assert len(trained) == 1 and np.array_equal(first(features), again(features))
    kept_embedding(digest_of("copies", [features + 1]), train)
    assert len(trained) == 2
    (one, _) = sorted((tmp_path / "audits").iterdir())
    one.write_bytes(b"PK")
    for values in (features, features + 1):
        kept_embedding(digest_of("copies", [values]), train)
    assert len(trained) == 3


def test_an_embedding_is_trained_where_nothing_can_be_kept(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SYNTHMAMMO_CACHE", str(tmp_path / "file"))
    features = np.random.default_rng(0).normal(size=(40, 6)).astype(np.float32)
    found = kept_embedding("d", lambda: train_embedding(features, features, groups=np.arange(40)))
    assert found(features).shape == (40, 64)


def test_one_pair_teaches_nothing():
    with pytest.raises(ValueError, match="at least 2 pairs"):
        train_embedding(np.zeros((1, 4)), np.zeros((1, 4)), groups=np.zeros(1))
