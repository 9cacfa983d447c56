"""Rows of the tables of a classification benchmark, as text."""

from __future__ import annotations

from math import isnan

from synthmammo.benchmarking.classify.summary import MixtureSummary

HEADER = (
    *("real data", "trained on", "seeds", "AUC (95 %)", "SD over seeds", "sensitivity at 90 % (95 %)", "AUPRC"),
    *("AUC - baseline (95 %)", "SD over seeds", "DeLong p", "log10 p", "Holm p"),
)


NOT_KNOWN = "n/a"


def cells_of(row: MixtureSummary) -> tuple[str, ...]:
    """The cells of a mixture below `HEADER`."""
    share = "-" if row.ratio is None else f"{row.share:g} %"
    seen = (share, row.name, str(len(row.scores)), str(row.auc), number(row.spread))
    measured = (*seen, str(row.sensitivity), f"{row.auprc:.3f}")
    compared = row.comparison
    if compared is None:
        return (*measured, "baseline", "", "", "", "")
    found, tested = compared.difference, compared.delong
    difference = "{:+.3f} ({:+.3f} to {:+.3f})".format(*found) if found.known else NOT_KNOWN
    holm = "-" if row.ratio is None else known(compared.holm_p, ".2g")
    p = (known(tested.p_value, ".2g"), known(tested.log10_p, ".1f"), holm)
    return (*measured, difference, number(compared.spread), *p)


def known(value: float, form: str) -> str:
    """A number as text, or that it is not known."""
    return NOT_KNOWN if isnan(value) else format(value, form)


def number(value: float, form: str = ".3f") -> str:
    """A number as text, or a dash where there is none."""
    return "-" if isnan(value) else format(value, form)
