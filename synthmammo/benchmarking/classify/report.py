"""The report of a benchmark: figures, a self-contained page, a Markdown table, and a line for the dataset's card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import nan
from pathlib import Path
from typing import Any

import numpy as np

from synthmammo.benchmarking.arrays import read_array
from synthmammo.benchmarking.classify.classify import Compared
from synthmammo.benchmarking.classify.embed import LEAST_EMBEDDED, ChangedReading, changed_cases, embed, embedded
from synthmammo.benchmarking.classify.figures import Cloud, draw_auc, draw_cases, draw_embedding, draw_roc
from synthmammo.benchmarking.classify.fit import LogOdds
from synthmammo.benchmarking.classify.subgroups import subgroup_section, subgroups
from synthmammo.benchmarking.classify.summary import (
    LEAST_POWER,
    PAPERS_GAIN,
    MixtureSummary,
    baseline_of,
    power,
    summarise_classification,
    too_few,
)
from synthmammo.benchmarking.classify.tables import HEADER, NOT_KNOWN, cells_of
from synthmammo.benchmarking.pages import Section, Written, html_page, markdown_page, markdown_table
from synthmammo.benchmarking.results import Run
from synthmammo.benchmarking.verdict import gain, repeating, verdict_section
from synthmammo.files import writing
from synthmammo.mammogram.pictures import display
from synthmammo.metrics.intervals import RESAMPLES, Interval


def classification_report(compared: Compared, resamples: int = RESAMPLES) -> Written:
    """Write the figures and the report of a finished benchmark.

    Args:
        compared: The finished benchmark, from `classify`.
        resamples: Number of resamples of the bootstrap.
    """
    out, positive = compared.results.path, compared.positive[compared.tested]
    scores = {run: compared.results.scores(record) for run, record in compared.records.items()}
    rows = summarise_classification(scores, positive, compared.real.patients[compared.tested], resamples=resamples)
    sentence = _verdict(compared, rows)
    made = compared.synthetic.where if compared.synthetic else None
    second, groups = _external(compared, resamples), _subgroups(compared, rows, scores, resamples)
    sections = [
        verdict_section(sentence, _command(compared, made)),
        _comparison(compared, rows),
        *second[0],
        *groups[0],
        _curves(rows, out, positive),
        *_cases(compared, rows),
        _power(rows),
        _method(compared, resamples),
        _trainings(compared),
    ]
    table = markdown_table((HEADER, *map(cells_of, rows)))
    title = f"Benchmark: {compared.real.where.name} with {_synthetic_name(compared)}"
    pages = {"report.md": markdown_page(title, sections, out), "report.html": html_page(title, sections)}
    for name, text in {**pages, "card_line.md": _card_line(compared, rows) + "\n"}.items():
        with writing(out / name) as partial:
            partial.write_text(text, encoding="utf-8")
    facts = tuple(row.facts() for row in rows)
    return Written(
        *(table, out / "report.md", out / "report.html", compared.notes, sentence, facts),
        external=second[1],
        subgroups=groups[1],
    )


def _command(compared: Compared, made: Path | None) -> str:
    command = repeating("classify", compared.real.where, made, compared.results.path)
    return f"{command} --external {compared.external.images.where}" if compared.external else command


def _verdict(compared: Compared, rows: list[MixtureSummary]) -> str:
    """What the mixture that the selection images prefer adds to real images alone, of the largest share."""
    tested = f"{len(compared.tested):,} real test images of {compared.real.where.name}"
    best = _best(compared, rows)
    baseline = baseline_of(best, rows) if best else None
    if best is None or baseline is None or best.comparison is None:
        reached = "; ".join(f"{row.name} {row.auc}" for row in rows)
        return f"Nothing was added to real images, so nothing is compared; AUC on {tested}: {reached}."
    share = "" if best.share == 100 else f" {best.share:g} % of"
    primary = compared.config.primary is not None
    change = gain(best.comparison.difference, p=best.comparison.delong.p_value if primary else best.comparison.holm_p)
    named = "Primary comparison, named before it ran: s" if primary else "S"
    return (
        f"{named}ynthetic images of {_synthetic_name(compared)} ({best.name}) added to{share} the real training images "
        f"took the AUC on {tested} from {baseline.auc.estimate:.3f} to {best.auc.estimate:.3f}: {change}."
    )


def _synthetic_name(compared: Compared) -> str:
    return compared.synthetic.where.name if compared.synthetic else "no synthetic images"


def _comparison(compared: Compared, rows: list[MixtureSummary]) -> Section:
    positive = compared.positive[compared.tested]
    patients = len(np.unique(compared.real.patients[compared.tested]))
    tested = f"{len(positive)} real images ({int(positive.sum())} positive) of {patients} patients"
    config = compared.config
    how = "features frozen, a linear classifier trained" if config.mode == "frozen" else "fine-tuned"
    floor = compared.grey_level_auc
    out = compared.results.path
    return Section(
        "Does the synthetic data help?",
        (
            f"Tested on {tested}. Network: {config.backbone}, weights: {config.weights}, {how}; "
            f"{config.samples:,} images shown in a training.",
            *_doubts(compared, rows),
            f"Four grey-level statistics alone (mean, deviation, percentiles 5 and 95) reach an AUC of {floor:.3f}.",
            *compared.notes,
        ),
        (HEADER, *map(cells_of, rows)),
        ((draw_auc(rows, positive, out / "figures" / "auc.png"), "AUC against the synthetic share; ticks are seeds"),),
    )


def _doubts(compared: Compared, rows: Sequence[MixtureSummary]) -> list[str]:
    """What the numbers do not say, where images are few."""
    positive, patients = compared.positive[compared.tested], compared.real.patients[compared.tested]
    if too_few(positive, patients):
        return [
            "One class is tested on the images of one patient alone, which cannot tell how much patients vary: "
            f"intervals, differences and p-values are {NOT_KNOWN}."
        ]
    if any(not found.known for row in rows for found in (row.auc, row.sensitivity)):
        return [
            f"An interval of width zero is meaningless and is shown as {NOT_KNOWN}: no resample changed the number."
        ]
    return []


def _external(compared: Compared, resamples: int) -> tuple[list[Section], tuple[dict[str, Any], ...]]:
    """The main table once more, on the second test set."""
    external = compared.external
    if external is None:
        return [], ()
    scores = {run: read_array(compared.results.external_file(run)) for run in compared.records}
    images, positive = external.images, external.positive
    rows = summarise_classification(scores, positive, images.patients, resamples=resamples)
    patients = len(np.unique(images.patients))
    text = (
        f"The same classifiers, whose weights were chosen without it, on {len(images)} images "
        f"({int(positive.sum())} positive) of {patients} patients of {images.where.name}, another source."
    )
    section = Section(f"On {images.where.name}", (text,), (HEADER, *map(cells_of, rows)))
    return [section], tuple(row.facts() for row in rows)


def _subgroups(
    compared: Compared, rows: Sequence[MixtureSummary], scores: Mapping[Run, LogOdds], resamples: int
) -> tuple[list[Section], tuple[dict[str, Any], ...]]:
    """Real images alone and the mixture that the verdict is of, by subgroup of the tested images."""
    best, tested = _best(compared, rows), compared.tested
    share = best.share if best else max(row.share for row in rows)
    shown = {0.0, best.ratio if best else 0.0}
    chosen = {run: values for run, values in scores.items() if run.share == share and run.ratio in shown}
    properties = {name: values[tested] for name, values in compared.real.properties.items()}
    positive, patients = compared.positive[tested], compared.real.patients[tested]
    found = list(subgroups(properties, positive, patients))
    if not found:
        return [], ()
    section, facts = subgroup_section(chosen, found, positive, patients, resamples=resamples)
    return [section], tuple(facts)


def _curves(rows: list[MixtureSummary], out: Path, positive: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Section:
    pictures = []
    for share in dict.fromkeys(row.share for row in rows):
        chosen = [row for row in rows if row.share == share]
        path = draw_roc(chosen, positive, out / "figures" / f"roc_{share:g}.png")
        pictures.append((path, f"{share:g} % of the real training images; thin: single seeds"))
    return Section("ROC curves", pictures=tuple(pictures))


def _best(compared: Compared, rows: Sequence[MixtureSummary]) -> MixtureSummary | None:
    """The mixture that was named before, or that the selection images prefer, of the largest share.

    The test images have no say.
    """
    if compared.config.primary:
        return next((row for row in rows if (row.share, row.ratio) == compared.config.primary), None)
    largest = max(row.share for row in rows)
    mixed = [row for row in rows if row.share == largest and row.ratio]

    def selected(row: MixtureSummary) -> float:
        chosen = [
            r["selection_auc"]
            for run, r in compared.records.items()
            if (run.share, run.ratio) == (row.share, row.ratio)
        ]
        return float(np.mean(chosen))

    return max(mixed, key=selected) if mixed else None


def _cases(compared: Compared, rows: list[MixtureSummary]) -> list[Section]:
    """Corrected cases and the embedding (Wu et al. 2020, Figures 4 to 6)."""
    best = _best(compared, rows)
    if best is None or compared.synthetic is None:
        return []
    baseline = next(row for row in rows if row.share == best.share and row.ratio == 0)
    corrected, lost = changed_cases(baseline.scores, best.scores, compared.positive[compared.tested])
    out = compared.results.path / "figures"
    pictures = []
    for cases, name in ((corrected, "corrected"), (lost, "lost")):
        if cases:
            tiles = [display(compared.real.grey[compared.tested[case.number]].astype(np.uint16)) for case in cases]
            what = f"the first {min(10, len(cases))} {name}; score before and after, mean over seeds"
            origin = compared.real.manifest.origin if compared.real.manifest else None
            pictures.append((draw_cases(tiles, cases, out / f"cases_{name}.png", origin=origin), what))
    text = (
        f"Positives that {best.name} ({_why(compared)}) finds and real images alone miss: "
        f"{len(corrected)}; that it misses and they find: {len(lost)}; each at its own specificity of 90 %. "
        f"{_mean_change(corrected)}Only both together say whether anything was gained."
    )
    sections = [Section("Corrected cases", (text,), pictures=tuple(pictures))]
    if (cloud := _embedding(compared, best, corrected)) is not None:
        sections.append(cloud)
    return sections


def _why(compared: Compared) -> str:
    return "the primary comparison" if compared.config.primary else "the mixture that the selection images prefer"


def _mean_change(cases: Sequence[ChangedReading]) -> str:
    if not cases:
        return ""
    return f"The scores of the former rise by {np.mean([case.after - case.before for case in cases]):.2f} on average. "


def _embedding(compared: Compared, best: MixtureSummary, corrected: Sequence[ChangedReading]) -> Section | None:
    assert compared.synthetic is not None
    results, seed = compared.results, compared.config.first_seed
    names = [("trained on real images alone", Run(best.share, 0.0, seed))]
    if compared.config.mode == "fine-tune":
        names.append((f"trained on {best.name}", Run(best.share, best.ratio, seed)))
    files = [[results.features_file(f"{run.name}-{side}") for side in ("real", "synthetic")] for _, run in names]
    if not all(file.is_file() for pair in files for file in pair):
        return None
    tested = compared.tested[: len(read_array(files[0][0]))] if compared.config.folds else compared.tested
    labels = [f"real {label}" for label in compared.real.labels[tested].tolist()]
    labels += [f"synthetic {label}" for label in compared.synthetic.labels[embedded(compared.synthetic)].tolist()]
    if compared.config.folds or len(labels) < LEAST_EMBEDDED:
        return None
    marked = [case.number for case in corrected[:10]]
    clouds = [
        Cloud(title, embed(np.concatenate([read_array(file) for file in pair])), np.array(labels), marked)
        for (title, _), pair in zip(names, files, strict=True)
    ]
    path = draw_embedding(clouds, results.path / "figures" / "tsne.png")
    frozen = " The network is frozen, so no training moves anything." if compared.config.mode == "frozen" else ""
    text = (
        "t-SNE of the last feature layer, of the tested real images and of drawn synthetic ones; stars are corrected "
        f"cases. Distances between groups in such a picture mean little.{frozen}"
    )
    return Section("Embedding", (text,), pictures=((path, "t-SNE"),))


def _power(rows: list[MixtureSummary]) -> Section:
    lines = [("real data", "standard error", f"power for a gain of {PAPERS_GAIN}", f"gain found in {LEAST_POWER:.0%}")]
    for found in power(rows):
        cells = (f"{found.standard_error:.4f}", f"{found.of_papers_gain:.2f}", f"{found.least_gain:.3f}")
        lines.append((f"{found.share:g} %", *cells))
    text = (
        f"What a comparison on so many images can find: the chance of p < 0.05 (DeLong, uncorrected) if the true gain "
        f"is {PAPERS_GAIN}, as in the paper, and the true gain that would be found in {LEAST_POWER:.0%} of such tests."
    )
    return Section("Power", (text,), tuple(lines) if len(lines) > 1 else ())


def _method(compared: Compared, resamples: int) -> Section:
    config = compared.config
    held = (
        f"{config.folds}-fold cross-validation by patient; {config.selection_share:.0%} of the training patients of a "
        "fold choose its weights. The log-odds of all folds are pooled."
        if config.folds
        else f"Trained on '{config.train_on}', weights chosen on "
        + (f"'{config.select_on}'" if config.select_on else f"{config.selection_share:.0%} of its patients, held back")
        + f", tested on '{config.test_on}'. No patient is in two of them."
    )
    kept = "keeps nine tenths of itself" if config.decay == 0.1 else f"loses {config.decay:.0%} of itself"
    decay = kept if config.schedule == "multiplicative" else f"loses {config.decay:.0%} of the initial ratio"
    return Section(
        "Method",
        (
            held,
            f"Positives: {', '.join(sorted(set(compared.real.labels[compared.positive].tolist())))}; positives and "
            f"negatives are shown equally often. The synthetic share {decay} every {config.decay_every:,} images, "
            "except where synthetic images stand alone. Smaller shares of the real data are drawn by patient, anew for "
            "every seed. The weights with the largest AUC on the selection images, looked at every "
            f"{config.evaluate_every:,} images, are tested.",
            f"Intervals of AUC, sensitivity and differences: percentiles of {resamples:,} bootstrap samples of "
            "patients, networks as given. p: DeLong's paired test of the mean AUC over the seeds, which counts images; "
            "it knows of neither patients nor training noise, of which the standard deviation over seeds tells. Holm: "
            "over the ratios of one share.",
        ),
    )


def _trainings(compared: Compared) -> Section:
    header = (
        *("training", "real images", "synthetic images", "selection AUC", "best after", "AUC (95 %, DeLong)"),
        *("sensitivity at 90 %", "AUPRC", "seconds"),
    )
    lines = [header]
    for run, r in compared.records.items():
        area = str(Interval(*(nan if r[name] is None else r[name] for name in ("auc", "auc_low", "auc_high"))))
        counts = (f"{r['real_images']}", f"{r['synthetic_images']}", f"{r['selection_auc']:.3f}")
        best = f"{np.mean(r['best_at']):,.0f}"
        measured = (f"{r['sensitivity_at_90_specificity']:.3f}", f"{r['auprc']:.3f}", f"{r['seconds']:.0f}")
        lines.append((run.name, *counts, best, area, *measured))
    return Section("Single trainings", table=tuple(lines))


def _card_line(compared: Compared, rows: Sequence[MixtureSummary]) -> str:
    """One sentence for the card of the synthetic dataset."""
    config, count = compared.config, len(compared.tested)
    network = f"{config.backbone}{' (frozen features)' if config.mode == 'frozen' else ''}"
    parts = [f"{row.name} {row.auc}" for row in rows if row.share == max(r.share for r in rows)]
    return (
        f"Benchmark: {network} on {count} real test images of {compared.real.where.name}, AUC with 95 % interval by "
        f"patients: {'; '.join(parts)}."
    )
