"""The controls of a model's page: what stands where; what they do is in `model_page`."""

from __future__ import annotations

from html import escape
from typing import Any

from synthmammo.errors import OutputError
from synthmammo.exploring.desk import DRAWN, PARAMETRIC, Desk
from synthmammo.exploring.looks import CLICKS
from synthmammo.exploring.model_pictures import Shown, picture, steps
from synthmammo.exploring.session import Session
from synthmammo.exploring.views import MODES
from synthmammo.mammogram.sample import Kind, Pathology
from synthmammo.mammogram.terms import ATTRIBUTES, TERMS

try:
    import gradio as gr
except ImportError as error:  # the extra `app`
    hint = 'Install it: pip install "synthmammo[app]"'
    raise OutputError("the explorer needs gradio", hint=hint) from error

NEXT = "next"
"""Stands for the next lesion where a lesion is chosen."""

_LARGEST_SEED = 2**32 - 1


class Controls:
    """All controls; made inside `gr.Blocks`.

    Args:
        desk: What actions do.
        first: Session that the page begins with.
    """

    def __init__(self, desk: Desk, first: Session) -> None:
        self.session, self.part = gr.State(first), gr.State(None)
        gr.HTML(f"<h3>{escape(desk.painter.name)}</h3>")
        with gr.Row():
            with gr.Column(scale=5, min_width=420), gr.Tabs():
                self._samples(desk, first)
                self._attributes(desk)
                self._parts(desk)
                self._lesions(desk)
                self._real()
                self._saving()
            with gr.Column(scale=7, min_width=480):
                self._viewer(desk, first)

    def _viewer(self, desk: Desk, first: Session) -> None:
        with gr.Row():
            self.undo = gr.Button("Undo", min_width=60, elem_id="undo")
            self.redo = gr.Button("Redo", min_width=60, elem_id="redo")
            self.plain = gr.Button("Back to the sample", min_width=60, elem_id="plain")
        with gr.Row():
            self.mode = gr.Radio(list(MODES), value="after", label="Show", scale=3, min_width=430, elem_id="mode")
            self.against = gr.Radio(
                ["the sample", "the last step"], value="the sample", label="Compared with", scale=2, min_width=210
            )
        self.boxes = gr.Checkbox(True, label="Boxes of lesions", container=False, elem_id="boxes")
        self.view = gr.HTML(picture(desk, first, Shown()), js_on_load=CLICKS, elem_id="view")
        self.status = gr.HTML("Click on a part of the picture, or put lesions on it.", elem_id="status")
        with gr.Accordion("Steps", open=False):
            self.history = gr.HTML(steps(first), elem_id="steps")

    def _samples(self, desk: Desk, first: Session) -> None:
        origin, labels = first.scene.origin, desk.painter.labels
        with gr.Tab("Sample"):
            self.seed = gr.Number(
                origin.seed, label="Seed", precision=0, minimum=0, maximum=_LARGEST_SEED, elem_id="seed"
            )
            self.another = gr.Button("Another sample", elem_id="another")
            self.truncation = gr.Slider(
                0, 1.5, origin.truncation, step=0.05, label="Truncation psi: less is more typical", elem_id="truncation"
            )
            what = "View" if desk.painter.model.checkpoint.description.makes_views else "Class"
            self.label = gr.Dropdown(list(labels), value=origin.label, label=what, visible=bool(labels))
            self.noise = gr.Radio(
                [("the seed's own", "own"), ("the same for all", "fixed")], value=origin.noise, label="Fine texture"
            )

    def _attributes(self, desk: Desk) -> None:
        last = desk.painter.layers - 1
        self.directions: dict[str, Any] = {}
        with gr.Tab("Attributes"):
            if not desk.attributes and not desk.components:
                gr.HTML("The model has no directions beside it: `synthmammo directions fit MODEL` finds them.")
            for name in desk.attributes:
                self.directions[name] = gr.Slider(
                    -3, 3, 0, step=0.1, label=name, info=ATTRIBUTES[name], elem_id=f"direction-{name}"
                )
            there = bool(desk.components)
            self.component = gr.Number(
                0,
                label=f"Principal component, 0 to {desk.components - 1}",
                precision=0,
                minimum=0,
                maximum=max(0, desk.components - 1),
                visible=there,
                elem_id="component",
            )
            self.along = gr.Slider(
                -3, 3, 0, step=0.1, label="Standard deviations along it", visible=there, elem_id="along"
            )
            with gr.Row():
                self.first = gr.Slider(0, last, 0, step=1, label="First layer that moves", elem_id="first-layer")
                self.last = gr.Slider(0, last, last, step=1, label="Last layer that moves", elem_id="last-layer")

    def _parts(self, desk: Desk) -> None:
        last = desk.painter.layers - 1
        about = "Click on a part of the picture, then on a sample to take it from."
        if desk.painter.parts is None:
            about = "The model has no parts beside it (`synthmammo parts fit MODEL` finds them); layers can be mixed."
        with gr.Tab("Parts") as self.part_tab:
            self.what = gr.Radio(
                ["the part", "layers"],
                value="the part" if desk.painter.parts else "layers",
                label="Take",
                elem_id="what",
            )
            self.chosen = gr.HTML(about, elem_id="chosen-part")
            self.thumbs = gr.HTML("", js_on_load=CLICKS, elem_id="references")
            self.more = gr.Button("Other samples", elem_id="more")
            self.reference = gr.Number(
                1, label="Seed to take from", precision=0, minimum=0, maximum=_LARGEST_SEED, elem_id="reference"
            )
            self.take = gr.Button("Take from this seed", elem_id="take")
            self.set = gr.State(0)
            self.share = gr.Slider(0, 1, 1, step=0.05, label="Share of the way to it", elem_id="share")
            with gr.Row():
                self.mix_first = gr.Slider(0, last, last // 2, step=1, label="First layer to mix")
                self.mix_last = gr.Slider(0, last, last, step=1, label="Last layer to mix")

    def _lesions(self, desk: Desk) -> None:
        with gr.Tab("Lesions"):
            self.click = gr.Checkbox(False, label="A click on the picture puts a lesion on", elem_id="click-puts")
            self.which = gr.Dropdown([("the next lesion", NEXT)], value=NEXT, label="Controls act on", elem_id="which")
            with gr.Row():
                self.kind = gr.Radio(
                    [str(Kind.MASS), str(Kind.CALCIFICATION)], value=str(Kind.MASS), label="Kind", elem_id="kind"
                )
                self.pathology = gr.Radio(
                    [str(Pathology.MALIGNANT), str(Pathology.BENIGN)], value=str(Pathology.MALIGNANT), label="Pathology"
                )
            self.generator = gr.Dropdown(
                desk.generators(Kind.MASS), value=PARAMETRIC, label="Generator", elem_id="generator"
            )
            with gr.Row():
                self.diameter = gr.Slider(3, 40, 15, step=0.5, label="Longest extent in mm", elem_id="diameter")
                self.contrast = gr.Slider(0.05, 1, 0.4, step=0.01, label="Contrast", elem_id="contrast")
            with gr.Row():
                self.terms = {
                    name: gr.Dropdown(
                        [DRAWN, *words],
                        value=DRAWN,
                        label=name.capitalize(),
                        visible=kind is Kind.MASS,
                        elem_id=f"term-{name}",
                    )
                    for kind in (Kind.MASS, Kind.CALCIFICATION)
                    for name, words in TERMS[kind].items()
                }
            with gr.Row():
                self.again = gr.Button("Another sample of it", elem_id="again")
                self.remove = gr.Button("Remove it", elem_id="remove")
            self.removal = gr.Dropdown(
                [("left on", ""), *((name, name) for name in desk.removals())],
                value="",
                label="All lesions are taken off again by a generator",
            )

    def _real(self) -> None:
        with gr.Tab("Real"):
            gr.HTML(
                "An image becomes latents of the model, which are then edited like a sample. It stays on the machine "
                "that runs the explorer."
            )
            self.upload = gr.File(
                label="PNG, TIFF, JPEG, PGM or DICOM; or a file that synthmammo invert made", elem_id="upload"
            )
            self.spacing = gr.Number(
                None, label="Pixel spacing in mm, where the file does not say; lesions need it", minimum=0
            )
            self.search = gr.Slider(
                10, 1000, 200, step=10, label="Steps of the search: more come nearer", elem_id="search-steps"
            )
            self.invert = gr.Button("Invert", variant="primary", elem_id="invert")

    def _saving(self) -> None:
        with gr.Tab("Save"):
            self.name = gr.Textbox("explored", label="Name", max_length=64, elem_id="name")
            self.save = gr.Button("Save as recipe", variant="primary", elem_id="save")
            self.files = gr.File(label="Files", file_count="multiple", interactive=False, elem_id="files")
            self.yaml = gr.Code(
                label="synthmammo build makes this image", language="yaml", interactive=False, elem_id="yaml"
            )
