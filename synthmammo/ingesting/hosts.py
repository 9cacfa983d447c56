"""The real hosts that a recipe asks for, ingested first where they are not there yet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from synthmammo.dataset.layout import MANIFEST
from synthmammo.errors import RecipeError, SourceError, nearest
from synthmammo.progress import Progress, silent
from synthmammo.recipe import IngestedBackground, Recipe

if TYPE_CHECKING:
    from synthmammo.dataset.workers.base import Engine
    from synthmammo.ingesting.ingest import IngestSummary


def missing_hosts(recipe: Recipe) -> IngestedBackground | None:
    """The background of a recipe that says how its hosts are ingested, while their dataset is not finished."""
    background = recipe.background.wants_ingest
    return background if background and not (Path(background.dataset) / MANIFEST).is_file() else None


def ensure_hosts(recipe: Recipe, progress: Progress = silent, *, engine: Engine | None = None) -> IngestSummary:
    """Ingest the hosts of a recipe for which `missing_hosts` answers.

    Args:
        recipe: The checked recipe.
        progress: Function that is called with the number of images done and that of all images.
        engine: Engine that ingests them, this process by default.

    Returns:
        What came of the ingest.

    Raises:
        RecipeError: The recipe's ingest options are not understood.
        SourceError: The archive cannot be used.
    """
    from synthmammo.ingesting.ingest import ingest_archive
    from synthmammo.ingesting.options import IngestOptions

    background = missing_hosts(recipe)
    assert background and background.ingest
    given, known = dict(background.ingest.options), set(IngestOptions.__dataclass_fields__)
    for name in given:
        if name not in known:
            where = f"background.ingest.options.{name}"
            raise RecipeError("is not an option of ingest", where=where, hint=nearest(name, known))
    if "formats" in given:
        given["formats"] = tuple(given["formats"])
    try:
        options = IngestOptions(**given)
    except SourceError as error:
        raise RecipeError(error.message, where=f"background.ingest.options.{error.where}", hint=error.hint) from None
    source, path = background.ingest.source, background.ingest.path
    return ingest_archive(source, path, Path(background.dataset), options, engine=engine, progress=progress)
