"""Samples of a dataset opened in the reader study's viewer, beside the explorer and behind the same guard."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from synthmammo.studying.chosen import study_of_samples
from synthmammo.studying.guard import Application
from synthmammo.studying.server import application
from synthmammo.studying.tasks import Rules

MOST = 200
"""Most samples that are opened at once: each is read and brought into the study's frame before the page opens."""


class Studies:
    """Studies by their numbers, as an ASGI application below `/study`.

    Args:
        folder: Folder that the studies are made in.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._opened: dict[str, Application] = {}

    def open(self, dataset: Path, keys: Sequence[str]) -> str:
        """Open samples as a study that teaches: the truth follows each answer.

        Args:
            dataset: Directory of the dataset.
            keys: Keys of the samples; `MOST` of them are taken.

        Returns:
            The study's address, as a path on the server.

        Raises:
            DatasetError: A sample cannot be read.
            OutputError: The study cannot be written.
        """
        name = str(len(self._opened) + 1)
        study = study_of_samples(dataset, keys[:MOST], self._folder / name, title=f"Samples of {dataset.name}")
        self._opened[name] = application(study, Rules(teach=True))
        return f"/study/{name}/"

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """As ASGI."""
        root = scope.get("root_path", "")
        name = scope["path"].removeprefix(root).strip("/").partition("/")[0]
        study = self._opened.get(name)
        if study is None:
            await send({"type": "http.response.start", "status": 404, "headers": [(b"content-type", b"text/plain")]})
            await send({"type": "http.response.body", "body": b"There is no such study; open it again."})
            return
        await study({**scope, "root_path": f"{root}/{name}"}, receive, send)
