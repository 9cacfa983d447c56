"""Whether a dataset may leave: what its audit found, and what the licences of its sources allow."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from synthmammo.dataset import statements
from synthmammo.dataset.layout import AUDIT, MANIFEST, NOT_RELEASABLE
from synthmammo.dataset.manifest import Manifest
from synthmammo.errors import DatasetError
from synthmammo.files import writing
from synthmammo.mammogram.licences import Terms, narrowest, stated_terms, terms_of
from synthmammo.recipe.gate import AuditGate, blamed


def release_terms(manifest: Manifest) -> Terms:
    """What may be done with a dataset: what its manifest states, which was found when the dataset was made.

    Manifests of earlier releases state nothing; there the licences of all that went into the dataset say it.

    Args:
        manifest: Manifest of the dataset.
    """
    return stated_terms(manifest.terms) if manifest.terms else derived_terms(manifest)


def derived_terms(manifest: Manifest) -> Terms:
    """The narrowest terms of all that went into a dataset; a dataset without sources is its maker's.

    The licence of a dataset with images of real people counts, and so do those of its models, the terms of the images
    that these were trained on, and the datasets that it was made from, where their directories are still there.

    Args:
        manifest: Manifest of the dataset, whose own `terms` are not looked at.
    """
    models = manifest.models.values()
    found = [model_terms(str(facts.get("licence", "")), facts.get("training_data")) for facts in models]
    if statements.holds_real_images(manifest):
        found.append(terms_of(manifest.licence))
    for name in manifest.sources:
        if name not in manifest.models and (Path(name) / MANIFEST).is_file():
            source = Manifest.read(Path(name))
            found += [release_terms(source)] if statements.holds_real_images(source) else []
    return narrowest(found)


def model_terms(licence: str, training_data: Mapping[str, Any] | None) -> Terms:
    """What may be done with a model and with what it makes: the narrower of its licence and its training images.

    Args:
        licence: Licence of the weights.
        training_data: What is known of the images, see `models.file.Description`; those of files of earlier releases
            state no terms, and there the licence alone counts.
    """
    stated = (training_data or {}).get("terms")
    return narrowest([terms_of(licence), *([stated_terms(str(stated))] if stated else [])])


def audit_gate(manifest: Manifest) -> AuditGate | None:
    """The gate that the recipe of a dataset states; None for none."""
    stated = (manifest.options.get("quality") or {}).get("audit")
    try:
        return AuditGate.model_validate(stated) if stated else None
    except ValidationError as error:
        raise DatasetError(f"states a gate that is none ({error.errors()[0]['msg']})", where="quality.audit") from error


def audit_record(path: Path) -> dict[str, Any]:
    """Read `audit.json`.

    Args:
        path: Path of the file.

    Raises:
        DatasetError: It is not there, or is not the record of an audit.
    """
    try:
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if not {"dataset", "memorised", "realism", "diversity"} <= set(record):
            raise ValueError("its blocks are missing")
        return record
    except (OSError, ValueError) as error:
        hint = "Run the audit again: `synthmammo audit`, or the build with its gate."
        raise DatasetError(f"is no record of an audit ({error})", where=path, hint=hint) from error


def mark_release(directory: Path, manifest: Manifest, gate: AuditGate, record: Mapping[str, Any]) -> list[str]:
    """Write, or remove, the mark that a dataset is not releasable.

    Args:
        directory: Directory of the dataset.
        manifest: Its manifest.
        gate: What is demanded.
        record: What its audit found.

    Returns:
        What is not met, as sentences; empty for a releasable dataset.

    Raises:
        OutputError: The mark cannot be written.
    """
    unmet = gate.unmet(record)
    if not unmet:
        (directory / NOT_RELEASABLE).unlink(missing_ok=True)
        return []
    write_mark(directory, manifest, unmet, blamed(gate, record))
    return unmet


def write_mark(directory: Path, manifest: Manifest, reasons: Sequence[str], keys: Sequence[str] = ()) -> None:
    """Mark a dataset as not releasable.

    Args:
        directory: Directory of the dataset.
        manifest: Its manifest.
        reasons: Why, as sentences.
        keys: Keys of the samples to blame.

    Raises:
        OutputError: The mark cannot be written.
    """
    content = {"digest": manifest.digest, "reasons": list(reasons), "keys": list(keys)}
    with writing(directory / NOT_RELEASABLE) as partial:
        partial.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def release_reasons(directory: Path) -> list[str]:
    """Why a dataset is marked as not releasable; empty for one without a mark.

    Args:
        directory: Directory of the dataset.

    Raises:
        DatasetError: The mark cannot be read.
    """
    path = directory / NOT_RELEASABLE
    if not path.is_file():
        return []
    try:
        return [str(reason) for reason in json.loads(path.read_text(encoding="utf-8"))["reasons"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        hint = "The build writes it again."
        raise DatasetError(f"is no mark of this package ({error})", where=path, hint=hint) from error


def check_releasable(directory: Path, manifest: Manifest) -> None:
    """Refuse a dataset whose recipe states a gate that it has not passed.

    The audit's record is looked at, not the mark: a mark can be removed.

    Args:
        directory: Directory of the dataset.
        manifest: Its manifest.

    Raises:
        DatasetError: It was not audited, was audited as another dataset, or misses a threshold.
    """
    gate = audit_gate(manifest)
    if gate is None:
        return
    hint = f"`synthmammo build` audits it; `--without {directory / NOT_RELEASABLE}` builds anew without such samples."
    path = directory / AUDIT / "audit.json"
    if not path.is_file():
        message = "its recipe demands an audit, which it has not had, so it is not published"
        raise DatasetError(message, where=directory, hint=hint)
    record = audit_record(path)
    if record["dataset"].get("digest") != manifest.digest:
        raise DatasetError("is the audit of another dataset, so it is not published", where=path, hint=hint)
    if unmet := gate.unmet(record):
        raise DatasetError(f"is not releasable: {'; '.join(unmet)}", where=directory, hint=hint)
