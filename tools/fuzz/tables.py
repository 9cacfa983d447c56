"""Readers of texts and tables: recipes, CSVs, plans and manifests."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from pathlib import Path

from synthmammo.errors import SynthmammoError
from tests.support.dicom_files import breast_like
from tools.fuzz import plain
from tools.fuzz.reader import Reader

RECIPES = Path(__file__).parents[2] / "recipes"
_YAML: tuple[bytes, ...] = (
    b"include: a.yaml\n",
    b"include: ../../../etc/passwd\n",
    b"!!python/object/apply:os.system ['true']",
    b"&a [*a, *a]",
)
_YAML += (
    b"<<: *a",
    b"? {a: b}\n: c\n",
    b"\xef\xbb\xbf",
    b"---\n",
    b"{",
    b"[",
    b"'",
    b"|\n",
    b"1_000",
    b"0x1f",
    b"2020-13-45",
)


def _recipe_corpus(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted(RECIPES.glob("*.yaml"))]


def _read_recipe(path: Path) -> object:
    from synthmammo.recipe import load_recipe
    from synthmammo.recipe.load import resolved_yaml

    recipe = load_recipe(path)
    return repr(recipe), resolved_yaml(recipe)


_TABLE = b"""file,patient,view,laterality,label,kind,pathology,ymin,xmin,ymax,xmax,mask,spacing_mm,density,split
a.png,p1,CC,L,benign,mass,benign,1,2,9,8,,0.1,b,train
b.png,p1,MLO,L,malignant,calcification,malignant,,,,,m.png,,c,test
b.png,p1,MLO,L,malignant,mass,malignant,3,3,5,5,,,c,test
c.png,p2,,R,normal,,,,,,,,0.05,,
"""
_CIRCLES = b"file;patient;label;y;x;radius\na.png;1;benign;5,5;6;3\nb.png;2;normal;;;\n"
_NAMES = (
    b"../../../../../../etc/passwd",
    b"/etc/passwd",
    b"a.png/..",
    b"..",
    b".",
    b"\0",
    b'"',
    b",,,,",
    b"\n\n",
    b"nan",
    b"1e999",
    b"\xff",
)


def _csv_corpus(folder: Path) -> list[bytes]:
    return [_TABLE, _CIRCLES, _TABLE.replace(b",", b"\t"), b"\xef\xbb\xbf" + _TABLE]


def _pictures(folder: Path) -> None:
    from synthmammo.mammogram import png

    for name in ("a", "b", "c", "m"):
        (folder / f"{name}.png").write_bytes(png.encode(breast_like(20, 12)))


def _read_folder(path: Path) -> object:
    from synthmammo.ingesting.sources.base import Record, open_source

    source = open_source("folder", path.parent)
    return [_tried(source.read, record) for record in source.records() if isinstance(record, Record)]


def _tried(read: Callable[..., object], record: object) -> object:
    """One image of an archive: an error of the package leaves it out, and the others go on."""
    try:
        return read(record)
    except SynthmammoError as error:
        return error


_IMAGES = b"""study_id,series_id,image_id,laterality,view_position,height,width,breast_birads,breast_density,split
s1,x,i1,L,CC,20,12,BI-RADS 4,DENSITY C,training
s1,x,i2,R,MLO,20,12,BI-RADS 1,DENSITY B,test
"""
_FINDINGS = b"""study_id,image_id,finding_categories,finding_birads,xmin,ymin,xmax,ymax
s1,i1,"['Mass', 'Asymmetry']",BI-RADS 4,1.5,2,8.5,9
s1,i2,['No Finding'],,,,,
"""


def _vindr(folder: Path) -> None:
    from synthmammo.ingesting.sources.vindr_mammo import IMAGE_TABLE
    from tests.support.dicom_files import write

    (folder / IMAGE_TABLE).write_bytes(_IMAGES)
    for name in ("i1", "i2"):
        write(folder / "images" / "s1" / f"{name}.dicom", breast_like(20, 12))


def _read_vindr(path: Path) -> object:
    from synthmammo.ingesting.sources.base import Record, open_source

    source = open_source("vindr_mammo", path.parent)
    return [_tried(source.read, record) for record in source.records() if isinstance(record, Record)]


def _plan_corpus(folder: Path) -> list[bytes]:
    from synthmammo.planning.plan import Plan
    from synthmammo.recipe import load_recipe

    found = []
    for number, (name, size) in enumerate({"balanced_mass": 9, "lesion_growth": 18, "screening_exams": 8}.items()):
        plan = Plan(load_recipe(RECIPES / f"{name}.yaml", [f"size={size}"]))
        found.append(plan.write(folder / f"{number}.parquet").read_bytes())
    return found


def _read_plan(path: Path) -> object:
    from synthmammo.planning.table import read_rows

    return list(read_rows(path))


def _plan_row(rng: random.Random, data: bytes) -> bytes:
    """A plan with one other value, of the type that its column has."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from synthmammo.planning.table import SCHEMA

    try:
        rows = pq.read_table(pa.BufferReader(data)).to_pylist()
        rows[rng.randrange(len(rows))] = plain.changed_value(rng, rng.choice(rows))
        sink = pa.BufferOutputStream()
        pq.write_table(pa.Table.from_pylist(rows, SCHEMA), sink)
    except (pa.ArrowException, OSError, ValueError, TypeError, AttributeError, OverflowError, KeyError):
        return data
    return bytes(sink.getvalue())


