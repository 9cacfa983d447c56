import subprocess
import sys
from collections import Counter
from fractions import Fraction
from itertools import groupby, product
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import synthmammo.planning.planner as plans
from synthmammo.dataset.index import index_row, write_index
from synthmammo.dataset.layout import INDEX
from synthmammo.dataset.manifest import Manifest
from synthmammo.errors import DatasetError, OutputError
from synthmammo.identity import draw_u64
from synthmammo.mammogram.planned import Row
from synthmammo.mammogram.sample import Kind, Pathology
from synthmammo.planning.planner import tables, write_plan
from synthmammo.planning.summary import summarise_plan
from synthmammo.planning.table import as_row, read_rows
from synthmammo.recipe import Recipe
from tests.support import example_samples, tiny

MASS, CALCIFICATION = tiny.TINY["lesions"]
MALIGNANT = {"classes": {"malignant": 1}, "lesions": [{**MASS, "classes": ["malignant"], "count": {0: 0.3, 2: 0.7}}]}
SHAPES = {
    "plain": {},
    "several a host": {"background": {**tiny.TINY["background"], "samples_per_host": 4}},
    "pairs": MALIGNANT | {"pair": "host"},
    "removed": MALIGNANT | {"pair": "removed", "removal": {"generator": "parametric"}},
    "series": {
        "classes": {"malignant": 1},
        "lesions": [{**MASS, "classes": ["malignant"]}],
        "series": {"diameter_mm": [5, 8, 12], "contrast": [0.2, 0.4]},
    },
    "series on one host": {
        "classes": {"malignant": 1},
        "lesions": [{**MASS, "classes": ["malignant"]}],
        "series": {"diameter_mm": [5, 8], "contrast": [0.2]},
        "background": {**tiny.TINY["background"], "samples_per_host": 3},
    },
    "exams": {"background": {**tiny.TINY["background"], "exam": "four views"}},
    "patches": {"patch": {"size_px": 32}, "emit": {"formats": ["parquet"]}},
    "rare class": {"classes": {"normal": 0.935, "benign": 0.06, "malignant": 0.005}},
    "edits": {
        "background": {"generator": "stylegan2", "model": "zoo/any", "samples_per_host": 3},
        "edits": [
            {"density": {"target": "c", "probability": 0.5}},
            {"component 7": {"normal": [0, 1]}},
            {"mixing": [4, 8], "reference": [5, 6], "probability": 0.3},
            {"part": 2, "strength": [0.5, 1]},
        ],
        "require": {"view": "mlo", "candidates": 3},
    },
    "sweep": {
        "background": {"generator": "stylegan2", "model": "zoo/any"},
        "edits": [{"density": {"sweep": [-2, 0, 2]}}, {"mixing": [4, 8], "probability": 0.5}],
    },
}


@pytest.fixture(scope="module")
def hosts(tmp_path_factory):
    """The index of an ingested dataset: nine patients in three splits, two views each; pixels are never opened."""
    directory = tmp_path_factory.mktemp("hosts")
    rows = []
    for number in range(18):
        patient, split = number // 2, ("train", "train", "validation", "test")[number // 2 % 4]
        sample = example_samples.a_sample(2 * number, shape=(16, 12), lesions=number % 3 == 0)
        rows.append(index_row(sample.with_(patient=f"P{patient}", split=split)))
    write_index(directory, rows)
    Manifest("ingested", "hosts", "d", {}, files={INDEX: ""}).write(directory)
    return directory


