"""Real hosts a recipe asks for, ingested first where they are not there yet."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from synthmammo.errors import RecipeError, SourceError, nearest
from synthmammo.manifest import MANIFEST
from synthmammo.recipe import IngestedBackground, Recipe

Progress = Callable[[int, int], None]


def ensure_hosts(recipe: Recipe, progress: Progress = lambda done, total: None) -> Path | None:
    """Ingest the hosts of a recipe that says how, unless their dataset is finished.

    Args:
        recipe: The checked recipe.
        progress: Called with images done and images in all.

    Returns:
        The dataset that was made now; None where nothing was to be done.

    Raises:
        RecipeError: The recipe's ingest options are not understood.
        SourceError: The archive cannot be used.
    """
    background = recipe.background
    if not isinstance(background, IngestedBackground) or background.ingest is None:
        return None
    out = Path(background.dataset)
    if (out / MANIFEST).is_file():
        return None
    from synthmammo.ingest import IngestOptions, ingest

    given = dict(background.ingest.options)
    known = set(IngestOptions.__dataclass_fields__)
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
    ingest(background.ingest.source, background.ingest.path, out, options, progress=progress)
    return out
