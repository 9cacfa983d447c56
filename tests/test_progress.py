"""Steps add up what the parts of one work have done."""

from hypothesis import given
from hypothesis import strategies as st

from synthmammo.progress import Steps, silent


@given(st.lists(st.integers(0, 9)), st.integers(0, 99))
def test_steps_report_the_sum_so_far_and_the_total(parts, total):
    seen = []
    steps = Steps(lambda done, of: seen.append((done, of)), total)
    for part in parts:
        steps(part)
    assert seen == [(sum(parts[: number + 1]), total) for number in range(len(parts))]
    assert steps.done == sum(parts)


def test_silence_says_nothing(capsys):
    silent(1, 2)
    silent(1, None)
    assert capsys.readouterr() == ("", "")
