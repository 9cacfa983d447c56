"""How the pages look: dark as a reading room, with fonts of the machine, and nothing that is fetched from elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import gradio

CSS = """
.gradio-container { max-width: 1640px !important; }
.tiles { display: flex; gap: 12px; justify-content: center; background: #000; border-radius: 6px; padding: 10px; }
.tiles figure { flex: 1 1 0; max-width: min(66vh, 100%); margin: 0; }
.tiles .frame { position: relative; width: 100%; cursor: crosshair; background: #000; }
.tiles img, .tiles svg { position: absolute; inset: 0; width: 100%; height: 100%; margin: 0; border-radius: 0; }
.tiles svg rect, .tiles svg path { fill: none; stroke-width: 1.5px; vector-effect: non-scaling-stroke; }
.tiles svg rect { pointer-events: auto; }
.tiles figcaption { color: #c9ccd1; font-size: 13px; text-align: center; padding-top: 6px; min-height: 20px; }
.tiles.blink { display: grid; justify-items: center; }
.tiles.blink figure { grid-area: 1 / 1; width: 100%; }
.tiles.blink figure:last-child { animation: take-turns 1.4s steps(1) infinite; }
@keyframes take-turns { 0% { opacity: 1 } 50% { opacity: 0 } }
.tiles.small { flex-wrap: wrap; justify-content: flex-start; gap: 8px; }
.tiles.small figure { flex: 0 0 104px; cursor: pointer; }
.tiles.small figure.chosen .frame { outline: 2px solid #ffaa3c; }
.tiles.small figcaption { font-size: 11px; padding-top: 3px; white-space: nowrap; overflow: hidden;
  text-overflow: ellipsis; }
#rows { overflow-x: auto; font-size: 12px; }
#rows td, #rows th { padding: 3px 8px; border-color: #33363b; }
#status { min-height: 24px; color: #c9ccd1; }
#status .wrong { color: #ffb4a2; }
#steps { color: #9aa0a8; font-size: 13px; }
#steps .undone { opacity: 0.45; }
footer { display: none !important; }
"""

DARK = "() => { document.body.classList.add('dark'); }"

CLICKS = """
element.addEventListener('click', (event) => {
  const frame = event.target.closest('.frame');
  if (!frame) return;
  const box = frame.getBoundingClientRect();
  const row = Math.floor((event.clientY - box.top) / box.height * Number(frame.dataset.height));
  const column = Math.floor((event.clientX - box.left) / box.width * Number(frame.dataset.width));
  trigger('click', {row: row, column: column, tile: Number(frame.dataset.tile)});
});
"""
"""A click on a picture becomes its pixel: row, column and the number of the tile."""


def theme() -> gradio.themes.Base:
    """A theme whose fonts are those of the machine: the usual ones would be fetched."""
    import gradio as gr

    fonts: list[Any] = ["system-ui", "sans-serif"]
    base = gr.themes.Base(
        primary_hue="orange",
        neutral_hue="zinc",
        font=fonts,
        font_mono=["ui-monospace", "monospace"],
        spacing_size="sm",
        radius_size="sm",
        text_size="sm",
    )
    return base.set(
        body_background_fill_dark="#0d0e10",
        background_fill_primary_dark="#0d0e10",
        block_background_fill_dark="#17181b",
        button_large_padding="6px 12px",
        button_large_text_size="13px",
        button_large_text_weight="500",
    )
