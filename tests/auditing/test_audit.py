"""The whole audit on small datasets: what is written, what is flagged, and what is refused."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

import synthmammo as sm
from synthmammo.cli import main
from tests.support.breasts import a_breast, write


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


COPIES = ["copy0", "copy1", "copy2"]


@pytest.fixture(scope="module")
def datasets(tmp_path_factory):
    """Real breasts of both kinds, and made ones among which three copies of training images are planted."""
    folder = tmp_path_factory.mktemp("audit")
    real = [a_breast(index) for index in range(36)] + [a_breast(100 + index, "validation") for index in range(32)]
    copies = [a_breast(index, key=f"copy{index}", patient=f"x{index}", split="test") for index in range(3)]
    write(folder / "real", real)
    write(folder / "made", [a_breast(200 + index) for index in range(30)] + copies)
    return folder


@pytest.fixture(scope="module")
def audited(datasets):
    """What the command leaves; it exits 0 though it found copies."""
    parts = ["--reference", datasets / "real", "--train", datasets / "real", "--out", datasets / "out"]
    result = run("audit", datasets / "made", *parts)
    assert result.exit_code == 0, result.output
    return result.output, datasets / "out"


@pytest.fixture(scope="module")
def record(audited):
    return json.loads((audited[1] / "audit.json").read_text())


def test_planted_copies_are_flagged_and_no_others(record):
    memorised = record["memorised"]
    assert memorised["able"] and memorised["keys"] == COPIES
    assert memorised["share"] == pytest.approx(3 / 33, abs=1e-6)
    assert memorised["training_share"] == pytest.approx(3 / 36, abs=1e-6)
    assert memorised["low"] <= memorised["share"] <= memorised["high"]
    pixels = memorised["instruments"]["registered pixels"]
    assert pixels["keys"] == COPIES and pixels["training_keys"] == ["b00000", "b00001", "b00002"]
    assert pixels["able"] and min(pixels["controls"].values()) >= 0.95 and pixels["held_out_share"] <= 0.01


def test_every_number_says_what_it_is_of(record):
    assert record["protocol"] == "audit/1"
    assert [record[side]["samples"] for side in ("dataset", "reference", "train")] == [33, 32, 36]
    assert record["reference"]["splits"] == ["validation", "test"] and record["train"]["splits"] == ["train"]
    for name, figure in record["realism"].items():
        assert figure["n"] > 0 and figure["reference"] == 32 and figure["seen_by"], name
        assert figure["low"] <= figure["value"] <= figure["high"], name
        assert figure["floor"] is not None, name
    assert set(record) >= {"memorised", "realism", "diversity", "mammography", "seams", "bias", "scorecard", "notes"}
    assert any("one training patient" not in note and "two films" in note for note in record["notes"])


def test_the_page_and_the_card_say_what_was_found(audited):
    output, out = audited
    page, card = (out / "audit.html").read_text(), (out / "card.md").read_text()
    for text in (output, page, card):
        assert "3 of 33 samples look like training images" in text
    assert (out / "figures" / "closest.png").stat().st_size > 1000
    assert "congruence" in page and "| comprehension |" in card


def test_the_function_gives_what_the_file_holds(audited, record):
    from synthmammo.auditing.audit import Audited

    found = Audited(record, *(audited[1] / name for name in ("audit.json", "audit.html", "card.md")))
    assert repr(found) == "Audited(made: 3 samples flagged)"


def test_patients_of_the_reference_that_were_trained_on_are_counted(datasets, tmp_path):
    both = [a_breast(index) for index in range(36)]
    both += [a_breast(100 + index, "test", patient=f"p{index:05d}") for index in range(2)]
    both += [a_breast(200 + index, "validation") for index in range(31)]
    mixed = write(tmp_path / "mixed", both)
    with pytest.raises(sm.SynthmammoError, match="2 of its 33 patients, e.g. p00000, are among those trained on"):
        sm.audit(datasets / "made", mixed, datasets / "real", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("part", ["dataset", "reference", "train"])
def test_too_few_images_are_refused_before_any_is_read(datasets, tmp_path, part):
    split = "test" if part == "reference" else "train"
    few = write(tmp_path / "few", [a_breast(500 + index, split) for index in range(29)])
    given = {"dataset": datasets / "made", "reference": datasets / "real", "train": datasets / "real", part: few}
    with pytest.raises(sm.SynthmammoError, match=f"^{part} .*few: holds 29 images .* expected at least 30"):
        sm.audit(**given, out=tmp_path / "out")


def test_a_reference_without_held_out_images_is_refused(datasets, tmp_path):
    with pytest.raises(sm.SynthmammoError, match="holds no images of the split validation and test"):
        sm.audit(datasets / "made", write(tmp_path / "t", [a_breast(700)]), datasets / "real", tmp_path / "out")


def test_a_command_names_the_option_that_is_wrong(datasets, tmp_path):
    parts = ["--reference", datasets / "real", "--train", tmp_path / "nowhere", "--out", tmp_path / "out"]
    result = run("audit", datasets / "made", *parts)
    assert result.exit_code == 1 and "nowhere" in result.output and "Traceback" not in result.output


def test_another_size_and_depth_change_nothing_and_are_said(datasets):
    """The frames of a breast on a larger canvas, the other way around and of 12 bits are the same."""
    from synthmammo.auditing.thumbnails import thumbnail

    plain = a_breast(3)
    larger = [np.pad(plane[:, ::-1], ((20, 30), (0, 40))) for plane in (plain.image * 16, plain.breast)]
    first, second = thumbnail(plain.image, plain.breast), thumbnail(*larger)
    assert float((first * second).sum()) > 0.99
