"""The local engine, with functions so small that starting processes is most of the work."""

import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from synthmammo.dataset.workers.local import Local
from synthmammo.errors import GeneratorError, RecipeError, SynthmammoError, nearest
from tests.support import tiny


def double(task, report):
    report.raise_if_stopped()
    report.advance(2)
    return 2 * task, os.getpid(), os.environ.get("OMP_NUM_THREADS")


def fail_at(bad, task, report):
    if task == bad:
        raise GeneratorError("cannot", where="row 3", hint="Try another.")
    return task


def run(workers, function, tasks):
    results, advanced = [], []
    Local(workers).run(function, tasks, results.append, advanced.append)
    return results, sum(advanced)


@pytest.mark.parametrize("workers", [1, 2])
def test_every_task_once_and_all_progress(workers, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    results, advanced = run(workers, double, iter(range(9)))
    assert sorted(result for result, _, _ in results) == list(range(0, 18, 2)) and advanced == 18
    here = {process == os.getpid() for _, process, _ in results}
    assert here == {workers == 1}
    if workers > 1:
        assert {threads for _, _, threads in results} == {"1"}
    assert os.environ["OMP_NUM_THREADS"] == "7", "this process keeps its own"


@pytest.mark.parametrize("workers", [1, 2])
def test_the_first_error_arrives_whole(workers):
    with pytest.raises(GeneratorError) as caught:
        run(workers, partial(fail_at, 3), range(6))
    error = caught.value
    assert (error.message, error.where, error.hint) == ("cannot", "row 3", "Try another.")


def test_tasks_are_taken_as_workers_become_free():
    taken, results = [], []

    def tasks():
        for number in range(20):
            taken.append((number, len(results)))
            yield number

    Local(2).run(double, tasks(), results.append, lambda _: None)
    assert all(number - done <= 4 for number, done in taken), "at most two a worker are waiting"


@pytest.mark.parametrize("workers", [1, 2])
def test_when_an_end_is_asked_for_what_runs_is_finished_and_nothing_begun(workers):
    results = []
    Local(workers).run(double, iter(range(200)), results.append, lambda _: None, lambda: bool(results))
    assert 1 <= len(results) <= 2 * workers, "two a worker at most were on their way"


def test_no_tasks():
    assert run(2, double, []) == ([], 0)


# scripts that use the library

BUILD = """
import sys
from pathlib import Path
from synthmammo.building.build import make_dataset
from synthmammo.dataset.workers.local import Local
from synthmammo.recipe import load_recipe

engine = Local(int(sys.argv[3])) if len(sys.argv) > 3 else None
make_dataset(load_recipe(Path(sys.argv[1])), Path(sys.argv[2]), engine=engine, overwrite=True)
"""

DOUBLE = """
import os
from synthmammo.dataset.workers.local import Local

ENGINE = Local(2)

def double(task, report):
    return 2 * task

def run():
    results = []
    ENGINE.run(double, range(3), results.append, print)
    print(sorted(results))

"""


def run_script(tmp_path, text, *arguments):
    script = tmp_path / "script.py"
    script.write_text(text)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, script, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)


def test_a_plain_script_builds_in_its_own_process_and_learns_how_to_have_more(tmp_path):
    recipe = tiny.write(tmp_path / "a.yaml", size=2, splits={"train": 1}, emit={"shard_size": 1, "preview_px": 64})
    here = run_script(tmp_path, BUILD, recipe, tmp_path / "here")
    assert here.returncode == 0, here.stderr
    assert (tmp_path / "here" / "manifest.json").is_file()
    done = run_script(tmp_path, BUILD, recipe, tmp_path / "out", 2)
    assert done.returncode == 1
    assert done.stderr.count("Traceback") == 1, "that of the script; its workers are silent"
    assert f"OutputError: {tmp_path / 'script.py'}: runs again" in done.stderr
    assert 'below a line `if __name__ == "__main__":`' in done.stderr and "memory" not in done.stderr
    assert (tmp_path / "out" / "plan.parquet").is_file(), "no worker removed what the script had begun"


def test_a_script_that_guards_its_work_may_make_its_engine_anywhere(tmp_path):
    done = run_script(tmp_path, DOUBLE + "if __name__ == '__main__':\n    run()\n")
    assert (done.returncode, done.stdout, done.stderr) == (0, "[0, 2, 4]\n", "")


def test_an_engine_alone_tells_of_the_missing_guard(tmp_path):
    done = run_script(tmp_path, DOUBLE + "run()\n")
    assert done.returncode == 1 and done.stderr.count("Traceback") == 1 and "runs again" in done.stderr


def test_a_worker_that_ends_as_it_starts_is_not_called_out_of_memory(tmp_path):
    done = run_script(tmp_path, DOUBLE + "if __name__ == '__main__':\n    run()\nelse:\n    1 / 0\n")
    assert "ZeroDivisionError" in done.stderr and "a worker process ended while it started" in done.stderr
    assert "memory" not in done.stderr


def test_messages_say_where_and_what_to_do():
    error = RecipeError("is odd", where="a.yaml", hint="Make it even.")
    assert isinstance(error, SynthmammoError) and str(error) == "a.yaml: is odd\n  Make it even."
    assert str(RecipeError("is odd")) == "is odd"


def test_nearest_names_one_or_all():
    assert nearest("fom", ["from", "to"]) == "Did you mean 'from'? Known: from, to."
    assert nearest("xyz", ["to", "from"]) == "Known: from, to."
