"""Fixtures that several modules of this room share."""

import tracemalloc

import pytest

from tests.support.memory import MEMORY


@pytest.fixture
def little_memory():
    tracemalloc.start()
    yield
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < MEMORY
