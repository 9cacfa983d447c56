import json
from importlib.metadata import PackageNotFoundError

import pytest

from synthmammo.inspecting import diagnosis
from tests.support import tiny


def test_doctor_says_what_is_there():
    result = tiny.run("doctor", "--json")
    found = json.loads(result.stdout)
    assert result.exit_code == bool(found["problems"])
    assert {"synthmammo", "Python", "processor cores", "memory"} <= found["machine"].keys()
    assert "cpu" in found["devices"] and all(amount > 0 for amount in found["disks"].values())
    assert found["dicom"]["JPEG 2000"]["read"] and found["dicom"]["RLE"]["write"]
    extras = {library["extra"] for library in found["libraries"]}
    assert {"", "benchmark", "tcia"} <= extras and not extras & {"dev", "docs"}


def test_doctor_prints_tables():
    text = tiny.run("doctor").stdout
    for word in ("Machine", "Libraries", "| torch ", "DICOM", "JPEG-LS", "Disks"):
        assert word in text


def test_a_missing_library_is_a_problem_of_all_and_an_extra_of_some(monkeypatch):
    def absent(name):
        if name in ("webdataset", "transformers"):
            raise PackageNotFoundError(name)
        return "9999"

    monkeypatch.setattr(diagnosis, "version", absent)
    result = tiny.run("doctor")
    assert result.exit_code == 1 and result.stdout.count("problem: ") == 1
    assert "problem: webdataset is not installed" in result.stdout and "pip install 'webdataset>=" in result.stdout
    assert "note: the part 'benchmark' lacks transformers: pip install 'synthmammo[benchmark]'" in result.stderr


def test_an_old_library_is_a_problem(monkeypatch):
    monkeypatch.setattr(diagnosis, "version", lambda name: "0.0.1")
    assert "torch 0.0.1 is installed; torch>=" in tiny.run("doctor").stdout


def test_a_full_disk_is_remarked_on(monkeypatch):
    monkeypatch.setattr(diagnosis, "LEAST_FREE_BYTES", 2**80)
    assert "GB left" in tiny.run("doctor").stderr


def test_an_unknown_shell_is_answered_with_the_known_ones():
    result = tiny.run("completion", "zhs")
    assert result.exit_code == 2 and "Did you mean 'zsh'? Known: bash, fish, zsh." in result.output


@pytest.mark.parametrize("option", ["--quiet", "-q"])
def test_quiet_leaves_out_notes(option):
    assert not tiny.run("doctor", option).stderr
