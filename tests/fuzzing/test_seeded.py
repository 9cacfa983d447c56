"""A short campaign over every reader; `make fuzz` is the long one."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tools.fuzz.campaign import campaign, campaign_in_child, in_own_folder, tried
from tools.fuzz.mutation import MOST_BYTES
from tools.fuzz.reader import Reader, made
from tools.fuzz.readers import READERS

INPUTS = 40


@pytest.fixture(scope="module", params=list(READERS))
def prepared(request):
    reader = READERS[request.param]
    if not reader.runs:
        pytest.skip(f"{reader.needs} is not installed")
    home, folder, corpus = in_own_folder(reader)
    with home:
        yield reader, folder, corpus


def test_no_input_breaks_a_promise(prepared):
    reader, folder, corpus = prepared
    outcome = campaign_in_child(reader, 0, INPUTS, corpus, folder)
    assert outcome.broken == {}
    assert (outcome.inputs, outcome.read + outcome.refused) == (INPUTS, INPUTS)


@given(data=st.binary(max_size=300))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_bytes_that_follow_no_format_are_refused_or_read(prepared, data):
    reader, folder, _ = prepared
    assert tried(reader, data, folder) in (None, "")


def test_a_seed_gives_the_same_input_again_and_another_seed_another(prepared):
    reader, _, corpus = prepared
    first = [made(reader, seed, corpus) for seed in range(20)]
    assert first == [made(reader, seed, corpus) for seed in range(20)]
    assert len(set(first)) > 10
    assert max(map(len, first)) <= MOST_BYTES


# The campaign itself finds what it looks for.


def broken_reader(read):
    return Reader("broken", "a.bin", lambda folder: [b"0123456789" * 4], read)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("crash", "ZeroDivisionError"),
        ("outside", "which is outside of its folder"),
        ("write", "wrote"),
        ("run", "subprocess.Popen"),
        ("die", "the process died"),
    ],
)
def test_each_kind_of_broken_promise_is_found(tmp_path, name, words):
    import ctypes
    import subprocess

    actions = {
        "crash": lambda path: 1 // 0,
        "outside": lambda path: open("/etc/hostname").close(),
        "write": lambda path: path.with_name("b").write_text(""),
        "run": lambda path: subprocess.run(["true"], check=False),
        "die": lambda path: ctypes.string_at(0),
    }
    outcome = campaign_in_child(broken_reader(actions[name]), 0, 2, [b"0123456789"], tmp_path)
    assert outcome.inputs == 2
    assert len(outcome.broken) == 2
    assert all(words in said for said in outcome.broken.values())


def test_what_is_read_and_what_is_refused_is_counted(tmp_path):
    from synthmammo.errors import SourceError

    def read(path):
        if path.read_bytes()[:1] != b"0":
            raise SourceError("is another")

    outcome = campaign(broken_reader(read), 5, 50, [b"0123456789"], tmp_path)
    assert (outcome.first, outcome.inputs, outcome.broken) == (5, 50, {})
    assert outcome.read and outcome.refused and outcome.read + outcome.refused == 50
