"""Builds with a gate: marked as not releasable, refused by publish, and built anew without the samples to blame."""

import json
import shutil
from dataclasses import replace

import pytest

import synthmammo as sm
from synthmammo.building import gate as gating
from synthmammo.dataset.manifest import Manifest
from synthmammo.dataset.release import derived_terms, release_terms
from synthmammo.mammogram.licences import Terms
from tests.support import tiny
from tests.support.breasts import a_breast
from tests.support.breasts import write as write_breasts

LIMITS = {"memorised": {"at_most": 0.1}, "kernel_distance_x1000": {"at_most": 60}}


@pytest.fixture
def real(tmp_path):
    films = [a_breast(index) for index in range(30)] + [a_breast(100 + index, "validation") for index in range(30)]
    return write_breasts(tmp_path / "real", films)


@pytest.fixture
def judged(monkeypatch):
    """An audit that finds two copies; the real one takes minutes."""
    found = {"keys": ["tiny-0000003", "tiny-0000007"], "share": 2 / 12, "able": True, "verdict": "2 of 12 samples"}

    def audit(dataset, reference, train, out, *, progress):
        manifest = Manifest.read(dataset)
        keys = [key for key in found["keys"] if key in sm.Dataset.open(dataset)]
        record = {
            "dataset": {"name": manifest.name, "digest": manifest.digest},
            "reference": {"name": "real"},
            "train": {"name": "real", "licence": "other"},
            "memorised": found | {"keys": keys, "share": len(keys) / manifest.samples},
            "realism": {"kernel_distance_x1000": {"value": 12.0}},
            "diversity": {"near_duplicates": {"share": 0.0, "groups": []}},
            "seams": {},
        }
        (out / "figures").mkdir(parents=True)
        (out / "figures" / "closest.png").write_bytes(b"real films")
        (out / "audit.json").write_text(json.dumps(record))
        (out / "card.md").write_text("Two of twelve are copies.\n")

    monkeypatch.setattr("synthmammo.auditing.audit.audit", audit)


def recipe(real):
    return tiny.recipe(quality={"audit": {"reference": str(real), "train": str(real), **LIMITS}})


def test_merged_parts_go_through_the_gate_too(real, judged, tmp_path):
    for number in (1, 2):
        sm.build_part(recipe(real), tmp_path / f"p{number}", part=f"{number}/2")
    made = sm.merge([tmp_path / "p1", tmp_path / "p2"], tmp_path / "made")
    assert made.unmet == ("memorised is 0.1667, at most 0.1 is demanded",)
    assert (tmp_path / "made" / "not_releasable.json").is_file()


def test_what_does_not_pass_is_marked_refused_and_built_anew(real, judged, tmp_path):
    made = sm.build(recipe(real), tmp_path / "made")
    assert made.unmet == ("memorised is 0.1667, at most 0.1 is demanded",)
    mark = json.loads((tmp_path / "made" / "not_releasable.json").read_text())
    assert mark["keys"] == ["tiny-0000003", "tiny-0000007"] and mark["digest"] == made.manifest.digest
    card = (tmp_path / "made" / "README.md").read_text()
    assert "**Not releasable: memorised is 0.1667, at most 0.1 is demanded.**" in card
    assert "Two of twelve are copies." in card and "audit-closest" not in card  # the films' licence is "other"
    with pytest.raises(sm.SynthmammoError, match="is not releasable: memorised is 0.1667"):
        sm.prepare_publication(made, "me/made")
    (tmp_path / "made" / "not_releasable.json").unlink()
    with pytest.raises(sm.SynthmammoError, match="is not releasable"):
        sm.prepare_publication(made, "me/made")

    again = sm.build(recipe(real), tmp_path / "again", without=tmp_path / "made" / "audit" / "audit.json")
    assert len(again) == 10 and again.unmet == () and "tiny-0000003" not in again
    assert {failed["key"] for failed in again.manifest.failed} == set(mark["keys"])
    assert "2 x left out, as the recipe says (quality.without)" in (tmp_path / "again" / "README.md").read_text()
    assert sm.prepare_publication(again, "me/again").files
    assert not (tmp_path / "again" / "not_releasable.json").exists()


