"""OPTIMAM (OMI-DB): screening images of the UK with marked lesions (Halling-Brown et al. 2021), through `omidb`.

Layout: `data/CLIENT/{nbss,imagedb}_CLIENT.json` and `images/CLIENT/STUDY/IMAGE.dcm`, as the archive distributes it.
The package `omidb` (extra `[optimam]`, its version 0.11 or later) parses the JSON files.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from synthmammo.errors import SourceError
from synthmammo.ingesting.sources import dicom_header as head
from synthmammo.ingesting.sources.archive_files import is_folder, paths_below, read_file
from synthmammo.ingesting.sources.base import Annotation, Record, Skipped, key_of, worst_label
from synthmammo.ingesting.sources.dicom_archive import DicomArchive, open_listed
from synthmammo.ingesting.sources.dicom_facts import header_facts
from synthmammo.ingesting.sources.dicom_pixels import is_raw
from synthmammo.ingesting.sources.paths import below
from synthmammo.ingesting.sources.terms import words
from synthmammo.mammogram.sample import Box, Kind, Pathology

MARKS = {
    "mass": Kind.MASS,
    "suspicious_calcifications": Kind.CALCIFICATION,
    "calcifications": Kind.CALCIFICATION,
    "other_benign_cluster": Kind.CALCIFICATION,
    "architectural_distortion": Kind.DISTORTION,
    "focal_asymmetry": Kind.ASYMMETRY,
}
"""Kinds by the attribute of a mark that is set, the first of them."""


class Optimam(DicomArchive):
    """Reads OMI-DB; For Processing images are skipped, since each has a For Presentation twin.

    Args:
        path: Folder with `data` and `images`, or a zip archive of it.

    Raises:
        SourceError: The folder is missing, or `omidb` is not installed.
    """

    licence = "other (OPTIMAM: data sharing agreement with Cancer Research Horizons)"
    citation = (
        "Halling-Brown, M. D., Warren, L. M., Ward, D., et al. (2021). OPTIMAM Mammography Image Database: a "
        "large-scale resource of mammography images and clinical data. Radiology: Artificial Intelligence 3, e200103."
    )

    vocabulary = {
        "class": words("marks", {"malignant": "malignant", "benign": "benign"})
        | words("ClassificationStatus", {"N": "normal", "B": "unknown"}),
        "pathology": words("opinion", {"malignant": Pathology.MALIGNANT, "benign": Pathology.BENIGN}),
        "view": words("ViewPosition", {"CC": "CC", "MLO": "MLO"}),
        "side": words("ImageLaterality", {"L": "L", "R": "R"}),
        "kind": words("mark", MARKS),
    }

    def __init__(self, path: str | Path, *, frames: str | int = "refuse") -> None:
        super().__init__(path, frames=frames)
        for name in ("data", "images"):
            if not is_folder(self.folder / name):
                raise SourceError(
                    f"the folder '{name}' is missing", where=self.folder, hint="Expected data and images."
                )
        _omidb()

    def records(self) -> Iterator[Record | Skipped]:
        """List one record per image, sorted by client, in the order of the episodes.

        Raises:
            SourceError: `omidb` cannot open the archive.
        """
        with self._data() as data:
            database, folders = _omidb().DB, (data, self.folder / "images")
            for name in sorted(database(*folders).clients):
                clients = list(database(*folders, clients=[name]))
                if not clients:
                    reason = "omidb cannot parse the JSON files of this client"
                    yield Skipped(self.folder / "data" / name, reason)
                for client in clients:
                    yield from self._client(client)

    @contextmanager
    def _data(self) -> Iterator[Path]:
        """The folder `data` on the disk: `omidb` opens its files itself, so those of a zip archive are copied."""
        data = self.folder / "data"
        if data.is_dir():
            yield data
            return
        with TemporaryDirectory(prefix="synthmammo-optimam-") as home:
            for path in paths_below(data, (".json",)):
                copy = Path(home) / "data" / path.relative_to(data)
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_bytes(read_file(path))
            yield Path(home) / "data"

    def _client(self, client: Any) -> Iterator[Record | Skipped]:
        for episode, study, image in _images(client):
            path = self.folder / "images" / client.id / study.id / f"{image.id}.dcm"
            try:
                below(self.folder, "images", client.id, study.id, f"{image.id}.dcm")
                yield self._record(path, client, episode, image)
            except SourceError as error:
                yield Skipped(path, error.message)

    def _record(self, path: Path, client: Any, episode: Any, image: Any) -> Record:
        header = open_listed(path, "the archive's data", self.accepted)
        if is_raw(header):
            raise SourceError("a For Processing image", where=path)
        annotations = tuple(_annotation(mark, episode) for mark in image.marks)
        # An unmarked image of a woman with a lesion may show it all the same.
        unmarked = "normal" if client.status.name == "N" else "unknown"
        return Record(
            path,
            key=key_of(client.id, image.id),
            patient=client.id,
            view=head.view(header),
            laterality=head.laterality(header),
            label=worst_label(annotations) if annotations else unmarked,
            annotations=annotations,
            spacing_mm=head.spacing_mm(header)[0],
            provenance={"site": client.site, **header_facts(header)},
        )


def _images(client: Any) -> Iterator[tuple[Any, Any, Any]]:
    """Episode, study and image of every image of a client."""
    for episode in client.episodes:
        for study in episode.studies:
            for series in study.series:
                yield from ((episode, study, image) for image in series.images)


def _annotation(mark: Any, episode: Any) -> Annotation:
    corners = mark.boundingBox
    # The package calls the corners lower left and upper right; which of them has the larger row varies.
    (col0, col1), (row0, row1) = sorted((corners.x1, corners.x2)), sorted((corners.y1, corners.y2))
    kind = next((kind for name, kind in MARKS.items() if getattr(mark, name)), Kind.OTHER)
    descriptors = {"conspicuity": mark.conspicuity.value.lower()} if mark.conspicuity else {}
    return Annotation(kind, _pathology(mark, episode), descriptors, box=Box(row0, col0, row1, col1))


def _pathology(mark: Any, episode: Any) -> Pathology:
    lesions = [episode.lesions[i] for i in mark.lesion_ids or () if i in episode.lesions]
    if any(lesion.status is not None for lesion in lesions) or (episode.has_malignant_opinions and not lesions):
        return Pathology.MALIGNANT
    only_benign = episode.has_benign_opinions and not episode.has_malignant_opinions
    return Pathology.BENIGN if only_benign else Pathology.UNKNOWN


def _omidb() -> Any:
    try:
        return import_module("omidb")
    except ImportError as error:
        hint = "Install it with: pip install 'synthmammo[optimam]'"
        raise SourceError("reading OPTIMAM needs the package 'omidb', which is not installed", hint=hint) from error
