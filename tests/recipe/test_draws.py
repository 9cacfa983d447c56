"""Distributions: how they may be written, that their quantiles rise, and that choices keep their shares."""

from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from synthmammo.recipe.draws import Choice, Draw, DrawModel, Share, Shares, fractions

DRAW, SHARE, SHARES = TypeAdapter(Draw), TypeAdapter(Share), TypeAdapter(Shares)
UNIFORM = (np.arange(2000) + 0.5) / 2000
MODELS = {
    "number": DrawModel(uniform=(3, 3)),
    "uniform": DrawModel(uniform=(2, 6)),
    "normal": DrawModel(normal=(10, 2)),
    "lognormal": DrawModel(lognormal=(8, 1.5)),
    "clipped": DrawModel(normal=(0, 1), within=(-1, 2)),
}


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (3, DrawModel(uniform=(3, 3))),
        ([2, 6], DrawModel(uniform=(2, 6))),
        ({"uniform": [2, 6]}, DrawModel(uniform=(2, 6))),
        ({"lognormal": [8, 1.5], "within": [5, 12]}, DrawModel(lognormal=(8, 1.5), within=(5, 12))),
    ],
)
def test_short_forms_mean_the_long_ones(written, meant):
    assert DRAW.validate_python(written) == meant


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ({}, "found none"),
        ({"uniform": [0, 1], "normal": [0, 1]}, "found uniform and normal"),
        ([6, 2], "uniform: low 6 is above high 2"),
        ({"normal": [0, 1], "within": [2, 1]}, "within: low 2 is above high 1"),
        ({"normal": [0, -1]}, "standard deviation -1 is negative"),
        ({"lognormal": [0, 2]}, "median above 0"),
        ({"lognormal": [1, 0.5]}, "factor of at least 1"),
        ({"gamma": [1, 2]}, "gamma"),
        (True, "valid"),
        ([1, float("inf")], "finite"),
    ],
)
def test_what_is_no_distribution_is_refused(written, message):
    with pytest.raises(ValidationError, match=message):
        DRAW.validate_python(written)


@pytest.mark.parametrize("name", MODELS)
def test_quantiles_rise_stay_in_bounds_and_keep_their_shape(name):
    model = MODELS[name]
    values = model.at(UNIFORM)
    low, high = model.bounds
    assert values.shape == UNIFORM.shape and (np.diff(values) >= 0).all()
    assert (values >= low).all() and (values <= high).all()
    table = UNIFORM.reshape(40, 50)
    assert np.array_equal(model.at(table).ravel(), values)
    assert np.isfinite(model.at(np.array([0.0, 1 - 2.0**-53]))).all()


@pytest.mark.parametrize(
    ("name", "quantiles"),
    [
        ("uniform", {0.0: 2, 0.25: 3, 0.5: 4}),
        ("normal", {0.5: 10, 0.8413447: 12, 0.0227501: 6}),
        ("lognormal", {0.5: 8, 0.8413447: 12, 0.1586553: 8 / 1.5}),
        ("clipped", {0.5: 0, 0.999: 2, 0.0: -1}),
    ],
)
def test_known_quantiles(name, quantiles):
    for u, value in quantiles.items():
        assert float(MODELS[name].at(np.array(u))) == pytest.approx(value, rel=1e-5)


def test_normal_quantiles_are_those_of_the_normal_distribution():
    expected = [NormalDist(10, 2).inv_cdf(u) for u in UNIFORM[::100]]
    np.testing.assert_allclose(MODELS["normal"].at(UNIFORM[::100]), expected, rtol=1e-9)


@pytest.mark.parametrize(
    ("model", "text"),
    [("number", "3"), ("uniform", "2 to 6"), ("normal", "normal 10 ± 2")]
    + [("lognormal", "lognormal, median 8, factor 1.5")],
)
def test_draws_are_put_into_words(model, text):
    assert str(MODELS[model]) == text


@given(st.lists(st.integers(0, 50), min_size=1, max_size=6).filter(sum))
def test_choices_are_drawn_in_their_shares(weights):
    shares = {str(number): weight / sum(weights) for number, weight in enumerate(weights)}
    drawn = np.bincount(Choice(shares)(UNIFORM), minlength=len(weights))
    assert np.abs(drawn - len(UNIFORM) * np.array(list(shares.values()))).max() <= 1
    assert not drawn[np.array(weights) == 0].any()


def test_the_bounds_between_choices_belong_to_the_later_one():
    choice = Choice({"a": 0.25, "b": 0.5, "c": 0.25})
    assert choice(np.array([0.0, 0.24, 0.25, 0.74, 0.75, 1 - 2.0**-53])).tolist() == [0, 0, 1, 1, 2, 2]


def test_shares_may_be_fractions_and_a_bare_name_has_all():
    assert SHARE.validate_python("1/3") == 1 / 3 and SHARE.validate_python("0.25") == 0.25
    assert SHARES.validate_python("MLO") == {"MLO": 1.0}
    assert SHARES.validate_python({"a": "1/3", "b": "2/3"}) == {"a": 1 / 3, "b": 2 / 3}


@pytest.mark.parametrize("written", ["a third", "1/0", -0.1, 1.1, "4/3"])
def test_what_is_no_share_is_refused(written):
    with pytest.raises(ValidationError):
        SHARE.validate_python(written)


def test_thirds_are_exact_again():
    third = fractions({"a": 1 / 3, "b": 1 / 3, "c": 1 / 3})
    assert [str(share) for share in third] == ["1/3"] * 3
