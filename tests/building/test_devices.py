"""Builds in batches: what crosses to the device and back, what decides pixels, and what is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import synthmammo
from synthmammo.building.assemble import Assembler
from synthmammo.building.build import make_dataset, planned_shards
from synthmammo.dataset.manifest import Manifest
from synthmammo.dataset.reader import Dataset
from synthmammo.errors import GeneratorError, OutputError, RecipeError
from synthmammo.generators.contextual import Contextual
from synthmammo.generators.stylegan2 import StyleGAN2
from synthmammo.mammogram.planned import Row
from synthmammo.mammogram.sample import Sample
from synthmammo.models import devices
from synthmammo.models.devices import Computing
from synthmammo.planning.planner import write_plan
from synthmammo.recipe import Recipe
from tests.support import tiny
from tests.support.tiny_models import contextual_file, edited_file, stylegan2_file

BATCH = 4


@pytest.fixture
def models(tmp_path: Path) -> dict[str, str]:
    names = {"mass": contextual_file(tmp_path / "mass.safetensors", "mass")}
    names["removal"] = contextual_file(tmp_path / "removal.safetensors", "removal")
    return {**names, "host": stylegan2_file(tmp_path / "host.safetensors")}  # type: ignore[dict-item]


def recipe(models: dict[str, str], **changes: Any) -> Recipe:
    mass = {"kind": "mass", "classes": ["malignant"], "generator": str(models["mass"])}
    mass |= {"placement": {"tissue_share": 0.01, "window_mm": 4, "margin_mm": 0}}
    given = {
        "background": {"generator": "stylegan2", "model": str(models["host"])},
        "classes": {"malignant": 1},
        "lesions": [mass],
        "size": 6,
        "emit": {"shard_size": 6, "preview_px": 64, "formats": ["parquet"]},
    }
    return tiny.recipe(**given | changes)


def rows_of(checked: Recipe, folder: Path) -> list[Row]:
    write_plan(checked, folder / "plan.parquet")
    return [row for shard in planned_shards(folder / "plan.parquet") for row in shard.rows]


class Counted:
    """A device that counts what crosses to it and back: the processor, which has every operation that a GPU has."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ups: list[int] = []
        self.downs: list[int] = []
        up, down = devices.up, devices.down
        monkeypatch.setattr(devices, "up", lambda array, device: self.ups.append(len(array)) or up(array, device))
        monkeypatch.setattr(devices, "down", lambda tensor: self.downs.append(len(tensor)) or down(tensor))


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counted:
    return Counted(monkeypatch)


def test_each_batch_crosses_once_whatever_its_images(models: dict[str, str], tmp_path: Path, counted: Counted) -> None:
    checked = recipe(models, lesions=[], classes={"normal": 1}, size=10)
    rows = rows_of(checked, tmp_path)
    made = list(Assembler(checked, computing=Computing(batch=BATCH)).samples(rows))
    assert len(made) == 10 and all(isinstance(one, Sample) for one in made)
    assert counted.ups == [BATCH] * 3 and counted.downs == [BATCH] * 3, "three batches of four, the last filled up"


