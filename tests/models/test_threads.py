"""The number of threads: what was said, else what the environment says, else the free cores."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
import torch

import synthmammo
from synthmammo.cli import main
from synthmammo.errors import GeneratorError
from synthmammo.models import threads


@pytest.fixture(autouse=True)
def as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = torch.get_num_threads()
    monkeypatch.setattr(threads, "_stated", None)
    monkeypatch.setattr(threads, "_written", None)
    monkeypatch.setattr(threads, "free_cores", lambda: 3)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    yield
    torch.set_num_threads(before)


def test_what_is_said_is_taken() -> None:
    assert synthmammo.set_threads(2) == torch.get_num_threads() == 2


def test_by_default_the_free_cores_are_taken() -> None:
    synthmammo.set_threads(2)
    assert synthmammo.set_threads() == torch.get_num_threads() == 3


def test_the_environment_decides_before_the_load(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2,1")
    assert synthmammo.set_threads() == 2 and synthmammo.set_threads(1) == 1


@pytest.mark.parametrize("wrong", [0, -1, 1.5, "2"])
def test_no_other_numbers(wrong: object) -> None:
    with pytest.raises(GeneratorError, match="count"):
        synthmammo.set_threads(wrong)  # type: ignore[arg-type]


def test_a_training_that_goes_on_keeps_its_number_unless_another_was_said() -> None:
    synthmammo.set_threads()
    threads.keep_threads(None)
    assert torch.get_num_threads() == 3
    threads.keep_threads(2)
    assert torch.get_num_threads() == 2
    synthmammo.set_threads(1)
    threads.keep_threads(2)
    assert torch.get_num_threads() == 1


def test_it_holds_where_torch_comes_later() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    code = """if True:
        import sys, synthmammo
        first = synthmammo.set_threads(2)
        assert "torch" not in sys.modules
        import torch
        print(first, torch.get_num_threads())
        # What was written for torch is not the user's.
        from synthmammo.models import threads
        threads.free_cores = lambda: 1
        print(synthmammo.set_threads(), torch.get_num_threads())
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout == "2 2\n1 1\n"


NETWORKS = {
    *("sample", "invert", "mix", "walk", "train", "directions fit", "parts fit"),
    *(f"sheet {name}" for name in ("seeds", "directions", "parts", "local")),
    *(f"benchmark {name}" for name in ("classify", "detect")),
}


@pytest.mark.parametrize("command", sorted(NETWORKS))
def test_commands_with_networks_take_a_number_of_threads(command: str) -> None:
    found = main
    for name in command.split():
        found = found.get_command(None, name)  # type: ignore[assignment, arg-type]
    assert "--threads" in {name for param in found.params for name in param.opts}
