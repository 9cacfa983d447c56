"""How a dataset is loaded without this package: for each of its formats the text of its card, with a program."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from string import Template

from synthmammo.dataset import statements
from synthmammo.dataset.layout import CROISSANT
from synthmammo.dataset.manifest import Manifest
from synthmammo.mammogram.sample import SPLITS


def filled_text(name: str, **values: object) -> str:
    """A text of the folder `texts`, with values in place of its `$` names.

    Args:
        name: Name of the file without its ending, e.g. "card".
        values: Values by name.
    """
    content = files("synthmammo.dataset").joinpath("texts", f"{name}.md").read_text(encoding="utf-8")
    return Template(content.rstrip("\n")).substitute(values)


def loading(manifest: Manifest) -> str:
    """The part of a card that says how the dataset is loaded, as Markdown.

    Args:
        manifest: Manifest of the dataset.
    """
    if not manifest.samples:
        return "There is nothing to load."
    return "\n\n".join(_parts(manifest, next(split for split in SPLITS if manifest.counts.get(split))))


def _parts(manifest: Manifest, split: str) -> Iterator[str]:
    """The texts that hold for a dataset; the programs load one split."""
    formats = statements.formats(manifest)
    if "parquet" in formats:
        yield filled_text("datasets", split=split)
    if "webdataset" in formats:
        yield _webdataset(manifest, split)
    if "dicom" in formats:
        yield filled_text("pydicom_findings" if _has_finding_objects(manifest) else "pydicom", split=split)
    if any(name.startswith("coco/") for name in manifest.files):
        yield filled_text("coco")
    if "yolo/data.yaml" in manifest.files and "webdataset" in formats:
        yield filled_text("yolo")
    if CROISSANT in manifest.files:
        yield filled_text("croissant")


def _webdataset(manifest: Manifest, split: str) -> str:
    total = sum(shard.format == "webdataset" and shard.split == split for shard in manifest.shards)
    numbers = f"{{00000..{total - 1:05d}}}" if total > 1 else "00000"
    return filled_text("webdataset", split=split, numbers=numbers, total=f"{total:05d}")


def _has_finding_objects(manifest: Manifest) -> bool:
    """Whether objects with the findings lie beside the DICOM images."""
    dicom = manifest.options.get("emit", {}).get("formats", {}).get("dicom") or {}
    return bool(dicom.get("findings"))
