"""Benchmarks in one call: what stands for a configuration, what comes back, arguments that cannot be used."""

from dataclasses import dataclass

import pytest
import yaml

from synthmammo.benchmarking.benchmark import benchmark, benchmark_detect
from synthmammo.benchmarking.classify import classify as classify_module
from synthmammo.benchmarking.classify import report as classify_report
from synthmammo.benchmarking.detect import detect as detect_module
from synthmammo.benchmarking.detect import report as detect_report
from synthmammo.dataset.reader import Dataset
from synthmammo.errors import SynthmammoError
from tests.support import benchmark_data as data

RUN = {"seeds": 1, "samples": 320}


@dataclass
class Asked:
    """What was asked for; nothing is run."""

    config: object = None
    sides: tuple = ()
    options: dict | None = None

    def __call__(self, config, *sides, **options):
        self.config, self.sides, self.options = config, sides, options
        return self


@pytest.fixture
def asked(monkeypatch):
    found = Asked()
    monkeypatch.setattr(Dataset, "open", lambda path: None)
    for module, name in ((classify_module, "classify"), (detect_module, "detect")):
        monkeypatch.setattr(module, name, found)
    for module, name in ((classify_report, "classification_report"), (detect_report, "detection_report")):
        monkeypatch.setattr(module, name, lambda done: done)
    return found


@pytest.mark.parametrize("function", [benchmark, benchmark_detect])
def test_a_configuration_is_a_preset_changed_by_a_file_or_a_mapping_and_settings(asked, tmp_path, function):
    path = tmp_path / "c.yaml"
    path.write_text(yaml.safe_dump({"seeds": 2}))
    for config in (path, str(path), {"seeds": 2}):
        function("real", "out", config=config, settings={"first_seed": 5})
        assert (asked.config.seeds, asked.config.first_seed) == (2, 5)
    chosen = asked.config
    function("real", "out", config=chosen)
    assert asked.config is chosen
    function("real", "out", config=chosen, settings=["seeds=4"])
    assert (asked.config.seeds, asked.config.first_seed) == (4, 5)


def test_rows_follow_from_what_is_given(asked):
    benchmark_detect("real", "out")
    assert asked.options["rows"] == ("real",)
    benchmark_detect("real", "out", synthetic="made")
    assert asked.options["rows"] == ("real", "synthetic", "both")
    benchmark_detect("real", "out", synthetic="made", rows=["both"])
    assert asked.options["rows"] == ("both",)


def test_a_benchmark_gives_its_table_pages_and_notes(tmp_path):
    real, made = data.write(tmp_path / "real"), data.write(tmp_path / "made", prefix="m", counts={"train": 40})
    config = data.config(ratios=(0, 50), **RUN)
    written = benchmark(Dataset.open(real), str(tmp_path / "out"), synthetic=str(made), config=config)
    assert written.table.startswith("|") and written.notes
    assert written.markdown.is_file() and written.html.is_file()


@pytest.mark.parametrize("function", [benchmark, benchmark_detect])
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"real": 3}, "real: expected a Dataset, or the path"),
        ({"out": None}, "out: expected a path"),
        ({"synthetic": 3}, "synthetic: expected a Dataset, or the path"),
        ({"preset": "quik"}, "Did you mean 'quick'?"),
        ({"config": 3}, "config: expected the path of a YAML file"),
        ({"config": "absent.yaml"}, "absent.yaml: cannot be read"),
        ({"settings": "seeds=3"}, "settings: expected values by key, or a list"),
        ({"settings": {"sedes": 3}}, "sedes: is not a key that is known here"),
        ({"device": 0}, "device: expected a text"),
        ({"progress": "bar"}, "progress: expected a function"),
    ],
)
def test_arguments_that_cannot_be_used_are_named(asked, function, changes, message):
    with pytest.raises(SynthmammoError) as caught:
        function(**{"real": "real", "out": "out", **changes})
    assert message in str(caught.value) and asked.config is None


def test_what_one_of_them_takes_alone_is_named_too(asked):
    with pytest.raises(SynthmammoError, match="generator: expected the name of a model"):
        benchmark("real", "out", generator=3)
    for rows, message in (
        ("real", "rows: expected some of"),
        (["rael"], "Did you mean 'real'"),
        ([], "rows: expected"),
    ):
        with pytest.raises(SynthmammoError, match=message):
            benchmark_detect("real", "out", rows=rows)
