"""What a benchmark says in one sentence: what was compared, the gain, its interval, and whether it is shown."""

from __future__ import annotations

import shlex
from math import isnan
from pathlib import Path

from synthmammo._version import __version__
from synthmammo.benchmarking.pages import Section
from synthmammo.metrics import Interval

SIGNIFICANT = 0.05


def gain(change: Interval, *, p: float | None = None) -> str:
    """A change with its interval, and whether it is shown to be one.

    Args:
        change: Difference to the baseline; 95 % interval.
        p: P-value of its test, where there is one.

    Returns:
        A clause, e.g. "a gain of +0.021 (95 % interval +0.002 to +0.040, p = 0.03), which is shown"; an interval that
        is not known is n/a, and shows nothing.
    """
    if isnan(change.estimate):
        return "a change that is not known, so nothing is shown"
    outside = change.known and (change.low > 0 or change.high < 0)
    shown = outside and (p is None or p < SIGNIFICANT)
    name = "a gain" if change.estimate > 0 else "a loss" if change.estimate < 0 else "a change"
    tested = "" if p is None else f", p = {p:.2g}"
    ends = f"{change.low:+.3f} to {change.high:+.3f}" if change.known else "n/a"
    return (
        f"{name} of {change.estimate:+.3f} (95 % interval {ends}{tested}), which is {'shown' if shown else 'not shown'}"
    )


def verdict_section(sentence: str, command: str) -> Section:
    """The beginning of a report: the verdict, and what made it."""
    return Section("Verdict", (sentence, f"synthmammo {__version__}; this repeats it: {command}"))


def repeating(kind: str, real: Path, synthetic: Path | None, out: Path) -> str:
    """The command that makes a report again; its configuration is read from the benchmark's directory.

    Args:
        kind: "classify" or "detect".
        real: Directory of the real images.
        synthetic: Directory of the synthetic images; None where there are none.
        out: Directory of the results.
    """
    sides = ["--real", str(real), *(["--synthetic", str(synthetic)] if synthetic else [])]
    rest = ["--config", str(out / "benchmark.yaml"), "--out", str(out)]
    return shlex.join(["synthmammo", "benchmark", kind, *sides, *rest])
