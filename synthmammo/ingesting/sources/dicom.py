"""A folder tree of DICOM mammograms, or the sample files that an installed package carries."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, cast

from synthmammo.errors import SourceError, nearest
from synthmammo.ingesting.sources import dicom_header as head
from synthmammo.ingesting.sources.base import (
    Annotation,
    Picture,
    Record,
    Skipped,
    choice,
    existing_archive,
    existing_folder,
    key_of,
    pseudonym,
)
from synthmammo.ingesting.sources.dicom_facts import header_facts
from synthmammo.ingesting.sources.dicom_files import dicom_files
from synthmammo.ingesting.sources.dicom_frames import frames_of
from synthmammo.ingesting.sources.dicom_pixels import RAW_CHOICES, VOI_CHOICES, Raw, Voi, is_raw, read_dicom_pixels
from synthmammo.ingesting.sources.dicom_slices import Slices, brightest
from synthmammo.ingesting.sources.lesions import locate
from synthmammo.ingesting.sources.terms import NONE, words
from synthmammo.mammogram.sample import Kind, Pathology

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

MANY_STUDIES = 8
"""Number of studies from which a PatientID is noted; biennial screening gives a woman about as many in all."""

PACKAGES = {"mammograms": "cases"}
"""Packages that carry DICOM files, with the folder that holds them; extra `[samples]`."""
PACKAGE_LICENCE = "CC-BY-3.0"
PACKAGE_CITATION = (
    "Sawyer-Lee, R., Gimenez, F., Hoogi, A., & Rubin, D. (2016). Curated Breast Imaging Subset of Digital Database "
    "for Screening Mammography (CBIS-DDSM). The Cancer Imaging Archive. https://doi.org/10.7937/K9/TCIA.2016.7O02S9CY"
)


_CBIS_SPLITS = {"Training": "train", "Test": "test"}
"""The collection's official halves, as its PatientIDs name them."""


