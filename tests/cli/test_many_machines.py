"""The scripts of the page on many machines run as they stand there, and make the bytes of a single build."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.support import tiny

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "how_to" / "many_machines.md").read_text(encoding="utf-8")
BASH = re.findall(r"^```bash\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
YAML = re.findall(r"^```yml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def place(tmp_path):
    """A folder with programs: this package, and what stands for the client of a bucket."""
    programs = tmp_path / "bin"
    programs.mkdir()
    scripts = {
        "synthmammo": f'exec "{sys.executable}" -m synthmammo "$@"',
        "aws": 'shift 3; mkdir -p "$1" "$2" && cp -R "$1/." "$2"',
    }
    for name, text in scripts.items():
        (programs / name).write_text(f"#!/bin/sh\n{text}\n")
        (programs / name).chmod(0o755)
    tiny.write(tmp_path / "t.yaml")
    return tmp_path


def run(place, script, **variables):
    known = {"RECIPE": "t.yaml", "PARTS": "2", "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    path = f"{place / 'bin'}:{os.environ['PATH']}"
    environment = {**os.environ, **known, "PATH": path, **variables}
    done = subprocess.run(["bash", "-c", script], cwd=place, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def merged(place, parts, built):
    assert tiny.run("merge", *sorted(parts), "--out", place / "whole").exit_code == 0
    assert tiny.files(place / "whole") == tiny.files(built)


def test_slurm(place, built):
    for task in ("1", "2"):
        run(place, BASH[0], SLURM_ARRAY_TASK_ID=task, SLURM_CPUS_PER_TASK="1", SCRATCH=str(place))
    merged(place, (place / "parts").iterdir(), built)


@pytest.mark.slow
def test_kubernetes(place, built):
    container = yaml.safe_load(YAML[0])["spec"]["template"]["spec"]["containers"][0]
    assert container["command"] == ["/bin/sh", "-c"]
    script = container["args"][0].replace("--workers 8", "--workers 1")
    for index in ("0", "1"):
        run(place, script, JOB_COMPLETION_INDEX=index, DATA=str(place))
    merged(place, (place / "parts").iterdir(), built)


@pytest.mark.slow
def test_a_batch_service(place, built):
    for index in ("0", "1"):
        run(place, BASH[2], AWS_BATCH_JOB_ARRAY_INDEX=index, BUCKET=str(place / "bucket"))
    merged(place, (place / "bucket" / "parts").iterdir(), built)
