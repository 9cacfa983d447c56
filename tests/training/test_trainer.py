"""Laws of training: a broken run goes on bit for bit, what goes wrong is one message, runs explain themselves."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

from synthmammo.errors import DatasetError, SynthmammoError, TrainingError
from synthmammo.generators.base import Context
from synthmammo.generators.contextual import Contextual
from synthmammo.interruption import Interrupted
from synthmammo.mammogram.planned import PlannedLesion
from synthmammo.models import file as checkpoints
from synthmammo.models import threads
from synthmammo.training.config import DataConfig
from synthmammo.training.train import train
from synthmammo.training.trainer import Trainer
from tests.support import tiny
from tests.support import training_data as data

LOGISTIC = data.STYLEGAN2 | {
    "objective": "logistic",
    "settings": {"penalty_steps": 3, "path_steps": 2, "augment_start": 0.5, "augment_kimg": 0.1},
}
QUICK = LOGISTIC | {"score_ticks": 0, "total_kimg": 0.04}
KINDS = {"projected": data.STYLEGAN2, "logistic": LOGISTIC, "contextual": data.CONTEXTUAL}
KINDS |= {"insertion": data.INSERTION, "comodulated": data.COMODULATED}


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def pair(tmp_path_factory) -> Path:
    return data.write(tmp_path_factory.mktemp("pair"))


@pytest.fixture(scope="module")
def three(tmp_path_factory) -> Path:
    counts = {"train": 60, "validation": 24}
    return data.write(tmp_path_factory.mktemp("three"), ("normal", "benign", "malignant"), counts=counts)


@pytest.fixture(scope="module")
def large(tmp_path_factory) -> Path:
    counts = {"train": 60, "validation": 24}
    return data.write(tmp_path_factory.mktemp("large"), ("normal", "benign", "malignant"), (64,), counts)


@pytest.fixture
def source(request, pair, three, large) -> Path:
    return {"contextual": three, "insertion": large, "comodulated": large}.get(request.getfixturevalue("kind"), pair)


def flat(state: object, path: str = "") -> dict[str, object]:
    """Every number and tensor of a state by its place."""
    if isinstance(state, dict):
        return {key: value for name, part in state.items() for key, value in flat(part, f"{path}.{name}").items()}
    if isinstance(state, list | tuple):
        return {key: value for name, part in enumerate(state) for key, value in flat(part, f"{path}.{name}").items()}
    return {path: state}


def assert_same(first: Path, second: Path) -> None:
    states = [flat(torch.load(run / "state.pt", weights_only=True)) for run in (first, second)]
    assert states[0].keys() == states[1].keys() and len(states[0]) > 50
    for name, value in states[0].items():
        if name != ".seconds":
            same = torch.equal(value, states[1][name]) if isinstance(value, torch.Tensor) else value == states[1][name]
            assert same, name


@pytest.mark.parametrize("kind", KINDS)
def test_twenty_steps_equal_ten_and_a_resume_and_ten(kind, source, tmp_path):
    whole = data.config(KINDS[kind])
    train(whole, source, tmp_path / "whole", pretrained=False)
    half = whole.model_copy(update={"total_kimg": 0.04})
    assert not (stopped := train(half, source, tmp_path / "parts", pretrained=False)).images_seen > 40
    assert stopped.finished
    torch.manual_seed(999)  # what happens in between does not matter
    done = train(whole, source, tmp_path / "parts", pretrained=False)
    assert done.images_seen == 80 and done.finished
    assert_same(tmp_path / "whole", tmp_path / "parts")
    first, second = ((tmp_path / run / "tiny.safetensors").read_bytes() for run in ("whole", "parts"))
    assert first == second


@pytest.mark.parametrize("kind", KINDS)
def test_every_network_learns(kind, source, tmp_path):
    trainer = Trainer(
        data.config(KINDS[kind], score_ticks=0, total_kimg=0.04), source, tmp_path / "run", pretrained=False
    )
    objective = trainer.task.objective
    names = ("generator", "average", "discriminator")
    before = {name: [p.clone() for p in objective.networks[name].parameters()] for name in names}
    trainer.run()
    for name in names:
        moved = [
            not torch.equal(a, b) for a, b in zip(before[name], objective.networks[name].parameters(), strict=True)
        ]
        assert sum(moved) > 0.8 * len(moved), name


def test_a_run_explains_itself(pair, tmp_path):
    config = data.config(data.STYLEGAN2)
    done = train(config, pair, tmp_path / "run", pretrained=False)
    run = tmp_path / "run"
    assert {path.name for path in run.iterdir()} == {
        "config.yaml",
        "stats.jsonl",
        "state.pt",
        "sheets",
        "tiny.safetensors",
    }
    written = yaml.safe_load((run / "config.yaml").read_text())
    assert written["network"] == config.network and written["seed"] == config.seed
    lines = [json.loads(line) for line in (run / "stats.jsonl").read_text().splitlines()]
    assert "floor" in lines[0]["what"] and "EfficientNet" in lines[0]["extractor"]
    ticks = [line for line in lines if "images_per_second" in line]
    assert [line["kimg"] for line in ticks] == [0.02, 0.04, 0.06, 0.08]
    assert all({"generator", "discriminator", "spread"} <= line.keys() for line in ticks)
    scored = [line for line in lines if line.get("what") == "scores"]
    assert [line["kimg"] for line in scored] == [0.04, 0.08]
    assert sorted(path.name for path in (run / "sheets").iterdir())[-1] == "real.png"
    with Image.open(run / "sheets" / "00000080.png") as sheet:
        assert sheet.width > 8 * 128
    model = checkpoints.load(done.model)
    assert model.description.classes == ("benign", "malignant")
    assert model.description.metrics["kernel_distance_x1000"] == min(s["kernel_distance_x1000"] for s in scored)
    assert model.network()(torch.zeros(1, 8), torch.eye(2)[:1]).shape == (1, 1, 32, 32)


def test_a_contextual_model_file_inserts(three, tmp_path):
    done = train(data.config(data.CONTEXTUAL), three, tmp_path / "run", pretrained=False)
    model = checkpoints.load(done.model)
    assert model.description.architecture == "contextual" and model.description.makes == "mass"
    generator = model.network()
    made = generator(torch.zeros(2, 1, 32, 32), generator.draw_scalars(2))
    assert made.lesion.abs().sum() > 0


def test_a_comodulated_model_file_is_a_lesion_generator(large, tmp_path):
    done = train(data.config(data.COMODULATED), large, tmp_path / "run", pretrained=False)
    assert checkpoints.load(done.model).description.architecture == "comodulated"
    inserted = Contextual(str(done.model), spacing_mm=0.4)
    tissue = np.zeros((64, 64), np.float32)
    planned = PlannedLesion("mass", "malignant", 1.0, 1.0, {}, ())
    made = inserted(Context(tissue, np.ones((64, 64), bool), 0.4), planned, seed=3)
    assert made.channel.any() and inserted.field_mm(planned) == pytest.approx(25.6)


def test_boxes_say_how_large_and_bright_lesions_are_where_patches_have_no_twins(tmp_path):
    source = data.write(tmp_path / "data", ("normal", "malignant"), (64,), {"train": 40}, lesions=1)
    roles = {"roles": {"context": "normal", "real": "malignant", "normal": "normal"}}
    known = data.config(data.COMODULATED, score_ticks=0, data={**roles, "lesions": "boxes"})
    forms = {}
    for name, config in (("boxes", known), ("none", known.model_copy(update={"data": DataConfig(**roles)}))):
        train(config, source, tmp_path / name, pretrained=False)
        forms[name] = "form" in json.loads((tmp_path / name / "stats.jsonl").read_text().splitlines()[0])
    assert forms == {"boxes": True, "none": False}


def test_the_same_seed_gives_the_same_statistics_and_another_does_not(pair, tmp_path):
    losses = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        config = data.config(QUICK, seed=seed, total_kimg=0.02)
        train(config, pair, tmp_path / name, pretrained=False)
        losses.append(json.loads((tmp_path / name / "stats.jsonl").read_text().splitlines()[0])["generator"])
    assert losses[0] == losses[1] != losses[2]


def test_an_interruption_saves_and_the_run_goes_on(pair, tmp_path):
    config = data.config(QUICK)

    def interrupt(done: int, total: int | None) -> None:
        if done == 28:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        train(config, pair, tmp_path / "broken", progress=interrupt, pretrained=False)
    state = torch.load(tmp_path / "broken" / "state.pt", weights_only=True)
    assert state["objective"]["counters"]["images_seen"] == 28
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    train(config, pair, tmp_path / "broken", pretrained=False)
    train(config, pair, tmp_path / "whole", pretrained=False)
    assert_same(tmp_path / "broken", tmp_path / "whole")


class Told:
    """Progress that is told of stages, of what was found, and what to answer."""

    def __init__(self, at: str = "") -> None:
        self.at, self.stages, self.answers, self.before = at, [], [], 0

    def __call__(self, done: int, total: int | None) -> None:
        if self.at == str(done):
            os.kill(os.getpid(), signal.SIGINT)

    def stage(self, what: str) -> None:
        self.stages.append(what)
        if self.at == what:
            os.kill(os.getpid(), signal.SIGINT)

    def answer(self, what: str) -> None:
        self.answers.append(what)

    def resumed(self, number: int) -> None:
        self.before = number


def test_it_says_what_it_does_and_an_interruption_says_what_is_kept(pair, tmp_path):
    config, early, late, on = data.config(QUICK), Told("learning from the real images"), Told("24"), Told()
    with pytest.raises(Interrupted, match="nothing is kept, as no step was finished"):
        train(config, pair, tmp_path, progress=early, pretrained=False)
    assert not early.answers and not (tmp_path / "state.pt").exists()
    with pytest.raises(Interrupted, match="saved after 24 images, and the same command goes on from there"):
        train(config, pair, tmp_path, progress=late, pretrained=False)
    assert late.answers == ["finishing the step"]
    assert late.stages == [
        *("reading the images", "learning from the real images", "the first step"),
        *("drawing samples", "saving", "saving"),
    ]
    train(config, pair, tmp_path, progress=on, pretrained=False)
    assert on.before == 24, "the rate counts what is made now"


def test_a_run_that_goes_on_has_the_threads_of_before(pair, tmp_path, monkeypatch):
    monkeypatch.setattr(threads, "_of_environment", lambda: None)
    config = data.config(QUICK, score_ticks=0)
    train(config, pair, tmp_path, hours=1e-9, pretrained=False)
    torch.set_num_threads(2)
    train(config, pair, tmp_path, pretrained=False)
    assert torch.get_num_threads() == 1


def test_statistics_of_images_that_are_shown_again_are_dropped(pair, tmp_path):
    config = data.config(QUICK)
    train(config, pair, tmp_path, pretrained=False)
    before = (tmp_path / "stats.jsonl").read_text()
    (tmp_path / "stats.jsonl").write_text(before + '{"kimg": 0.055}\n')
    train(config, pair, tmp_path, pretrained=False)
    assert (tmp_path / "stats.jsonl").read_text() == before


def test_a_time_limit_stops_at_a_tick_and_saves(pair, tmp_path):
    done = train(data.config(QUICK), pair, tmp_path, hours=1e-9, pretrained=False)
    assert not done.finished and done.images_seen == 20 and (tmp_path / "state.pt").exists()


def test_a_loss_that_is_no_number_ends_the_run(pair, tmp_path):
    trainer = Trainer(data.config(QUICK), pair, tmp_path, pretrained=False)
    trainer.run(hours=1e-9)
    with torch.no_grad():
        next(iter(trainer.task.objective.networks["generator"].parameters())).fill_(float("nan"))
    trainer._begin = lambda: None  # the state on disk is sound
    with pytest.raises(TrainingError, match=r"no finite number after 24 images"):
        trainer.run()
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    assert all(p.isfinite().all() for p in state["objective"]["networks"]["generator"].values())


def test_a_collapsed_generator_ends_the_run(pair, tmp_path):
    config = data.config(data.STYLEGAN2, score_ticks=0, total_kimg=0.06, settings={"learning_rate": 1e-12})
    trainer = Trainer(config, pair, tmp_path, pretrained=False)
    trainer.task.prepare = lambda draws: None
    with torch.no_grad():
        for name, parameter in trainer.task.objective.networks["generator"].named_parameters():
            if "torgb.weight" in name:
                parameter.zero_()
    with pytest.raises(TrainingError, match="collapsed"):
        trainer.run()


FULL = (
    torch.OutOfMemoryError("CUDA out of memory"),
    RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
    MemoryError("Unable to allocate 9 GiB"),
)


@pytest.mark.parametrize("error", FULL, ids=["device", "processor", "NumPy"])
def test_a_full_memory_is_one_message(pair, tmp_path, monkeypatch, error):
    trainer = Trainer(data.config(QUICK), pair, tmp_path, pretrained=False)

    def full(*arguments):
        raise error

    monkeypatch.setattr(trainer.task.objective, "step", full)
    with pytest.raises(TrainingError, match="memory of the device") as caught:
        trainer.run()
    assert "batch_size" in caught.value.hint


def test_progress_is_told_before_the_first_step(pair, tmp_path):
    told: list[tuple[int, int | None]] = []
    trainer = Trainer(data.config(QUICK, total_kimg=0.008), pair, tmp_path, pretrained=False)
    prepare = trainer.task.prepare
    trainer.task.prepare = lambda draws: (told.append((-1, None)), prepare(draws))
    trainer.run(progress=lambda done, total: told.append((done, total)))
    # Once before the first step, and again when it has begun, so that a rate is of steps alone.
    assert list(dict.fromkeys(told)) == [(0, 8), (-1, None), (4, 8), (8, 8)]
    assert told[0] == (0, 8) and told[-1] == (8, 8)


def test_another_configuration_is_not_mixed_into_a_run(pair, tmp_path):
    config = data.config(QUICK, total_kimg=0.02)
    train(config, pair, tmp_path, pretrained=False)
    with pytest.raises(TrainingError, match="batch_size was 4 when the run began, and is 8 now"):
        train(config.model_copy(update={"batch_size": 8}), pair, tmp_path, pretrained=False)
    assert train(config.model_copy(update={"total_kimg": 0.04}), pair, tmp_path, pretrained=False).images_seen == 40


def test_a_run_does_not_go_on_with_other_data(pair, tmp_path):
    config = data.config(QUICK, total_kimg=0.02)
    train(config, pair, tmp_path / "run", pretrained=False)
    other = data.write(tmp_path / "other", counts={"train": 44, "validation": 12})
    with pytest.raises(TrainingError, match="the images were those of .* when the run began, and are others now"):
        train(config, other, tmp_path / "run", pretrained=False)


@pytest.mark.parametrize("damage", [b"no state", b""])
def test_a_damaged_state_is_named(pair, tmp_path, damage):
    config = data.config(QUICK, total_kimg=0.02)
    train(config, pair, tmp_path, pretrained=False)
    (tmp_path / "state.pt").write_bytes(damage)
    with pytest.raises(TrainingError, match="not a whole state"):
        train(config, pair, tmp_path, pretrained=False)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"network": {"channel_bas": 3}}, "no setting is called 'channel_bas'"),
        ({"network": {"resolution": 64}}, "side of 32 pixels"),
        ({"network": {"z_dim": 0}}, "z_dim"),
        ({"settings": {"gamma": 3}}, "no setting is called 'gamma'"),
        ({"settings": {"learning_rate": "fast"}}, "settings.learning_rate"),
        ({"objective": "contextual"}, "no objective of a stylegan2"),
        ({"augmentation": {"flip": True}}, "Did you mean 'flips'"),
        ({"data": {"evaluate_on": "test"}}, "nothing to score against"),
        ({"data": {"classes": ["benign", "malignat"]}}, "Did you mean 'malignant'"),
    ],
)
def test_wrong_settings_are_named(pair, tmp_path, changes, message):
    with pytest.raises(SynthmammoError) as caught:
        train(data.config(data.STYLEGAN2, **changes), pair, tmp_path / "run", pretrained=False)
    assert message in str(caught.value)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data": {"roles": {"context": "normal", "real": "malignant"}}}, "the role 'normal' has no class"),
        ({"data": {"roles": {"context": "healthy", "real": "malignant", "normal": "normal"}}}, "'healthy'"),
        ({"network": {"preset": "papr"}}, "Did you mean 'paper'"),
        ({"network": data.CONTEXTUAL["network"] | {"discriminator_images": 2}}, "have no untouched twin"),
        ({"data": data.CONTEXTUAL["data"] | {"lesions": "boxes"}}, "boxes are for objective: projected"),
        (
            {"objective": "projected", "data": data.CONTEXTUAL["data"] | {"lesions": "boxes"}},
            "have no box of a lesion",
        ),
        ({"objective": "logistic"}, "no objective of a contextual GAN"),
    ],
)
def test_wrong_settings_of_a_contextual_model_are_named(three, tmp_path, changes, message):
    with pytest.raises(SynthmammoError) as caught:
        train(data.config(data.CONTEXTUAL, **changes), three, tmp_path / "run", pretrained=False)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("kinds", "message"),
    [
        ({"counts": {"train": 20}}, "20 images of the classes benign, malignant; at least 32"),
        ({"sides": (32, 64)}, "mixed sizes: 20 of 32 x 32, 20 of 64 x 64"),
        ({"sides": (48,)}, "48 x 48 pixels; squares with a side of 8"),
    ],
)
def test_unsuited_images_are_refused_with_one_message(tmp_path, kinds, message):
    source = data.write(tmp_path / "data", **{"counts": {"train": 40}, **kinds})
    with pytest.raises(DatasetError) as caught:
        train(data.config(QUICK), source, tmp_path / "run", pretrained=False)
    assert message in str(caught.value)


def test_the_command_trains_and_goes_on(pair, tmp_path):
    file = tmp_path / "tiny.yaml"
    settings = {"settings": {"learning_rate": 1e-3, "path_weight": 0}, "objective": "logistic", "score_ticks": 0}
    file.write_text(yaml.safe_dump(data.STYLEGAN2 | settings))
    arguments = ("train", "stylegan2", "--data", pair, "--out", tmp_path / "run", "--config", file)
    first = tiny.run(*arguments, "--set", "total_kimg=0.04", "--hours", "1e-9")
    assert first.exit_code == 0 and "20 images shown, stopped" in first.output
    second = tiny.run(*arguments, "--set", "total_kimg=0.04")
    assert second.exit_code == 0 and "40 images shown, finished" in second.output
    wrong = tiny.run(*arguments, "--set", "total_kig=0.04")
    assert wrong.exit_code == 1 and "Did you mean 'total_kimg'" in wrong.output
    other = tiny.run("train", "contextual", *arguments[2:])
    assert other.exit_code == 1 and "is the configuration of a stylegan2" in other.output


RECIPES = sorted((Path(__file__).parents[2] / "recipes" / "train").glob("*.yaml"))


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_shipped_configurations_are_understood(path):
    from synthmammo.training.config import load_config

    config = load_config(path)
    assert config.name == path.stem
    command = next(line for line in path.read_text().splitlines() if "synthmammo train" in line)
    assert f"train {config.model}" in command and path.name in command


PROCESS = """
import sys
import torch
from tests.support import training_data as data
from pathlib import Path
from synthmammo.training.trainer import Trainer
torch.set_num_threads(1)
kind, source, out = sys.argv[1:]
base = {"logistic": data.STYLEGAN2 | {"objective": "logistic", "settings": {}}, "contextual": data.CONTEXTUAL}[kind]
trainer = Trainer(data.config(base, score_ticks=0, total_kimg=0.024, tick_kimg=0.012), Path(source), Path(out))
assert trainer.accelerator.num_processes == 2
trainer.run()
weights = torch.cat([p.detach().flatten() for p in trainer.task.objective.networks["generator"].parameters()])
both = trainer.accelerator.gather(weights[None])
assert torch.equal(both[0], both[1]), "the processes went apart"
torch.distributed.destroy_process_group()
"""


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["logistic", "contextual"])
def test_two_processes_stay_together(kind, source, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shared = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "ACCELERATE_USE_CPU": "true"}
    processes = []
    for rank in range(2):
        environment = os.environ | shared | {"RANK": str(rank), "LOCAL_RANK": str(rank)}
        command = [sys.executable, "-c", PROCESS, kind, str(source), str(tmp_path / "run")]
        processes.append(subprocess.Popen(command, env=environment, cwd=Path(__file__).parents[2]))
    assert [process.wait(timeout=300) for process in processes] == [0, 0]
    kimg = [json.loads(line)["kimg"] for line in (tmp_path / "run" / "stats.jsonl").read_text().splitlines()]
    assert kimg == [0.012, 0.024]  # one record a tick, not one a process
    counters = torch.load(tmp_path / "run" / "state.pt", weights_only=True)["objective"]["counters"]
    assert (counters["steps"], counters["images_seen"]) == (6, 24)
