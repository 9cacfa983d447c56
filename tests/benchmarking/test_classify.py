"""The benchmark of classifiers from end to end, on blobs: results, resuming, statistics, report."""

import html
import json
import re

import numpy as np
import pytest
import torch
import yaml

from synthmammo import __version__
from synthmammo.benchmarking.classify.classify import classify
from synthmammo.benchmarking.classify.config import PRESETS, ClassifyConfig, from_preset, runs
from synthmammo.benchmarking.classify.embed import changed_cases, embed
from synthmammo.benchmarking.classify.fit import Classifier, fit_classifier
from synthmammo.benchmarking.classify.inputs import PixelInputs, prepared, turned
from synthmammo.benchmarking.classify.mixing import Mixture, Order
from synthmammo.benchmarking.classify.report import classification_report
from synthmammo.benchmarking.classify.summary import power, summarise_classification
from synthmammo.benchmarking.classify.tables import cells_of
from synthmammo.benchmarking.results import Run
from synthmammo.errors import OutputError, SynthmammoError, TrainingError
from synthmammo.metrics import auc, delong_test, threshold_at_specificity
from tests.support import benchmark_data, tiny


@pytest.fixture(scope="module")
def sides(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sides")
    made = benchmark_data.write(folder / "made", prefix="made", counts={"train": 24})
    return benchmark_data.write(folder / "real"), made


@pytest.fixture(scope="module")
def finished(sides, tmp_path_factory):
    out = tmp_path_factory.mktemp("benchmark")
    config = benchmark_data.config(shares=(100, 50))
    return classify(config, *sides, out), config, sides


def test_every_training_has_a_line_and_scores(finished):
    compared, config, _ = finished
    lines = [json.loads(line) for line in (compared.results.path / "results.jsonl").read_text().splitlines()]
    assert len(lines) == len(runs(config, True)) == 2 * 2 * 2 + 2
    positive = compared.positive[compared.tested]
    for line in lines:
        scores = np.load(compared.results.path / line["scores"])
        assert scores.shape == (24,) and line["auc"] == pytest.approx(auc(scores, positive), abs=1e-6)
        assert line["auc_low"] <= line["auc"] <= line["auc_high"]
        assert (line["real_images"] == 0) == (line["ratio"] is None)
        assert (line["synthetic_images"] == 0) == (line["ratio"] == 0)
    halves = [line["real_images"] for line in lines if line["share"] == 50]
    assert all(16 <= number <= 20 for number in halves)
    assert max(line["auc"] for line in lines) > 0.8  # the blobs can be told apart


def test_a_finished_training_is_not_run_again_and_more_can_be_asked_for(finished, monkeypatch):
    compared, config, sides = finished
    before = (compared.results.path / "results.jsonl").read_bytes()
    monkeypatch.setattr("synthmammo.benchmarking.classify.classify.frozen_features", None)
    monkeypatch.setattr("synthmammo.benchmarking.classify.classify.fit_classifier", None)
    again = classify(config, *sides, compared.results.path)
    assert again.records == compared.records and (compared.results.path / "results.jsonl").read_bytes() == before


def test_an_interrupted_benchmark_goes_on_and_gives_the_same(finished, tmp_path):
    compared, config, sides = finished

    def interrupt(done, total):
        if done > total / 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        classify(config, *sides, tmp_path, progress=interrupt)
    lines = (tmp_path / "results.jsonl").read_bytes()
    assert 0 < lines.count(b"\n") < 10
    (tmp_path / "results.jsonl").write_bytes(lines + b'{"share": 1')  # as a crash leaves it
    again = classify(config, *sides, tmp_path)
    assert (tmp_path / "results.jsonl").read_bytes().startswith(lines)
    for run, record in compared.records.items():
        assert again.records[run]["scores_sha256"] == record["scores_sha256"]


def test_another_benchmark_is_not_mixed_in(finished):
    compared, config, sides = finished
    for other, message in (
        (config.model_copy(update={"learning_rate": 0.5}), "learning_rate was 0.001 when it began, and is 0.5 now"),
        (config, "digest of the synthetic images was"),
    ):
        synthetic = None if other is config else sides[1]
        with pytest.raises(OutputError, match=message):
            classify(other, sides[0], synthetic, compared.results.path)


def test_damaged_scores_are_made_again(finished):
    compared, config, sides = finished
    run = Run(100, 0.0, 1)
    path = compared.results.path / compared.records[run]["scores"]
    path.write_bytes(b"")
    again = classify(config, *sides, compared.results.path)
    assert again.records[run]["scores_sha256"] == compared.records[run]["scores_sha256"]


def test_the_report_says_it_all_and_fetches_nothing(finished):
    written = classification_report(finished[0], resamples=50)
    page, text = written.html.read_text(), written.markdown.read_text()
    assert not re.search(r'(src|href)="(?!data:)', page) and page.count("data:image/png;base64,") >= 3
    for name in ("real only", "real + 50 %", "synthetic only", "could not be checked", "four grey-level", "Holm"):
        assert name.lower() in page.lower() and name.lower() in text.lower()
    for link in re.findall(r"\]\((.*?)\)", text):
        assert (written.markdown.parent / link).is_file()
    assert written.table.count("\n") == 6
    first = text.split("\n\n")[2]
    assert first == written.verdict and first.count(". ") == 0 and "shown" in first, "one sentence"
    assert f"synthmammo {__version__}; this repeats it: synthmammo benchmark classify --real" in text
    assert 'name="viewport"' in page and page.index(html.escape(first)) < page.index("<table")
    assert [row["trained_on"] for row in written.rows][0] == "real only" and len(written.rows) == 5
    json.dumps(written.rows, allow_nan=False)
    assert "synthetic only" in (written.markdown.parent / "card_line.md").read_text()
    before = tiny.files(written.html.parent)
    classification_report(finished[0], resamples=50)
    assert tiny.files(written.html.parent) == before


def test_cross_validation_tests_everyone(sides, tmp_path):
    config = benchmark_data.config(folds=2, seeds=1, samples=160)
    compared = classify(config, *sides, tmp_path)
    assert len(compared.tested) == 64 and len((tmp_path / "tested.csv").read_text().splitlines()) == 65
    assert all(len(record["best_at"]) == 2 for record in compared.records.values())
    classification_report(compared, resamples=50)


def test_one_sided_synthetic_images_are_refused(sides, tmp_path):
    from tests.benchmarking.test_sides import folder

    made = folder(tmp_path / "made")
    with pytest.raises(SynthmammoError, match="3 positives and 0 negatives; both are needed"):
        classify(benchmark_data.config(), sides[0], made, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_too_few_patients_for_a_share_are_one_message(sides, tmp_path):
    message = "1 % of the training images are of 1 patients with positives and 1 with negatives; at least 2 of each"
    with pytest.raises(SynthmammoError, match=message):
        classify(benchmark_data.config(shares=(100, 1)), sides[0], None, tmp_path / "out")
    assert not (tmp_path / "out").exists()


class Small(torch.nn.Module):
    def forward(self, images):
        return torch.nn.functional.adaptive_avg_pool2d(images, 4).flatten(1)


def test_a_fine_tuning_that_was_broken_off_gives_the_same_weights(sides, tmp_path):
    from synthmammo.benchmarking.classify.images import read_images

    real = read_images(sides[0])
    config = benchmark_data.config(mode="fine-tune", augment=True, samples=96, evaluate_every=32, batch_size=8)
    positive = real.positive(["malignant"])
    pool = (np.flatnonzero(~positive), np.flatnonzero(positive))
    order, select = Order(pool, pool, Mixture(0.0), 3), (np.arange(16), positive[:16])
    inputs = PixelInputs((real, None), config, "cpu")

    def run(state, stop_after=None):
        def advance(more):
            nonlocal stop_after
            stop_after = None if stop_after is None else stop_after - more
            if stop_after is not None and stop_after < 0:
                raise KeyboardInterrupt

        return fit_classifier(Classifier(Small(), 16), inputs, order, select, config, state, advance)

    whole = run(tmp_path / "whole.pt")
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "broken.pt", stop_after=50)
    resumed = run(tmp_path / "broken.pt")
    assert (resumed.best_at, resumed.selection_auc) == (whole.best_at, whole.selection_auc)
    for name, value in whole.network.state_dict().items():
        assert torch.equal(value, resumed.network.state_dict()[name])
    (tmp_path / "broken.pt").write_bytes(b"PK")
    with pytest.raises(TrainingError, match="not a whole state"):
        run(tmp_path / "broken.pt")


def test_orientations_are_the_eight_of_a_square():
    image = torch.arange(16.0).reshape(1, 1, 4, 4)
    assert len({turned(image, way).numpy().tobytes() for way in range(8)}) == 8
    assert torch.equal(turned(image, 0), image)


def test_images_reach_the_network_in_its_range():
    images = benchmark_data.images(["a", "b"], ["benign", "malignant"], side=32)
    plain = prepared(images, np.arange(2), benchmark_data.config())
    torch.testing.assert_close(plain[:, 0], torch.from_numpy(images.grey / 127.5 - 1).float())
    other = prepared(images, np.arange(2), benchmark_data.config(intensity="standardised", size_px=64))
    assert other.shape == (2, 1, 64, 64) and abs(other.mean()) < 0.05


def test_summary_compares_with_the_baseline_of_the_same_share():
    rng = np.random.default_rng(0)
    positive, patients = np.arange(80) % 2 == 0, np.repeat(np.arange(40), 2).astype(str)
    weak, strong = rng.normal(size=80) + 0.5 * positive, rng.normal(size=80) + 2 * positive
    scores = {Run(100, 0, 0): weak, Run(100, 50, 0): strong, Run(100, None, 0): strong}
    scores |= {Run(25, 0, 0): strong, Run(25, 50, 0): strong}
    rows = {(row.share, row.ratio): row for row in summarise_classification(scores, positive, patients, resamples=200)}
    assert rows[100, 0].comparison is None and rows[25, 0].comparison is None
    found = rows[100, 50].comparison
    assert found.difference.low > 0 and found.delong == delong_test(positive, strong[None], weak[None])
    assert found.holm_p == found.delong.p_value and np.isnan(rows[100, None].comparison.holm_p)
    assert rows[25, 50].comparison.delong.p_value == 1 and rows[25, 50].comparison.difference == (0, 0, 0)
    (one,) = power(list(rows.values()))
    assert (
        one.share == 100
        and 0.05 <= one.of_papers_gain < 0.3
        and one.least_gain == pytest.approx(2.8 * one.standard_error, rel=0.01)
    )


def test_corrected_and_lost_cases_are_told_at_equal_specificity():
    positive = np.arange(40) >= 20
    before = np.where(positive, 1.0, 0.0)
    before[20:23] = -1.0  # missed
    after = before + 5.0  # a shift alone corrects nothing
    after[20:22], after[30] = 9.0, 0.0
    corrected, lost = changed_cases(before[None], after[None], positive)
    assert [case.number for case in corrected] == [20, 21] and [case.number for case in lost] == [30]
    assert corrected[0].after > corrected[0].before and threshold_at_specificity(after, positive) == 5.0


def test_embedding_is_the_same_twice():
    features = np.random.default_rng(0).normal(size=(12, 6))
    assert embed(features).shape == (12, 2)
    np.testing.assert_array_equal(embed(features), embed(features))


def configured(preset, path=None, settings=()):
    return from_preset(ClassifyConfig, PRESETS, preset, path, settings)


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_configurations(name):
    assert configured(name).seeds >= 3


def test_configurations(tmp_path):
    (tmp_path / "c.yaml").write_text(yaml.safe_dump({"ratios": [0, 75], "seeds": 9}))
    config = configured("quick", tmp_path / "c.yaml", {"decay": 0.2, "seeds": 4})
    assert (config.ratios, config.seeds, config.decay, config.mode) == ((0, 75), 4, 0.2, "frozen")
    paper = configured("paper")
    assert (paper.samples, paper.batch_size, paper.learning_rate, paper.evaluate_every) == (500_000, 1, 1e-5, 5000)
    for arguments, message in (
        (("quikc",), "Did you mean 'quick'"),
        (("quick", None, ["decai=1"]), "Did you mean 'decay'"),
        (("quick", None, ["ratios=[0, 101]"]), "from 0 to 100"),
        (("quick", None, ["folds=1"]), "at least 2 folds"),
        (("quick", tmp_path / "absent.yaml"), "cannot be read"),
    ):
        with pytest.raises(TrainingError, match=message):
            configured(*arguments)


def test_commands(sides, tmp_path):
    settings = [f"--set={text}" for text in ("samples=160", "evaluate_every=80", "synthetic_only=false")]
    arguments = ["--real", sides[0], "--synthetic", sides[1], "--out", tmp_path / "out", "--repeats", "1"]
    result = tiny.run("benchmark", *arguments, "--ratios", "0,50", "--weights", "none", *settings)
    assert result.exit_code == 0 and "real + 50 %" in result.output and (tmp_path / "out" / "report.html").is_file()
    result = tiny.run("benchmark", *arguments, "--ratios", "0,50", "--weights", "none", *settings, "--json")
    found = json.loads(result.stdout)
    assert len(found["rows"]) == 2 and found["verdict"] and len(found["rows"][1]["auc_less_baseline"]) == 3
    result = tiny.run("benchmark", *arguments, "--ratios", "zero")
    assert result.exit_code == 2 and "numbers between commas" in result.output
    result = tiny.run("benchmark", "clasify")
    assert result.exit_code == 2 and "Did you mean 'classify'" in result.output
    result = tiny.run("benchmark", "--real", tmp_path / "absent", "--out", tmp_path / "out2")
    assert result.exit_code == 1 and "no such directory" in result.output


@pytest.mark.parametrize("positives", [1, 3])
def test_a_test_on_one_positive_patient_gives_no_intervals_and_no_p(positives):
    positive = np.arange(20) < positives
    patients = np.array([f"p{max(number, 2)}" for number in range(20)])
    scores = {Run(100, 0.0, 0): np.arange(20.0), Run(100, 50.0, 0): -np.arange(20.0)}
    baseline, mixed = summarise_classification(scores, positive, patients, resamples=50)
    assert (baseline.auc.estimate, mixed.auc.estimate) == (0, 1)
    assert not baseline.auc.known and not mixed.sensitivity.known and not mixed.comparison.difference.known
    found = mixed.comparison
    assert all(np.isnan([found.delong.p_value, found.delong.log10_p, found.holm_p, found.difference.low]))
    assert cells_of(mixed)[7:] == ("n/a", "-", "n/a", "n/a", "n/a")
    assert power([baseline, mixed]) == []