def test_an_audit_that_was_not_run_or_is_anothers_is_refused(real, judged, tmp_path):
    made = sm.build(recipe(real), tmp_path / "made", without=["tiny-0000003", "tiny-0000007"])
    record = tmp_path / "made" / "audit" / "audit.json"
    changed = json.loads(record.read_text())
    changed["dataset"]["digest"] = "another"
    record.write_text(json.dumps(changed))
    with pytest.raises(sm.SynthmammoError, match="is the audit of another dataset"):
        sm.prepare_publication(made, "me/made")
    shutil.rmtree(record.parent)
    with pytest.raises(sm.SynthmammoError, match="demands an audit, which it has not had"):
        sm.prepare_publication(made, "me/made")


def test_a_dataset_that_cannot_be_judged_is_finished_and_marked(real, tmp_path):
    made = sm.build(recipe(real), tmp_path / "made", size=3)
    (reason,) = made.unmet
    assert reason.startswith("the audit could not be made: dataset ") and "holds 3 images" in reason
    mark = json.loads((tmp_path / "made" / "not_releasable.json").read_text())
    assert mark["reasons"] == [reason] and mark["keys"] == [] and (tmp_path / "made" / "README.md").is_file()
    with pytest.raises(sm.SynthmammoError, match="demands an audit, which it has not had"):
        sm.prepare_publication(made, "me/made")


def test_a_gate_whose_datasets_are_missing_is_refused_before_the_build(real, tmp_path):
    quality = {"audit": {"reference": str(real), "train": str(tmp_path / "nowhere"), **LIMITS}}
    with pytest.raises(sm.SynthmammoError, match="^quality.audit: .*nowhere"):
        sm.build(tiny.recipe(quality=quality), tmp_path / "made")
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    "text", ['{"keys": ["tiny-0000001"]}', "tiny-0000001\n", '{"memorised": {"keys": ["tiny-0000001"]}}']
)
def test_keys_come_from_lines_a_mark_or_an_audit(tmp_path, text):
    path = tmp_path / "keys"
    path.write_text(text)
    assert gating.left_out(path, tiny.recipe()) == ["tiny-0000001"]


@pytest.mark.parametrize("text", ["{", '{"keys": 3}', '{"memorised": {}}'])
def test_a_file_without_keys_is_refused(tmp_path, text):
    path = tmp_path / "keys"
    path.write_text(text)
    with pytest.raises(sm.SynthmammoError, match="holds no list of keys"):
        gating.left_out(path, tiny.recipe())


def test_keys_of_no_sample_are_refused():
    with pytest.raises(sm.SynthmammoError, match="no sample is called 'tiny-0000012'"):
        gating.left_out(["tiny-0000012"], tiny.recipe())


def test_the_narrowest_licence_of_the_sources_counts():
    def built(**models):
        facts = {name: {"licence": licence} if licence else {} for name, licence in models.items()}
        return release_terms(Manifest("built", "made", "d", {}, origin="synthetic", licence="other", models=facts))

    assert built(a="cc-by-4.0", b="cc-by-nc-4.0") is Terms.NON_COMMERCIAL
    assert built(a="cc-by-4.0", b="") is Terms.RESTRICTED
    assert built() is Terms.OPEN  # its maker's own, whatever its licence
    assert release_terms(Manifest("ingested", "films", "d", {}, origin="real", licence="other")) is Terms.RESTRICTED


def test_what_a_manifest_states_counts_and_what_is_no_such_word_is_restricted():
    films = Manifest("ingested", "films", "d", {}, origin="real", licence="cc-by-4.0")
    assert release_terms(films) is Terms.OPEN
    assert release_terms(replace(films, terms="restricted")) is Terms.RESTRICTED
    assert release_terms(replace(films, terms="whatever")) is Terms.RESTRICTED


def test_a_model_of_images_that_may_not_be_passed_on_makes_none_that_may():
    facts = {"licence": "apache-2.0", "training_data": {"name": "films", "terms": "restricted"}}
    made = Manifest("built", "made", "d", {}, origin="synthetic", licence="cc-by-4.0", models={"m": facts})
    assert derived_terms(made) is Terms.RESTRICTED
    facts["training_data"] = {"name": "films"}  # as files of earlier releases say
    assert derived_terms(made) is Terms.OPEN


def test_a_dataset_states_its_terms(tmp_path):
    made = sm.build(tiny.recipe(), tmp_path / "made")
    assert made.manifest.terms == "open" and Manifest.read(made.path).terms == "open"
