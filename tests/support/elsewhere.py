"""Code run as another project would run it: released libraries only, no network, and no way to import this package."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

_WITHOUT = """
import sys


class _Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "synthmammo":
            raise ModuleNotFoundError(f"{name} is not to be used here")


sys.meta_path.insert(0, _Absent())
"""


def run(code: str, folder: Path) -> str:
    """Run code in an isolated process in a folder, which also holds the libraries' caches; returns what it printed."""
    environment = os.environ | {"HF_HOME": str(folder), "HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}
    script = folder / "elsewhere.py"
    # A file, since data loaders start processes that import the main module again.
    script.write_text(_WITHOUT + code, encoding="utf-8")
    command = [sys.executable, "-I", str(script)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout
