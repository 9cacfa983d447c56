"""Copies the cards and pictures of built datasets to `cards/`.

Usage: python -m tools.cards [FOLDER]    the folder that holds the datasets, by default `datasets`
"""

from __future__ import annotations

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
    (ROOT / "cards" / f"{name}.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "datasets")
    for recipe in sorted((ROOT / "recipes").glob("*.yaml")):
        if (folder / recipe.stem / "README.md").is_file():
            copy(folder / recipe.stem)
            print(recipe.stem)
