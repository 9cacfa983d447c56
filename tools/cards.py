"""Copies the cards and pictures of built datasets to `cards/`, with the sections on audits that lie there.

Usage: python -m tools.cards [FOLDER]    the folder that holds the datasets, by default `datasets`; without it the
sections on audits are put onto the cards that are there, too
"""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

from PIL import Image

from synthmammo.mammogram import png

ROOT = Path(__file__).parents[1]


def copy(dataset: Path) -> None:
    """One card, without the Hub's header, and its picture as JPEG, which bears the same mark."""
    name = dataset.name
    text = (dataset / "README.md").read_text(encoding="utf-8").split("---\n", 2)[2].lstrip()
    picture = ROOT / "cards" / "figures" / f"{name}.jpg"
    picture.parent.mkdir(parents=True, exist_ok=True)
    samples = dataset / "figures" / "samples.png"
    packet = png.read_packet(samples.read_bytes())
    with Image.open(samples) as opened:
        opened.save(picture, quality=88, optimize=True, xmp=packet.encode())
    text = text.replace("(figures/samples.png)", f"(figures/{name}.jpg)")
    figures = [*(dataset / "figures").glob("benchmark-*.png"), *(dataset / "figures").glob("audit-*.png")]
    for figure in sorted(figures):
        shutil.copyfile(figure, picture.with_name(f"{name}-{figure.name}"))
        text = text.replace(f"(figures/{figure.name})", f"(figures/{name}-{figure.name})")
    (ROOT / "cards" / f"{name}.md").write_text(with_audit(name, text), encoding="utf-8")


def with_audit(name: str, text: str) -> str:
    """A card with the section that `tools.audit_cards` wrote, before that on loading; none where there is none."""
    path = ROOT / "cards" / "audits" / f"{name}.md"
    text = re.sub(r"## Audit\n.*?(?=\n## )\n", "", text, flags=re.DOTALL)
    if not path.is_file():
        return text
    before, heading, after = text.partition("## Loading")
    return f"{before}## Audit\n\n{path.read_text(encoding='utf-8')}\n{heading}{after}"


if __name__ == "__main__":
    if len(sys.argv) == 1:
        for card in sorted((ROOT / "cards").glob("*.md")):
            card.write_text(with_audit(card.stem, card.read_text(encoding="utf-8")), encoding="utf-8")
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "datasets")
    for recipe in sorted((ROOT / "recipes").glob("*.yaml")):
        if (folder / recipe.stem / "README.md").is_file():
            copy(folder / recipe.stem)
            print(recipe.stem)
