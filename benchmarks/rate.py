"""Rate of a build over the rate of its generator alone, and of two processes over one; run it, it is no test.

    python -m benchmarks.rate [--resolution 512] [--base 32768] [--images 8] [--workers 2] [--device cpu]

A StyleGAN2 with random weights makes the hosts, and a build writes them in the three formats. Its time per image is
that of its activities, without what a build of any size does once (plan, card). All is by the clock, so that it means
something on a machine with as many free cores as processes.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

import torch

import synthmammo
from synthmammo.building.backgrounds import open_host
from synthmammo.building.build import planned_shards
from synthmammo.generators.base import DeviceHost
from synthmammo.generators.inputs import Inputs
from synthmammo.models.devices import settled
from synthmammo.models.file import Description, save_model
from synthmammo.models.nets.stylegan2 import Generator, StyleGAN2Config
from synthmammo.planning.planner import write_plan
from synthmammo.recipe import Recipe, as_recipe

FORMATS = ["webdataset", "parquet", "dicom"]


def recipe(folder: Path, given: argparse.Namespace) -> Recipe:
    """Hosts of a model with random weights, in three formats."""
    config = StyleGAN2Config(resolution=given.resolution, channel_base=given.base)
    description = Description("stylegan2", asdict(config), spacing_mm=0.4)
    model = save_model(folder / "model.safetensors", {"generator": Generator(config)}, description)
    background = {"generator": "stylegan2", "model": str(model), "view": "MLO", "laterality": "L"}
    emit = {"shard_size": max(1, given.images // given.workers), "formats": FORMATS}
    content = {
        "version": 1,
        "name": "rate",
        "seed": 1,
        "size": given.images,
        "classes": {"normal": 1},
        "background": background,
    }
    return as_recipe({**content, "emit": emit})


def generator_seconds(checked: Recipe, folder: Path, device: str) -> float:
    """Seconds per image of the network alone, in the batches that a build has."""
    write_plan(checked, folder / "plan.parquet")
    rows = [row for shard in planned_shards(folder / "plan.parquet") for row in shard.rows]
    host = open_host(checked, Inputs(), device)
    assert isinstance(host, DeviceHost)
    batch = settled(device).batch or host.batch_size
    host.planes(host.latents([*rows, *rows][:batch]))
    start = time.perf_counter()
    for first in range(0, len(rows), batch):
        host.planes(host.latents(rows[first : first + batch]))
    return (time.perf_counter() - start) / len(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("resolution", 512), ("base", 32768), ("images", 8), ("workers", 2)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--device", default="cpu")
    given = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        checked = recipe(folder, given)
        alone = generator_seconds(checked, folder, given.device)
        began = time.perf_counter()
        made = synthmammo.build(checked, folder / "one", device=given.device)
        built, one = sum(made.seconds.values()) / given.images, time.perf_counter() - began
        print(
            f"network alone {alone:.3f} s per image, build {built:.3f} s: {alone / built:.2f} of its rate, 0.95 wanted"
        )
        if given.workers > 1:
            began = time.perf_counter()
            synthmammo.build(checked, folder / "more", device=given.device, workers=given.workers)
            more = time.perf_counter() - began
            print(f"{given.workers} processes: {one / more:.2f} times one, their start included (1.8 wanted of two)")


if __name__ == "__main__":
    main()