def shaped(name: str, size: int, hosts=None, seed: int = 11) -> Recipe:
    if name == "real hosts":
        background = {"generator": "ingested", "dataset": str(hosts), "findings": "keep"}
        return tiny.recipe(background=background, splits=None, size=size, seed=seed)
    changes = {**SHAPES[name], "seed": seed}
    together = tiny.recipe(**{**changes, "size": 60}).together
    return tiny.recipe(**changes, size=-(-size // together) * together)


def whole(recipe: Recipe) -> pa.Table:
    return pa.concat_tables(tables(recipe)).combine_chunks()


EVERY_SHAPE = pytest.mark.parametrize("shape", [*SHAPES, "real hosts"])


@EVERY_SHAPE
@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(few=st.integers(1, 60), more=st.integers(0, 90), seed=st.integers(0, 2**40))
def test_a_larger_size_leaves_the_earlier_rows_as_they_were(shape, hosts, few, more, seed):
    short, long = (whole(shaped(shape, size, hosts, seed)) for size in (few, few + more))
    assert long.slice(0, short.num_rows).equals(short)


@EVERY_SHAPE
@pytest.mark.parametrize("group", [4, 50])
def test_draws_do_not_depend_on_the_pieces(shape, hosts, group, monkeypatch):
    recipe = shaped(shape, 103, hosts)
    at_once = whole(recipe)
    monkeypatch.setattr(plans, "ROW_GROUP", group)
    assert whole(recipe).equals(at_once)


@EVERY_SHAPE
def test_the_same_recipe_gives_the_same_file(shape, hosts, tmp_path):
    recipe = shaped(shape, 60, hosts)
    for name in ("a", "b"):
        write_plan(recipe, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


def test_another_seed_gives_other_draws_but_the_same_classes_and_splits():
    one, other = (whole(tiny.recipe(seed=seed, size=60)).to_pylist() for seed in (1, 2))
    assert [(row["label"], row["split"]) for row in one] == [(row["label"], row["split"]) for row in other]
    assert not {row["host_seed"] for row in one} & {row["host_seed"] for row in other}


@settings(max_examples=20)
@given(weights=st.lists(st.integers(1, 40), min_size=2, max_size=5), size=st.integers(1, 400))
def test_class_shares_are_exact_at_every_prefix(weights, size):
    shares = {f"c{place}": Fraction(weight, sum(weights)) for place, weight in enumerate(weights)}
    recipe = tiny.recipe(classes={name: str(share) for name, share in shares.items()}, lesions=[], size=size)
    counts = Counter()
    for done, label in enumerate(whole(recipe)["label"].to_pylist(), 1):
        counts[label] += 1
        assert all(abs(counts[name] - share * done) < 1 for name, share in shares.items())


def test_every_split_has_every_class_in_its_share():
    counts = Counter((row["split"], row["label"]) for row in whole(tiny.recipe(size=1200)).to_pylist())
    for split, share in tiny.TINY["splits"].items():
        for label in tiny.TINY["classes"]:
            assert abs(counts[split, label] - 1200 * share / 3) <= 2


@EVERY_SHAPE
def test_splits_never_divide_a_host_or_a_patient(shape, hosts):
    rows = whole(shaped(shape, 200, hosts)).to_pylist()
    for column in ("host", "patient"):
        splits = {row[column]: row["split"] for row in rows}
        assert all(row["split"] == splits[row[column]] for row in rows)


@EVERY_SHAPE
def test_rows_of_a_host_share_what_belongs_to_the_host(shape, hosts):
    rows = whole(shaped(shape, 120, hosts)).to_pylist()
    columns = ("host_seed", "host_key", "patient", "view", "laterality", "density", "implant", "edits")
    for _, group in groupby(rows, key=lambda row: row["host"]):
        assert len({repr([row[column] for column in columns]) for row in group}) == 1


def test_the_steps_of_a_sweep_differ_in_nothing_else():
    rows = whole(shaped("sweep", 30)).to_pylist()
    for steps in zip(*[iter(rows)] * 3, strict=True):
        assert [step["edits"][0]["value"] for step in steps] == [-2, 0, 2]
        same = [[row[name] for name in ("host_seed", "patient", "split", "label")] for row in steps]
        same = [[*values, row["edits"][1:]] for values, row in zip(same, steps, strict=True)]
        assert same[0] == same[1] == same[2]
        assert len({row["host"] for row in steps}) == 3
    assert len({row["host_seed"] for row in rows}) == len(rows) / 3


def test_keys_and_indices_count_up():
    rows = whole(tiny.recipe(size=25)).to_pylist()
    assert [row["index"] for row in rows] == list(range(25))
    assert [row["key"] for row in rows] == [f"tiny-{number:07d}" for number in range(25)]


@EVERY_SHAPE
def test_shards_hold_one_split_and_whole_groups(shape, hosts):
    recipe = shaped(shape, 150, hosts)
    rows = whole(recipe).to_pylist()
    sizes = Counter(row["shard"] for row in rows)
    assert all(row["shard"].rpartition("-")[0] == row["split"] for row in rows)
    assert max(sizes.values()) <= max(recipe.together, recipe.emit.shard_size)
    shards = {}
    for row in rows:
        assert shards.setdefault(row["index"] // recipe.together, row["shard"]) == row["shard"]


def test_pairs_are_one_host_twice():
    for role in ("host", "removed"):
        rows = whole(shaped("pairs" if role == "host" else "removed", 80)).to_pylist()
        for first, second in zip(rows[::2], rows[1::2], strict=True):
            assert (first["role"], second["role"]) == ("lesion", role)
            assert (first["label"], second["label"]) == ("malignant", "normal")
            same = ("host", "host_seed", "split", "shard", "lesions", "patient")
            assert all(first[column] == second[column] for column in same)


def test_an_exam_is_both_views_of_both_breasts_of_one_patient():
    recipe = shaped("exams", 240)
    rows = whole(recipe).to_pylist()
    for start in range(0, 240, 4):
        exam = rows[start : start + 4]
        assert [(row["laterality"], row["view"]) for row in exam] == [*product("RL", ("CC", "MLO"))]
        for column in ("patient", "split", "shard", "density", "implant", "body_seed"):
            assert len({row[column] for row in exam}) == 1
        assert len({row["host_seed"] for row in exam}) == 4
        for one, other in (exam[:2], exam[2:]):  # a class and its lesions belong to a breast
            assert (one["label"], one["lesions"]) == (other["label"], other["lesions"])
    assert len({row["patient"] for row in rows}) == len({row["body_seed"] for row in rows}) == 60
    assert dict(summarise_plan(recipe).lines)["patients"] == "60, four views each"
    assert any(rows[start]["label"] != rows[start + 2]["label"] for start in range(0, 240, 4))
    counts = Counter((row["split"], row["label"]) for row in rows)
    for split, label in product(("train", "validation", "test"), recipe.classes):
        assert abs(counts[split, label] - 240 * recipe.splits[split] / 3) <= 8


def test_only_exams_have_a_body_of_their_own():
    assert all(row["body_seed"] is None for row in whole(shaped("plain", 60)).to_pylist())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"size": 10}, "size: 10 is not a multiple of 4; use 8"),
        ({"pair": "host"}, "cannot be combined with pair"),
        ({"patch": {"size_px": 32}, "emit": {"formats": ["parquet"]}}, "cannot be combined with patch"),
        ({"background": {"samples_per_host": 2}}, "remove background.samples_per_host"),
        ({"background": {"views": "CC"}}, "an exam has all four views; remove background.views"),
    ],
)
def test_what_an_exam_excludes(changes, message):
    background = {**tiny.TINY["background"], "exam": "four views", **changes.get("background", {})}
    with pytest.raises(ValueError, match=message):
        tiny.recipe(**{"size": 12, **changes, "background": background})


