"""Case sets for teaching: DICOM studies with reports for a PACS, or a page of files that any browser opens."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from pathlib import Path

from synthmammo.dataset.reader import Dataset
from synthmammo.dataset.writers.base import Encoded
from synthmammo.dataset.writers.dicom import DicomWriter
from synthmammo.errors import DatasetError, OutputError
from synthmammo.files import writing
from synthmammo.identity import digest
from synthmammo.progress import Progress, silent
from synthmammo.studying.server import page_file
from synthmammo.studying.study import CaseTruth, Study

FORMATS = ("page", "dicom")


def export_cases(
    study: Study, out: str | Path, how: str = "page", *, real: bool = False, progress: Progress = silent
) -> int:
    """Write the cases of a study with their truth, from easy to hard.

    Args:
        study: The study.
        out: Directory to make.
        how: "page", an `index.html` that needs no server, or "dicom", one folder of DICOM studies, with a segmentation
            and a structured report where there are findings.
        real: Whether real images are exported too; their licence must allow it.
        progress: Called with cases written and cases in all.

    Returns:
        Number of cases.

    Raises:
        DatasetError: The study has no such cases, or a dataset that it was made of is gone.
        OutputError: The directory is there, cannot be written, or a case lacks what DICOM requires.
    """
    out = Path(out)
    if how not in FORMATS:
        raise OutputError(f"expected one of {', '.join(FORMATS)}, got '{how}'", where="form")
    if out.exists() and any(out.iterdir() if out.is_dir() else [out]):
        raise OutputError("is there already", where=out, hint="Name another directory.")
    chosen = [one for one in study.truths.values() if real or one.generated]
    if not chosen:
        hint = "Add --with-real, where the licence of the real images allows it."
        raise DatasetError("has no generated cases", where=study.path, hint=hint)
    chosen.sort(key=lambda one: (one.difficulty is None, one.difficulty or 0.0, one.name))
    write = _page if how == "page" else _dicom
    write(study, chosen, out, progress)
    return len(chosen)


def _dicom(study: Study, chosen: Sequence[CaseTruth], out: Path, progress: Progress) -> None:
    datasets = {name: Dataset.open(study.sources[name]) for name in {one.dataset for one in chosen}}
    name = digest([study.seed, sorted(study.sources.items())])
    writer = DicomWriter(out, "cases", dataset=name, findings=("segmentation", "report"))
    try:
        for number, one in enumerate(chosen, 1):
            for key in one.keys:
                writer.write(Encoded(datasets[one.dataset].sample(key), number))
            progress(number, len(chosen))
        writer.close()
    finally:
        writer.abort()


def _page(study: Study, chosen: Sequence[CaseTruth], out: Path, progress: Progress) -> None:
    listed = []
    for number, one in enumerate(chosen, 1):
        item = study.by_name[one.name]
        images = [
            {"view": view, "pixels": _packed(study, image, "images"), "twin": _packed(study, image, "twins")}
            for image, view in zip(item.images, item.views, strict=True)
        ]
        content = {"images": images, "truth": _told(one)}
        _write(out / f"case-{one.name}.js", f"showCase({json.dumps(content)});\n".encode())
        listed.append({"name": one.name, "file": f"case-{one.name}.js"})
        progress(number, len(chosen))
    about = {"title": study.title, "window": study.window, "cases": listed}
    _write(out / "cases.js", f"const CASES = {json.dumps(about)};\n".encode())
    for source, name in (("viewer.js", "viewer.js"), ("study.css", "study.css"), ("cases.js", "page.js")):
        _write(out / name, page_file(source))
    _write(out / "index.html", page_file("cases.html"))


def _told(one: CaseTruth) -> dict[str, object]:
    lesions = [{"image": each.image, "outline": each.outline, "words": each.words} for each in one.lesions]
    return {"kind": one.kind, "density": one.density, "lesions": lesions, "difficulty": one.difficulty}


def _packed(study: Study, image: str, folder: str) -> str | None:
    path = study.pixels(image, folder)
    return base64.b64encode(path.read_bytes()).decode() if path else None


def _write(path: Path, data: bytes) -> None:
    with writing(path) as partial:
        partial.write_bytes(data)
