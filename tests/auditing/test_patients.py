"""Same-patient recognition finds what films of one woman share, and says so when it does not."""

import numpy as np
import pytest

from synthmammo.auditing.embedding import discriminant_embedding
from synthmammo.auditing.patients import CONTROL, LEAST_PATIENTS, Recognised, recognise
from tests.auditing.test_figures import material


def films(count, per_patient, seed, shared, prefix):
    """Films whose first 8 features are their patient's own, as far as `shared` says; the others are noise."""
    rng = np.random.default_rng(seed)
    own = np.repeat(rng.normal(size=(count, 8)), per_patient, 0)
    means = np.concatenate([shared * own + rng.normal(0, 0.3, own.shape), rng.normal(size=(len(own), 12))], 1)
    shown = np.zeros((len(own), 128, 128), np.uint8)
    patients = np.repeat([f"{prefix}{number}" for number in range(count)], per_patient)
    return material(len(own), seed, means=means.astype(np.float32), shown=shown, patients=patients)


def test_another_film_of_a_training_patient_is_found():
    training, held_out = films(150, 2, 1, 2.0, "t"), films(80, 1, 2, 2.0, "h")
    found = recognise(held_out, training, held_out)
    assert isinstance(found, Recognised)
    assert found.auc.low > 0.5 and found.verdict.able and found.tested == 50 and found.first > 0.5
    assert 0 <= found.verdict.controls[CONTROL] <= 1
    assert found.verdict.held_out_flagged <= 0.02


def test_films_that_share_nothing_make_an_instrument_that_is_not_able():
    training, held_out = films(150, 2, 1, 0.0, "t"), films(150, 1, 2, 0.0, "h")
    found = recognise(held_out, training, held_out)
    assert isinstance(found, Recognised) and not found.verdict.able and found.first < 0.1


def test_one_film_per_patient_cannot_be_tried():
    found = recognise(films(40, 1, 3, 1.0, "m"), films(100, 1, 1, 1.0, "t"), films(40, 1, 2, 1.0, "h"))
    assert found == f"0 training patients have two films or more, {LEAST_PATIENTS} are needed"


def test_groups_of_one_teach_nothing():
    with pytest.raises(ValueError, match="a group of at least 2 members"):
        discriminant_embedding(np.zeros((3, 4)), np.arange(3))
