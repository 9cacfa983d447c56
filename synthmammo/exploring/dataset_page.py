"""The page of a dataset: filters, the samples that pass them, and one sample closely."""

from __future__ import annotations

from dataclasses import fields
from functools import lru_cache
from html import escape
from typing import Any

from synthmammo.errors import OutputError, SynthmammoError
from synthmammo.exploring.catalogue import ALL, Catalogue, Filters
from synthmammo.exploring.looks import CLICKS
from synthmammo.exploring.sample_view import LAYERS, facts, preview_tiles, sample_tile, window_of
from synthmammo.exploring.studies import MOST, Studies
from synthmammo.exploring.views import Tile, page_of
from synthmammo.mammogram.sample import Sample

try:
    import gradio as gr
except ImportError as error:  # the extra `app`
    hint = 'Install it: pip install "synthmammo[app]"'
    raise OutputError("the explorer needs gradio", hint=hint) from error

PAGE = 24
"""Samples per page."""

_QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
_NAMES = {
    "split": "Split",
    "label": "Class",
    "lesion": "Lesion",
    "density": "Density",
    "view": "View",
    "flag": "Flag of the audit",
}
_SHOWN_SAMPLE, _SHOWN_PAGE, _ALL_CHOSEN = "the sample shown", "the samples of this page", "all samples that pass"


def dataset_page(catalogue: Catalogue, studies: Studies | None, where: str | None = None) -> gr.Blocks:
    """The page of a dataset.

    Args:
        catalogue: The dataset.
        studies: Where samples are opened as a study; None for nowhere.
        where: Condition that is filled in at first; None for none.
    """
    title = f"synthmammo explore {catalogue.path.name}"
    page = gr.Blocks(title=title, analytics_enabled=False, delete_cache=(3600, 3600))
    with page:
        events = _Events(catalogue, studies, where or "")
        page.load(events.filtered, events.filters, events.listed, **_QUIET).then(
            events.page_pictures, [events.keys, events.place], [events.thumbs, events.status], **_QUIET
        )
    return page


