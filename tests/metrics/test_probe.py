"""The linear probe: at the minimum of its loss, and blind to the scale of features."""

import numpy as np

from synthmammo.metrics import LinearProbe, held_out_scores


def vectors(seed: int, count: int, size: int = 5, shift: float = 0.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(shift, 1, (count, size))


def test_the_probe_is_at_the_minimum_of_its_loss():
    labels = np.arange(60) % 3
    features = vectors(3, 60) + np.eye(5)[labels] * 2
    probe = LinearProbe.fit(features, labels, penalty=0.1)

    def loss(weight, bias):
        logits = (features - probe.mean) / probe.scale @ weight + bias
        logs = logits - np.log(np.exp(logits).sum(1, keepdims=True))
        return -logs[np.arange(60), labels].mean() + 0.05 * np.square(weight).sum()

    best = loss(probe.weight, probe.bias)
    rng = np.random.default_rng(0)
    for _ in range(20):
        step = rng.normal(0, 0.05, (6, 3))
        assert loss(probe.weight + step[:5], probe.bias + step[5]) > best
    assert (probe.logits(features).argmax(1) == labels).mean() > 0.8


def test_the_scale_and_place_of_features_do_not_matter():
    labels = np.arange(60) % 3
    features = vectors(0, 60) + labels[:, None]
    plain, moved = (LinearProbe.fit(x, labels).logits(x) for x in (features, features * 100 - 7))
    np.testing.assert_allclose(plain, moved, atol=1e-3)
    assert (plain.argmax(1) == labels).mean() > 0.5 and plain.shape == (60, 3)


def test_a_larger_penalty_makes_smaller_weights():
    labels = np.arange(60) % 2
    features = vectors(0, 60) + labels[:, None]
    small, large = (LinearProbe.fit(features, labels, penalty) for penalty in (0.01, 10.0))
    assert np.abs(large.weight).sum() < 0.5 * np.abs(small.weight).sum()


def test_scores_come_from_probes_that_have_not_seen_the_image():
    positive, fold = np.arange(60) % 2 == 0, np.arange(60) % 3
    features = vectors(5, 60, size=4) + np.where(positive, 1.0, -1.0)[:, None]
    scores = held_out_scores(features, positive, fold, 0.1)
    probe = LinearProbe.fit(features[fold != 1], positive[fold != 1].astype(int), 0.1)
    logits = probe.logits(features[fold == 1])
    np.testing.assert_allclose(scores[fold == 1], logits[:, 1] - logits[:, 0])
    assert (scores[positive] > 0).mean() > 0.8 and (scores[~positive] < 0).mean() > 0.8


def test_where_the_other_folds_are_of_one_class_there_is_no_score():
    scores = held_out_scores(vectors(6, 20), np.arange(20) < 10, np.arange(20) // 10)
    assert np.isnan(scores).all()
