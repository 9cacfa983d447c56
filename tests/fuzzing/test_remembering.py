"""The campaign computes once what it does not change, and forgets nothing of what it does."""

import numpy as np

from tools.fuzz.remembering import _kept


def counting(value):
    calls = []

    def function(*arguments, **named):
        calls.append(arguments)
        return value.copy(), len(calls)

    return function, calls


def test_the_same_question_is_answered_once_and_with_copies(tmp_path):
    function, calls = counting(np.zeros(3))
    kept = _kept(function, tmp_path / "changed")
    first, _ = kept(tmp_path / "a", np.arange(4), bits=8)
    first[:] = 7
    again, number = kept(tmp_path / "a", np.arange(4), bits=8)
    assert number == 1 and not again.any() and len(calls) == 1
    kept(tmp_path / "a", np.arange(4), bits=12)
    kept(tmp_path / "a", np.arange(5), bits=8)
    kept(tmp_path / "b", np.arange(4), bits=8)
    assert len(calls) == 4


def test_what_is_read_of_the_changed_file_is_not_kept(tmp_path):
    function, calls = counting(np.zeros(3))
    kept = _kept(function, tmp_path / "changed")
    for _ in range(3):
        kept(tmp_path / "changed", np.arange(4))
    assert len(calls) == 3


def test_generators_are_read_once(tmp_path):
    seen = []
    kept = _kept(lambda boxes: seen.append(list(boxes)), tmp_path)
    kept(number for number in (1, 2))
    assert seen == [[1, 2]]
