import json
import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import synthmammo.building.verify as verifying
from synthmammo.building.remake import Remade
from synthmammo.building.verify import verify
from synthmammo.dataset.manifest import Manifest, content_digest
from synthmammo.errors import DatasetError
from tests.support import tiny


@pytest.fixture
def copy(built, tmp_path):
    return shutil.copytree(built, tmp_path / "copy")


def test_a_dataset_as_built_is_sound(built):
    seen = []
    found = verify(built, pixels=4, seed=3, progress=lambda done, total: seen.append((done, total)))
    assert not found.problems and not found.notes
    assert len(found.remade) == 4 and all(one.equal_bytes and one.largest_difference == 0 for one in found.remade)
    assert seen[-1][0] == seen[-1][1]


def test_more_pixels_than_samples_makes_all(built):
    seen = []
    found = verify(built, pixels=99, progress=lambda done, total: seen.append((done, total)))
    assert len(found.remade) == 12
    assert seen[-1] == (found.files + 12, found.files + 12), "the progress reaches its end"


def test_the_progress_reaches_its_end_where_no_pixels_are_compared(copy):
    (copy / "recipe.yaml").write_text("changed")
    seen = []
    found = verify(copy, pixels=3, progress=lambda done, total: seen.append((done, total)))
    assert found.problems and seen[-1] == (found.files, found.files)


def test_the_seed_chooses_the_samples(built):
    keys = {seed: {one.key for one in verify(built, pixels=3, seed=seed).remade} for seed in (1, 2)}
    assert keys[1] != keys[2]


DAMAGE = {
    "a tar with a byte more": ("webdataset/train-00000-of-00002.tar", b"more", "was changed"),
    "a Parquet cut short": ("parquet/test-00000-of-00001.parquet", None, "is missing"),
    "the recipe": ("recipe.yaml", b"# note\n", "recipe.yaml: was changed"),
    "the plan": ("plan.parquet", b"x", "plan.parquet: was changed"),
    "the index gone": ("index.parquet", None, "index.parquet: is missing"),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_damage_is_named(copy, case):
    name, added, says = DAMAGE[case]
    if added is None:
        (copy / name).unlink()
    else:
        (copy / name).write_bytes((copy / name).read_bytes() + added)
    problems = verify(copy).problems
    assert len(problems) == 1 and name in problems[0] and says in problems[0]


def test_a_byte_flipped_inside_is_found(copy):
    path = copy / "webdataset" / "test-00000-of-00001.tar"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert "SHA-256" in verify(copy).problems[0]


def test_a_dicom_file_removed_or_added_is_found(copy):
    folder = copy / "dicom" / "test-00000-of-00001"
    extra = folder / "extra.dcm"
    extra.write_bytes(b"")
    assert "dicom/test-00000-of-00001: was changed" in verify(copy).problems[0]
    extra.unlink()
    next(folder.iterdir()).unlink()
    assert "dicom/test-00000-of-00001: was changed" in verify(copy).problems[0]


def test_strays_that_readers_would_load_are_found(copy):
    shutil.copy(copy / "parquet" / "test-00000-of-00001.parquet", copy / "parquet" / "train-99999.parquet")
    assert verify(copy).problems == ["parquet/train-99999.parquet: does not belong to the dataset"]


def rewritten(directory, **changes):
    """The manifest with some of its content replaced, as somebody might who wants it to fit."""
    content = json.loads((directory / "manifest.json").read_text())
    (directory / "manifest.json").write_text(json.dumps({**content, **changes}))


def test_counts_must_be_those_of_the_index(copy):
    rewritten(copy, counts={"train": {"normal": 99}})
    assert any("counts" in problem and "99" in problem for problem in verify(copy).problems)


def test_a_divided_patient_is_found(copy):
    table = pq.read_table(copy / "index.parquet")
    patients = pa.array(["one"] * table.num_rows)
    pq.write_table(
        table.set_column(table.schema.get_field_index("patient"), "patient", patients), copy / "index.parquet"
    )
    files = Manifest.read(copy).files | {"index.parquet": content_digest(copy / "index.parquet")}
    rewritten(copy, files=files)
    assert any("patient 'one' is in more than one split" in problem for problem in verify(copy).problems)


def test_one_grey_level_is_allowed_on_another_platform_only(copy, monkeypatch):
    for difference, elsewhere, accepted in ((1, True, True), (1, False, False), (2, True, False)):
        if elsewhere:
            rewritten(copy, machine={"processor": "abacus"})
        else:
            rewritten(copy, machine=Manifest.read(copy).machine | verifying_machine())
        monkeypatch.setattr(verifying, "_remade", lambda *_, by=difference: [Remade("k", by, False)])
        found = verify(copy, pixels=1)
        assert (not found.problems) is accepted, (difference, elsewhere)


def verifying_machine():
    from synthmammo.dataset.manifest import machine

    return machine()


def test_unfinished_and_other_directories_are_refused(tmp_path, copy):
    (copy / "manifest.json").unlink()
    for directory in (tmp_path, tmp_path / "none", copy):
        with pytest.raises(DatasetError, match="not a finished dataset"):
            verify(directory)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format_version": 1}', '{"format_version": 99}', "null"])
def test_broken_manifests_are_refused(copy, text):
    (copy / "manifest.json").write_text(text)
    with pytest.raises(DatasetError, match="manifest.json"):
        verify(copy)


def test_command(copy):
    result = tiny.run("verify", copy, "--pixels", 1)
    assert result.exit_code == 0 and "sound" in result.output and "1 samples made again" in result.output
    (copy / "recipe.yaml").unlink()
    result = tiny.run("verify", copy)
    assert result.exit_code == 1 and "recipe.yaml: is missing" in result.output and "1 problem\n" in result.output
