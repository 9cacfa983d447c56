"""Seconds to find 100 directions in a 512-wide W, and what edits add to sampling; run it, it is no test.

    python -m benchmarks.edits [--threads 2] [--resolution 512] [--base 32768] [--rounds 3]

The network has the shape of the published 512 x 512 models and random weights. Every row of the edited batch has two
edits, one with a target. Rounds of editing and of sampling alternate; the least time of each counts.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from synthmammo.editing.directions.file import write_directions
from synthmammo.editing.directions.fit import fit_directions
from synthmammo.editing.directions.fitted import Attribute, Directions
from synthmammo.editing.editor import Editor
from synthmammo.generators.stylegan2 import StyleGAN2
from synthmammo.mammogram.planned import PlannedEdit, Row
from synthmammo.models.file import Description, save_model
from synthmammo.models.nets.stylegan2 import Generator, StyleGAN2Config
from synthmammo.recipe import StyleGAN2Background
from synthmammo.recipe.edits import DirectionEdit


def model_file(folder: Path, config: StyleGAN2Config) -> Path:
    torch.manual_seed(0)
    described = Description("stylegan2", vars(config))
    return save_model(folder / "model.safetensors", {"generator": Generator(config)}, described)


def with_attribute(found: Directions) -> Directions:
    """An invented attribute: what a direction costs does not depend on what it does."""
    count = len(found.components)
    direction = np.full(count, count**-0.5, np.float32)
    quantiles = np.linspace(0, 1, 101, dtype=np.float32)
    return replace(found, attributes={"density": Attribute(direction, direction, 0.5, quantiles, 1.0)})


def rows(host: StyleGAN2) -> list[Row]:
    edits = (PlannedEdit(0, "density", 0.7), PlannedEdit(1, "component 3", 1.5))
    return [
        Row(str(i), i, "", "train", "normal", i, i, None, "", truncation=0.65, edits=edits)
        for i in range(host.batch_size)
    ]


def best(work: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Least seconds of each over alternating rounds."""
    found = dict.fromkeys(work, float("inf"))
    for _ in range(rounds):
        for name, run in work.items():
            start = time.perf_counter()
            run()
            found[name] = min(found[name], time.perf_counter() - start)
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    for name, default in (("threads", 2), ("resolution", 512), ("base", 32768), ("rounds", 3)):
        parser.add_argument(f"--{name}", type=int, default=default)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    config = StyleGAN2Config(resolution=given.resolution, channel_base=given.base)
    with tempfile.TemporaryDirectory() as folder:
        path = model_file(Path(folder), config)
        start, busy = time.perf_counter(), time.process_time()
        written, found = fit_directions(path, samples=0)
        seconds, processor = time.perf_counter() - start, time.process_time() - busy
        what = f"{len(found.components)} directions in a {config.w_dim}-wide W"
        print(f"{what}: {seconds:.1f} s, {processor:.1f} s of processor time")
        host = StyleGAN2(str(path))
        write_directions(written, with_attribute(found), host.model.checkpoint.digest)
        specs = [DirectionEdit(direction="density", target="c"), DirectionEdit(direction="component 3")]
        editor = Editor(specs, host.model, StyleGAN2Background(generator="stylegan2", model=str(path)))
        latents = host.latents(rows(host))
        times = best({"edit": lambda: editor(latents), "sample": lambda: host.render(latents)}, given.rounds)
    print(f"two edits of each of {host.batch_size} images: {times['edit'] / times['sample']:.3%} of the sampling time")


if __name__ == "__main__":
    main()
