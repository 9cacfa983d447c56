"""Dataset directories: what the manifest states, or one of the samples."""

from __future__ import annotations

from pathlib import Path

from synthmammo.dataset import statements
from synthmammo.dataset.layout import MANIFEST, STATE
from synthmammo.dataset.manifest import Manifest
from synthmammo.dataset.origins import makers
from synthmammo.dataset.reader import Dataset
from synthmammo.errors import DatasetError
from synthmammo.inspecting.found import Inspection, maker_texts, stated
from synthmammo.mammogram.origin import Origin


def directory(path: Path, key: str | None = None) -> Inspection:
    """What a directory is.

    Raises:
        DatasetError: Its manifest is damaged, or it has no sample of that key.
    """
    if not (path / MANIFEST).is_file():
        if key is not None:
            raise DatasetError("is not a finished dataset", where=path, hint="Leave the key out.")
        if (path / STATE).is_dir():
            return Inspection(str(path), "unfinished dataset", ours=True)
        return Inspection(str(path), "directory that is not a dataset of synthmammo")
    if key is not None:
        sample = Dataset.open(path).sample(key)
        return Inspection(f"{path} {key}", "sample in a dataset", True, key=key, **stated(sample.making))
    return _dataset(path, Manifest.read(path))


def _dataset(path: Path, manifest: Manifest) -> Inspection:
    what = f"dataset of {manifest.samples:,} samples, made by `synthmammo {statements.command(manifest)}`"
    facts = {
        "name": manifest.name,
        "digest": manifest.digest,
        "release": manifest.versions.get("synthmammo", ""),
        "read, cut or built from": ", ".join(manifest.sources),
        "licence": manifest.licence,
    }
    facts |= {f"trained on ({name})": _trained(facts_of) for name, facts_of in manifest.models.items()}
    return Inspection(
        str(path),
        what,
        ours=True,
        origin=Origin(manifest.origin),
        made_by=maker_texts(makers(manifest)),
        stated_by="manifest",
        facts={name: text for name, text in facts.items() if text},
    )


def _trained(facts: dict[str, dict[str, str]]) -> str:
    data = facts.get("training_data") or {}
    return " ".join(filter(None, (data.get("name", "not recorded"), f"({data['origin']})" if "origin" in data else "")))
