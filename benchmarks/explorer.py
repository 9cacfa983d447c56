"""Seconds from a slider to the picture in the explorer, and to open the index of a large dataset.

`python -m benchmarks.explorer` prints processor time, which a busy machine does not change much, and time on the wall.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from synthmammo.exploring.catalogue import Catalogue, Filters
from synthmammo.exploring.desk import Desk, Wish
from synthmammo.exploring.model_pictures import Shown, picture
from synthmammo.exploring.painter import Painter
from synthmammo.exploring.session import Session
from tests.support import indexes

MODEL = "zoo/stylegan2-phantom-256"
REPEATS = 7


def timed(name: str, act: Callable[[int], object]) -> None:
    processor, wall = [], []
    for number in range(REPEATS + 1):
        begun = time.process_time(), time.perf_counter()
        act(number)
        processor.append(time.process_time() - begun[0])
        wall.append(time.perf_counter() - begun[1])
    # The first time is left out: files are read then.
    print(f"{name:<34} {statistics.median(processor[1:]):6.3f} s processor  {statistics.median(wall[1:]):6.3f} s wall")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        desk = Desk(Painter(MODEL), Path(folder))
        first = desk.begin(3)

        def shown(session: Session) -> str:
            return picture(desk, session, Shown())

        timed("a direction, all layers", lambda n: shown(desk.moved(first, "density", 0.3 + n / 10, None)))
        timed("another seed", lambda n: shown(desk.sampled(first, 100 + n, 0.65, None, "own")))
        timed("a part", lambda n: shown(desk.taken(first, 5, 200 + n, 1.0)))
        lesion = desk.put(first, (150, 200), Wish())
        timed("a parametric lesion", lambda n: shown(desk.changed(lesion, 0, Wish(diameter_mm=10 + n))))
        network = desk.put(first, (150, 200), Wish(generator="zoo/contextual-mass"))
        timed("a lesion of a network, again", lambda n: shown(desk.again(network, 0)))
        path = indexes.write(Path(folder) / "large", 100_000)
        timed("an index of 100,000 samples", lambda n: Catalogue.open(path).keys(Filters()))
        catalogue = Catalogue.open(path)
        filters = Filters(split="train", lesion="malignant mass", where="kvp < 30")
        timed("three filters on it", lambda n: catalogue.keys(filters))


if __name__ == "__main__":
    main()
