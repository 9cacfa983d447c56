"""mini-MIAS: circles from the lower left, pairs of films, odd is left."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from synthmammo.errors import SourceError
from synthmammo.ingesting.sources.base import Skipped, open_source
from synthmammo.mammogram.sample import Box, Kind, Laterality, Pathology, View

REAL = Path(__file__).parents[3] / "shared" / "data" / "mini_mias"
HEADER = "image,tissue,cls,severity,x,y_file,y_img,radius\n"
ROWS = """\
mdb001,G,CIRC,B,535,425,599,197
mdb002,G,CALC,M,100,924,100,0
mdb002,G,SPIC,B,700,24,1000,40
mdb003,D,NORM,,,,,
mdb004,F,ASYM,M,,,,
"""
INFO = """\
some heading
mdb001 G CIRC B 535 425 197
mdb002 G CALC M 100 924 0
mdb002 G SPIC B 700 24 40
mdb003 D NORM
mdb004 F ASYM M *NOTE 3*
"""


@pytest.fixture(params=["annotations.csv", "Info.txt"])
def archive(tmp_path, request):
    suffix, folder = (".png", tmp_path / "images") if request.param == "annotations.csv" else (".pgm", tmp_path)
    folder.mkdir(exist_ok=True)
    for number in range(1, 5):
        Image.fromarray(np.full((1024, 1024), 10 * number, np.uint8)).save(folder / f"mdb{number:03d}{suffix}")
    (tmp_path / request.param).write_text(HEADER + ROWS if request.param == "annotations.csv" else INFO)
    return tmp_path


def test_both_layouts_say_the_same(archive):
    source = open_source("mini_mias", archive)
    records = list(source.records())
    assert [r.key for r in records] == ["mdb001", "mdb002", "mdb003", "mdb004"]
    assert [r.patient for r in records] == ["mias001", "mias001", "mias002", "mias002"]
    assert [r.laterality for r in records] == [Laterality.LEFT, Laterality.RIGHT] * 2
    assert [r.label for r in records] == ["benign", "malignant", "normal", "malignant"]
    assert {r.view for r in records} == {View.MLO}
    circle = source.read(records[0])
    assert circle.findings[0].box == Box(402, 338, 797, 733)
    assert circle.lesions[599, 535] == 1
    assert (circle.bits_stored, circle.spacing_mm) == (8, (0.2, 0.2))
    both = source.read(records[1]).findings
    assert [(f.kind, f.pathology) for f in both] == [
        (Kind.CALCIFICATION, Pathology.MALIGNANT),
        (Kind.MASS, Pathology.BENIGN),
    ]
    assert both[0].box == Box(100, 100, 101, 101)
    assert both[1].box.row1 == 1024
    assert source.read(records[3]).findings == ()


def test_films_and_rows_without_each_other_are_skipped(archive):
    (film,) = archive.rglob("mdb003.p*")
    film.rename(film.with_stem("mdb009"))
    skipped = [found for found in open_source("mini_mias", archive).records() if isinstance(found, Skipped)]
    assert [skip.path.stem for skip in skipped] == ["mdb003", "mdb009"]


def test_a_folder_without_a_table(tmp_path):
    with pytest.raises(SourceError, match=r"annotations\.csv or the archive's Info\.txt"):
        list(open_source("mini_mias", tmp_path).records())


@pytest.mark.skipif(not REAL.is_dir(), reason="the films of mini-MIAS are not beside this checkout")
def test_the_real_archive():
    source = open_source("mini_mias", REAL)
    records = list(source.records())
    assert len(records) == 242
    assert Counter(r.label for r in records) == {"normal": 152, "benign": 50, "malignant": 40}
    assert Counter(Counter(r.patient for r in records).values()) == {2: 121}
    assert sum(a.circle is None for r in records for a in r.annotations) == 3
    first = source.read(records[0])
    assert first.image.shape == (1024, 1024)
    # The circles lie on tissue, which a mix-up of the origin would spoil.
    on_tissue = [
        picture.image[picture.lesions > 0].mean() > 60
        for picture in map(source.read, [r for r in records if r.annotations][:12])
        if picture.findings
    ]
    assert len(on_tissue) > 8
    assert all(on_tissue)
