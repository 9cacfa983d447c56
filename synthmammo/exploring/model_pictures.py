"""The pictures and lists of a model's page as HTML, made without gradio."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape

import numpy as np

from synthmammo.exploring.desk import Desk
from synthmammo.exploring.scene import Scene
from synthmammo.exploring.session import Session
from synthmammo.exploring.views import Tile, compared, finding_shapes, page_of, screen


@dataclass(frozen=True)
class Shown:
    """What is chosen on the page beside the session.

    Attributes:
        mode: One of `MODES`.
        against: "the sample" or "the last step": what the image is compared with.
        boxes: Whether lesions are boxed.
        part: Part that is outlined; None for none.
        lesion: Number of the lesion that is chosen; None for none.
    """

    mode: str = "after"
    against: str = "the sample"
    boxes: bool = True
    part: int | None = None
    lesion: int | None = None


def picture(desk: Desk, session: Session, shown: Shown) -> str:
    """The picture of a session as HTML."""
    after = desk.painter.paint(session.scene)
    start = session.before if shown.against == "the last step" else session.scene.start
    before = desk.painter.paint(start) if shown.mode != "after" else after
    outline = None
    if shown.part is not None and (places := desk.painter.places(session.scene)) is not None:
        outline = places == shown.part
    shapes = finding_shapes(after.findings, shown.lesion) if shown.boxes else ()
    tile = Tile(screen(after.image, after.bits_stored), _caption(session.scene), shapes, outline)
    return page_of(compared(before, after, shown.mode, tile), shown.mode)


def _caption(scene: Scene) -> str:
    origin = scene.origin
    name = f"real image {origin.key}" if origin.key else f"seed {origin.seed}, truncation {origin.truncation:g}"
    done = [*scene.words()]
    return f"{name}; {len(done)} changes" if len(done) > 3 else "; ".join([name, *done])


def steps(session: Session) -> str:
    """The steps of a session as HTML, the last first; undone ones are pale."""
    rows = [
        f'<li class="{"undone" if number > session.place else ""}">{escape(step.what)}</li>'
        for number, step in enumerate(session.steps)
    ]
    return f"<ol reversed>{''.join(rows[::-1])}</ol>"


def thumbnails(desk: Desk, session: Session, seeds: Sequence[int]) -> str:
    """Samples that something may be taken from, as HTML; the number of a tile is that of its seed."""
    origin = replace(session.scene.origin, latents=None, key=None)
    tiles = []
    for seed in seeds:
        sample = desk.painter.paint(Scene(replace(origin, seed=seed)))
        pixels = screen(sample.image, sample.bits_stored)
        step = max(1, pixels.shape[0] // 128)
        tiles.append(Tile(np.ascontiguousarray(pixels[::step, ::step]), f"seed {seed}"))
    return page_of(tiles, "small")


def lesion_at(desk: Desk, session: Session, row: int, column: int) -> int | None:
    """Number of the lesion whose box a pixel lies in; None where there is none."""
    findings = desk.painter.paint(session.scene).findings
    for number, finding in enumerate(findings):
        row0, col0, row1, col1 = finding.box
        if row0 <= row < row1 and col0 <= column < col1:
            return number
    return None