def test_lesions_of_a_batch_are_made_together(
    models: dict[str, str], tmp_path: Path, counted: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    answers = Contextual.answers
    monkeypatch.setattr(Contextual, "answers", lambda self, qs: asked.append(len(qs)) or answers(self, qs))
    checked = recipe(models, pair="removed", size=8, removal={"generator": str(models["removal"])})
    rows = rows_of(checked, tmp_path)
    made = list(Assembler(checked, computing=Computing(batch=BATCH)).samples(rows))
    assert any(isinstance(one, Sample) and one.findings for one in made), made
    assert set(asked) == {BATCH} and set(counted.ups) == set(counted.downs) == {BATCH}
    batches_of_hosts = -(-len({row.host for row in rows}) // BATCH)
    assert len(counted.downs) == batches_of_hosts + len(asked)
    assert len(counted.ups) == batches_of_hosts + 2 * len(asked), "tissue and scalars"


def test_a_sample_does_not_depend_on_what_is_made_with_it(models: dict[str, str], tmp_path: Path) -> None:
    checked = recipe(models, pair="removed", size=12, removal={"generator": str(models["removal"])})
    rows = rows_of(checked, tmp_path)

    def pixels(chosen: list[Row]) -> list[object]:
        made = Assembler(checked, computing=Computing(batch=BATCH)).samples(chosen)
        return [(one.key, one.image.tobytes()) if isinstance(one, Sample) else one for one in made]

    assert pixels(rows)[2:4] == pixels(rows[2:4])


def test_edited_latents_cross_once_per_batch(tmp_path: Path, counted: Counted) -> None:
    model = edited_file(tmp_path / "host.safetensors")
    counted.ups.clear()
    counted.downs.clear()
    edit = {"direction": "density", "target": "c"}
    background = {"generator": "stylegan2", "model": str(model)}
    checked = recipe({"mass": "", "host": ""}, background=background, lesions=[], classes={"normal": 1}, edits=[edit])
    made = list(Assembler(checked, computing=Computing(batch=BATCH)).samples(rows_of(checked, tmp_path)))
    assert len(made) == 6
    assert counted.ups == [BATCH] * 4, "latents, and the edited w, of two batches"
    assert counted.downs == [BATCH] * 4, "w to edit, and images"


def test_candidates_of_a_requirement_fill_the_batches(
    models: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require = {"within": {"density": [0.0, 0.45]}, "candidates": 8}
    checked = recipe(models, lesions=[], classes={"normal": 1}, size=4, require=require)
    rows, rendered = rows_of(checked, tmp_path), list[tuple[int, ...]]()
    latents = StyleGAN2.latents

    def noted(self: StyleGAN2, rows: list[Row]) -> Any:
        rendered.append(tuple(row.host_seed for row in rows))
        return latents(self, rows)

    monkeypatch.setattr(StyleGAN2, "latents", noted)
    monkeypatch.setattr(
        "synthmammo.building.backgrounds.unmet", lambda sample, _: None if sample.provenance["seed"] % 3 == 0 else "no"
    )
    made = list(Assembler(checked, computing=Computing(batch=8)).samples(rows))
    assert all(len(set(batch)) == 8 for batch in rendered[:1]), "no slot is a repetition while candidates are left"
    for row, one in zip(rows, made, strict=True):
        first = next((seed for seed in row.host_seeds if seed % 3 == 0), None)
        assert first is None or (isinstance(one, Sample) and one.provenance["host"]["seed"] == first)


def test_the_default_leaves_no_trace(models: dict[str, str], tmp_path: Path) -> None:
    checked = recipe(models, lesions=[], classes={"normal": 1})
    plain, asked = (
        make_dataset(checked, tmp_path / "plain").manifest,
        synthmammo.build(checked, tmp_path / "asked", device="cpu").manifest,
    )
    assert plain.digest == asked.digest and "batch" not in asked.machine


def test_a_batch_stands_in_digest_and_manifest_and_cannot_change(models: dict[str, str], tmp_path: Path) -> None:
    checked = recipe(models, lesions=[], classes={"normal": 1})
    out = tmp_path / "out"
    manifest = synthmammo.build(checked, out, batch=3).manifest
    assert {name: manifest.machine[name] for name in ("device", "batch", "precision")} == {
        "device": "cpu",
        "batch": "3",
        "precision": "float32",
    }
    assert manifest.digest != make_dataset(checked, tmp_path / "plain").manifest.digest
    for other in (2, None):
        with pytest.raises(OutputError, match=r"computing[\s\S]*--device cpu --batch 3"):
            synthmammo.build(checked, out, batch=other)
    assert synthmammo.verify(out, pixels=6).problems == []
    assert synthmammo.regenerate(out, next(iter(Dataset.open(out))).key).compared.equal_bytes
    (out / manifest.shards[0].name).unlink()
    assert synthmammo.repair(out).problems == []


def test_parts_of_a_batch_merge_into_the_dataset(models: dict[str, str], tmp_path: Path) -> None:
    checked = recipe(models, size=6, emit={"shard_size": 3, "preview_px": 64, "formats": ["parquet"]})
    whole = synthmammo.build(checked, tmp_path / "whole", batch=3).manifest
    for number in (1, 2):
        synthmammo.build_part(checked, tmp_path / str(number), part=f"{number}/2", batch=3)
    assert synthmammo.merge([tmp_path / "1", tmp_path / "2"], tmp_path / "merged").manifest == whole


def test_two_workers_make_the_bytes_of_one(models: dict[str, str], tmp_path: Path) -> None:
    checked = recipe(models, size=6, emit={"shard_size": 2, "preview_px": 64, "formats": ["parquet"]})
    first, second = (synthmammo.build(checked, tmp_path / str(n), batch=3, workers=n).manifest for n in (1, 2))
    assert first == second == Manifest.read(tmp_path / "2")


def test_half_precision_is_used_where_the_model_promises_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    from synthmammo.models.file import describe, load, save_model

    plain = stylegan2_file(tmp_path / "plain.safetensors")
    opened = load(plain)
    told = replace(opened.description, half_precision=True)
    promised = save_model(tmp_path / "half.safetensors", {"generator": opened.network()}, told)
    assert describe(promised).half_precision and not describe(plain).half_precision
    assert b"half_precision" not in plain.read_bytes()
    with monkeypatch.context() as there:
        there.setattr(devices, "usable", lambda device: "cuda")
        assert devices.settled("cuda", promised=devices.promises_half([promised])) == Computing("cuda", 32, "float16")
        assert devices.settled("cuda", 8, promised=devices.promises_half([plain])) == Computing("cuda", 8, "float32")
    images = []
    for precision in ("float32", "float16"):
        checked = recipe({"mass": "", "host": str(promised)}, lesions=[], classes={"normal": 1}, size=1)
        made = Assembler(checked, computing=Computing(batch=1, precision=precision)).samples(rows_of(checked, tmp_path))
        images.append(next(iter(made)).image.astype(float))  # type: ignore[union-attr]
    assert 0 < np.abs(images[0] - images[1]).max() < 64, "another precision, and nearly the same image"


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("CUDA out of memory"), RuntimeError("can't allocate memory")])
@pytest.mark.parametrize(("batch", "hint"), [(8, "--batch 4"), (1, "finished shards stay")])
def test_a_full_memory_proposes_a_smaller_batch(
    error: Exception, batch: int, hint: str, models: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> Any:
        raise error

    monkeypatch.setattr(StyleGAN2, "planes", full)
    with pytest.raises(
        GeneratorError, match=rf"batch: the memory of cpu does not suffice for a batch of {batch}[\s\S]*{hint}"
    ):
        synthmammo.build(recipe(models, lesions=[], classes={"normal": 1}), tmp_path / "out", batch=batch)


@pytest.mark.parametrize(
    ("device", "message"),
    [
        ("cuda:77", "'cuda:77' cannot be used here"),
        ("gpu", "no device is called 'gpu'"),
        ("cud", "Did you mean 'cuda'"),
    ],
)
def test_a_device_that_is_not_there_is_named_before_anything_is_made(device: str, message: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(RecipeError, match=message):
        synthmammo.build("balanced_mass", out, size=2, device=device)
    result = tiny.run("build", "balanced_mass", "--size", 2, "--out", out, "--device", device)
    assert result.exit_code == 2 and message in result.output and "Traceback" not in result.output
    assert not out.exists()


@pytest.mark.parametrize("batch", [0, -1, 1.5, "many"])
def test_a_batch_is_a_whole_number(batch: object, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="batch"):
        synthmammo.build("balanced_mass", tmp_path / "out", size=2, batch=batch)  # type: ignore[arg-type]


def test_auto_is_the_best_that_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "_there", lambda: iter([("cuda", False), ("mps", True)]))
    assert devices.usable("auto") == "mps"
    monkeypatch.setattr(devices, "_there", lambda: iter([("cuda", False), ("mps", False)]))
    assert devices.usable("auto") == "cpu"


def test_workers_that_share_the_networks_of_one_process_make_the_same_bytes(
    models: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, counted: Counted
) -> None:
    emit = {"shard_size": 2, "preview_px": 64, "formats": ["parquet"]}
    checked = recipe(models, size=6, pair="removed", removal={"generator": str(models["removal"])}, emit=emit)
    alone = synthmammo.build(checked, tmp_path / "alone", batch=3).manifest
    before = len(counted.ups)
    monkeypatch.setattr("synthmammo.building.networks.is_shared", lambda computing, engine: True)
    assert synthmammo.build(checked, tmp_path / "shared", batch=3, workers=2).manifest == alone
    assert len(counted.ups) > before, "the networks computed in this process, none in the workers"


def test_an_error_of_the_networks_reaches_the_worker_and_the_user(
    models: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> Any:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr("synthmammo.building.networks.is_shared", lambda computing, engine: True)
    monkeypatch.setattr(StyleGAN2, "planes", full)
    checked = recipe(models, lesions=[], classes={"normal": 1})
    with pytest.raises(GeneratorError, match=r"does not suffice for a batch of 4[\s\S]*--batch 2"):
        synthmammo.build(checked, tmp_path / "out", batch=4, workers=2)
