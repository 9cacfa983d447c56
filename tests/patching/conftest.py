"""Fixtures that several modules of this room share."""

from pathlib import Path

import pytest

from synthmammo.mammogram.sample import Sample
from tests.support.patch_sources import EXACT, IMAGES, SCALED, a_dataset, cut


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    return a_dataset(tmp_path_factory.mktemp("source"), *IMAGES)


@pytest.fixture(scope="module", params=[EXACT, SCALED], ids=["exact", "scaled"])
def found(request, source, tmp_path_factory) -> dict[str, Sample]:
    return cut(source, tmp_path_factory.mktemp("patches") / "out", request.param)[1]


@pytest.fixture(scope="module")
def exact(source, tmp_path_factory) -> dict[str, Sample]:
    return cut(source, tmp_path_factory.mktemp("exact") / "out", EXACT)[1]
