"""DDSM, the Digital Database for Screening Mammography: 2,620 cases on four digitised films each (Heath et al. 2001).

Layout: a folder per case at any depth (`cancers/cancer_01/case3024/`) with `B-3024-1.ics`, `B_3024_1.LEFT_CC.LJPEG`
and three more films, and `B_3024_1.LEFT_CC.OVERLAY` for a film with lesions
(http://www.eng.usf.edu/cvprg/Mammography/DDSM/case_description.html). In place of an LJPEG a PNG, TIFF or PGM of the
same name is read, beside it or in a folder `PNGFiles`, such as converters of the archive write
(`B_3024_1.LEFT_CC.png`, or `.LJPEG.png`); it may be reduced in size, and outlines and pixel spacing follow.

Grey values are those of the digitizer. They fall with the optical density of the film for all four digitizers, so
bright is dense, but they are not optical densities, and not comparable between digitizers
(http://www.eng.usf.edu/cvprg/Mammography/DDSM/calibrate/).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from synthmammo.errors import SourceError
from synthmammo.ingesting.sources.archive_files import is_there, open_archive, paths_below
from synthmammo.ingesting.sources.base import Annotation, Picture, Record, Skipped, key_of, worst_label
from synthmammo.ingesting.sources.ddsm_case import Case, CaseView, read_case, read_overlay
from synthmammo.ingesting.sources.lesions import locate
from synthmammo.ingesting.sources.ljpeg import read_ljpeg
from synthmammo.ingesting.sources.rasters import SUFFIXES, lossy_facts, read_raster
from synthmammo.ingesting.sources.terms import density_of, laterality_of, view_of, words
from synthmammo.mammogram.sample import BITS_STORED, Image, Kind, Pathology

SAME_ASPECT = 0.01
"""Most relative difference between the factors by which rows and columns of a reduced image were multiplied."""


@dataclass(frozen=True)
class FilmRecord(Record):
    """A film before its pixels are read.

    Attributes:
        film: What the case's `.ics` file says of it.
    """

    film: CaseView | None = None


class Ddsm:
    """Reads DDSM; every outlined abnormality is a finding with its mask.

    A film is of the class of its worst lesion. A film without an outline is normal in a case without any, and
    "unknown" in the others. "Benign without callback" is benign: no biopsy was thought necessary.

    Args:
        path: Folder with the cases.

    Raises:
        SourceError: The folder is missing.
    """

    licence = "other (DDSM: no licence is stated; given for research, to be cited)"
    citation = (
        "Heath, M., Bowyer, K., Kopans, D., Moore, R., & Kegelmeyer, W. P. (2001). The Digital Database for Screening "
        "Mammography. Proceedings of the Fifth International Workshop on Digital Mammography, 212-218; Heath, M., "
        "Bowyer, K., Kopans, D., et al. (1998). Current status of the Digital Database for Screening Mammography. "
        "Digital Mammography, 457-460."
    )
    vocabulary = {
        "class": words(
            "PATHOLOGY",
            {"MALIGNANT": "malignant", "BENIGN": "benign", "BENIGN_WITHOUT_CALLBACK": "benign", "UNPROVEN": "unknown"},
        ),
        "pathology": words(
            "PATHOLOGY",
            {
                "MALIGNANT": Pathology.MALIGNANT,
                "BENIGN": Pathology.BENIGN,
                "BENIGN_WITHOUT_CALLBACK": Pathology.BENIGN,
                "UNPROVEN": Pathology.UNKNOWN,
            },
        ),
        "birads": words("ASSESSMENT", {digit: digit for digit in "12345"}),
        "density": words("DENSITY", dict(zip("1234", "abcd", strict=True))),
        "view": words("film", {"LEFT_CC": "CC", "LEFT_MLO": "MLO"}),
        "side": words("film", {"LEFT_CC": "L", "RIGHT_CC": "R"}),
        "kind": words("LESION_TYPE", {"MASS": Kind.MASS, "CALCIFICATION": Kind.CALCIFICATION, "OTHER": Kind.OTHER})
        | words("SHAPE", {"ARCHITECTURAL_DISTORTION": Kind.DISTORTION, "ASYMMETRIC_BREAST_TISSUE": Kind.ASYMMETRY}),
    }

    def __init__(self, path: str | Path) -> None:
        self.folder = open_archive(path)
        self.notes: list[str] = []

    def records(self) -> Iterator[Record | Skipped]:
        """List one record per film of every `.ics` file, sorted by path.

        Raises:
            SourceError: There is no `.ics` file.
        """
        paths = paths_below(self.folder, (".ics",))
        if not paths:
            hint = "Expected folders of cases, each with a file such as B-3024-1.ics."
            raise SourceError("no .ics files in this folder or below it", where=self.folder, hint=hint)
        for path in paths:
            try:
                case = read_case(path)
            except SourceError as error:
                yield Skipped(path, error.message)
                continue
            for film in case.views:
                yield self._record(path, case, film)

    def read(self, record: Record) -> Picture:
        """The film with its outlined lesions.

        Raises:
            SourceError: The image is damaged, or of another shape than the case's `.ics` file says.
        """
        assert isinstance(record, FilmRecord) and record.film is not None
        film = record.film
        image, bits = _pixels(record.path, film)
        shape = (image.shape[0], image.shape[1])
        rows, columns = shape[0] / film.lines, shape[1] / film.width
        if abs(rows / columns - 1) > SAME_ASPECT:
            message = f"has {shape[0]} x {shape[1]} pixels; the .ics file says {film.lines} x {film.width}"
            raise SourceError(message, where=record.path, hint="A reduced copy must keep the proportions of the film.")
        annotations = tuple(_scaled(annotation, rows, columns) for annotation in record.annotations)
        spacing_mm = (film.um / 1000 / rows, film.um / 1000 / columns) if film.um > 0 else None
        notes = lossy_facts(record.path, image) | ({"reduced": round(rows, 4)} if rows != 1 else {})
        return Picture(image, bits, *locate(annotations, shape), spacing_mm, notes)

    def _record(self, ics: Path, case: Case, film: CaseView) -> Record | Skipped:
        stem = f"{ics.stem.replace('-', '_')}.{film.side}_{film.view}"
        path = _image(ics.parent, stem)
        overlay = ics.parent / f"{stem}.OVERLAY"
        if path is None:
            return Skipped(ics.parent / f"{stem}.LJPEG", f"listed in {ics.name}, but there is no image of this name")
        if film.marked and not is_there(overlay):
            return Skipped(path, f"{ics.name} says that it has marks, but {overlay.name} is missing")
        try:
            annotations = read_overlay(overlay) if film.marked else ()
        except SourceError as error:
            return Skipped(path, f"{overlay.name}: {error.message}")
        unmarked = "unknown" if any(view.marked for view in case.views) else "normal"
        return FilmRecord(
            path,
            key=key_of(stem),
            patient=case.name,
            view=view_of(film.view),
            laterality=laterality_of(film.side),
            label=worst_label(annotations) if annotations else unmarked,
            density=density_of(case.density),
            annotations=annotations,
            spacing_mm=(film.um / 1000, film.um / 1000) if film.um > 0 else None,
            provenance={"file": path.name, "digitizer": case.digitizer},
            film=film,
        )


def _image(folder: Path, stem: str) -> Path | None:
    """The LJPEG of a film, or else another image of it."""
    names = [f"{stem}.LJPEG", *(f"{stem}{middle}{suffix}" for suffix in SUFFIXES for middle in ("", ".LJPEG"))]
    paths = (place / name for name in names for place in (folder, folder / "PNGFiles"))
    return next((path for path in paths if is_there(path)), None)


def _pixels(path: Path, film: CaseView) -> tuple[Image, int]:
    """Grey values, and the bits that hold them."""
    if path.suffix == ".LJPEG":
        image, most = read_ljpeg(path, film.lines, film.width), 16
    else:
        image, most = read_raster(path)
    stated = next((bits for bits in BITS_STORED if bits >= film.bits), 16)
    return image, stated if stated < most and not int(image.max(initial=0)) >> stated else most


def _scaled(annotation: Annotation, rows: float, columns: float) -> Annotation:
    if (rows, columns) == (1.0, 1.0) or annotation.outline is None:
        return annotation
    return replace(annotation, outline=tuple((row * rows, column * columns) for row, column in annotation.outline))
