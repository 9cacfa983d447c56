"""A second test set: tested by every classifier, never trained on, and refused where it is not another one."""

import json
from pathlib import Path

import numpy as np
import pytest

from synthmammo.benchmarking.arrays import read_array
from synthmammo.benchmarking.classify.classify import classify
from synthmammo.benchmarking.classify.report import classification_report
from synthmammo.benchmarking.lineage import check_unseen
from synthmammo.errors import DatasetError, OutputError
from synthmammo.metrics import auc
from tests.benchmarking.test_lineage import OTHER, REAL, Images, made
from tests.support import benchmark_data, tiny

QUICK = benchmark_data.config(seeds=1, samples=320, synthetic_only=False)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("sides")
    return {
        "real": benchmark_data.write(folder / "real"),
        "made": benchmark_data.write(folder / "made", prefix="made", counts={"train": 24}),
        "other": benchmark_data.write(folder / "other", prefix="other", counts={"train": 10, "test": 12}),
    }


def test_every_classifier_is_tested_on_it_too(folders: dict[str, Path], tmp_path: Path) -> None:
    sides = (folders["real"], folders["made"], tmp_path / "out")
    compared = classify(QUICK, *sides, external=folders["other"])
    assert compared.external and len(compared.external.images) == 22, "all of its splits"
    written = classification_report(compared, resamples=40)
    assert [row["trained_on"] for row in written.external] == ["real only", "real + 50 %"]
    run = next(iter(compared.records))
    scores = read_array(compared.results.external_file(run))
    assert written.external[0]["auc"][0] == pytest.approx(auc(scores, compared.external.positive))
    text = written.markdown.read_text()
    assert "## On other" in text and "--external" in text and "22 images" in text
    alone = classify(QUICK, *sides[:2], tmp_path / "alone")
    assert all(
        alone.records[run]["scores_sha256"] == record["scores_sha256"] for run, record in compared.records.items()
    )
    compared.results.external_file(run).unlink()
    again = classify(QUICK, *sides, external=folders["other"])
    assert np.array_equal(read_array(again.results.external_file(run)), scores), "what is missing is made again"
    with pytest.raises(OutputError, match="digest of the external images was"):
        classify(QUICK, *sides)


@pytest.mark.parametrize("folds", [0, 2])
def test_folds_are_averaged_and_a_network_that_is_trained_whole_is_tested_too(
    folders: dict[str, Path], tmp_path: Path, folds: int
) -> None:
    changes = {"folds": folds, "mode": "frozen" if folds else "fine-tune", "samples": 32, "batch_size": 8}
    config = QUICK.model_copy(update={**changes, "evaluate_every": 16, "ratios": (0.0,)})
    compared = classify(config, folders["real"], None, tmp_path, external=folders["other"])
    (run,) = compared.records
    assert np.isfinite(read_array(compared.results.external_file(run))).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"prefix": "p"}, "patients are those of the real images too, e.g. p-test-0"),
        ({"side": 64}, "64 x 64 pixels and 8 bits; the real ones have 32 x 32 pixels and 8 bits"),
        ({"counts": {"test": 2}}, "the external images are 0 positives and 2 negatives; both are needed"),
    ],
)
def test_what_is_no_second_test_set_is_refused(
    folders: dict[str, Path], tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    other = benchmark_data.write(tmp_path / "other", **{"prefix": "other", "counts": {"test": 12}, **changes})
    with pytest.raises(DatasetError, match=message):
        classify(QUICK, folders["real"], None, tmp_path / "out", external=other)
    assert not (tmp_path / "out").exists()


def test_a_generator_that_was_trained_on_it_is_refused() -> None:
    with pytest.raises(DatasetError, match="the generator m of the synthetic images was trained on them"):
        check_unseen(Images(), made(m={"name": "real", "digest": REAL, "split": "train"}))
    with pytest.raises(DatasetError, match="2 synthetic images have the tissue of their patients"):
        check_unseen(Images(), Images(OTHER))
    elsewhere = made(m={"name": "x", "digest": OTHER, "split": "train"})
    elsewhere.patients = np.array(["x"])
    check_unseen(Images(), elsewhere)


def test_the_command_takes_it(folders: dict[str, Path], tmp_path: Path) -> None:
    settings = [f"--set={text}" for text in ("samples=160", "evaluate_every=80", "weights=none", "seeds=1")]
    arguments = ["--real", folders["real"], "--external", folders["other"], "--out", tmp_path / "out", *settings]
    result = tiny.run("benchmark", *arguments, "--json")
    assert result.exit_code == 0, result.output
    assert len(json.loads(result.stdout)["external"]) == 1
