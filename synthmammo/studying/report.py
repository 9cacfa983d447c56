"""`study score`: results as JSON, figures, a table in the shape of Zakka et al.'s Table II, and one HTML page."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from html import escape
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from synthmammo.benchmarking.figures import COLOURS, figure, save_figure
from synthmammo.files import writing
from synthmammo.metrics.curves import roc_curve
from synthmammo.metrics.detection import RATES
from synthmammo.metrics.intervals import Interval
from synthmammo.studying.exports import write_exports
from synthmammo.studying.scoring import StudyScores
from synthmammo.studying.study import Study, write_json

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_Row = tuple[str, ...]

_STYLE = """body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1c2228}
table{border-collapse:collapse;margin:.5rem 0 1.5rem}
th,td{white-space:nowrap;padding:.3rem .8rem;text-align:right;border-bottom:1px solid #d5dbe1}
th:first-child,td:first-child{text-align:left}
thead th{border-bottom:2px solid #1c2228}tr.mean td{border-top:1px solid #1c2228}
img{max-width:100%}.warn{background:#fff4e0;border-left:4px solid #e08a00;padding:.5rem 1rem}.quiet{color:#5c6873}"""


def write_study_report(study: Study, scores: StudyScores, out: Path) -> list[Path]:
    """Write `scores.json`, `table2.md`, `report.html`, `figures/`, and the exports of `exports`.

    Args:
        study: The study.
        scores: Its results.
        out: Directory of the results.

    Returns:
        What was written.

    Raises:
        OutputError: The directory cannot be written.
    """
    drawn = {name: made for name, made in _figures(study, scores).items() if made is not None}
    paths = [save_figure(made, out / "figures" / f"{name}.png") for name, made in drawn.items()]
    write_json(out / "scores.json", as_json(study, scores))
    texts = {"table2.md": table_two(scores), "report.html": _page(study, scores, drawn)}
    for name, text in texts.items():
        with writing(out / name) as partial:
            partial.write_text(text, encoding="utf-8")
    return [*paths, out / "scores.json", *(out / name for name in texts), *write_exports(study, scores.classified, out)]


def as_json(study: Study, scores: StudyScores) -> dict[str, Any]:
    """The results as JSON can hold them; what is no number is null."""
    together = scores.together
    result = {
        "study": study.title,
        "task1": [
            {
                name: getattr(one, name)
                for name in ("reader", "answers", "precision", "sensitivity", "specificity", "seconds")
            }
            | {"auc": list(one.auc)}
            for one in scores.classified
        ],
        "task2": [
            {name: getattr(one, name) for name in ("reader", "rounds", "right", "seconds")} for one in scores.picked
        ],
        "task3": [
            {"reader": one.reader, "answers": one.answers, "seconds": one.seconds}
            | {"sensitivities": dict(zip(map(str, RATES), one.sensitivities, strict=True))}
            for one in scores.found
        ],
        "readers_and_cases": together
        and {"mean": list(together.mean), "standard_error": together.standard_error, "degrees": together.degrees},
        "bootstrap": scores.resampled and list(scores.resampled),
        "finished": scores.finished,
        "learners": scores.learners,
        "machine": study.check.get("machine"),
        "four_statistics": study.check.get("four_statistics"),
        "warnings": study.check.get("warnings", []),
    }
    return _numbers(result)  # type: ignore[no-any-return]


def _numbers(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _numbers(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_numbers(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def table_two(scores: StudyScores) -> str:
    """The two parts of Table II of Zakka et al. 2020 as Markdown."""
    parts = []
    for title, head, rows in (_binary(scores), _discrimination(scores)):
        if rows:
            lines = [head, tuple("---" for _ in head), *rows]
            cells = ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines]
            parts.append(f"{title}\n\n" + "\n".join(cells) + "\n")
    return "\n".join(parts) or "No reader has finished task 1 or 2.\n"


def _binary(scores: StudyScores) -> tuple[str, _Row, list[_Row]]:
    rows: list[_Row] = [(one.reader, _two(one.auc.estimate), _two(one.precision)) for one in scores.classified]
    if rows:
        means = [
            _mean([one.auc.estimate for one in scores.classified]),
            _mean([o.precision for o in scores.classified]),
        ]
        rows.append(("Average", *map(_two, means)))
    return "(a) Binary classification task", ("Radiologist", "AUC", "Precision"), rows


def _discrimination(scores: StudyScores) -> tuple[str, _Row, list[_Row]]:
    rows: list[_Row] = [(one.reader, f"{one.seconds:.1f}", str(one.rounds)) for one in scores.picked]
    if rows:
        seconds, number = (
            _mean([float(getattr(one, name)) for one in scores.picked]) for name in ("seconds", "rounds")
        )
        rows.append(("Average", f"{seconds:.1f}", f"{number:.2f}"))
    head = ("Radiologist", "Time per round (in seconds)", "Total number of rounds")
    return "(b) Discrimination task", head, rows


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if math.isfinite(value)]
    return float(np.mean(known)) if known else float("nan")


def _two(value: float) -> str:
    return f"{value:.2f}" if math.isfinite(value) else "–"


def _figures(study: Study, scores: StudyScores) -> dict[str, Figure | None]:
    return {"roc": _roc(study, scores), "froc": _froc(scores), "learning": _learning(scores)}


def _roc(study: Study, scores: StudyScores) -> Figure | None:
    shown = [one for one in scores.classified if math.isfinite(one.auc.estimate)]
    if not shown:
        return None
    drawn, (axes,) = figure(width=5.2, height=5)
    axes.plot([0, 1], [0, 1], color="#b0b8c0", linewidth=1)
    for number, one in enumerate(shown):
        positive = np.array([study.truths[name].generated for name in one.ratings])
        alarms, hits = roc_curve(np.array([*one.ratings.values()], np.float64), positive)
        label = _plain(f"{one.reader}: {one.auc.estimate:.2f}")
        axes.plot(alarms, hits, marker="o", markersize=4, color=COLOURS[number % len(COLOURS)], label=label)
    axes.set(xlabel="Real called generated", ylabel="Generated called generated", xlim=(0, 1), ylim=(0, 1.01))
    axes.legend(frameon=False, title="AUC", loc="lower right")
    return drawn


def _froc(scores: StudyScores) -> Figure | None:
    shown = [one for one in scores.found if math.isfinite(one.sensitivities[0])]
    if not shown:
        return None
    drawn, (axes,) = figure()
    for number, one in enumerate(shown):
        rates, values = one.froc.curve()
        axes.step(rates, values, where="post", color=COLOURS[number % len(COLOURS)], label=_plain(one.reader))
    axes.set(xlabel="False marks per image", ylabel="Sensitivity per lesion", ylim=(0, 1.01))
    axes.legend(frameon=False)
    return drawn


def _learning(scores: StudyScores) -> Figure | None:
    if not scores.learners:
        return None
    drawn, (axes,) = figure()
    for number, (reader, tasks) in enumerate(scores.learners.items()):
        for style, (task, curve) in zip(("-", "--", ":"), tasks.items(), strict=False):
            label, colour = _plain(f"{reader}, {task}"), COLOURS[number % len(COLOURS)]
            axes.plot(range(1, len(curve) + 1), curve, style, color=colour, label=label)
    axes.set(xlabel="Cases", ylabel="Right among the last ten", ylim=(0, 1.05))
    axes.legend(frameon=False)
    return drawn


def _plain(name: str) -> str:
    """A name for a figure, in which matplotlib finds no formula."""
    return name.replace("\\", "\\\\").replace("$", r"\$").lstrip("_")


def _page(study: Study, scores: StudyScores, drawn: dict[str, Figure]) -> str:
    """One file that shows everything and asks for nothing; all names are escaped."""
    parts = [f"<h1>{escape(study.title)}</h1>", f"<p class=quiet>{len(study.items)} cases.</p>", _warnings(study)]
    parts.append(_table("Task 1: real or generated", *_first(scores)))
    parts.append(_together(study, scores))
    parts.append(_picture(drawn, "roc", "ROC curves of task 1; generated is positive"))
    _, head, rows = _discrimination(scores)
    parts.append(_table("Task 2: the generated one among several", head, rows))
    head = ("Reader", "Cases", *(f"Sensitivity at {rate:g}" for rate in RATES), "Seconds (median)")
    found: list[_Row] = [
        (one.reader, str(one.answers), *map(_two, one.sensitivities), f"{one.seconds:.1f}") for one in scores.found
    ]
    parts.append(_table("Task 3: find the lesion (false marks per image)", head, found))
    parts.append(_picture(drawn, "froc", "FROC curves of task 3; a lesion is found by a mark inside its box"))
    parts.append(_picture(drawn, "learning", "Learners: share of right answers among the last ten"))
    title = escape(study.title)
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>'
        + "\n".join(filter(None, parts))
        + "</html>\n"
    )


def _first(scores: StudyScores) -> tuple[_Row, list[_Row]]:
    head = ("Reader", "Cases", "AUC", "95 % interval", "Precision", "Sensitivity", "Specificity", "Seconds (median)")
    rows: list[_Row] = [
        (one.reader, str(one.answers), _two(one.auc.estimate), _span(one.auc))
        + (_two(one.precision), _two(one.sensitivity), _two(one.specificity), f"{one.seconds:.1f}")
        for one in scores.classified
    ]
    return head, rows


def _together(study: Study, scores: StudyScores) -> str:
    rows: list[_Row] = []
    if scores.together and scores.resampled:
        mean, degrees = scores.together.mean, scores.together.degrees
        freedom = f", {degrees:.1f} degrees of freedom" if math.isfinite(degrees) else ""
        name = f"Readers and cases random (Obuchowski-Rockette, Hillis{freedom})"
        rows += [(name, _two(mean.estimate), _span(mean))]
        rows += [("Bootstrap over readers and cases", _two(mean.estimate), _span(scores.resampled))]
    if machine := study.check.get("machine"):
        rows.append(
            ("The machine's own reading (linear, cross-validated)", _two(machine[0]), _span(Interval(*machine)))
        )
    note = ""
    if scores.together:
        text = f"Mean area over the {len(scores.finished)} readers who finished, of {len(scores.classified)}."
        note = f"<p class=quiet>{text}</p>"
    return _table("Together", ("", "AUC", "95 % interval"), rows) + note if rows else ""


def _warnings(study: Study) -> str:
    found = study.check.get("warnings", [])
    lines = "".join(f"<li>{escape(one)}</li>" for one in found)
    return (
        f"<div class=warn><p>Something beside the picture tells the origin:</p><ul>{lines}</ul></div>" if found else ""
    )


def _span(one: Interval) -> str:
    return f"{one.low:.2f} to {one.high:.2f}" if math.isfinite(one.low) else "–"


def _table(title: str, head: _Row, rows: Sequence[_Row]) -> str:
    if not rows:
        return ""
    lines = ["<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows]
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    return f"<h2>{escape(title)}</h2><table><thead><tr>{top}</tr></thead><tbody>{''.join(lines)}</tbody></table>"


def _picture(drawn: dict[str, Figure], name: str, caption: str) -> str:
    if name not in drawn:
        return ""
    data = BytesIO()
    drawn[name].savefig(data, format="png", dpi=110, metadata={"Software": None})
    text = base64.b64encode(data.getvalue()).decode()
    shown = f'<img alt="{escape(caption)}" src="data:image/png;base64,{text}">'
    return f"<figure>{shown}<figcaption>{escape(caption)}</figcaption></figure>"
