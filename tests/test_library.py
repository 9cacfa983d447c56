"""The public functions as other programs call them: recipes of every kind, wrong arguments, selections of samples."""

import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import synthmammo as sm
from synthmammo.errors import CheckpointError, DatasetError, GeneratorError, OutputError, RecipeError, SourceError
from tests.support import tiny

SMALL = {"size": 4, "emit": {"shard_size": 2, "preview_px": 64, "formats": ["parquet"]}}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return sm.build(tiny.recipe(**SMALL), tmp_path_factory.mktemp("made") / "tiny")


def test_a_build_returns_the_dataset_with_its_card_and_what_it_did(made):
    assert repr(made) == "Dataset(tiny: 4 samples, 2 train, 1 validation, 1 test)"
    assert made.made == 4 and set(made.seconds) >= {"generate", "compose"}
    assert (made.path / "README.md").is_file()
    again = sm.build(tiny.recipe(**SMALL), made.path)
    assert again.made == 0 and again.keys == made.keys


def test_whatever_stands_for_a_recipe_makes_the_same(made, tmp_path):
    path = tiny.write(tmp_path / "t.yaml", **SMALL | {"size": 8})
    calls = []
    texts = ["emit.shard_size=2", "seed=11"]
    by_path = sm.build(path, tmp_path / "a", size=4, settings=texts, progress=lambda *done: calls.append(done))
    by_mapping = sm.build(tiny.content(**SMALL), str(tmp_path / "b"), settings={"emit.shard_size": 2}, workers=2)
    assert by_path.manifest.digest == by_mapping.manifest.digest == made.manifest.digest
    assert calls[-1] == (4, 4)


def test_a_dataset_without_pixels_to_read_is_made_and_says_so(tmp_path):
    emit = {"emit": {"preview_px": 64, "formats": ["dicom"]}}
    dataset = sm.build(tiny.recipe(**SMALL | {"size": 2} | emit), tmp_path / "out")
    assert len(dataset) == 2 and dataset.keys == ("tiny-0000000", "tiny-0000001")
    assert len(dataset.split("train")) + len(dataset.split("validation")) == 2
    with pytest.raises(DatasetError, match="it holds no Parquet files and no listed tars"):
        _ = dataset[0]


def test_the_default_place_is_datasets_of_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert sm.build(tiny.content(**SMALL), size=1).path == Path("datasets/tiny")


def test_a_plan_is_counted_drawn_and_written(tmp_path):
    drawn = sm.plan(tiny.recipe(), tmp_path / "plan.parquet", size=9)
    assert repr(drawn) == "Plan(tiny: 9 samples on 9 backgrounds)" and len(drawn) == 9
    import pyarrow.parquet as pq

    assert pq.read_table(tmp_path / "plan.parquet").equals(drawn.table())
    assert [row.key for row in drawn] == drawn.table()["key"].to_pylist()


