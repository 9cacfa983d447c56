"""A patient is withdrawn: what was trained on her, or made by what was, falls; what is not known is not let stand."""

import json
from dataclasses import replace

import pytest
from click.testing import CliRunner

import synthmammo as sm
from synthmammo.cli import main
from synthmammo.dataset.finishing import count, write_index
from synthmammo.dataset.index import index_row
from synthmammo.dataset.manifest import Manifest, ShardRecord
from synthmammo.models.file import load, save_model
from synthmammo.models.patients import NOBODY, UNKNOWN, joined, salted, saw
from synthmammo.models.patients import count_patients as patients_in
from synthmammo.training.config import DataConfig
from synthmammo.training.data import TrainingData
from tests.support.breasts import a_breast, write
from tests.support.tiny_models import stylegan2_file


def dataset(folder, samples, **facts):
    """A dataset directory with a manifest and an index."""
    write(folder, samples)
    rows = [index_row(sample) for sample in samples]
    write_index(folder, rows)
    shards = tuple(ShardRecord("parquet", split, f"parquet/{split}-00000.parquet", 1, 1, "") for split in ("train",))
    content = {"kind": "ingested", "name": folder.name, "digest": folder.name * 8, "options": {}} | facts
    Manifest(**content, counts=count(rows)[0], shards=shards).write(folder)
    return folder


def model(path, **training_data):
    """A model file that says what it was trained on."""
    checkpoint = load(stylegan2_file(path))
    description = replace(checkpoint.description, training_data=training_data)
    return save_model(path, {"generator": checkpoint.network()}, description)


@pytest.fixture
def things(tmp_path):
    """Films; a model with digests, one without, one of other films; and what these made."""
    films = dataset(tmp_path / "films", [a_breast(1), a_breast(2), a_breast(3, "validation")])
    with_digests = {"name": "films", "digest": "f" * 40, "patients": salted(["p00001", "p00002"], "films")}
    model(tmp_path / "digests.safetensors", **with_digests)
    model(tmp_path / "traced.safetensors", name="films", digest="films" * 8, split="train")
    model(tmp_path / "untold.safetensors", name="elsewhere", digest="e" * 40)
    phantoms = {"patients": NOBODY, "name": "phantoms"}
    model(tmp_path / "phantoms.safetensors", **phantoms)
    for name, data in (("made", with_digests), ("drawn", phantoms)):
        made = [a_breast(10 + index, patient=f"{name}-{index}") for index in range(2)]
        dataset(tmp_path / name, made, kind="built", models={f"{name}.safetensors": {"training_data": data}})
    return tmp_path, films


def verdicts(folder, patient):
    return {one.path.stem: one.verdict for one in sm.lineage([folder], patient)}


def test_what_rests_on_a_patient_falls_and_what_is_not_known_is_said(things):
    folder, _ = things
    rests = {"films": "falls", "digests": "falls", "traced": "falls", "made": "falls"}
    assert verdicts(folder, "p00001") == rests | {"untold": "unknown", "phantoms": "stands", "drawn": "stands"}


def test_a_held_out_patient_takes_down_the_films_alone(things):
    folder, _ = things
    found = verdicts(folder, "p00003")
    assert [name for name, verdict in found.items() if verdict == "falls"] == ["films"]
    assert found["traced"] == found["digests"] == "stands" and found["untold"] == "unknown"


def test_made_patients_are_nobody(things):
    folder, _ = things
    assert verdicts(folder, "made-0")["made"] == "stands"


def test_the_command_prints_reasons_and_json(things):
    folder, _ = things
    result = CliRunner().invoke(main, ["lineage", str(folder), "--patient", "p00001"])
    assert result.exit_code == 0 and "4 fall, of 1 it cannot be told, 2 stand" in result.output
    assert "was trained on elsewhere, which is not among the paths" in result.output
    rows = json.loads(CliRunner().invoke(main, ["lineage", str(folder / "made"), "--json"]).output)
    assert rows[0]["patients"] == 2 and rows[0]["verdict"] == "unknown"


def test_a_training_writes_the_patients_of_its_split(things):
    _, films = things
    origin = TrainingData.load.__func__.__globals__["_origin"](films, DataConfig())
    assert saw(origin["patients"], "p00001") and saw(origin["patients"], "p00003") is False
    assert "p00001" not in origin["patients"]


def test_groups_of_patients():
    both = joined(salted(["a"], "one"), salted(["b"], "two"), UNKNOWN, UNKNOWN)
    assert saw(both, "a") and saw(both, "b") and saw(both, "c") is None and patients_in(both) == 2
    assert saw(NOBODY, "a") is False and saw("", "a") is None and salted([], "one") == ""
    assert salted(["a"], "one") != salted(["a"], "two") and both.endswith(" ?")


def test_where_there_is_nothing_of_ours_is_one_message(tmp_path):
    with pytest.raises(sm.SynthmammoError, match="holds no model and no dataset"):
        sm.lineage([tmp_path])
    with pytest.raises(sm.SynthmammoError, match="there is no such file"):
        sm.lineage([tmp_path / "nowhere"])
    with pytest.raises(sm.SynthmammoError, match="paths: expected a list of paths"):
        sm.lineage("films")
