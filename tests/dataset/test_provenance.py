import json
from dataclasses import replace

import pytest

from synthmammo.dataset.index import read_index
from synthmammo.dataset.manifest import Manifest, ShardRecord
from synthmammo.dataset.provenance import provenance


def recorded(directory):
    return json.loads((directory / "provenance.json").read_text())


def pairs(record, kind):
    return {tuple(one.values()) for one in record.get(kind, {}).values()}


def test_every_shard_has_an_activity_that_used_recipe_and_plan(built):
    record, manifest = recorded(built), Manifest.read(built)
    recipe, plan = (f"sha256:{manifest.files[name]}" for name in ("recipe.yaml", "plan.parquet"))
    generated = dict(pairs(record, "wasGeneratedBy"))
    assert set(generated) == {f"sha256:{shard.sha256}" for shard in manifest.shards}
    for activity in generated.values():
        assert {(activity, recipe), (activity, plan)} <= pairs(record, "used")
    assert pairs(record, "hadMember") == {("synthmammo:dataset", shard) for shard in generated}


def test_the_activities_cover_every_sample_once(built):
    record = recorded(built)["activity"].values()
    keys = [row["key"] for row in read_index(built).to_pylist()]
    assert sum(one["synthmammo:samples"] for one in record) == len(keys)
    assert {one["synthmammo:first"] for one in record} | {one["synthmammo:last"] for one in record} <= set(keys)


def test_models_lead_to_what_they_were_trained_on(built):
    facts = {"architecture": "stylegan2", "makes": "mammograms", "licence": "cc-by-4.0"}
    models = {"zoo/m": {**facts, "training_data": {"name": "films", "digest": "f" * 64}}}
    manifest = replace(Manifest.read(built), sources={"zoo/m": "e" * 64, "hosts": "d" * 64}, models=models)
    shard = ShardRecord("parquet", "train", "parquet/train-00000-of-00001.parquet", 1, 1, "a" * 64)
    record = provenance(manifest, [([shard], [{"key": "k"}]), ([], [])])
    model, hosts, films = (f"sha256:{letter * 64}" for letter in "edf")
    assert {(model, films), ("synthmammo:dataset", model)} <= pairs(record, "wasDerivedFrom")
    assert {("synthmammo:train-00000-of-00001", name) for name in (model, hosts)} <= pairs(record, "used")
    assert record["entity"][hosts]["synthmammo:kind"] == "dataset"
    assert len(record["activity"]) == 1, "a shard without samples was not made"


def test_it_is_prov_json(built):
    model = pytest.importorskip("prov.model", reason="prov is not installed; it comes with [dev]")
    document = model.ProvDocument.deserialize(built / "provenance.json", format="json")
    kinds = {type(one).__name__ for one in document.records}
    assert {"ProvEntity", "ProvActivity", "ProvAgent", "ProvUsage", "ProvGeneration", "ProvMembership"} <= kinds
