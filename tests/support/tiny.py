"""A recipe that is built in about a second, and ways to run commands on it."""

from __future__ import annotations

import copy
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml
from click.testing import CliRunner, Result

from synthmammo.cli import main
from synthmammo.recipe import Recipe

PLACEMENT = {"window_mm": 20, "margin_mm": 2}
TINY: dict[str, Any] = {
    "version": 1,
    "name": "tiny",
    "description": "A dozen phantoms too coarse for anything but tests.",
    "seed": 11,
    "size": 12,
    "classes": {"normal": "1/3", "benign": "1/3", "malignant": "1/3"},
    "splits": {"train": 0.5, "validation": 0.25, "test": 0.25},
    "background": {"generator": "phantom", "spacing_mm": 2.0, "height_mm": 200, "width_mm": 160},
    "lesions": [
        {"kind": "mass", "classes": ["benign", "malignant"], "diameter_mm": [10, 16], "placement": PLACEMENT},
        {"kind": "calcification", "classes": ["malignant"], "diameter_mm": [10, 16], "placement": PLACEMENT},
    ],
    "emit": {"shard_size": 3, "preview_px": 64},
}


def content(**changes: Any) -> dict[str, Any]:
    """The tiny recipe's keys with some of them replaced; None removes a key."""
    merged = {**copy.deepcopy(TINY), **changes}
    return {key: value for key, value in merged.items() if value is not None}


def recipe(**changes: Any) -> Recipe:
    """The tiny recipe with some of its keys replaced."""
    return Recipe.model_validate(content(**changes))


def write(path: Path, **changes: Any) -> Path:
    """The tiny recipe as a YAML file."""
    path.write_text(yaml.safe_dump(content(**changes), sort_keys=False), encoding="utf-8")
    return path


def run(*arguments: object) -> Result:
    """A command in this process; anything but a message and an exit code fails the test."""
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise AssertionError(f"a traceback from {arguments}: {result.exception!r}") from result.exception
    assert "Traceback" not in result.output
    return result


def start(*arguments: object, prelude: str = "", **options: Any) -> subprocess.Popen[str]:
    """A command in a process of its own, in a new process group, after some Python statements."""
    code = f"{prelude}\nimport sys\nfrom synthmammo.cli import main\nif __name__ == '__main__':\n    main(sys.argv[1:])"
    command = [sys.executable, "-c", code] if prelude else [sys.executable, "-m", "synthmammo"]
    return subprocess.Popen(
        [*command, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        **options,
    )


def files(directory: Path) -> dict[str, bytes]:
    """Every file of a directory with its bytes."""
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}
