"""What the detectors of a benchmark found, together: intervals by patients, chance, figures, pages."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Picture
from PIL import ImageDraw

from synthmammo.benchmarking.detect.detect import Detected
from synthmammo.benchmarking.detect.more import external_section, subgroup_section
from synthmammo.benchmarking.detect.summary import GRID, NAMES, SWAPS, RowSummary, summarise_detection, table_of
from synthmammo.benchmarking.figures import COLOURS, figure, save_figure
from synthmammo.benchmarking.pages import Section, Written, html_page, markdown_page, markdown_table
from synthmammo.benchmarking.verdict import gain, repeating, verdict_section
from synthmammo.files import writing
from synthmammo.mammogram import png
from synthmammo.mammogram.mark import picture_packet
from synthmammo.mammogram.origin import making_of_dataset
from synthmammo.mammogram.pictures import Rgb, contact_sheet
from synthmammo.metrics.detection import RATES, Froc, Marks, Truth, centre_inside

EXAMPLES = 4
LESION_COLOUR, MARK_COLOUR = (230, 116, 40), (86, 180, 233)


def detection_report(detected: Detected) -> Written:
    """Write the figures and the pages of a finished benchmark of detectors."""
    out = detected.out
    truths = [detected.real.truths[number] for number in detected.tested]
    rows = summarise_detection(detected.marks, truths, detected.real.patients[detected.tested])
    table = tuple(table_of(rows))
    curves = draw_froc(rows, out / "figures" / "froc.png")
    lesions, films = sum(len(truth.lesions) for truth in truths), len(truths)
    title = f"Benchmark of detectors: {detected.real.where.name}"
    marks_on = f"{lesions} lesions ({' or '.join(detected.config.kinds)}) on {films} real images"
    sentence = _verdict(detected, rows, marks_on)
    made = detected.synthetic.where if detected.synthetic else None
    second, groups = external_section(detected), subgroup_section(detected, truths)
    command = repeating("detect", detected.real.where, made, out)
    if detected.external:
        command = f"{command} --external {detected.external.where}"
    sections = [
        verdict_section(sentence, command),
        Section(marks_on, _reading(rows), table, ((curves, "FROC; bars are 95 % intervals by patients."),)),
        *second[0],
        *groups[0],
        *_examples(detected, rows, truths),
        Section("How", (*_method(detected), *detected.notes)),
        Section("Trainings", table=tuple(_trainings(detected))),
    ]
    pages = {"report.md": markdown_page(title, sections, out), "report.html": html_page(title, sections)}
    for name, text in {**pages, "card_line.md": _card_line(detected, rows, marks_on) + "\n"}.items():
        with writing(out / name) as partial:
            partial.write_text(text, encoding="utf-8")
    facts = tuple(row.facts() for row in rows)
    return Written(
        *(markdown_table(table), out / "report.md", out / "report.html", detected.notes, sentence, facts),
        external=second[1],
        subgroups=groups[1],
    )


def _verdict(detected: Detected, rows: Sequence[RowSummary], marks_on: str) -> str:
    """What synthetic images add to real ones, or what real ones alone reach."""
    named = {row.name: row for row in rows}
    measured = f"the mean sensitivity on {marks_on} of {detected.real.where.name}"
    best = named.get("both") or named.get("synthetic")
    if best is None or best.difference is None:
        reached = "; ".join(f"{NAMES[row.name]} {row.mean_sensitivity}" for row in rows)
        return f"Nothing is compared with real images alone; {measured}: {reached}."
    if not best.found_something:
        return f"Trained on {NAMES[best.name]}, {measured} is at chance, so there is no result."
    before = named["real"].mean_sensitivity.estimate
    what = "Training on real and synthetic images" if best.name == "both" else "Training on synthetic images alone"
    after = best.mean_sensitivity.estimate
    return f"{what} took {measured} from {before:.3f} to {after:.3f}: {gain(best.difference)}."


def _reading(rows: Sequence[RowSummary]) -> tuple[str, ...]:
    sentences = [
        "Sensitivity is per lesion, at so many false marks per image over all images: a lesion is found by a mark "
        "whose middle lies in its box. mAP@0.5 asks for an overlap (intersection over union) of at least 0.5.",
        f"Chance is what the same marks reach on lesions of other images ({SWAPS} swaps); p is the share of swaps that "
        "do as well.",
    ]
    if any(not found.known for row in rows for found in (*row.stated, row.mean_sensitivity, row.average_precision)):
        sentences.append(
            "An interval of width zero is meaningless and is shown as n/a: no resample changed the number."
        )
    lost = [NAMES[row.name] for row in rows if not row.found_something]
    if lost:
        sentences.append(f"At chance, and so no result: {', '.join(lost)}.")
    for row in rows:
        if row.difference and row.difference.known and row.found_something:
            apart = "excludes" if row.difference.low > 0 or row.difference.high < 0 else "includes"
            sentences.append(
                f"{NAMES[row.name].capitalize()} against real alone: mean sensitivity {row.difference.estimate:+.3f}; "
                f"the interval {apart} zero."
            )
    return tuple(sentences)


def draw_froc(rows: Sequence[RowSummary], path: Path) -> Path:
    """FROC curves, the mean over the seeds where there are several, with intervals at some rates."""
    drawn, (axes,) = figure(width=6.4, height=4.6)
    grid = np.geomspace(GRID[0] / 2, 2 * GRID[-1], 200)
    for number, row in enumerate(rows):
        colour = COLOURS[number % len(COLOURS)]
        curve = np.mean([froc.sensitivities(grid) for froc in row.frocs], 0)
        label = NAMES[row.name] + ("" if row.found_something else " (at chance)")
        axes.plot(grid, curve, color=colour, linewidth=1.6, label=label, drawstyle="steps-post")
        places = np.array(GRID) * 1.04 ** (number - (len(rows) - 1) / 2)
        low, high = ([s[end] for s in row.sensitivities] for end in (1, 2))
        axes.vlines(places, low, high, color=colour, linewidth=1.2, alpha=0.6)
    axes.set_xscale("log", base=2)
    axes.set_xticks(GRID, [f"{rate:g}" for rate in GRID])
    axes.set(xlim=(grid[0], grid[-1]), ylim=(0, 1), xlabel="false marks per image", ylabel="sensitivity per lesion")
    axes.legend(frameon=False, loc="upper left", fontsize=9)
    return save_figure(drawn, path)


def _examples(detected: Detected, rows: Sequence[RowSummary], truths: Sequence[Truth]) -> list[Section]:
    """Tested images with their lesions and marks at one false mark per image: some found, some missed."""
    row = max(rows, key=lambda row: row.mean_sensitivity.estimate)
    marks = detected.marks[row.name, detected.config.first_seed]
    threshold = threshold_at(row.frocs[0], 1.0)
    kept = [Marks(m.boxes[m.scores >= threshold], m.scores[m.scores >= threshold]) for m in marks]
    chosen: dict[bool, list[int]] = {True: [], False: []}
    for number, (found, truth) in enumerate(zip(kept, truths, strict=True)):
        if len(truth.lesions):
            chosen[bool(centre_inside(found.boxes, truth.lesions).any(0).all())].append(number)
    # An even choice along the order of the images: nobody picks the pretty ones.
    shown = [n for part in chosen.values() for n in part[:: max(1, -(-len(part) // EXAMPLES))][:EXAMPLES]]
    tiles = [_tile(detected.real.pixels[detected.tested[n]], truths[n], kept[n]) for n in shown]
    captions = [str(detected.real.keys[detected.tested[n]]) for n in shown]
    path = detected.out / "figures" / "examples.png"
    with writing(path) as partial:
        making = making_of_dataset(detected.real.manifest.origin if detected.real.manifest else None)
        png.save(contact_sheet(tiles, EXAMPLES, captions, (480, 320)), partial, picture_packet([making]))
    text = (
        f"Trained on {NAMES[row.name]}, at one false mark per image. Orange: lesions; blue: marks with their scores. "
        "First images whose lesions are all found, then images with a missed one; an even choice, not a selection."
    )
    return [Section("Examples", (text,), pictures=((path, "Lesions and marks."),))]


def threshold_at(froc: Froc, rate: float) -> float:
    """The lowest score at which there are at most so many false marks per image."""
    scores = np.sort(np.unique(np.concatenate([froc.lesion_scores, froc.false_scores])))
    falling = np.sort(froc.false_scores)
    above = (len(falling) - np.searchsorted(falling, scores)) / froc.images
    allowed = scores[(np.round(above, 9) <= rate) & np.isfinite(scores)]
    return float(allowed[0]) if len(allowed) else float("inf")


def _tile(pixels: NDArray[np.float16], truth: Truth, marks: Marks, zoom: int = 2) -> Rgb:
    grey = np.clip((pixels.astype(np.float32) + 1) * 127.5, 0, 255).astype(np.uint8)
    picture = Picture.fromarray(grey).resize((grey.shape[1] * zoom, grey.shape[0] * zoom)).convert("RGB")
    pen = ImageDraw.Draw(picture)
    for boxes, colour in ((truth.lesions, LESION_COLOUR), (marks.boxes, MARK_COLOUR)):
        for row0, col0, row1, col1 in boxes * zoom:
            pen.rectangle((float(col0), float(row0), float(col1), float(row1)), outline=colour, width=3)
    for box, score in zip(marks.boxes, marks.scores, strict=True):
        corner = float(box[1]) * zoom, max(float(box[0]) * zoom - 3, 22.0)
        pen.text(corner, f"{score:.2f}", fill=MARK_COLOUR, anchor="lb", font_size=20)
    return np.asarray(picture)


def _method(detected: Detected) -> tuple[str, ...]:
    config, real, made = detected.config, detected.real, detected.synthetic
    tested = f"cross-validated by patient in {config.folds} folds" if config.folds else f"split '{config.test_on}'"
    share = "" if config.share == 100 else f" Of the training patients {config.share:g} % are used."
    sides = f"Real: {real.manifest.name}, {len(real)} images, {tested}.{share}"
    if made is not None:
        sides += f" Synthetic: {made.manifest.name}, {len(made)} images; never one with a tested patient's tissue."
    return (
        f"Detector: {detected.about}.",
        sides,
        f"Every breast is fitted into {config.height_px} x {config.width_px} pixels, its chest wall on the right, what "
        "is outside its outline set to black; nothing else is done to the pixels, and nothing is augmented.",
        f"Each training shows {config.steps * config.batch_size:,} images in {config.steps} steps, "
        f"{config.lesion_share:.0%} of them with a lesion where there are others; {config.synthetic_share:.0%} of the "
        f"images of the row '{NAMES['both']}' are synthetic. The last weights are tested; nothing was chosen on "
        "validation images. Marks of all folds are ranked together.",
    )


def _card_line(detected: Detected, rows: Sequence[RowSummary], marks_on: str) -> str:
    parts = [f"{NAMES[row.name]} {row.mean_sensitivity}" + " (at chance)" * (not row.found_something) for row in rows]
    return (
        f"Benchmark: detection ({detected.about}) of {marks_on} of {detected.real.where.name}, mean sensitivity at "
        f"{', '.join(f'{rate:g}' for rate in RATES)} false marks per image, with 95 % interval by patients: "
        f"{'; '.join(parts)}."
    )


def _trainings(detected: Detected) -> list[tuple[str, ...]]:
    table: list[tuple[str, ...]] = [("training", "real images", "synthetic images", "last loss", "seconds")]
    for training, record in detected.records.items():
        cells = (record[name] for name in ("real_images", "synthetic_images", "loss", "seconds"))
        table.append((training.name, *map(str, cells)))
    return table
