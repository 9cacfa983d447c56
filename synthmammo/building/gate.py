"""The audit that a recipe demands of its dataset: before the build its sides are looked at, after it it is run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from synthmammo.dataset.layout import AUDIT
from synthmammo.dataset.manifest import Manifest
from synthmammo.dataset.release import audit_record, mark_release, write_mark
from synthmammo.dataset.reports import attach_audit
from synthmammo.errors import DatasetError, RecipeError, nearest
from synthmammo.progress import Progress
from synthmammo.recipe import Recipe


def check_gate(recipe: Recipe) -> None:
    """Find out before a long build whether its audit could be run.

    Raises:
        RecipeError: A dataset of the audit cannot be used; names the field.
    """
    gate = recipe.quality.audit
    if gate is None:
        return
    from synthmammo.auditing.findings import check_enough
    from synthmammo.auditing.sides import check_separate, open_sides

    try:
        sides = open_sides({"reference": Path(gate.reference), "train": Path(gate.train)})
        check_separate(sides)
        check_enough(sides)
    except DatasetError as error:
        raise RecipeError(error.message, where=f"quality.audit: {error.where}", hint=error.hint) from error


def pass_gate(recipe: Recipe, directory: Path, progress: Progress) -> list[str]:
    """Audit a finished dataset as its recipe demands, attach the audit for its card, and mark what is not releasable.

    Args:
        recipe: The recipe.
        directory: Directory of the finished dataset.
        progress: Called with images read and in all.

    Returns:
        What the audit found that does not pass, as sentences; empty for none, and without a gate.
    """
    gate = recipe.quality.audit
    if gate is None:
        return []
    manifest, out = Manifest.read(directory), directory / AUDIT
    if not _is_of(out, manifest):
        from synthmammo.auditing.audit import audit

        try:
            audit(directory, gate.reference, gate.train, out, progress=progress)
        except DatasetError as error:
            # The dataset is there; that it cannot be judged, as one of 12 samples, keeps it from being published.
            reason = f"the audit could not be made: {error.where}: {error.message}"
            write_mark(directory, manifest, [reason])
            return [reason]
    attach_audit(directory, out)
    return mark_release(directory, manifest, gate, audit_record(out / "audit.json"))


def _is_of(out: Path, manifest: Manifest) -> bool:
    """Whether a directory holds the audit of a dataset."""
    path = out / "audit.json"
    return path.is_file() and audit_record(path)["dataset"].get("digest") == manifest.digest


def left_out(without: str | Path | Sequence[str], recipe: Recipe) -> list[str]:
    """Keys of samples to leave out of a build.

    Args:
        without: Keys, or the path of a file of them: one per line, or JSON with a list `keys`, as an audit and the mark
            of a dataset that is not releasable have.
        recipe: Recipe of the build.

    Raises:
        RecipeError: The file cannot be read, or no sample of the recipe has such a key.
    """
    keys = _read(Path(without)) if isinstance(without, str | Path) else list(without)
    for key in keys:
        name, _, number = key.rpartition("-")
        if name != recipe.name or not number.isdigit() or int(number) >= recipe.size:
            known = [f"{recipe.name}-{index:07d}" for index in (0, recipe.size - 1)]
            hint = f"Keys of this recipe are {known[0]} to {known[1]}. {nearest(key, known)}"
            raise RecipeError(f"no sample is called '{key}'", where="without", hint=hint)
    return sorted(set(keys))


def _read(path: Path) -> list[str]:
    import json

    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        hint = "Give a file with one key per line, or the audit.json or not_releasable.json of a dataset."
        raise RecipeError(f"cannot be read ({error})", where=f"without {path}", hint=hint) from error
    if not text.lstrip().startswith("{"):
        return text.split()
    try:
        content = json.loads(text)
        keys = content.get("keys", content.get("memorised", {}).get("keys"))
        if isinstance(keys, Mapping) or not all(isinstance(key, str) for key in keys):
            raise TypeError("its keys are no texts")
        return list(keys)
    except (ValueError, AttributeError, TypeError) as error:
        raise RecipeError(f"holds no list of keys ({error})", where=f"without {path}") from error
