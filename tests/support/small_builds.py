"""Small builds in folders."""

import os
from pathlib import Path

from synthmammo.building.build import make_dataset
from synthmammo.dataset.workers.local import Local
from tests.support import tiny

SMALL = {"size": 4, "emit": {"shard_size": 2, "preview_px": 64}, "splits": {"train": 1}}
"""Two shards, for tests that build often."""


def made(out: Path, workers: int = 1, **changes) -> Path:
    make_dataset(tiny.recipe(**changes), out, engine=Local(workers))
    return out


def names(directory: Path) -> list[str]:
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file())


def partial(directory: Path) -> list[Path]:
    return list(directory.rglob(".partial-*"))


# interruption


def crash(recipe, out: Path, after: int) -> bool:
    """Build in a fork of this process that ends, with nothing cleaned up, before the n-th file gets its final name.

    Returns:
        Whether it came to that; False when the build had fewer.
    """
    child = os.fork()
    if child == 0:
        replace, seen = Path.replace, [0]

        def replaced(self, target):
            seen[0] += 1
            if seen[0] > after:
                os._exit(9)
            return replace(self, target)

        Path.replace = replaced
        try:
            make_dataset(recipe, out, engine=Local(1))
        except BaseException:
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) in (0, 9)
    return os.waitstatus_to_exitcode(status) == 9


FIRST_SHARD = 9
"""Files named until the first shard is done: content, versions, recipe, plan, size, three formats, its state."""
