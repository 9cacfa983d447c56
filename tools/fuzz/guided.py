"""Inputs that atheris chooses: it keeps what reaches new lines, and changes that further."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

import click

from tools.fuzz import guard
from tools.fuzz.campaign import in_own_folder, tried
from tools.fuzz.reader import Reader

LIBRARIES = ("synthmammo", "pydicom")
"""Packages whose lines are counted: this one, and the parser in Python that it gives files to."""

LONGEST = 1 << 16
"""Longest input, in bytes."""


def guide(reader: Reader, inputs: int, first: int, broken: Path) -> None:
    """Run inputs until they are done, or one breaks a promise; it is then kept, and the process ends with status 77.

    Args:
        reader: The reader.
        inputs: Number of inputs.
        first: Seed of what is drawn.
        broken: Folder for an input that broke a promise.

    Raises:
        click.ClickException: atheris is not installed.
    """
    try:
        atheris = import_module("atheris")  # no dependency: it has wheels for few systems
    except ImportError as error:
        raise click.ClickException("atheris is not installed: pip install atheris") from error
    with atheris.instrument_imports(include=list(LIBRARIES)):
        home, folder, corpus = in_own_folder(reader)
    seeds = Path(home.name) / "seeds"
    seeds.mkdir()
    for number, data in enumerate(corpus):
        (seeds / str(number)).write_bytes(data)
    broken.mkdir(parents=True, exist_ok=True)

    def one(data: bytes) -> None:
        if said := tried(reader, data, folder):
            raise guard.Broken(said)

    options = [f"-runs={inputs}", f"-seed={first + 1}", f"-max_len={LONGEST}"]
    options += [f"-artifact_prefix={broken}/{reader.name}-"]
    atheris.Setup([sys.argv[0], *options, "-print_final_stats=1", "-rss_limit_mb=6000", str(seeds)], one)
    guard.install()
    atheris.Fuzz()
