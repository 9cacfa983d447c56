"""Commands that need no network, no writer and no plot import none: they must start fast."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "synthmammo"

HEAVY = ("torch", "webdataset", "highdicom", "datasets", "transformers", "matplotlib")
COMMANDS = (
    ["--help"],
    ["schema"],
    ["check", "balanced_mass", "edited_density_sweep", "local_transfer"],
    ["plan", "recipes/balanced_mass.yaml"],
    ["build", "recipes/balanced_mass.yaml", "--dry-run"],
)


@pytest.mark.parametrize("arguments", COMMANDS, ids=lambda arguments: " ".join(arguments))
def test_light_commands_import_nothing_heavy(arguments):
    code = (
        "import sys\nfrom synthmammo.cli import main\n"
        f"try:\n    main({arguments!r})\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        f"print('heavy:', [name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=PACKAGE.parent)
    assert done.returncode == 0, done.stderr
    assert done.stdout.rstrip().endswith("heavy: []")


def test_checking_two_recipes_takes_less_than_half_a_second(tmp_path):
    """In processor time, which other work on the machine changes little, and with compiled modules, as installed."""
    compiled = {"PYTHONPYCACHEPREFIX": str(tmp_path), "PYTHONDONTWRITEBYTECODE": ""}
    command = [sys.executable, "-m", "synthmammo", "check", "balanced_mass", "edited_density_sweep"]
    best = 9.0
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, capture_output=True, check=True, env={**os.environ, **compiled}, cwd=PACKAGE.parent)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        best = min(best, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert best < 0.5