MODEL = "zoo/stylegan2-cbis-mass-128"
WRONG = {
    "a number for a recipe": (lambda d: sm.build(3), RecipeError, "recipe: expected a path.*found 3"),
    "nothing for a recipe": (lambda d: sm.check(None), RecipeError, "recipe: .*found None"),
    "a list for a recipe": (lambda d: sm.plan([1]), RecipeError, r"recipe: .*found \[1\] \(list\)"),
    "a key that is no text": (lambda d: sm.check({1: 2}), RecipeError, "keys should be strings"),
    "a text for a size": (lambda d: sm.build("balanced_mass", size="many"), RecipeError, "size: .*found 'many'"),
    "no path": (lambda d: sm.build("balanced_mass", 3), OutputError, "out: expected a path.*found 3"),
    "no workers": (lambda d: sm.build("balanced_mass", workers=0), RecipeError, "workers: .*1 or more, found 0"),
    "no choice": (lambda d: sm.build("balanced_mass", overwrite="no"), RecipeError, "overwrite: .*found 'no'"),
    "no function": (lambda d: sm.build("balanced_mass", progress=3), RecipeError, "progress: .*found 3"),
    "one text": (lambda d: sm.build("balanced_mass", settings="size=3"), RecipeError, "settings: .*found 'size=3'"),
    "a wrong key": (lambda d: sm.check("balanced_mass", settings={"emit.shard_sze": 3}), RecipeError, "shard_size"),
    "verify nothing": (lambda d: sm.verify(None), DatasetError, "path: .*found None"),
    "verify pixels": (lambda d: sm.verify(d.path, pixels="x"), DatasetError, "pixels: .*found 'x'"),
    "regenerate no key": (lambda d: sm.regenerate(d.path, 3), DatasetError, "key: .*found 3"),
    "regenerate to nowhere": (lambda d: sm.regenerate(d.path, d.keys[0], 3), OutputError, "out: .*found 3"),
    "card of nothing": (lambda d: sm.card(None), DatasetError, "path: .*found None"),
    "open a number": (lambda d: sm.Dataset.open(3), DatasetError, "path: .*found 3"),
    "a number too high": (lambda d: d[4], DatasetError, "has no sample 4\n  Samples are numbered from 0 to 3"),
    "a number too low": (lambda d: d[-5], DatasetError, "has no sample -5"),
    "half a number": (lambda d: d[1.5], DatasetError, "sample: expected a whole number, found 1.5"),
    "a slice of texts": (lambda d: d["a":], DatasetError, "whole numbers in a slice"),
    "a split nobody knows": (lambda d: d.split("trian"), DatasetError, "(?s)found 'trian'.*'train'"),
    "show nothing": (lambda d: sm.show(None), DatasetError, "path: .*found None"),
    "show no number": (lambda d: sm.show(d, count="x"), DatasetError, "count: .*found 'x'"),
    "status of nothing": (lambda d: sm.status(None), DatasetError, "path: .*found None"),
    "a name of a number": (lambda d: sm.write_recipe(3), RecipeError, "name: .*found 3"),
    "lineage of a number": (lambda d: sm.lineage(3), DatasetError, "paths: .*found 3"),
    "parts of a number": (lambda d: sm.merge(3, "out"), DatasetError, "parts: expected the directories"),
    "a model of a number": (lambda d: sm.find_model(3), CheckpointError, "name: .*found 3"),
    "an archive of a number": (lambda d: sm.download(3, "out", confirm=bool), SourceError, "source: .*found 3"),
    "no address": (lambda d: sm.send(d, 3), OutputError, "url: .*found 3"),
    "no user": (lambda d: sm.send(d, "http://localhost", user=None), OutputError, "user: .*found None"),
    "no layers": (lambda d: sm.draw_mix(MODEL, "m.png", layers=(1, 2)), GeneratorError, r"layers: .*\(1, 2\)"),
    "half a seed": (lambda d: sm.draw_seeds(MODEL, "s.png", seeds=1.5), GeneratorError, "seeds: .*found 1.5"),
    "a JPEG of seeds": (lambda d: sm.draw_seeds(MODEL, "s.jpg"), OutputError, "out: .*found 's.jpg'"),
    "one direction": (lambda d: sm.draw_directions(MODEL, "d.png", along="a"), GeneratorError, "along: .*found 'a'"),
    "no part": (lambda d: sm.draw_transfers(MODEL, "t.png", cluster="x"), GeneratorError, "cluster: .*found 'x'"),
    "many parts": (lambda d: sm.fit_parts(MODEL, clusters=99), GeneratorError, "clusters: .*2 to 64, found 99"),
    "no components": (lambda d: sm.fit_directions(MODEL, components=0), GeneratorError, "components: .*found 0"),
    "a walk of one": (lambda d: sm.draw_walk(MODEL, 1, "w.gif", most=-1), GeneratorError, "most: .*found -1"),
    "no image": (lambda d: sm.invert(MODEL, 3, "l"), GeneratorError, "images: .*found 3"),
    "no space": (lambda d: sm.invert(MODEL, d, "l", space="z"), GeneratorError, "space: .*found 'z'"),
    "no study": (lambda d: sm.score_study(3), DatasetError, "study: .*found 3"),
    "no cases": (lambda d: sm.new_study(d, d, "s", real_count=-1), DatasetError, "real_count: .*found -1"),
    "no skills": (lambda d: sm.simulate_study("s", "abc"), DatasetError, "skills: .*found 'abc'"),
    "no form": (lambda d: sm.export_study("s", "o", form="pdf"), DatasetError, "form: .*found 'pdf'"),
    "a share of 3": (lambda d: sm.draw_turing_test(d, d, "t", real_share=3), DatasetError, "real_share: .*found 3"),
    "no transform": (lambda d: d.to_torch(3), DatasetError, "transform: .*found 3"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_arguments_are_named(case, made):
    call, kind, message = WRONG[case]
    with pytest.raises(kind, match=message):
        call(made)


def test_what_comes_back_is_shown_in_a_line(made, tmp_path):
    pytest.importorskip("torch")
    assert repr(made.to_torch()) == f"TorchItems({made!r})"
    assert repr(sm.status(made.path)) == "Standing(tiny: finished, 4 of 4 samples)"
    assert repr(sm.find_model(MODEL)).startswith(f"ModelFile({MODEL}: ") and "problems" in repr(sm.diagnose())
    found = sm.find_directions("zoo/stylegan2-phantom-256")
    assert repr(found).startswith("Directions(") and repr(found).endswith("100 components)")
    study = sm.new_study(made, made, tmp_path / "study", real_count=1, synthesised_count=2, edited_count=0, size_px=64)
    assert repr(study) == "Study(Reader study: 3 cases)"
    assert len(sm.simulate_study(str(tmp_path / "study"), [0.7])) == 1
    scored = sm.score_study(tmp_path / "study", resamples=100)
    assert repr(scored) == f"ScoredStudy(Reader study: {scored.page})" and scored.page.is_file()


def test_selections_are_datasets(made):
    keys = made.keys
    assert made[1].key == keys[1] and made[-1].key == keys[3] and made[keys[2]].key == keys[2] and keys[2] in made
    assert made[np.int64(1)].key == keys[1]
    assert [sample.key for sample in made[1:3]] == list(keys[1:3])
    assert made[::-2].keys == keys[::-2] and [sample.key for sample in made[::-2]] == list(keys[::-2])
    train = made.split("train")
    assert len(train) == 2 and {sample.split for sample in train} == {"train"} and len(train.split("test")) == 0
    assert train[1:][0].key == train.keys[1] and train.label_names == train.split("test").label_names
    assert repr(train[1:]) == "Dataset(tiny.split('train')[1:])"


def test_a_sample_by_number_reads_one_row_group_and_a_split_none(made, monkeypatch):
    from synthmammo.dataset.readers.parquet import ParquetReader

    read, whole = [], ParquetReader._read

    def counted(self, parquet, group, columns=None):
        read.append((group, columns))
        return whole(self, parquet, group, columns)

    monkeypatch.setattr(ParquetReader, "_read", counted)
    dataset = sm.Dataset.open(made.path)
    assert len(dataset.split("train")) == 2 and not read
    assert dataset.split("train")[1].split == "train" and read == [(0, None)]


def test_torch_items_travel_to_workers(made):
    torch = pytest.importorskip("torch")
    items = pickle.loads(pickle.dumps(made.to_torch()))
    number = next(n for n, sample in enumerate(made) if sample.findings)
    item, sample = items[number], made[number]
    assert len(items) == 4 and item["key"] == sample.key and made.label_names[item["label"]] == sample.label
    image, box = item["image"], sample.findings[0].box
    assert image.dtype == torch.float32 and image.shape == (1, *sample.shape) and 0 <= image.min() < image.max() <= 1
    np.testing.assert_array_equal(np.rint(image[0].numpy() * (2**sample.bits_stored - 1)), sample.image)
    assert item["boxes"][0].tolist() == [box.col0, box.row0, box.col1, box.row1]
    assert len(item["labels"]) == len(item["malignant"]) == len(sample.findings)
    assert item["labels"][0] == {"mass": 1, "calcification": 2}[sample.findings[0].kind]
    empty = items[next(n for n, sample in enumerate(made) if not sample.findings)]
    assert empty["boxes"].shape == (0, 4) and empty["labels"].shape == (0,)
    assert made.to_torch(len)[0] == len(item)


def test_checking_is_light(tmp_path):
    code = (
        "import synthmammo as sm, sys\nsm.check('edited_density_sweep')\n"
        "print([m for m in ('torch', 'scipy', 'webdataset', 'highdicom', 'synthmammo.planning') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


CHECKED = {
    "background.generator": {"background": {"generator": "phantm"}},
    "lesions.0.generator": {"lesions": [{**tiny.TINY["lesions"][0], "generator": "parametrc"}]},
    "background.model": {"background": {"generator": "stylegan2", "model": "zoo/stylegan2-phantom-25"}},
    "background.parts": {
        "background": {"generator": "stylegan2", "model": "zoo/stylegan2-phantom-256", "parts": "none.parts"},
        **{"edits": [{"part": 1}], "lesions": [], "classes": {"normal": 1}},
    },
    "emit.formats.dicom": {"background": {"generator": "stylegan2", "model": "zoo/stylegan2-phantom-256"}},
}


@pytest.mark.parametrize("field", CHECKED)
def test_a_check_finds_what_a_build_would_refuse(field):
    with pytest.raises(sm.SynthmammoError, match=field):
        sm.check(tiny.content(**CHECKED[field]))


def test_a_check_opens_no_network():
    lesion = {**tiny.TINY["lesions"][0], "generator": "hf://org/repo/file.safetensors@main"}
    assert sm.check(tiny.content(lesions=[lesion, tiny.TINY["lesions"][1]]))
    lesion["generator"] = "hf://org/repo/file.safetensors"
    with pytest.raises(sm.SynthmammoError, match=r"lesions.0.generator: .*: expected hf://ORG/REPO/FILE@REVISION"):
        sm.check(tiny.content(lesions=[lesion, tiny.TINY["lesions"][1]]))
