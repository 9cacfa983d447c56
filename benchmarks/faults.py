"""Work that is killed at random moments is gone on with to the same bytes, and other faults; run it, it is no test.

    python -m benchmarks.faults --kills 100 --kills-others 10

Each piece of work runs in a fork of this process, which gets SIGKILL at a moment drawn at random; then the same call
goes on, until it is killed again or has finished. What is finished is compared with the same work undisturbed, byte by
byte, and begun anew, until there were as many kills as asked for. Everything is tiny, and two cores suffice.
"""

from __future__ import annotations

import argparse
import errno
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

import synthmammo
from synthmammo.dataset.layout import STATE
from synthmammo.errors import SynthmammoError
from tests.support import benchmark_data, tiny, tiny_models, training_data

Content = dict[str, bytes]
NAME = "out"
"""Name of every directory that is made: an ingested dataset is called after its own."""
EMIT = {"shard_size": 2, "preview_px": 64, "labels": ["coco"]}


@dataclass(frozen=True)
class Work:
    """A piece of work.

    Attributes:
        run: Function that does it, into a folder.
        content: Function that reads what it made: contents by name, those that two runs must have alike.
    """

    run: Callable[[Path], object]
    content: Callable[[Path], Content] = tiny.files


@dataclass
class Counted:
    """What came of it: kills, results that were compared, and those that differed."""

    kills: int = 0
    compared: int = 0
    differed: list[str] = field(default_factory=list)


def in_fork(run: Callable[[Path], object], out: Path, seconds: float | None = None) -> bool:
    """Run work in a fork; whether it was killed after some seconds, and had not ended.

    Raises:
        RuntimeError: It failed.
    """
    child = os.fork()
    if child == 0:
        status = 1
        try:
            run(out)
            status = 0
        finally:
            os._exit(status)
    if seconds is not None:
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code not in (0, -signal.SIGKILL):
        raise RuntimeError(f"work into {out} ended with {code}")
    return code != 0


def killed(work: Work, kills: int, folder: Path, chance: random.Random) -> Counted:
    """Do work again and again, killing it at random moments, and compare what comes of it in the end."""
    start = time.monotonic()
    whole = folder / "whole" / NAME
    whole.parent.mkdir()
    in_fork(work.run, whole)
    usual = time.monotonic() - start
    expected, counted, number = work.content(whole), Counted(), 0
    while counted.kills < kills or (folder / f"try{number}").exists():
        out = folder / f"try{number}" / NAME
        out.parent.mkdir(exist_ok=True)
        last = counted.kills >= kills
        if in_fork(work.run, out, None if last else chance.uniform(0, usual)):
            counted.kills += 1
            continue
        found = work.content(out)
        counted.compared += 1
        counted.differed += sorted(name for name in {*found, *expected} if found.get(name) != expected.get(name))
        shutil.rmtree(out.parent)
        number += 1
    return counted


def builds(folder: Path) -> dict[str, Work]:
    """A build of every kind of generator, in all formats."""
    stylegan2 = str(tiny_models.stylegan2_file(folder / "s.safetensors"))
    contextual = str(tiny_models.contextual_file(folder / "c.safetensors"))
    removal = str(tiny_models.contextual_file(folder / "r.safetensors", "removal"))
    lesions = [{**tiny.TINY["lesions"][0], "generator": contextual}]
    model = {"generator": "stylegan2", "model": stylegan2, "view": "CC", "laterality": "L"}
    kinds: Mapping[str, dict[str, object]] = {
        "phantom": {},
        "stylegan2": {"background": model, "lesions": None, "classes": {"normal": 1}},
        "contextual": {
            "lesions": lesions,
            "classes": {"benign": 0.5, "malignant": 0.5},
            "removal": {"generator": removal, "classes": ["benign"]},
        },
    }
    found = {}
    for name, changes in kinds.items():
        recipe = tiny.recipe(**{"size": 8, "emit": EMIT, "splits": {"train": 0.5, "test": 0.5}, **changes})
        found[f"build, {name}"] = Work(lambda out, recipe=recipe: synthmammo.build(recipe, out))
    return found


