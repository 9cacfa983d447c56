"""The shipped model that was trained on patients copies none of its training images: one that does would not ship."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

import synthmammo as sm
from synthmammo.auditing.memorisation import Looks, PixelCopies, Verdict, judge, membership
from synthmammo.auditing.planted import CONTROLS, planted
from synthmammo.auditing.sides import open_sides
from synthmammo.auditing.thumbnails import thumbnail
from synthmammo.mammogram.sample import Sample

REAL = Path(__file__).parents[3] / "shared" / "data" / "cbis_ddsm_mass_patches"
PLANTED = 24


def looks(samples: Iterable[Sample]) -> Looks:
    """What registered pixels see; features of a network are not asked for."""
    thumbnails = np.stack([thumbnail(sample.image, sample.breast) for sample in samples])
    return Looks(thumbnails, np.zeros((len(thumbnails), 1), np.float32))


def copies(made: Path, films: Path) -> tuple[Verdict, float, tuple[float, float, float]]:
    """The verdict of registered pixels, the share of training images reproduced, and the AUC of membership."""
    sides = open_sides({"dataset": made, "reference": films, "train": films})
    training = list(sides["train"].samples())
    controls = {
        name: looks(planted(sample, name) for sample in training[:: len(training) // PLANTED]) for name in CONTROLS
    }
    seen = {name: looks(side.samples()) for name, side in sides.items()}
    instrument = PixelCopies(patches=True)
    found = judge(instrument, seen["dataset"], seen["train"], seen["reference"], controls)
    some = Looks(seen["train"].thumbnails[::5], seen["train"].means[::5])
    near = [instrument.most_alike(side, seen["dataset"]).likeness for side in (some, seen["reference"])]
    reproduced = np.unique(found.nearest.number[found.flagged]).size / len(training)
    return found, reproduced, tuple(membership(*near))


@pytest.mark.slow
@pytest.mark.skipif(not REAL.is_dir(), reason="needs the CBIS-DDSM mass patches of ../shared/data")
def test_the_model_of_cbis_ddsm_patches_copies_none(tmp_path):
    sm.ingest("cbis_ddsm", REAL, tmp_path / "films", workers=1)
    settings = {"emit.formats": ["parquet"]}
    made = sm.build("cbis_mass_patches", tmp_path / "made", size=200, settings=settings, workers=1)
    found, reproduced, _ = copies(made.path, tmp_path / "films")
    assert found.able and found.held_out_flagged <= 0.01
    assert not found.flagged.any() and reproduced == 0
