"""The page of a model: which control does what; what is done is in `desk`."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any

from synthmammo.editing.inversion.options import InversionOptions
from synthmammo.errors import GeneratorError, OutputError, SourceError, SynthmammoError
from synthmammo.exploring.desk import DRAWN, Desk, Wish
from synthmammo.exploring.model_controls import NEXT, Controls
from synthmammo.exploring.model_pictures import Shown, lesion_at, picture, steps, thumbnails
from synthmammo.exploring.saving import save_recipe
from synthmammo.exploring.scene import Lesion
from synthmammo.exploring.session import Session
from synthmammo.mammogram.sample import Kind, Pathology
from synthmammo.mammogram.terms import TERMS

try:
    import gradio as gr
except ImportError as error:  # the extra `app`
    hint = 'Install it: pip install "synthmammo[app]"'
    raise OutputError("the explorer needs gradio", hint=hint) from error

_QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
_LIVE: dict[str, Any] = {**_QUIET, "trigger_mode": "always_last"}
"""A slider that is moved: pictures follow it, and the last place of it counts."""

_SHOWN = 4
"""Inputs that every event has behind the session: mode, against, boxes, chosen lesion."""


def model_page(desk: Desk, folder: Path) -> gr.Blocks:
    """The page of a model.

    Args:
        desk: What actions do.
        folder: Folder for recipes that are saved.
    """
    title = f"synthmammo explore {desk.painter.name}"
    page = gr.Blocks(title=title, analytics_enabled=False, delete_cache=(3600, 3600))
    with page:
        events = _Events(desk, Controls(desk, desk.begin()), folder)
        events.connect()
    return page


class _Events:
    def __init__(self, desk: Desk, controls: Controls, folder: Path) -> None:
        self.desk, self.at, self._folder = desk, controls, folder
        at = controls
        self._given = [at.session, at.part, at.mode, at.against, at.boxes, at.which]
        self._results = [at.session, at.view, at.status, at.history, at.which]
        self._wish = [at.kind, at.pathology, at.diameter, at.contrast, at.generator, *at.terms.values()]
        self._origin = [at.seed, at.truncation, at.label, at.noise]
        self._moves = [*at.directions.values(), at.along]
        self._layers = [at.first, at.last]

    def connect(self) -> None:
        """Say what every control does."""
        self._connect_view()
        self._connect_samples()
        self._connect_directions()
        self._connect_parts()
        self._connect_lesions()
        self._connect_files()

    def _step(
        self,
        event: Callable[..., Any],
        action: Callable[..., Session],
        inputs: Sequence[Any],
        *,
        live: bool = False,
        **more: Any,
    ) -> None:
        """Let an event change the session by an action.

        Args:
            event: Event of a control.
            action: Takes the session and the values of the inputs, gives the session after it.
            inputs: Controls whose values it takes.
            live: Whether the control is moved little by little: then the others are left alone.
            more: Further arguments of the event.
        """

        def act(session: Session, part: int | None, *values: Any) -> list[Any]:
            begun, problem, after = time.perf_counter(), "", session
            shown, layers, given = _shown(part, values), values[_SHOWN : _SHOWN + 2], values[_SHOWN + 2 :]
            try:
                after = action(session, *given)
            except SynthmammoError as error:
                problem = str(error)
            results = self._page(after, shown, begun, problem)
            return results if live else [*results, *self._controls(after, layers)]

        controls = [] if live else [*self._origin, *self._moves, self.at.removal]
        options = {**(_LIVE if live else _QUIET), **more}
        event(act, [*self._given, *self._layers, *inputs], [*self._results, *controls], **options)

    def _page(self, session: Session, shown: Shown, begun: float, problem: str = "") -> list[Any]:
        """Session, picture, status, steps and the choice of lesions."""
        lesions = session.scene.lesions
        if shown.lesion is not None and shown.lesion >= len(lesions):
            shown = replace(shown, lesion=None)
        view = picture(self.desk, session, shown)
        seconds = time.perf_counter() - begun
        said = f'<span class="wrong">{escape(problem)}</span>' if problem else escape(session.steps[session.place].what)
        status = f'<span data-seconds="{seconds:.3f}">{said} ({seconds:.2f} s)</span>'
        choices = [("the next lesion", NEXT), *((f"{n + 1}: {lesion}", str(n)) for n, lesion in enumerate(lesions))]
        which = gr.update(choices=choices, value=NEXT if shown.lesion is None else str(shown.lesion))
        return [session, view, status, steps(session), which]

    def _controls(self, session: Session, layers: Sequence[Any]) -> list[Any]:
        """Values of the controls that show what the session says."""
        scene = session.scene
        origin, span = scene.origin, self._span(layers)
        moves = [scene.strength(("move", name, span)) for name in self.at.directions]
        seed = gr.update() if origin.key else origin.seed
        return [seed, origin.truncation, origin.label, origin.noise, *moves, gr.update(), scene.taken_off or ""]

    def _span(self, layers: Sequence[Any]) -> tuple[int, int] | None:
        first, last = sorted(int(layer or 0) for layer in layers)
        return None if (first, last + 1) == (0, self.desk.painter.layers) else (first, last + 1)

    def _connect_view(self) -> None:
        at = self.at
        self._step(at.undo.click, lambda session: session.undo(), [])
        self._step(at.redo.click, lambda session: session.redo(), [])
        self._step(at.plain.click, self.desk.plain, [])

        def look(session: Session, part: int | None, *values: Any) -> list[Any]:
            return self._page(session, _shown(part, values), time.perf_counter())[1:2]

        for control in (at.mode, at.against, at.boxes):
            control.input(look, self._given, [at.view], **_QUIET)

    def _connect_samples(self) -> None:
        at, desk = self.at, self.desk

        def sampled(session: Session, seed: Any, psi: float, label: str | None, noise: str) -> Session:
            return desk.sampled(session, int(seed or 0), psi, label, noise)

        def slid(session: Session, _: Any, psi: float, label: str | None, noise: str) -> Session:
            return desk.sampled(session, session.scene.origin.seed, psi, label, noise, control="truncation")

        def another(session: Session, *values: Any) -> Session:
            return desk.sampled(session, session.scene.origin.seed + 1, *values[1:])

        for event in (at.seed.submit, at.seed.blur, at.label.input, at.noise.input):
            self._step(event, sampled, self._origin)
        self._step(at.truncation.input, slid, self._origin, live=True)
        self._step(at.another.click, another, self._origin)

    def _connect_directions(self) -> None:
        at, desk = self.at, self.desk

        def along(name: str) -> Callable[..., Session]:
            return lambda session, strength, *layers: desk.moved(session, name, strength, self._span(layers))

        def component(session: Session, strength: float, number: Any, *layers: Any) -> Session:
            return desk.moved(session, f"component {int(number or 0)}", strength, self._span(layers))

        for name, slider in at.directions.items():
            self._step(slider.input, along(name), [slider, *self._layers], live=True)
        self._step(at.along.input, component, [at.along, at.component, *self._layers], live=True)

        def strengths(session: Session, number: Any, *layers: Any) -> list[float]:
            names, span = [*at.directions, f"component {int(number or 0)}"], self._span(layers)
            return [session.scene.strength(("move", name, span)) for name in names]

        for control in (at.component.change, at.first.input, at.last.input):
            control(strengths, [at.session, at.component, *self._layers], self._moves, **_QUIET)

    def _connect_parts(self) -> None:
        at, desk = self.at, self.desk

        def thumbs(session: Session, number: int) -> str:
            return thumbnails(desk, session, desk.references(number))

        at.part_tab.select(thumbs, [at.session, at.set], [at.thumbs], **_QUIET)
        more = at.more.click(lambda number: number + 1, [at.set], [at.set], **_QUIET)
        more.then(thumbs, [at.session, at.set], [at.thumbs], **_QUIET)

        taking = [at.part, at.what, at.reference, at.share, at.mix_first, at.mix_last]

        def chosen(event: gr.EventData, number: int) -> int:
            return desk.references(number)[_number(event, "tile")]

        self._step(at.thumbs.click(chosen, [at.set], [at.reference], **_QUIET).then, self._take, taking)
        self._step(at.take.click, self._take, taking)
        self._step(at.share.input, self._share, taking, live=True)

    def _take(
        self, session: Session, part: int | None, what: str, seed: Any, share: float, first: int, last: int
    ) -> Session:
        if what == "layers":
            low, high = sorted((int(first), int(last)))
            return self.desk.mixed(session, (low, high + 1), int(seed or 0), share)
        if part is None:
            raise GeneratorError("no part is chosen", hint="Click on a part of the picture first.")
        return self.desk.taken(session, part, int(seed or 0), share)

    def _share(self, session: Session, part: int | None, what: str, *values: Any) -> Session:
        """As `_take`, of what was taken already: the slider alone takes nothing."""
        slot = ("mix",) if what == "layers" else ("take", part)
        there = any(edit.slot == slot for edit in session.scene.edits)
        return self._take(session, part, what, *values) if there else session

    def _connect_lesions(self) -> None:
        at, desk = self.at, self.desk
        self._connect_clicks()

        def changed(session: Session, which: str, *wish: Any) -> Session:
            return session if which == NEXT else desk.changed(session, int(which), _wished(wish))

        for slider in (at.diameter, at.contrast):
            self._step(slider.input, changed, [at.which, *self._wish], live=True)
        menus = (menu.input for menu in (at.generator, *at.terms.values()))
        for event in (at.pathology.input, *menus):
            self._step(event, changed, [at.which, *self._wish])
        at.kind.change(self._of_kind, [at.kind, at.generator], [at.generator, *at.terms.values()], **_QUIET)
        self._step(at.kind.input, changed, [at.which, *self._wish])
        self._step(at.again.click, lambda session, which: desk.again(session, _chosen(which)), [at.which])
        self._step(at.remove.click, lambda session, which: desk.removed(session, _chosen(which)), [at.which])
        self._step(at.removal.input, lambda session, name: desk.taken_off(session, name or None), [at.removal])
        at.which.input(self._choose, self._given, [at.view, *self._wish], **_QUIET)

    def _of_kind(self, kind: str, generator: str) -> list[Any]:
        """Generators and terms of a kind of lesion."""
        known = self.desk.generators(Kind(kind))
        visible = [gr.update(visible=name in TERMS[Kind(kind)]) for name in self.at.terms]
        return [gr.update(choices=known, value=generator if generator in known else known[0]), *visible]

    def _choose(self, session: Session, part: int | None, *values: Any) -> list[Any]:
        """The picture with the chosen lesion marked, and the controls as it was asked for."""
        shown = _shown(part, values)
        view = self._page(session, shown, time.perf_counter())[1]
        if shown.lesion is None or shown.lesion >= len(session.scene.lesions):
            return [view, *[gr.update()] * len(self._wish)]
        return [view, *_as_controls(session.scene.lesions[shown.lesion], self.at.terms)]

    def _connect_clicks(self) -> None:
        at = self.at

        def clicked(event: gr.EventData, session: Session, part: int | None, *values: Any) -> list[Any]:
            place, shown = (_number(event, "row"), _number(event, "column")), _shown(part, values)
            puts, wish = values[_SHOWN], values[_SHOWN + 1 :]
            return self._put(session, shown, place, _wished(wish)) if puts else self._pick(session, shown, place)

        inputs, results = [*self._given, at.click, *self._wish], [*self._results, at.part, at.chosen]
        put = at.view.click(clicked, inputs, results, **_QUIET)
        put.then(self._choose, self._given, [at.view, *self._wish], **_QUIET)

    def _put(self, session: Session, shown: Shown, place: tuple[int, int], wish: Wish) -> list[Any]:
        """A lesion at a place, which then is the chosen one."""
        begun, problem = time.perf_counter(), ""
        try:
            session = self.desk.put(session, place, wish)
            shown = replace(shown, lesion=len(session.scene.lesions) - 1)
        except SynthmammoError as error:
            problem = str(error)
        return [*self._page(session, shown, begun, problem), shown.part, gr.update()]

    def _pick(self, session: Session, shown: Shown, place: tuple[int, int]) -> list[Any]:
        """The lesion at a place, or else the part there, chosen."""
        begun = time.perf_counter()
        told: str | dict[str, Any] = gr.update()
        found = lesion_at(self.desk, session, *place)
        part = shown.part if found is not None else self.desk.part_at(session, *place)
        if found is None and part is not None:
            told = f"Part {part} is chosen: click on a sample to take it from."
        return [*self._page(session, replace(shown, part=part, lesion=found), begun), part, told]

    def _connect_files(self) -> None:
        at, desk = self.at, self.desk

        def invert(session: Session, file: str | None, spacing: float | None, count: float) -> Session:
            if file is None:
                raise SourceError("no file is chosen", hint="Drop one above.")
            first = int(count * 0.4)
            options = InversionOptions(w_steps=first, plus_steps=int(count) - first)
            shown = gr.Progress()

            def progress(done: int, total: int | None) -> None:
                shown((done, total or 1), desc="searching", unit="steps")

            return desk.inverted(session, Path(file), options, assume_spacing_mm=spacing or None, progress=progress)

        searched: dict[str, Any] = {"show_progress": "full", "show_progress_on": [at.upload]}
        self._step(at.invert.click, invert, [at.upload, at.spacing, at.search], **searched)

        def save(session: Session, name: str) -> list[Any]:
            # Two visitors may give one name: each save has a folder of its own.
            self._folder.mkdir(parents=True, exist_ok=True)
            folder = Path(tempfile.mkdtemp(dir=self._folder))
            paths = save_recipe(desk.painter, session.scene, folder, name)
            return [[str(path) for path in paths], paths[0].read_text(encoding="utf-8")]

        at.save.click(save, [at.session, at.name], [at.files, at.yaml], **_QUIET)


def _shown(part: int | None, values: Sequence[Any]) -> Shown:
    mode, against, boxes, which = values[:_SHOWN]
    return Shown(mode, against, bool(boxes), part, None if which in (None, NEXT) else int(which))


def _wished(values: Sequence[Any]) -> Wish:
    kind, pathology, diameter, contrast, generator, *terms = values
    names = [name for words in TERMS.values() for name in words]
    stated = tuple((name, term) for name, term in zip(names, terms, strict=True) if term not in (None, DRAWN))
    return Wish(Kind(kind), Pathology(pathology), float(diameter), float(contrast), stated, generator)


def _as_controls(lesion: Lesion, names: Sequence[str] | dict[str, Any]) -> list[Any]:
    terms = dict(lesion.terms)
    sizes = [lesion.diameter_mm, lesion.contrast, lesion.generator]
    return [str(lesion.kind), str(lesion.pathology), *sizes, *(terms.get(name, DRAWN) for name in names)]


def _chosen(which: str | None) -> int:
    return -1 if which in (None, NEXT) else int(which)


def _number(event: gr.EventData, name: str) -> int:
    """A number of a click; what a browser sends is not trusted."""
    data = event._data if isinstance(event._data, dict) else {}
    try:
        return int(data.get(name, -1))
    except (TypeError, ValueError):
        return -1