def test_a_series_steps_through_sizes_and_contrasts_of_one_lesion():
    rows = whole(shaped("series", 60)).to_pylist()
    for start in range(0, 60, 6):
        lesions = [row["lesions"][0] for row in rows[start : start + 6]]
        steps = {(lesion["diameter_mm"], lesion["contrast"]) for lesion in lesions}
        assert steps == {(diameter, contrast) for diameter in (5, 8, 12) for contrast in (0.2, 0.4)}
        assert len({repr(lesion["candidates"]) for lesion in lesions}) == 1
        assert len({lesion["shape"] for lesion in lesions}) == 1


def test_real_hosts_are_each_used_once_before_any_is_used_again(hosts):
    keys = [row["host_key"] for row in whole(shaped("real hosts", 54, hosts)).to_pylist()]
    for start in (0, 18, 36):
        assert len(set(keys[start : start + 18])) == 18


def test_hosts_with_findings_are_left_out_unless_kept(hosts):
    background = {"generator": "ingested", "dataset": str(hosts)}
    keys = whole(tiny.recipe(background=background, splits=None, size=40))["host_key"].to_pylist()
    assert len(set(keys)) == 12


# distributions


def test_shares_of_a_large_plan():
    background = {**tiny.TINY["background"], "views": {"CC": 0.25, "MLO": 0.75}, "implants": 0.1}
    rows = whole(tiny.recipe(size=6000, background=background)).to_pylist()

    def share(condition, among=rows):
        return sum(map(condition, among)) / len(among)

    assert share(lambda row: row["view"] == "CC") == pytest.approx(0.25, abs=0.02)
    assert share(lambda row: row["implant"]) == pytest.approx(0.1, abs=0.015)
    assert share(lambda row: row["density"] == "b") == pytest.approx(0.4, abs=0.025)
    masses = [one for row in rows for one in row["lesions"] if one["kind"] == "mass"]
    malignant = [one for one in masses if one["pathology"] == "malignant"]
    assert share(lambda one: one["margin"] == "spiculated", malignant) == pytest.approx(0.45, abs=0.04)
    assert not any(one["margin"] == "spiculated" for one in masses if one["pathology"] == "benign")
    diameters = np.sort([one["diameter_mm"] for one in masses])
    expected = 10 + 6 * (np.arange(len(diameters)) + 0.5) / len(diameters)
    assert np.abs(diameters - expected).max() < 0.2