def _dataset_corpus(folder: Path) -> list[bytes]:
    _dataset(folder)
    return [(folder / "manifest.json").read_bytes()]


def _dataset(folder: Path) -> None:
    """A dataset of three phantoms, with all that a manifest names."""
    import shutil

    import synthmammo

    small = {"background.spacing_mm": 2, "emit.formats": ["parquet", "webdataset"]}
    synthmammo.build("balanced_mass", folder / "made", size=3, settings=small)
    shutil.copytree(folder / "made", folder, dirs_exist_ok=True)
    shutil.rmtree(folder / "made")


def _read_dataset(path: Path) -> object:
    from synthmammo.dataset.reader import Dataset
    from synthmammo.dataset.verify import verify_files

    dataset = Dataset.open(path.parent)
    facts = repr(dataset), len(dataset), dataset.label_names, dataset.keys
    verify_files(path.parent)
    return facts, dataset[0] if len(dataset) else None


def _shard_corpus(name: str, folder: Path) -> list[bytes]:
    _dataset(folder)
    return [path.read_bytes() for path in sorted(folder.glob(f"{name}/*"))]


def _read_tar(path: Path) -> object:
    from synthmammo.dataset.readers.webdataset import WebDatasetReader

    reader = WebDatasetReader(path, 3)
    return reader.keys, reader.splits, list(reader.provenances()), list(reader.samples())


def _read_parquet(path: Path) -> object:
    from synthmammo.dataset.readers.parquet import ParquetReader

    reader = ParquetReader(path)
    return len(reader), reader.keys, reader.splits, list(reader.provenances()), list(reader.samples())


def _npy_corpus(folder: Path) -> list[bytes]:
    import io

    import numpy as np

    buffers = [io.BytesIO() for _ in range(2)]
    np.save(buffers[0], np.arange(6.0).reshape(2, 3))
    np.save(buffers[1], np.zeros(4, np.float32))
    return [buffer.getvalue() for buffer in buffers]


def _read_npy(path: Path) -> object:
    from synthmammo.benchmarking.arrays import read_array

    return read_array(path)


_SHAPES = (b"(99999999999, 9)", b"(-1,)", b"'|O'", b"__import__('os')", b"(" * 200, b"'<f8'", b"True", b"{}")


def readers() -> list[Reader]:
    """Readers of texts and tables."""
    csv = partial(Reader, changes=(plain.cell,), words=_NAMES)
    return [
        Reader("recipe", "a.yaml", _recipe_corpus, _read_recipe, (plain.yaml_value,), _YAML),
        csv("csv-folder", "table.csv", _csv_corpus, _read_folder, around=_pictures),
        csv("csv-vindr", "finding_annotations.csv", lambda folder: [_FINDINGS], _read_vindr, around=_vindr),
        Reader("plan", "plan.parquet", _plan_corpus, _read_plan, (_plan_row,)),
        Reader("npy", "a.npy", _npy_corpus, _read_npy, words=_SHAPES),
        Reader("shard-tar", "a.tar", partial(_shard_corpus, "webdataset"), _read_tar),
        Reader("shard-parquet", "a.parquet", partial(_shard_corpus, "parquet"), _read_parquet),
        Reader("manifest", "manifest.json", _dataset_corpus, _read_dataset, (plain.json_value,), around=_dataset),
    ]
