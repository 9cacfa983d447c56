"""One audit: a synthetic dataset, real images that its generator saw, and real images that it did not see."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from synthmammo._version import __version__
from synthmammo.arguments import a_function, a_path, a_text
from synthmammo.auditing.scorecard import scorecard
from synthmammo.auditing.sides import Side, check_separate, open_sides
from synthmammo.dataset.layout import MANIFEST
from synthmammo.dataset.references import DatasetLike, dataset_path
from synthmammo.dataset.release import release_terms
from synthmammo.errors import DatasetError
from synthmammo.files import writing
from synthmammo.progress import Progress, Steps, silent, stage

if TYPE_CHECKING:
    from synthmammo.auditing.findings import Findings
    from synthmammo.auditing.leaks import Plants
    from synthmammo.auditing.material import Material

PROTOCOL = "audit/1"
"""Name of what is measured and how; raised when a number would come out otherwise."""


@dataclass(frozen=True)
class Audited:
    """What an audit left.

    Attributes:
        record: Content of `audit.json`.
        json: `audit.json`.
        html: `audit.html`, one page with everything in it.
        card: `card.md`, the section for the dataset's card.
    """

    record: Mapping[str, Any]
    json: Path
    html: Path
    card: Path

    def __repr__(self) -> str:
        memorised = self.record["memorised"]
        found = f"{len(memorised['keys'])} samples flagged" if memorised["able"] else "not able to judge"
        return f"Audited({self.record['dataset']['name']}: {found})"


def audit(
    dataset: DatasetLike,
    reference: DatasetLike,
    train: DatasetLike,
    out: str | Path,
    *,
    extractor: str | Path | None = None,
    device: str = "auto",
    progress: Progress = silent,
) -> Audited:
    """Measure how real, how varied and how fair a synthetic dataset is, and what it gives away of training images.

    All splits of the dataset are judged. Images are compared as breasts alone: whatever their canvas, side and bit
    depth, they are brought to one frame and one grey scale.

    Args:
        dataset: Dataset to judge, or the path of its directory; its Parquet or its tars are read.
        reference: Dataset of real images that the generator never saw: its splits other than "train".
        train: Dataset of the images that the generator was trained on: its split "train". It may be the same dataset.
        out: Directory to write `audit.json`, `audit.html`, `card.md` and the figures into.
        extractor: Network whose features the distances are taken on: directory of an image classifier of transformers,
            or file of weights of an EfficientNet-Lite0; None for that of ImageNet, which works offline.
        device: Device that the features are measured on; "auto" for the best that there is.
        progress: Function that is called with images read and images in all.

    Returns:
        What was found, and where it was written. An audit that found something is a success like any other.

    Raises:
        DatasetError: A dataset cannot be read, has no images for its part, or patients of the reference were trained
            on; too few images; or an argument makes no sense (its name comes first).
        CheckpointError: There is no such extractor.
        OutputError: The directory cannot be written.

    Example:
        >>> import synthmammo as sm
        >>> try:
        ...     sm.audit("datasets/made", "datasets/films", 7, "audits/made")
        ... except sm.SynthmammoError as error:
        ...     print(error)
        train: expected a Dataset, or the path of its directory (str or Path), found 7
    """
    names = {"dataset": dataset, "reference": reference, "train": train}
    paths = {name: dataset_path(given, name, DatasetError) for name, given in names.items()}
    out = a_path(out, "out", DatasetError)
    network = None if extractor is None else a_path(extractor, "extractor", DatasetError)
    a_function(progress, "progress", DatasetError)
    if (out / MANIFEST).exists():
        raise DatasetError("is a dataset; an audit has a directory of its own", where=f"out {out}")
    sides = open_sides(paths)
    notes = check_separate(sides)

    from synthmammo.auditing.findings import check_enough

    check_enough(sides)
    materials = _gathered(sides, network, a_text(device, "device", DatasetError), progress)
    return concluded(sides, notes, materials, out, progress=progress)


def concluded(
    sides: Mapping[str, Side],
    notes: Sequence[str],
    materials: Mapping[str, Material],
    out: Path,
    *,
    plants: Plants | None = None,
    progress: Progress = silent,
) -> Audited:
    """Judge what was gathered, and write it down.

    Args:
        sides: The datasets by part: "dataset", "reference", "train".
        notes: What limits the comparison, as sentences.
        materials: What was gathered of each.
        out: Directory to write into.
        plants: Copies of training images that were planted before, where several datasets are judged by the same
            images; None to plant them.
        progress: Called when judging begins.

    Returns:
        What was found, and where it was written.

    Raises:
        DatasetError: One holds patches and another views.
        OutputError: The directory cannot be written.
    """
    from synthmammo.auditing.comprehension import stated_facts
    from synthmammo.auditing.findings import examine
    from synthmammo.auditing.report import write_report

    stage(progress, "judging")
    findings = examine(sides, materials, plants)
    record: dict[str, Any] = {
        "protocol": PROTOCOL,
        "synthmammo": __version__,
        **{name: _described(side) for name, side in sides.items()},
        "notes": [*notes, *findings.notes],
        **findings.record,
    }
    record["dataset"]["stated"] = stated_facts(sides["dataset"])
    record["scorecard"] = scorecard(record)
    return _written(record, findings, out, write_report)


def _gathered(sides: Mapping[str, Side], network: Path | None, device: str, progress: Progress) -> dict[str, Material]:
    from synthmammo.auditing.extractors import OnDisk
    from synthmammo.auditing.material import gather
    from synthmammo.models.devices import usable
    from synthmammo.models.features import Features

    features, extractor = Features().to(usable(device, failure=DatasetError)), OnDisk(network) if network else None
    steps = Steps(progress, sum(map(len, sides.values())))
    steps(0)
    return {name: gather(side.samples(), features, extractor, lambda: steps(1)) for name, side in sides.items()}


def _described(side: Side) -> dict[str, Any]:
    manifest = side.dataset.manifest
    known: dict[str, Any] = {"name": side.path.name, "digest": "", "licence": "", "citation": ""}
    if manifest:
        known = {name: getattr(manifest, name) for name in known} | {"terms": str(release_terms(manifest))}
    known["origin"] = str(side.dataset.origin) if side.dataset.origin else None
    return {**known, "splits": list(side.splits), "samples": len(side), "patients": len(side.patients())}


def _written(
    record: Mapping[str, Any], findings: Findings, out: Path, write_report: Callable[..., tuple[Path, Path]]
) -> Audited:
    path = out / "audit.json"
    page, card = write_report(record, findings, out)
    with writing(path) as partial:
        partial.write_text(json.dumps(record, indent=2, default=_plain) + "\n", encoding="utf-8")
    return Audited(record, path, page, card)


def _plain(value: object) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} is not JSON")
