"""Writes what `tools.audit_shipped` found into `cards/audits/`, onto the cards of models, and into the documentation.

Usage: python -m tools.audit_cards OUT    the folder that tools.audit_shipped wrote

`cards/audits/NAME.md` is the section of the card of NAME. The sheet of closest pairs comes along, small and compressed,
where the terms of the training images let everybody pass them on, with their attribution.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

from PIL import Image

from synthmammo.mammogram.licences import Terms, stated_terms
from tools.audit_shipped import OF_MODELS

ROOT = Path(__file__).parents[1]
SECTIONS = ROOT / "cards" / "audits"
PAGE = ROOT / "docs" / "explanation" / "audit_shipped.md"
MODELS = ROOT / "synthmammo" / "models" / "shipped"
HEADER = (
    "| recipe | samples | copies | kernel distance x 1000 (real against real) | precision | recall | "
    "two-sample AUC | membership AUC |\n| --- | --- | --- | --- | --- | --- | --- | --- |"
)
_TABLE = re.compile(r"(<!-- table -->\n).*?(<!-- end -->)", re.DOTALL)


def section(name: str, audit: Path, record: dict[str, Any]) -> str:
    """The section of a card: what was judged, what was found, and the sheet where it may be shown."""
    size, sides = record["dataset"]["samples"], [record[part] for part in ("train", "reference")]
    counts = f"{sides[0]['samples']:,} training, {sides[1]['samples']:,} held-out images"
    said = (
        f"{size} samples of the recipe were judged against real images, {sides[0]['name']} ({counts}), with "
        "`python -m tools.audit_shipped`; [what is measured](../docs/explanation/audit.md)."
    )
    text = f"{said}\n\n{(audit / 'card.md').read_text(encoding='utf-8').strip()}\n"
    sheet = audit / "figures" / "closest.png"
    if stated_terms(sides[0].get("terms", "")) is Terms.RESTRICTED or not sheet.is_file():
        return text
    picture = ROOT / "cards" / "figures" / f"{name}-audit-closest.jpg"
    Image.open(sheet).convert("L").save(picture, quality=75, optimize=True)
    caption = "The samples most like a training image, each beside it, the most alike first"
    return f"{text}\n![{caption}](figures/{picture.name})\n\n{caption}. Real images: {sides[0]['citation']}\n"


def row(name: str, record: dict[str, Any]) -> str:
    """One line of the table."""
    memorised, realism = record["memorised"], record["realism"]
    distance, told = realism["kernel_distance_x1000"], realism["two_sample_auc"]
    member = memorised["membership_auc"]
    copies = f"{len(memorised['keys'])} (at most {100 * memorised['high']:.1f} %)"
    cells = (
        f"[{name}](../../cards/{name}.md)",
        str(record["dataset"]["samples"]),
        copies if memorised["able"] else memorised["verdict"],
        f"{_ends(distance, 0)} ({distance['floor']:.1f})",
        f"{realism['precision']['value']:.2f}",
        f"{realism['recall']['value']:.2f}",
        _ends(told, 2),
        _ends(member, 2),
    )
    return "| " + " | ".join(cells) + " |"


def _ends(figure: dict[str, Any], digits: int) -> str:
    return f"{figure['value']:.{digits}f} ({figure['low']:.{digits}f} to {figure['high']:.{digits}f})"


def on_model(name: str, text: str) -> None:
    """Put a section onto the card of a shipped model, in place of the one that is there."""
    path = MODELS / f"{name}.md"
    card = re.sub(r"## Audit\n.*?(?=\n## |\Z)", "", path.read_text(encoding="utf-8"), flags=re.DOTALL).rstrip() + "\n"
    links = {"(../docs/": "(../../../docs/", "(figures/": "(../../../cards/figures/"}
    for old, new in links.items():
        text = text.replace(old, new)
    before, heading, after = card.partition("## Attribution")
    path.write_text(
        before.rstrip() + f"\n\n## Audit\n\n{text}" + (f"\n{heading}{after}" if heading else ""), encoding="utf-8"
    )


def main(out: Path) -> None:
    """Write all of it."""
    SECTIONS.mkdir(exist_ok=True)
    lines = []
    for audit in sorted((out / "audits").iterdir()):
        record = json.loads((audit / "audit.json").read_text(encoding="utf-8"))
        text = section(audit.name, audit, record)
        (SECTIONS / f"{audit.name}.md").write_text(text, encoding="utf-8")
        if audit.name in OF_MODELS:
            on_model(OF_MODELS[audit.name], text)
        lines.append(row(audit.name, record))
    table = "\n".join([HEADER, *lines])
    page = _TABLE.sub(lambda found: f"{found[1]}{table}\n{found[2]}", PAGE.read_text(encoding="utf-8"))
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