class _Events:
    def __init__(self, catalogue: Catalogue, studies: Studies | None, where: str) -> None:
        self.catalogue, self._studies = catalogue, studies
        self._sample = lru_cache(maxsize=4)(catalogue.sample)
        self.keys, self.place, self.key = gr.State([]), gr.State(0), gr.State(None)
        gr.HTML(f"<h3>{escape(catalogue.path.name)}: {len(catalogue):,} samples</h3>")
        with gr.Row():
            with gr.Column(scale=5, min_width=420):
                self._make_filters(where)
                self._make_list()
            with gr.Column(scale=7, min_width=480):
                self._make_viewer()
        self._connect()

    def _make_filters(self, where: str) -> None:
        with gr.Row():
            chosen = {
                name: gr.Dropdown(
                    self.catalogue.choices(name),
                    value=ALL,
                    label=label,
                    min_width=120,
                    visible=name != "flag" or bool(self.catalogue.flags),
                    elem_id=f"filter-{name}",
                )
                for name, label in _NAMES.items()
            }
        self.where = gr.Textbox(
            where, label="Condition, as --where takes it", placeholder="density in ('c', 'd') and kvp < 30"
        )
        self.filters: list[gr.Dropdown | gr.Textbox] = [
            *(chosen[field.name] for field in fields(Filters) if field.name in chosen),
            self.where,
        ]

    def _make_list(self) -> None:
        self.status = gr.HTML("", elem_id="status")
        self.thumbs = gr.HTML("", js_on_load=CLICKS, elem_id="thumbs")
        with gr.Row():
            self.back = gr.Button("Back", min_width=60, elem_id="back")
            self.next = gr.Button("Next", min_width=60, elem_id="next")
        self.table = gr.HTML("", elem_id="rows")
        self.listed = [self.keys, self.place, self.status, self.table]

    def _make_viewer(self) -> None:
        self.view = gr.HTML("Click on a sample.", elem_id="view")
        with gr.Row():
            self.middle = gr.Slider(0, 4095, 2048, step=1, label="Level", elem_id="level")
            self.width = gr.Slider(1, 4096, 4096, step=1, label="Window", elem_id="window")
        with gr.Row():
            self.layers = gr.CheckboxGroup(list(LAYERS), value=[LAYERS[0]], label="Over the image", elem_id="layers")
            self.fit = gr.Button("Window of the breast", min_width=60, elem_id="fit")
        self.facts = gr.HTML("", elem_id="facts")
        with gr.Accordion("Nearest training images", open=True, visible=self.catalogue.audit is not None):
            self.near = gr.HTML("", elem_id="nearest")
        with gr.Accordion("Provenance", open=False):
            self.provenance = gr.JSON(None, show_label=False, elem_id="provenance")
        with gr.Row(visible=self._studies is not None):
            self.which = gr.Radio(
                [_SHOWN_SAMPLE, _SHOWN_PAGE, _ALL_CHOSEN], value=_SHOWN_PAGE, label="Open in the reader study's viewer"
            )
            self.study = gr.Button("Open in study", elem_id="study")
        self.link = gr.HTML("", elem_id="study-link")

    def _connect(self) -> None:
        pictures = ([self.keys, self.place], [self.thumbs, self.status])
        for control in self.filters:
            event = control.submit if isinstance(control, gr.Textbox) else control.input
            event(self.filtered, self.filters, self.listed, **_QUIET).then(self.page_pictures, *pictures, **_QUIET)
        for button, step in ((self.back, -1), (self.next, 1)):
            moved = button.click(self._moving(step), [self.keys, self.place], [self.place, self.table], **_QUIET)
            moved.then(self.page_pictures, *pictures, **_QUIET)
        viewer = [self.key, self.middle, self.width, self.view, self.facts, self.near, self.provenance]
        self.thumbs.click(self._opened, [self.keys, self.place, self.layers], viewer, **_QUIET)
        look = ([self.key, self.middle, self.width, self.layers], [self.view])
        for slider in (self.middle, self.width):
            slider.input(self._looked, *look, trigger_mode="always_last", **_QUIET)
        self.layers.input(self._looked, *look, **_QUIET)
        self.fit.click(self._fitted, [self.key, self.layers], [self.middle, self.width, self.view], **_QUIET)
        self.study.click(self._study, [self.which, self.keys, self.place, self.key], [self.link], **_QUIET)

    # --- what happens

    def filtered(self, *values: str) -> list[Any]:
        """The samples that pass the filters, from the first page on."""
        names = [field.name for field in fields(Filters)]
        try:
            keys = self.catalogue.keys(Filters(**dict(zip(names, values, strict=True))))
        except SynthmammoError as error:
            return [gr.update(), gr.update(), _wrong(error), gr.update()]
        return [keys, 0, "", self._rows(keys, 0)]

    def _moving(self, step: int) -> Any:
        def moved(keys: list[str], place: int) -> list[Any]:
            last = max(0, (len(keys) - 1) // PAGE)
            place = min(max(0, place + step), last)
            return [place, self._rows(keys, place)]

        return moved

    def _rows(self, keys: list[str], place: int) -> str:
        """The samples of a page as a table."""
        shown = _page(keys, place)
        said = f"{len(keys):,} of {len(self.catalogue):,} samples"
        said += f", {place * PAGE + 1:,} to {place * PAGE + len(shown):,}" if shown else ""
        rows = self.catalogue.rows(shown)
        head = "".join(f"<th>{name}</th>" for name in rows[0]) if rows else ""
        cells = ("".join(f"<td>{escape(str(value or ''))}</td>" for value in row.values()) for row in rows)
        body = "".join(f"<tr>{line}</tr>" for line in cells)
        return f'<p id="count">{said}</p><table><tr>{head}</tr>{body}</table>'

    def page_pictures(self, keys: list[str], place: int) -> list[str]:
        """The small pictures of a page."""
        try:
            return [page_of(preview_tiles(self.catalogue, _page(keys, place)), "small"), ""]
        except SynthmammoError as error:
            return ["", _wrong(error)]

    def _opened(self, event: gr.EventData, keys: list[str], place: int, layers: list[str]) -> list[Any]:
        data = event._data if isinstance(event._data, dict) else {}
        shown, number = _page(keys, place), data.get("tile")
        if not isinstance(number, int) or not 0 <= number < len(shown):
            return [gr.update()] * 7
        key = shown[number]
        try:
            sample = self._sample(key)
        except SynthmammoError as error:
            return [key, gr.update(), gr.update(), _wrong(error), "", "", None]
        middle, width = window_of(sample)
        top = 2**sample.bits_stored
        return [
            key,
            gr.update(value=middle, maximum=top - 1),
            gr.update(value=width, maximum=top),
            page_of([sample_tile(sample, middle, width, layers)]),
            _listed(facts(sample, self.catalogue.flags_of(key))),
            self._nearest(key),
            sample.provenance,
        ]

    def _looked(self, key: str | None, middle: float, width: float, layers: list[str]) -> Any:
        return page_of([sample_tile(self._sample(key), middle, width, layers)]) if key else gr.update()

    def _fitted(self, key: str | None, layers: list[str]) -> list[Any]:
        if not key:
            return [gr.update()] * 3
        middle, width = window_of(self._sample(key))
        return [middle, width, self._looked(key, middle, width, layers)]

    def _nearest(self, key: str) -> str:
        """The training images that a sample is most like: in words, and as pictures where they are at hand."""
        rows = self.catalogue.nearest(key)
        if not rows:
            return "The audit kept no nearest training images; run it again with this release."
        training, tiles, named = self.catalogue.training, list[Tile](), list[tuple[str, str]]()
        for row in rows:
            likeness = f"{row['instrument']}: {row['likeness']:.2f} (a copy above {row['threshold']:.2f})"
            if training is not None and row["training_key"] in training:
                tiles.append(_small(training.sample(row["training_key"]), f"{row['training_key']}, {likeness}"))
            else:
                named.append((row["training_key"], likeness))
        return (page_of(tiles) if tiles else "") + (_listed(named) if named else "")

    def _study(self, which: str, keys: list[str], place: int, key: str | None) -> str:
        chosen = {_SHOWN_SAMPLE: [key] if key else [], _SHOWN_PAGE: _page(keys, place), _ALL_CHOSEN: keys}[which]
        if not chosen or self._studies is None:
            return "No sample is chosen."
        try:
            address = self._studies.open(self.catalogue.path, chosen)
        except SynthmammoError as error:
            return _wrong(error)
        some = f"the first {MOST} of {len(chosen):,} cases" if len(chosen) > MOST else f"{len(chosen)} cases"
        return f'<a href="{escape(address)}?reader=Explorer" target="_blank" rel="noopener">Open the study</a>: {some}'


def _page(keys: list[str], place: int) -> list[str]:
    return keys[place * PAGE : (place + 1) * PAGE]


def _wrong(error: SynthmammoError) -> str:
    return f'<span class="wrong">{escape(str(error))}</span>'


def _listed(pairs: list[tuple[str, str]]) -> str:
    rows = "".join(f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in pairs)
    return f"<table>{rows}</table>"


def _small(sample: Sample, caption: str) -> Tile:
    tile = sample_tile(sample, *window_of(sample), ())
    return Tile(tile.pixels, caption, size=tile.size)