def others(folder: Path) -> dict[str, Work]:
    """Ingest, patches, a training, a benchmark, and a dataset that grows."""
    images = folder / "images"
    images.mkdir()
    noise = np.random.default_rng(0)
    for number in range(8):
        pixels = np.zeros((96, 64), np.uint8)
        pixels[8:88, :48] = noise.integers(90, 200, (80, 48))
        Image.fromarray(pixels).save(images / f"{number}.png")
    table = ["file,patient,label", *(f"{number}.png,p{number},normal" for number in range(8))]
    (images / "table.csv").write_text("\n".join(table))
    whole = folder / "dataset"
    synthmammo.build(tiny.recipe(size=8, emit=EMIT, splits={"train": 1}), whole)
    learning = training_data.write(folder / "learning")
    sides = [benchmark_data.write(folder / "sides" / name, prefix=name) for name in ("real", "synthetic")]
    settings = benchmark_data.config()

    def grown(out: Path) -> None:
        if not out.exists():
            shutil.copytree(whole, out.with_name("copying"), dirs_exist_ok=True)
            out.with_name("copying").rename(out)
        synthmammo.build(tiny.recipe(size=14, emit=EMIT, splits={"train": 1}), out)

    return {
        "ingest": Work(lambda out: synthmammo.ingest("folder", images, out, shard_size=2)),
        "patches": Work(lambda out: synthmammo.patches(whole, out, size_px=32, shard_size=2)),
        "train": Work(
            lambda out: synthmammo.train(training_data.STYLEGAN2, learning, out),
            lambda out: {"model": (out / "tiny.safetensors").read_bytes()},
        ),
        "benchmark": Work(lambda out: synthmammo.benchmark(sides[0], out, synthetic=sides[1], config=settings), scores),
        "a dataset that grows": Work(grown),
    }


def scores(out: Path) -> Content:
    """What a benchmark found, without the times that it took."""
    lines = map(json.loads, (out / "results.jsonl").read_text(encoding="utf-8").splitlines())
    names = ("share", "ratio", "seed", "auc", "scores_sha256")
    return {str([line.get(name) for name in names]): b"" for line in lines}


def fails(run: Callable[[], object], words: str) -> None:
    """Check that a call ends in the package's error, with some words in it.

    Raises:
        RuntimeError: It did not.
    """
    try:
        run()
    except SynthmammoError as error:
        if words not in str(error):
            raise RuntimeError(f"the message is another: {error}") from error
        return
    raise RuntimeError(f"no error that says {words}")


def full_disk(folder: Path, chance: random.Random, times: int = 20) -> int:
    """A disk that is full at different moments: a limit on the size of files, for want of a disk of its own."""
    recipe = tiny.recipe(size=8, emit=EMIT)
    synthmammo.build(recipe, folder / "whole")
    expected, out = tiny.files(folder / "whole"), folder / "full"
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    largest = max(map(len, expected.values()))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    for _ in range(times):
        resource.setrlimit(resource.RLIMIT_FSIZE, (chance.randrange(100, largest - 1), hard))
        try:
            fails(lambda: synthmammo.build(recipe, out), "")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        if any(out.rglob(".partial-*")):
            raise RuntimeError("a partial file was left")
    synthmammo.build(recipe, out)
    if tiny.files(out) != expected:
        raise RuntimeError("other bytes after a full disk")
    return times


def read_only(folder: Path) -> int:
    """A folder that cannot be written, for a user who is not root; the error of the system is put in its place."""
    open_ = os.open

    def refuse(path: object, flags: int, *more: object, **named: object) -> int:
        if flags & (os.O_WRONLY | os.O_RDWR) and str(folder) in str(path):
            raise OSError(errno.EROFS, "Read-only file system", str(path))
        return open_(path, flags, *more, **named)  # type: ignore[arg-type]

    recipe = tiny.recipe(size=4, emit=EMIT)
    if os.geteuid():
        folder.chmod(0o555)
        fails(lambda: synthmammo.build(recipe, folder / "out"), "cannot be written")
        folder.chmod(0o755)
    else:
        os.open = refuse
        touch, Path.touch = Path.touch, lambda path, *a, **k: refuse(path, os.O_WRONLY)  # type: ignore[assignment,method-assign]
        try:
            fails(lambda: synthmammo.build(recipe, folder / "out"), "annot be written")
        finally:
            os.open, Path.touch = open_, touch  # type: ignore[method-assign]
    return 1