def test_columns_are_independent_and_candidates_differ():
    rows = whole(tiny.recipe(size=3000)).to_pylist()
    masses = [one for row in rows for one in row["lesions"] if one["kind"] == "mass"]
    columns = np.array([(m["diameter_mm"], m["candidates"][0]["site"], m["candidates"][1]["site"]) for m in masses])
    assert np.abs(np.corrcoef(columns.T) - np.eye(3)).max() < 0.06
    seeds = [candidate["seed"] for one in masses for candidate in one["candidates"]]
    assert len(set(seeds)) == len(seeds)
    assert all(0 <= candidate["site"] < 1 for one in masses for candidate in one["candidates"])


def test_only_the_classes_named_get_a_lesion():
    for row in map(as_row, whole(tiny.recipe(size=90)).to_pylist()):
        kinds = [lesion.kind for lesion in row.lesions]
        wanted = {"normal": [], "benign": [Kind.MASS], "malignant": [Kind.MASS, Kind.CALCIFICATION]}
        assert kinds == wanted[row.label]
        assert all(lesion.pathology == Pathology(row.label) for lesion in row.lesions)


# the file


def test_views_of_a_model_come_in_their_shares_and_stay_when_the_size_grows():
    background = {"generator": "stylegan2", "model": "zoo/any", "views": {"CC": 0.25, "MLO": 0.75}}
    changes = {"background": background, "lesions": [], "classes": {"normal": 1}}
    few, many = (whole(tiny.recipe(size=size, **changes))["view"].to_pylist() for size in (40, 4000))
    assert many[:40] == few and set(many) == {"CC", "MLO"}
    assert many.count("CC") / 4000 == pytest.approx(0.25, abs=0.03)


def test_columns_are_typed(tmp_path):
    write_plan(tiny.recipe(), tmp_path / "plan.parquet")
    schema = pq.read_schema(tmp_path / "plan.parquet")
    assert schema.equals(plans.SCHEMA)
    assert schema.field("host_seed").type == pa.uint64()
    assert pa.types.is_list(schema.field("lesions").type)


@EVERY_SHAPE
def test_rows_read_back(shape, hosts, tmp_path):
    recipe = shaped(shape, 60, hosts)
    reported = []
    rows = write_plan(recipe, tmp_path / "plan.parquet", lambda done, total: reported.append((done, total)))
    assert rows == recipe.size and reported[-1] == (rows, rows)
    rows = list(read_rows(tmp_path / "plan.parquet"))
    assert len(rows) == recipe.size and all(isinstance(row, Row) for row in rows)
    assert rows[3].host_seed == int(draw_u64(recipe.seed, "host_seed", rows[3].host // len(recipe.sweep or [0])))


def test_a_file_that_is_no_plan_is_refused(tmp_path):
    with pytest.raises(DatasetError, match="cannot be read"):
        list(read_rows(tmp_path / "absent.parquet"))
    (tmp_path / "text.parquet").write_text("no")
    with pytest.raises(DatasetError, match="cannot be read"):
        list(read_rows(tmp_path / "text.parquet"))
    pq.write_table(pa.table({"key": ["a"]}), tmp_path / "other.parquet")
    with pytest.raises(DatasetError, match="not those of a plan"):
        list(read_rows(tmp_path / "other.parquet"))


def test_a_plan_that_cannot_be_written_leaves_nothing(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        write_plan(tiny.recipe(), tmp_path / "file" / "plan.parquet")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.slow
def test_speed_and_memory():
    """At least 200,000 rows a second of processor time, and memory that does not grow with the rows."""
    code = """
import resource, sys, tempfile, time
from pathlib import Path
from tests.support import tiny
from synthmammo.planning.planner import write_plan
start = time.process_time()
write_plan(tiny.recipe(size=int(sys.argv[1])), Path(tempfile.mkdtemp()) / "plan.parquet")
print(time.process_time() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
    seconds, peaks = {}, {}
    for size in (200_000, 1_000_000):
        done = subprocess.run(
            [sys.executable, "-c", code, str(size)], capture_output=True, text=True, cwd=Path(__file__).parents[2]
        )
        seconds[size], peaks[size] = map(float, done.stdout.split())
    assert (1_000_000 - 200_000) / (seconds[1_000_000] - seconds[200_000]) > 200_000
    assert peaks[1_000_000] < 1.25 * peaks[200_000]