class Dicom:
    """Reads every mammogram below a folder or in a zip archive, of any SOP class that holds one grey image.

    A mammogram is of the modality MG, or of CR, RG or none and of a SOP class of mammography. Files are known by their
    content; zip archives are looked into, links are followed, and files that are no DICOM are listed.

    Keys and patients are hashes of the UIDs and the PatientID, and paths are not kept with the samples: file names of
    clinical trees often name the patient. PatientIDs of CBIS-DDSM, which name a view, give the patient behind them.

    Args:
        path: Path of the folder or of a zip archive, or `package:mammograms` for the sample files of that package.
        voi: Treatment of the values-of-interest transformation, "auto" (the default), "apply" or "ignore"; see
            `dicom_pixels.Voi`.
        raw: Treatment of For Processing images, "log" (the default), "invert" or "skip"; see `dicom_pixels.Raw`.
        burned_in: Treatment of files whose BurnedInAnnotation is YES (it may name the patient): "skip", the default,
            or "flag".
        accept: Objects to read, "mammography" (the default), or "breast": also those of the modalities CR, RG, DX, OT
            or none whose BodyPartExamined is BREAST.
        frames: Treatment of multi-frame objects such as tomosyntheses: "refuse", the default, "central" and a number
            from 1 read that frame, "maximum" the brightest value of all frames. Where slices are single files, the
            same is read of each series.
        patient: Attribute that tells patients apart, "id" (PatientID, the default) or "study" (StudyInstanceUID), for
            archives whose PatientIDs were all replaced by one.
        label: Class of the images, since headers do not say it; "unknown" by default.
        licence: Licence of the images, "other" by default.
        citation: Publication to cite when the images are used; none by default.

    Raises:
        SourceError: The path or a setting cannot be used, or the package is not installed.
    """

    vocabulary = {
        "view": words("ViewPosition", {"CC": "CC", "MLO": "MLO", "ML": NONE, "XCCL": NONE}),
        "side": words("ImageLaterality", {"L": "L", "R": "R", "B": NONE}),
    }

    def __init__(
        self,
        path: str | Path,
        *,
        voi: str = "auto",
        raw: str = "log",
        burned_in: str = "skip",
        accept: str = "mammography",
        frames: str | int = "refuse",
        patient: str = "id",
        label: str = "unknown",
        licence: str = "other",
        citation: str = "",
    ) -> None:
        package = str(path).removeprefix("package:") if str(path).startswith("package:") else None
        self.folder = _package_folder(package) if package is not None else existing_archive(path)
        self.licence = PACKAGE_LICENCE if package and licence == "other" else licence
        self.citation = citation or (PACKAGE_CITATION if package else "")
        self.notes: list[str] = []
        self._public = package is not None
        self._label = label
        self._voi = cast(Voi, choice(path, "voi", voi, VOI_CHOICES))
        self._raw = cast(Raw, choice(path, "raw", raw, RAW_CHOICES))
        self._burned_in = choice(path, "burned_in", burned_in, ("skip", "flag"))
        body_part = choice(path, "accept", accept, ("mammography", "breast")) == "breast"
        chosen = frames_of(path, frames)
        self._accepted = head.Accepted(body_part, chosen, chosen is not None)
        self._by_study = choice(path, "patient", patient, ("id", "study")) == "study"

    def records(self) -> Iterator[Record | Skipped]:
        """List one record per readable header, in the order of the paths."""
        seen: dict[str, Path] = {}
        slices = Slices(self._accepted.frames)
        studies: dict[str, set[str]] = {}
        files, passed_over = dicom_files(self.folder)
        yield from passed_over
        for path in files:
            try:
                header = head.open_dicom(path, with_pixels=False)
            except SourceError as error:
                yield Skipped(path, error.message)
                continue
            uid = head.text(header, "SOPInstanceUID") or str(path)
            reason = self._refusal(header) or (f"the same image as {seen[uid].name}" if uid in seen else None)
            if reason:
                yield Skipped(path, reason)
                continue
            seen[uid] = path
            record = self._record(path, header, uid)
            studies.setdefault(record.patient, set()).add(head.text(header, "StudyInstanceUID"))
            if head.is_slice(header):
                slices.add(header, record)
            else:
                yield record
        yield from slices.chosen()
        self.notes += _note_on_patients(studies)

    def read(self, record: Record) -> Picture:
        """The pixels, with the spacing the header gives.

        Raises:
            SourceError: The file is damaged.
        """
        read = partial(read_dicom_pixels, voi=self._voi, raw=self._raw, accepted=self._accepted)
        image, bits, notes = brightest(record.slices, read) if record.slices else read(record.path)
        findings, lesions = locate(record.annotations, (image.shape[0], image.shape[1]))
        return Picture(image, bits, findings, lesions, record.spacing_mm, notes)

    def _refusal(self, header: Dataset) -> str | None:
        if reason := head.refusal(header, self._accepted):
            return (
                f"{reason} (--frames central, maximum or a number reads its series as one image)"
                if reason == head.SINGLE_FILE
                else reason
            )
        if self._raw == "skip" and is_raw(header):
            return "a For Processing image, and raw is 'skip'"
        if self._burned_in == "skip" and head.text(header, "BurnedInAnnotation") == "YES":
            return "BurnedInAnnotation is YES, so its pixels may name the patient (burned_in: flag accepts it)"
        return None

    def _record(self, path: Path, header: Dataset, uid: str) -> Record:
        identifier = head.text(header, "PatientID")
        cbis = head.CBIS_ID.fullmatch(identifier)
        study = head.text(header, "StudyInstanceUID")
        named = study if self._by_study else identifier
        patient = pseudonym(cbis[3] if cbis else named or study or uid)
        side, view, name = head.laterality(header), head.view(header), head.view_name(header)
        short = hashlib.blake2b(uid.encode(), digest_size=4).hexdigest()
        label = self._case_label(path)
        kinds = {"Mass": Kind.MASS, "Calc": Kind.CALCIFICATION}
        pathology = Pathology(label) if label in ("benign", "malignant") else Pathology.UNKNOWN
        return Record(
            path,
            key=key_of(patient, side, name, short),
            patient=patient,
            view=view,
            laterality=side,
            label=label,
            split=_CBIS_SPLITS[cbis[2]] if cbis else None,
            annotations=(Annotation(kinds[cbis[1]], pathology),) if cbis else (),
            spacing_mm=head.spacing_mm(header)[0],
            provenance=header_facts(header) | ({"file": f"{path.parent.name}/{path.name}"} if self._public else {}),
        )

    def _case_label(self, path: Path) -> str:
        # The sample package names its case folders by the biopsy: sfm-benign-0, sfm-malign-0.
        if self._public and self._label == "unknown":
            found = [label for label in ("benign", "malignant") if label[:6] in path.parent.name]
            return found[0] if found else self._label
        return self._label


def _note_on_patients(studies: Mapping[str, Collection[str]]) -> list[str]:
    """A note on patients with so many studies that their identifiers may not be their own."""
    many = {name: len(found) for name, found in studies.items() if len(found) >= MANY_STUDIES}
    if not many:
        return []
    whose = f"{len(many)} PatientIDs stand" if len(many) > 1 else "one PatientID stands"
    return [
        f"{whose} for {MANY_STUDIES} or more studies, up to {max(many.values())}: all images of a PatientID go to one "
        "split. If it is no person's own (anonymised archives write one name for all), set patient=study"
    ]


def _package_folder(package: str) -> Path:
    if package not in PACKAGES:
        raise SourceError(
            "no such package of samples is known", where=f"package:{package}", hint=nearest(package, PACKAGES)
        )
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        hint = "Install it with: pip install 'synthmammo[samples]'"
        raise SourceError(f"the package '{package}' is not installed", where=f"package:{package}", hint=hint)
    return existing_folder(Path(spec.submodule_search_locations[0]) / PACKAGES[package])