def damaged(folder: Path) -> int:
    """Each shard damaged in turn: `verify` finds it, and `repair` makes it alone again."""
    recipe, out = tiny.recipe(size=8, emit=EMIT), folder / "damaged"
    made = synthmammo.build(recipe, out).manifest
    expected = tiny.files(out)
    for shard in made.shards:
        path = out / shard.name
        target = next(path.iterdir()) if path.is_dir() else path
        target.write_bytes(target.read_bytes()[:-7] + b"changed")
        if [shard.name] != synthmammo.repair(out).repaired or tiny.files(out) != expected:
            raise RuntimeError(f"{shard.name} was not mended alone")
    return len(made.shards)


def started(recipe: Path, out: Path, workers: int) -> subprocess.Popen[str]:
    """A build in a process of its own that has finished a shard."""
    process = tiny.start("build", recipe, "--out", out, "--workers", workers)
    while not list((out / STATE).glob("t*-0*.json")):
        if process.poll() is not None:
            raise RuntimeError(f"it ended at once: {process.communicate()}")
        time.sleep(0.01)
    return process


def two_builds(folder: Path) -> int:
    """A second build in the folder of one that runs: it is refused, and the first is not disturbed."""
    recipe = tiny.write(folder / "t.yaml", size=60, emit=EMIT)
    first = started(recipe, folder / "out", 1)
    second = tiny.start("build", recipe, "--out", folder / "out", "--workers", 1)
    message = second.communicate()[1]
    if "another process is making this dataset now" not in message:
        raise RuntimeError(message)
    if first.wait() or synthmammo.verify(folder / "out").problems:
        raise RuntimeError("the first build was disturbed")
    return 1


def killed_worker(folder: Path) -> int:
    """A worker that the system ends for want of memory: one message, and the same command goes on."""
    recipe = tiny.write(folder / "w.yaml", size=60, emit=EMIT)
    running = started(recipe, folder / "workers", 2)
    listed = subprocess.run(["ps", "-o", "pid=,args=", "--ppid", str(running.pid)], capture_output=True, text=True)
    workers = [line.split()[0] for line in listed.stdout.splitlines() if "spawn_main" in line]
    os.kill(int(workers[-1]), signal.SIGKILL)
    message = running.communicate()[1]
    if "Often the system was out of memory" not in message or "Traceback" in message:
        raise RuntimeError(message)
    tiny.start("build", recipe, "--out", folder / "workers", "--workers", 1).communicate()
    if synthmammo.verify(folder / "workers").problems:
        raise RuntimeError("it did not go on")
    return 1


def main(arguments: list[str] | None = None) -> None:
    """Print a table of faults and what came of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100, help="kills of builds, all generators together")
    parser.add_argument("--kills-others", type=int, default=10, help="kills of each other kind of work")
    parser.add_argument("--seed", type=int, default=0, help="random seed of the moments")
    parser.add_argument("--only", default="", help="words of the rows to run, between commas; all by default")
    options = parser.parse_args(arguments)
    chance = random.Random(options.seed)
    print("| fault | times | finished and compared | other bytes |\n| --- | --- | --- | --- |", flush=True)
    with tempfile.TemporaryDirectory(prefix="faults-") as name:
        folder = Path(name)
        made = builds(folder)
        kills = dict.fromkeys(made, -(-options.kills // len(made)))
        work = {**made, **others(folder)}
        for row, one in work.items():
            if not any(word in row for word in options.only.split(",")):
                continue
            place = folder / row.replace(", ", "-").replace(" ", "-")
            place.mkdir()
            done = killed(one, kills.get(row, options.kills_others), place, chance)
            print(f"| SIGKILL: {row} | {done.kills} | {done.compared} | {len(done.differed)} |", flush=True)
            if done.differed:
                sys.exit(f"{row}: other bytes in {done.differed[:5]}")
        single: dict[str, Callable[[Path], int]] = {
            "full disk": lambda place: full_disk(place, chance),
            "read-only folder": read_only,
            "shard damaged, repaired": damaged,
            "two builds in one folder": two_builds,
            "worker killed": killed_worker,
        }
        for row, run in single.items():
            if not any(word in row for word in options.only.split(",")):
                continue
            place = folder / row.replace(", ", "-").replace(" ", "-")
            place.mkdir()
            times = run(place)
            print(f"| {row} | {times} | {times} | 0 |", flush=True)


if __name__ == "__main__":
    main()
