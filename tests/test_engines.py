"""The local engine, with functions so small that starting processes is most of the work."""

import os
from functools import partial

import pytest

from synthmammo.engines.local import Local
from synthmammo.errors import GeneratorError, RecipeError, SynthmammoError, nearest


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


def test_no_tasks():
    assert run(2, double, []) == ([], 0)


def test_messages_say_where_and_what_to_do():
    error = RecipeError("is odd", where="a.yaml", hint="Make it even.")
    assert isinstance(error, SynthmammoError) and str(error) == "a.yaml: is odd\n  Make it even."
    assert str(RecipeError("is odd")) == "is odd"


def test_nearest_names_one_or_all():
    assert nearest("fom", ["from", "to"]) == "Did you mean 'from'?"
    assert nearest("xyz", ["to", "from"]) == "Known: from, to."
