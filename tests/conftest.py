"""What several test modules share."""

import os
import random
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# Before NumPy is imported: the test processes share few cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# What builds take is noted for later plans: never beside the notes of whoever runs the tests.
os.environ["SYNTHMAMMO_CACHE"] = tempfile.mkdtemp(prefix="synthmammo-tests-")

# Run in the background, a shell has its programs ignore Ctrl-C, and theirs too: tests that interrupt would hang.
signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("synthmammo", deadline=None)
settings.load_profile("synthmammo")


@pytest.fixture
def seed() -> int:
    """A new seed every run, printed so that a failure can be repeated with SYNTHMAMMO_TEST_SEED."""
    value = int(os.environ.get("SYNTHMAMMO_TEST_SEED", random.SystemRandom().randrange(2**32)))
    print(f"SYNTHMAMMO_TEST_SEED={value}")
    return value


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The tiny recipe's dataset with its card, for tests that only read it."""
    from synthmammo.building.build import make_dataset
    from synthmammo.dataset.card import card
    from synthmammo.dataset.workers.local import Local
    from tests.support import tiny

    out = tmp_path_factory.mktemp("built") / "tiny"
    make_dataset(tiny.recipe(), out, engine=Local(1))
    card(out)
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    yield out
    assert before == {path: path.stat().st_mtime_ns for path in out.rglob("*")}, "a test changed the shared dataset"
