"""The editor: the order of edits, rows that keep every bit, and the table of edits."""

from importlib import import_module
from pathlib import Path
from typing import get_args

import pytest
import torch

from synthmammo.editing import editor
from synthmammo.editing.editor import EDITS, Editor, LatentEdit, StyleEdit, check_layers
from synthmammo.errors import GeneratorError
from synthmammo.mammogram.planned import PlannedEdit, Row
from synthmammo.models.latents import Latents, Model, open_model
from synthmammo.recipe import StyleGAN2Background
from synthmammo.recipe.edits import EditSpec
from tests.support.tiny_models import STYLEGAN2, stylegan2_file


class Shift:
    """Adds 1 to w."""

    def __init__(self, *_: object) -> None: ...

    def w(self, w: torch.Tensor, row: Row, planned: PlannedEdit) -> torch.Tensor:
        return w + planned.value


class Double:
    """Doubles the styles of one layer."""

    def __init__(self, *_: object) -> None: ...

    def styles(self, styles: dict[str, torch.Tensor], row: Row, planned: PlannedEdit) -> dict[str, torch.Tensor]:
        return {"b4.conv1": 2 * styles["b4.conv1"]}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return open_model(str(stylegan2_file(tmp_path_factory.mktemp("model") / "m.safetensors")))


def made(model: Model, monkeypatch: pytest.MonkeyPatch, *kinds: type) -> Editor:
    monkeypatch.setattr(editor, "_edit_class", lambda kind: kind)
    return Editor(kinds, model, StyleGAN2Background(generator="stylegan2", model="m"))


def latents(model: Model, *edits: tuple[PlannedEdit, ...]) -> Latents:
    rows = tuple(Row(f"r{n}", n, "", "train", "normal", n, n, None, "", edits=e) for n, e in enumerate(edits))
    return Latents(rows, model.w(range(len(rows)), [""] * len(rows), [1.0] * len(rows)))


@pytest.mark.parametrize("tag", EDITS)
def test_every_edit_of_the_table_is_of_one_kind(tag: str) -> None:
    module, _, name = EDITS[tag].partition(":")
    found = getattr(import_module(module), name)
    assert hasattr(found, "w") is not hasattr(found, "styles")


def test_the_table_has_what_recipes_may_ask_for() -> None:
    specs = get_args(get_args(EditSpec)[0])
    assert {get_args(spec)[0].tag for spec in specs} == set(EDITS)


def test_w_is_edited_before_styles_whatever_the_order_in_the_recipe(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    shift, double = Shift(), Double()
    assert isinstance(shift, LatentEdit) and not isinstance(shift, StyleEdit) and isinstance(double, StyleEdit)
    given = latents(model, (PlannedEdit(0, "double", 1.0), PlannedEdit(1, "shift", 1.0)))
    before = given.w.clone()
    after = made(model, monkeypatch, Double, Shift)(given)
    assert torch.equal(after.w, before + 1) and torch.equal(given.w, before)
    plain = model.network.synthesis.styles(after.w)
    assert after.styles is not None and torch.equal(after.styles["b4.conv1"], 2 * plain["b4.conv1"])
    assert torch.equal(after.styles["b8.conv0"], plain["b8.conv0"])


def test_rows_without_edits_keep_every_bit(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    apply = made(model, monkeypatch, Shift, Double)
    given = latents(model, (), (PlannedEdit(0, "shift", 2.0), PlannedEdit(1, "double", 1.0)), ())
    plain, after = model.network.synthesis.styles(given.w), apply(given)
    assert after.styles is not None
    for number in (0, 2):
        assert torch.equal(after.w[number], given.w[number])
        assert all(torch.equal(after.styles[name][number], style[number]) for name, style in plain.items())
    untouched = latents(model, (), ())
    assert apply(untouched).styles is None and torch.equal(apply(untouched).w, untouched.w)


def test_layers_end_with_the_model(model: Model) -> None:
    count = STYLEGAN2.latents
    assert check_layers(None, model, "x") == slice(0, count) and check_layers((2, count), model, "x") == slice(2, count)
    with pytest.raises(GeneratorError, match=rf"place: \[2, {count + 1}\) reaches beyond the model"):
        check_layers((2, count + 1), model, "place")


def test_an_edit_of_another_model_is_refused_when_the_editor_is_made(model: Model, tmp_path: Path) -> None:
    from synthmammo.recipe.edits import MixingEdit

    background = StyleGAN2Background(generator="stylegan2", model=str(model.checkpoint.path))
    with pytest.raises(GeneratorError, match="reaches beyond the model"):
        Editor([MixingEdit(mixing=(0, 99))], model, background)
