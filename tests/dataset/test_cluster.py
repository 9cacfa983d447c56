"""The engine of a Ray: workers, several machines in one, a worker that is lost, and addresses where none answers."""

import os
import signal
import socket
import sys
import threading
import time
from functools import partial

import pytest

from synthmammo.building import build as building
from synthmammo.building.engines import chosen_engine
from synthmammo.dataset.workers import cluster
from synthmammo.dataset.workers.cluster import OnRay
from synthmammo.dataset.workers.local import Local
from synthmammo.errors import GeneratorError, OutputError, RecipeError
from tests.support import on_ray, tiny

needs_ray = pytest.mark.skipif(
    "ray" not in sys.modules and not __import__("importlib.util").util.find_spec("ray"), reason="ray is not installed"
)


def run(function, tasks, engine=None, **more):
    done, counts = [], []
    (engine or OnRay(2)).run(function, tasks, done.append, counts.append, **more)
    return done, counts


def free_ports():
    """Ports of what a machine of Ray starts; it would wait for those that they choose, and not for long."""
    names = ("metrics_agent_port", "dashboard_agent_listen_port", "runtime_env_agent_port", "metrics_export_port")
    held = [socket.create_server(("", 0)) for _ in names]
    ports = {name: one.getsockname()[1] for name, one in zip(names, held, strict=True)}
    for one in held:
        one.close()
    return ports


class Patient:
    """A clock for Ray, which gives a machine 30 s to start: too little beside what else runs where tests run."""

    sleep = staticmethod(time.sleep)
    time = staticmethod(time.time)

    @staticmethod
    def monotonic():
        return time.monotonic() / 10


@pytest.fixture(scope="module")
def machines():
    """Two machines of one core each, in this one."""
    ray = pytest.importorskip("ray")
    os.environ.update({"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"})
    os.environ.update({"RAY_agent_register_timeout_ms": "300000", "RAY_health_check_failure_threshold": "100"})
    from ray._private import node
    from ray.cluster_utils import Cluster

    node.time = Patient
    one = {"num_cpus": 1, "object_store_memory": 80 << 20, "include_dashboard": False, "include_log_monitor": False}
    there = Cluster(initialize_head=True, head_node_args={**one, **free_ports(), "no_monitor": True})
    there.add_node(**one, **free_ports())
    ray.init(address=there.address, logging_level="ERROR", log_to_driver=False)
    yield there
    ray.shutdown()
    there.shutdown()
    node.time = time


@needs_ray
def test_an_address_nobody_answers():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(OutputError, match=r"no Ray answers") as told:
        run(on_ray.counted, [1], OnRay(address=address))
    assert told.value.where == f"address {address}" and "ray start --head" in told.value.hint
    with pytest.raises(OutputError, match="expected as HOST:6379 or auto"):
        run(on_ray.counted, [1], OnRay(address="here"))


def test_without_the_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(OutputError, match="needs the package ray") as told:
        run(on_ray.counted, [1])
    assert "synthmammo[ray]" in told.value.hint


def test_engines_by_their_names():
    assert isinstance(chosen_engine("local", 2), Local)
    assert chosen_engine("ray", None, "auto", "cuda").gpus == 1
    with pytest.raises(RecipeError, match="'local' or 'ray'"):
        chosen_engine("spark", 2)
    with pytest.raises(RecipeError, match="is that of a Ray"):
        chosen_engine("local", 2, "auto")


def test_the_command_tells_that_nobody_answers(tmp_path):
    pytest.importorskip("ray")
    recipe = tiny.write(tmp_path / "t.yaml")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{free.getsockname()[1]}"
    result = tiny.run("build", recipe, "--out", tmp_path / "o", "--engine", "ray", "--address", place)
    assert result.exit_code == 1 and "no Ray answers" in result.output and "ray start --head" in result.output
    assert tiny.run("build", recipe, "--out", tmp_path / "o", "--workers", 1).exit_code == 0


def test_samples_of_a_task_that_is_done_again_count_once():
    board = cluster.Board()
    assert not board.report(0, 5)
    board.stop()
    assert board.report(0, 2) and board.read() == {0: 5}


@pytest.mark.slow
def test_actors_keep_what_they_have(machines):
    done, counts = run(on_ray.counted, range(6))
    assert sorted(task for task, *_ in done) == list(range(6)) and sum(counts) == 12
    workers = {pid for _, pid, _ in done}
    assert len(workers) <= 2 and os.getpid() not in workers
    assert max(calls for *_, calls in done) >= 3


@pytest.mark.slow
def test_errors_of_a_task_arrive_as_they_are(machines):
    with pytest.raises(GeneratorError, match="cannot be made") as told:
        run(on_ray.refused, [7])
    assert (told.value.where, told.value.hint) == ("task 7", "Ask for another.")
    with pytest.raises(ZeroDivisionError):
        run(on_ray.broken, [7])


@pytest.mark.slow
def test_a_task_that_loses_every_worker(machines):
    with pytest.raises(OutputError, match="2 workers were lost, one after the other, that made 7") as told:
        run(on_ray.fatal, [7], OnRay(1, retries=1))
    assert "out of memory" in told.value.hint


@pytest.mark.slow
def test_an_end_that_is_asked_for(machines):
    asked = threading.Event()
    done, counts = [], []

    def advance(more):
        counts.append(more)
        asked.set()

    OnRay(1).run(on_ray.counted, range(1000), done.append, advance, asked.is_set)
    assert 0 < len(done) < 1000
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.setitimer(signal.ITIMER_REAL, 8)
    try:
        with pytest.raises(KeyboardInterrupt):
            OnRay(1).run(on_ray.slow, [1, 2], done.append, counts.append)
    finally:
        signal.signal(signal.SIGALRM, before)


@pytest.mark.slow
def test_the_bytes_of_a_single_build_though_a_worker_is_killed(machines, built, tmp_path, monkeypatch):
    mark = tmp_path / "killed"
    monkeypatch.setattr(building, "make_shard", partial(on_ray.killed_once, str(mark)))
    counts = []
    building.make_dataset(tiny.recipe(), tmp_path / "out", engine=OnRay(2), advance=counts.append)
    from synthmammo.dataset.card import card

    card(tmp_path / "out")
    assert mark.exists() and sum(counts) == 12
    assert tiny.files(tmp_path / "out") == tiny.files(built)


@pytest.mark.slow
def test_into_a_storage_from_several_machines(machines, built, tmp_path):
    from synthmammo.building.stored import build_stored

    nodes = {node["NodeID"] for node in __import__("ray").nodes() if node["Alive"]}
    assert len(nodes) == 2
    made = build_stored(tiny.recipe(), (tmp_path / "there").as_uri(), engine="ray", workers=2)
    assert made.made == 12 and tiny.files(tmp_path / "there") == tiny.files(built)


@pytest.mark.slow
def test_a_machine_with_other_versions_is_told(machines, tmp_path, monkeypatch):
    from synthmammo.building import delivered

    monkeypatch.setattr(delivered, "recipe_versions", lambda recipe: {"python": "2.7"})
    with pytest.raises(OutputError, match="has other versions, and bytes may depend on them"):
        building.make_dataset(tiny.recipe(), tmp_path / "out", engine=OnRay(1))
