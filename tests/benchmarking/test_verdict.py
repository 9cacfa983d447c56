from pathlib import Path

import pytest

from synthmammo.benchmarking.verdict import gain, repeating
from synthmammo.metrics import Interval


@pytest.mark.parametrize(
    ("change", "p", "words"),
    [
        ((0.021, 0.002, 0.04), 0.03, "a gain of +0.021 (95 % interval +0.002 to +0.040, p = 0.03), which is shown"),
        ((0.021, 0.002, 0.04), 0.2, "which is not shown"),
        ((0.021, -0.01, 0.05), 0.01, "which is not shown"),
        ((-0.03, -0.05, -0.01), None, "a loss of -0.030 (95 % interval -0.050 to -0.010), which is shown"),
        ((0.0, -0.01, 0.01), None, "a change of +0.000"),
        ((0.1, float("nan"), float("nan")), 0.5, "a gain of +0.100 (95 % interval n/a, p = 0.5), which is not shown"),
        ((float("nan"), float("nan"), float("nan")), None, "a change that is not known, so nothing is shown"),
        ((0.1, 0.1, 0.1), None, "a gain of +0.100 (95 % interval n/a), which is not shown"),
    ],
)
def test_a_gain_is_shown_where_interval_and_test_say_so(change, p, words):
    assert words in gain(Interval(*change), p=p)


def test_the_command_repeats_the_benchmark():
    command = repeating("classify", Path("real films"), None, Path("out"))
    expected = "synthmammo benchmark classify --real 'real films' --config out/benchmark.yaml --out out"
    assert command == expected
    assert " --synthetic made " in repeating("detect", Path("a"), Path("made"), Path("out"))
