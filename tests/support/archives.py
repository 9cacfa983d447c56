"""One-image archives in the published layout of every collection that can be read, with any word in any column.

Each function writes an archive of one image with one lesion into an empty folder. `cells` are words by the name of the
column that they stand in; what is not given is harmless.
"""

from __future__ import annotations

import csv
import json
import plistlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.support.dicom_files import SECONDARY_CAPTURE, breast_like, write

Cells = Mapping[str, str]
FILM = (breast_like(top=4095) >> 4).astype(np.uint8)
"""`uint8 (96, 64)`: a breast on the left."""
BOX = (30, 10, 50, 30)
"""Rows and columns of a lesion inside it: row 0, column 0, row 1, column 1."""


def write_table(path: Path, rows: Iterable[Mapping[str, Any]], encoding: str = "utf-8") -> Path:
    """A CSV file whose columns are those of the first row."""
    rows = list(rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), restval="")
        writer.writeheader()
        writer.writerows(rows)
    return path


def save(path: Path, pixels: np.ndarray = FILM) -> Path:
    """An image file of the kind that its name says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def over(defaults: Mapping[str, Any], cells: Cells) -> dict[str, Any]:
    """Columns with the words given for them."""
    return {name: cells.get(name, word) for name, word in defaults.items()}


def places(cells: Cells) -> list[tuple[int, int, int, int]]:
    """Places of the lesions: rows and columns as "30 10 50 30; 60 4 70 14" in the cell `places`, `BOX` by default."""
    text = cells.get("places")
    if text is None:
        return [BOX]
    rows = [map(int, place.split()) for place in text.split(";")]
    return [(top, left, bottom, right) for top, left, bottom, right in rows]


def mask_of(place: tuple[int, int, int, int]) -> np.ndarray:
    """`uint8 (96, 64)`: 255 at a place, as far as it lies on the image."""
    row0, col0, row1, col1 = (max(0, edge) for edge in place)
    mask = np.zeros((96, 64), np.uint8)
    mask[row0:row1, col0:col1] = 255
    return mask


def dicom(folder: Path, cells: Cells) -> None:
    write(
        folder / "a.dcm",
        ViewPosition=cells.get("ViewPosition", "CC"),
        ImageLaterality=cells.get("ImageLaterality", "L"),
    )


def folder_of_images(folder: Path, cells: Cells) -> None:
    save(folder / "a.png")
    row = over({"file": "a.png", "patient": "p", "view": "CC", "laterality": "L", "label": "", "density": "a"}, cells)
    lesion = over({"kind": "mass", "pathology": ""}, cells)
    edges = [dict(zip(("ymin", "xmin", "ymax", "xmax"), place, strict=True)) for place in places(cells)]
    write_table(folder / "table.csv", [row] if cells.get("label") else [row | lesion | place for place in edges])


def mini_mias(folder: Path, cells: Cells) -> None:
    name = cells.get("image", "mdb001")
    save(folder / f"{name}.png")
    row = over({"cls": "CIRC", "severity": "B"}, cells)
    lines = [f"{name} G {row['cls']}\n"] if row["cls"] == "NORM" else []
    if not lines:
        for row0, col0, row1, col1 in places(cells):
            circle = f"{(col0 + col1) // 2} {1024 - (row0 + row1) // 2} {(row1 - row0) // 2}"
            lines.append(f"{name} G {row['cls']} {row['severity']} {circle}\n")
    (folder / "Info.txt").write_text("".join(lines))


CBIS = {
    "patient_id": "P_00001", "breast_density": "3", "left or right breast": "LEFT", "image view": "CC",
    "abnormality id": "1", "abnormality type": "mass", "mass shape": "OVAL", "mass margins": "SPICULATED",
    "assessment": "4", "pathology": "BENIGN", "subtlety": "4", "image file path": "x",
}  # fmt: skip


def cbis_ddsm(folder: Path, cells: Cells) -> None:
    row = over(CBIS, cells)
    kind = "Calc" if row["abnormality type"] == "calcification" else "Mass"
    film = f"{kind}-Training_P_00001_{row['left or right breast']}_{row['image view']}"
    rows = [row | {"abnormality id": number} for number, _ in enumerate(places(cells), start=1)]
    write_table(folder / f"{kind.lower()}_case_description_train_set.csv", rows)
    common: dict[str, Any] = {"SOPClassUID": SECONDARY_CAPTURE, "ImageLaterality": None, "BitsStored": 16}
    write(folder / film / "1-1.dcm", PatientID=film, **common)
    for number, place in enumerate(places(cells), start=1):
        mask = common | {"PatientID": f"{film}_{number}", "BitsStored": 8}
        write(folder / f"{film}_{number}" / "1-1.dcm", mask_of(place), **mask)


def cbis_ddsm_views(folder: Path, cells: Cells) -> None:
    view = {"file": "images/a.jpg", "patient": "P_1", "side": "LEFT", "view": "CC", "split": "train", "density": "3"}
    row = over(view | {"native_rows": 4000, "native_columns": 2400, "native_um": 43.5}, cells)
    mass = over({"shape": "OVAL", "margins": "", "assessment": "4", "subtlety": "3", "pathology": "BENIGN"}, cells)
    save(folder / "images" / "a.jpg", np.asarray(Image.fromarray(FILM).resize((800, 800))))
    # Squeezed from 96 x 64 to 800 x 800.
    boxes = [
        [round(col0 * 12.5, 1), round(row0 * 800 / 96, 1), (col1 - col0) * 12.5, round((row1 - row0) * 800 / 96, 1)]
        for row0, col0, row1, col1 in places(cells)
    ]
    listed = {"masses": json.dumps([mass] * len(boxes)), "boxes_xywh": json.dumps(boxes)}
    write_table(folder / "manifest.csv", [row | listed])


def vindr_mammo(folder: Path, cells: Cells) -> None:
    image = over({"study_id": "s1", "image_id": "i1", "laterality": "L", "view_position": "CC",
                  "breast_birads": "BI-RADS 4", "breast_density": "DENSITY A", "split": "training"}, cells)  # fmt: skip
    category = cells.get("finding_categories", "Mass")
    finding = {"image_id": "i1", "finding_categories": f"['{category}']", "finding_birads": "BI-RADS 4"}
    boxes = [("", "", "", "")] if category == "No Finding" else places(cells)
    findings = [finding | dict(zip(("ymin", "xmin", "ymax", "xmax"), box, strict=True)) for box in boxes]
    write(folder / "images" / "s1" / "i1.dicom")
    write_table(folder / "breast-level_annotations.csv", [image])
    write_table(folder / "finding_annotations.csv", findings)


def inbreast(folder: Path, cells: Cells) -> None:
    row = over({"File Name": "20586908", "Laterality": "L", "View": "CC", "ACR": "2", "Bi-Rads": "4a"}, cells)
    write_table(folder / "INbreast.csv", [row])
    write(folder / "AllDICOMs" / "20586908_6c613a14_MG_L_CC_ANON.dcm", PatientID="removed")
    name = cells.get("Name", "Mass")
    regions = [
        {"Name": name, "Point_px": [f"({col0}, {row0})", f"({col1}, {row0})", f"({col1}, {row1})", f"({col0}, {row1})"]}
        for row0, col0, row1, col1 in places(cells)
    ]
    path = folder / "AllXML" / "20586908.xml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(plistlib.dumps({"Images": [{"ROIs": regions}]}))


EMBED_IMAGE = {
    "empi_anon": "60000001", "acc_anon": "4378856307268605", "FinalImageType": "2D", "ImageLateralityFinal": "L",
    "ViewPosition": "CC", "spot_mag": "", "num_roi": "1", "ROI_coords": "((30, 10, 50, 30),)",
    "anon_dicom_path": "/mnt/NAS3/mammo/anon_dicom/cohort_1/60000001/1.2.3/1.2.4/1.2.5.dcm",
}  # fmt: skip
EMBED_FINDING = {
    "empi_anon": "60000001", "acc_anon": "4378856307268605", "numfind": "1", "desc": "MG Screening Bilateral",
    "asses": "A", "tissueden": "2.0", "side": "L", "bside": "", "path_severity": "", "massshape": "", "massmargin": "",
    "massdens": "", "calcfind": "", "calcdistri": "", "calcnumber": "0",
}  # fmt: skip


def embed(folder: Path, cells: Cells) -> None:
    image = EMBED_IMAGE | {"ROI_coords": str(tuple(places(cells)))}
    write_table(folder / "tables" / "EMBED_OpenData_metadata.csv", [over(image, cells)])
    write_table(folder / "tables" / "EMBED_OpenData_clinical.csv", [over(EMBED_FINDING | {"side": ""}, cells)])
    write(folder / "images" / "cohort_1" / "60000001" / "1.2.3" / "1.2.4" / "1.2.5.dcm")


RSNA = {
    "site_id": "2", "patient_id": "10006", "image_id": "462822612", "laterality": "L", "view": "CC", "age": "61.0",
    "cancer": "0", "biopsy": "0", "invasive": "0", "BIRADS": "", "implant": "0", "density": "", "machine_id": "29",
    "difficult_negative_case": "False",
}  # fmt: skip


def rsna_2022(folder: Path, cells: Cells) -> None:
    write_table(folder / "train.csv", [over(RSNA, cells)])
    write(folder / "train_images" / "10006" / "462822612.dcm")


CMMD = {"ID1": "D1-0001", "LeftRight": "L", "Age": "44", "number": "2", "abnormality": "mass",
        "classification": "Benign", "subtype": ""}  # fmt: skip


def cmmd(folder: Path, cells: Cells) -> None:
    from pydicom.dataset import Dataset

    code = Dataset()
    code.CodeValue = cells.get("ViewCodeSequence", "399162004")
    side = cells.get("LeftRight", "L")
    write_table(folder / "CMMD_clinicaldata_revision.csv", [over(CMMD, cells)])
    path = folder / "CMMD" / "D1-0001" / "07-18-2010-NA-NA-79377" / "1.000000-NA-70244" / "1-1.dcm"
    write(path, FILM, PatientID="D1-0001", ImageLaterality=side, ViewPosition=None, ViewCodeSequence=[code])


CSAW = {
    "anon_patientid": "00045", "exam_year": "2012", "x_case": "1", "x_cancer_laterality": "Left", "x_type": "2",
    "x_lymphnode_met": "0", "x_age": "55", "rad_timing": "2", "rad_r1": "0", "rad_r2": "0", "rad_recall": "0",
    "imagelaterality": "Left", "viewposition": "CC", "libra_percentdensity": "22.5",
    "anon_filename": "00045_20990909_L_CC_1.dcm",
}  # fmt: skip


def csaw_cc(folder: Path, cells: Cells) -> None:
    write_table(folder / "CSAW-CC_breast_cancer_screening_data.csv", [over(CSAW, cells)])
    write(folder / "images" / "00045_20990909_L_CC_1.dcm")
    if cells.get("mask") == "present" or "places" in cells or cells.get("x_case") == "1":
        mask = np.maximum.reduce([mask_of(place) for place in places(cells)])
        save(folder / "masks" / "00045_20990909_L_CC_1_mask.png", mask)


ICS = """\
ics_version 1.0
filename B-3024-1
DATE_OF_STUDY 2 7 1995
PATIENT_AGE 42
FILM
FILM_TYPE REGULAR
DENSITY {DENSITY}
DATE_DIGITIZED 7 22 1997
DIGITIZER LUMISYS LASER
SEQUENCE
{film} LINES 96 PIXELS_PER_LINE 64 BITS_PER_PIXEL 12 RESOLUTION 50 {marks}
"""
OVERLAY = """\
ABNORMALITY 1
LESION_TYPE {LESION_TYPE} {first} {SHAPE} {second} N/A
ASSESSMENT {ASSESSMENT}
SUBTLETY 3
PATHOLOGY {PATHOLOGY}
TOTAL_OUTLINES 1
BOUNDARY
{start} {chain} #
"""
SQUARE = " ".join(["2"] * 19 + ["4"] * 19 + ["6"] * 19 + ["0"] * 19)
"""Chain codes around a square of 20 pixels, clockwise from its upper left."""


def ddsm(folder: Path, cells: Cells) -> None:
    case, film = folder / "cancers" / "cancer_01" / "case3024", cells.get("film", "LEFT_CC")
    save(case / f"B_3024_1.{film}.png", breast_like())
    header = over({"DENSITY": "2", "film": film, "marks": "OVERLAY"}, cells)
    (case / "B-3024-1.ics").write_text(ICS.format(**header))
    lesion = over(
        {"LESION_TYPE": "MASS", "SHAPE": "OVAL", "ASSESSMENT": "4", "PATHOLOGY": "BENIGN", "chain": SQUARE}, cells
    )
    calcification = lesion["LESION_TYPE"] == "CALCIFICATION"
    names = {"first": "TYPE", "second": "DISTRIBUTION"} if calcification else {"first": "SHAPE", "second": "MARGINS"}
    lesions = [OVERLAY.format(**lesion, **names, start=f"{col0} {row0}") for row0, col0, _, _ in places(cells)]
    text = f"TOTAL_ABNORMALITIES {len(lesions)}\n" + "".join(lesions)
    (case / f"B_3024_1.{film}.OVERLAY").write_text(text)


CESM = {
    "Patient_ID": "1", "Side": "L", "Type": "DM", "Image_name": "P1_L_DM_CC", "View": "CC", "Age": "50",
    "Breast density (ACR)": "C", "BIRADS": "4", "Findings": "Mass", "Tags": "", "Machine": "2",
    "Pathology Classification/ Follow up": "Malignant",
}  # fmt: skip


def cdd_cesm(folder: Path, cells: Cells) -> None:
    row = over(CESM, cells)
    name = row["Image_name"]
    row |= {"Side": cells.get("Side", name.split("_")[1])}
    if row["Findings"] == "Normal":
        row["Pathology Classification/ Follow up"] = "Normal"
    write_table(folder / "Radiology manual annotations.csv", [row])
    shapes = [
        {"name": "rect", "y": row0, "x": col0, "height": row1 - row0, "width": col1 - col0}
        for row0, col0, row1, col1 in places(cells)
        if row["Pathology Classification/ Follow up"] != "Normal"
    ]
    regions = [{"#filename": f"{name} .jpg", "region_shape_attributes": json.dumps(shape)} for shape in shapes]
    blank = {"#filename": "", "region_shape_attributes": ""}
    write_table(folder / "Radiology_hand_drawn_segmentations_v2.csv", regions or [blank])
    save(folder / "Low energy images of CDD-CESM" / f"{name}.jpg", np.asarray(Image.fromarray(FILM)))


ARCHIVES: dict[str, Callable[[Path, Cells], None]] = {
    "dicom": dicom,
    "folder": folder_of_images,
    "mini_mias": mini_mias,
    "cbis_ddsm": cbis_ddsm,
    "cbis_ddsm_views": cbis_ddsm_views,
    "ddsm": ddsm,
    "vindr_mammo": vindr_mammo,
    "inbreast": inbreast,
    "embed": embed,
    "rsna_2022": rsna_2022,
    "cmmd": cmmd,
    "csaw_cc": csaw_cc,
    "cdd_cesm": cdd_cesm,
}
"""The function that makes an archive, by the name of its reader; OPTIMAM, which a package reads, has none."""
