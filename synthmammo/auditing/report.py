"""The page of an audit, and its section for a dataset's card."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from synthmammo.auditing.findings import Findings
from synthmammo.auditing.nearest import write_nearest
from synthmammo.benchmarking.pages import Section, html_page, markdown_table
from synthmammo.files import writing
from synthmammo.mammogram import png
from synthmammo.mammogram.mark import picture_packet
from synthmammo.mammogram.origin import making_of_dataset
from synthmammo.mammogram.pictures import contact_sheet

_PAIRS = "The samples that are most like a training image (left), each beside that image (right), the most alike first"


def write_report(record: Mapping[str, Any], findings: Findings, out: Path) -> tuple[Path, Path]:
    """Write the figures, `nearest.parquet`, `audit.html` and `card.md`.

    Args:
        record: Content of `audit.json`.
        findings: What was found.
        out: Directory of the audit.

    Returns:
        Paths of the page and of the section.

    Raises:
        OutputError: The directory cannot be written.
    """
    shown = picture_packet(making_of_dataset(record[name]["origin"]) for name in ("dataset", "train"))
    sheet = _closest(findings, out / "figures" / "closest.png", shown)
    title = f"Audit of {record['dataset']['name']}"
    page, card = out / "audit.html", out / "card.md"
    write_nearest(findings.verdicts, findings.made.keys, findings.training.keys, out)
    with writing(page) as partial:
        partial.write_text(html_page(title, _sections(record, sheet)), encoding="utf-8")
    with writing(card) as partial:
        partial.write_text(_card(record), encoding="utf-8")
    return page, card


def _closest(findings: Findings, path: Path, packet: str) -> Path:
    tiles, captions = [], []
    likeness = findings.verdicts[0].nearest.likeness
    for sample, image in findings.pairs:
        tiles += [findings.made.shown[sample], findings.training.shown[image]]
        captions += [f"{findings.made.keys[sample]}  {likeness[sample]:.2f}", str(findings.training.keys[image])]
    with writing(path) as partial:
        png.save(contact_sheet(tiles, 6, captions, (192, 192)), partial, packet)
    return path


def _sections(record: Mapping[str, Any], sheet: Path) -> list[Section]:
    sides = ", ".join(
        f"{what} {record[name]['name']} ({record[name]['samples']:,} images)"
        for name, what in (
            ("dataset", "judged:"),
            ("reference", "against the held-out real images of"),
            ("train", "trained on"),
        )
    )
    return [
        Section("In short", (record["memorised"]["verdict"].capitalize() + ".", sides + ".", *record["notes"])),
        Section("Scorecard", table=_scorecard(record)),
        Section("Memorisation", _told(record), _controls(record), ((sheet, _PAIRS),)),
        Section("Realism", (_READ,), _figures(record["realism"])),
        Section("Diversity", (_duplicates(record),), _figures(record["diversity"]["distance_within_class"])),
        Section("Statistics of mammography", _seams(record), _statistics(record)),
        Section("Bias", table=_bias(record)),
        Section("Protocol", (f"Protocol {record['protocol']}, synthmammo {record['synthmammo']}.",)),
    ]


_READ = (
    "Each figure stands with its 95 % interval and the floor: the same figure of the real training images against the "
    "held-out ones. Two sets of real images have a kernel distance of about 0, and a two-sample AUC of about 0.5."
)


def _scorecard(record: Mapping[str, Any]) -> tuple[tuple[str, ...], ...]:
    rows = [(row["criterion"], row["asks"], row["found"]) for row in record["scorecard"]]
    return (("criterion", "asks", "found"), *rows)


def _told(record: Mapping[str, Any]) -> tuple[str, ...]:
    return (_memorised(record), *_same_patient(record), *_discriminator(record))


def _memorised(record: Mapping[str, Any]) -> str:
    found, nearer = record["memorised"], record["memorised"]["membership_auc"]
    return (
        f"{_percent(found['share'])} of the samples are flagged ({_percent(found['low'])} to "
        f"{_percent(found['high'])}), and {_percent(found['training_share'])} of the {found['training']} training "
        "images are reproduced by some sample. Nearness to the samples tells training images from held-out ones with "
        f"an AUC of {nearer['value']:.3f} ({nearer['low']:.3f} to {nearer['high']:.3f}; 0.5 is none)."
    )


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"


def _controls(record: Mapping[str, Any]) -> tuple[tuple[str, ...], ...]:
    instruments = record["memorised"]["instruments"]
    names = list(dict.fromkeys(name for found in instruments.values() for name in found["controls"]))
    rows = [
        (
            name,
            "yes" if found["able"] else "no",
            f"{found['threshold']:.3f}",
            _percent(found["share"]),
            _percent(found["held_out_share"]),
            *(_control(found, control) for control in names),
        )
        for name, found in instruments.items()
    ]
    header = ("instrument", "able to judge", "threshold", "samples flagged", "held-out real flagged")
    return ((*header, *(f"planted, {name}: found" for name in names)), *rows)


def _control(found: Mapping[str, Any], control: str) -> str:
    return f"{100 * found['controls'][control]:.0f} %" if control in found["controls"] else "n/a"


def _same_patient(record: Mapping[str, Any]) -> tuple[str, ...]:
    """How far same-patient recognition goes: it is the weakest of the instruments, and must not be taken for more."""
    found = record["memorised"]["instruments"].get("same patient")
    if not found:
        return ()
    told, (power,) = found["auc"], found["controls"].values()
    return (
        f"Same-patient recognition tells another film of a training patient from films of held-out patients with an "
        f"AUC of {told['value']:.3f} ({told['low']:.3f} to {told['high']:.3f}; {told['n']} patients); the nearest "
        f"training film is that patient's own in {_percent(found['own_patient_nearest'])} of the cases, and "
        f"{_percent(power)} of them lie above the threshold: that no sample does excludes little.",
    )


def _discriminator(record: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(
        f"The discriminator of {name} tells training images from held-out ones with an AUC of {found['auc']:.3f} "
        f"({found['low']:.3f} to {found['high']:.3f}; 0.5 is none)."
        for name, found in record["memorised"]["discriminator"].items()
    )


def _figures(figures: Mapping[str, Any]) -> tuple[tuple[str, ...], ...]:
    rows = [
        (
            name.replace("_", " "),
            _number(found["value"]),
            _range(found),
            _number(found["floor"]),
            f"{found['n']} / {found['reference']}",
            found["seen_by"],
        )
        for name, found in figures.items()
    ]
    return (("figure", "value", "95 %", "real against real", "images / real images", "seen by"), *rows) if rows else ()


def _number(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.4g}"


def _range(found: Mapping[str, Any]) -> str:
    return "n/a" if found["low"] is None else f"{found['low']:.4g} to {found['high']:.4g}"


def _duplicates(record: Mapping[str, Any]) -> str:
    found, alike = record["diversity"]["near_duplicates"], record["diversity"]["ms_ssim"]
    return (
        f"{len(found['groups'])} groups of near-duplicates hold {100 * found['share']:.2f} % of the samples. Pairs of "
        f"samples have a structural similarity (MS-SSIM) of {alike['value']:.3f}, pairs of real images of "
        f"{alike['floor']:.3f}. Below: distance of two samples of a class over that of two real ones."
    )


def _statistics(record: Mapping[str, Any]) -> tuple[tuple[str, ...], ...]:
    rows = [
        (f"{name}: {found['what']}", _three(found["made"]), _three(found["real"]), f"{found['apart']:.2f}")
        for name, found in record["mammography"].items()
    ]
    return (("statistic", "synthetic: 10, 50, 90 %", "real: 10, 50, 90 %", "apart, 0 to 1"), *rows) if rows else ()


def _seams(record: Mapping[str, Any]) -> tuple[str, ...]:
    found = record["seams"]
    if not found:
        return ("Seams of inserted lesions: not assessed, there are too few inserted lesions with masks.",)
    floor = "" if found["floor"] is None else f"; on the borders of real lesions {found['floor']:.3f}"
    return (
        f"A detector of seams tells the borders of {found['n']} inserted lesions from the same lines elsewhere with an "
        f"AUC of {found['value']:.3f} ({found['low']:.3f} to {found['high']:.3f}; 0.5 is none{floor}).",
    )


def _three(values: list[float]) -> str:
    return ", ".join(f"{value:.3g}" for value in values)


def _bias(record: Mapping[str, Any]) -> tuple[tuple[str, ...], ...]:
    rows = []
    for fact, block in record["bias"].items():
        for value, found in block["groups"].items():
            distance = found["kernel_distance_x1000"]
            shown = "too few" if distance is None else f"{distance:.1f}"
            rows.append((fact, value, f"{found['n']} / {found['reference']}", shown))
        if gap := block["gap"]:
            rows.append(
                (
                    fact,
                    f"gap, {gap['worst']} - {gap['best']}",
                    "",
                    f"{gap['value']:.1f} ({gap['low']:.1f} to {gap['high']:.1f})",
                )
            )
    return (("fact", "group", "images / real images", "kernel distance x 1000"), *rows) if rows else ()


def _card(record: Mapping[str, Any]) -> str:
    parts = [*_told(record)] if record["memorised"]["able"] else [record["memorised"]["verdict"].capitalize() + "."]
    parts += [markdown_table(_scorecard(record)), f"Protocol {record['protocol']}."]
    return "\n\n".join(parts) + "\n"
