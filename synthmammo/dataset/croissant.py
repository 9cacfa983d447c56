"""`croissant.json` of a dataset: Croissant 1.1 with the responsible-AI vocabulary (https://docs.mlcommons.org/croissant).

It lists every file with its SHA-256, and where there is Parquet the record sets: splits, classes, samples with boxes.
Made from the manifest and the index alone; the sentences are those of the card (`statements`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from synthmammo.dataset import statements
from synthmammo.dataset.index import IndexRow
from synthmammo.dataset.layout import CROISSANT
from synthmammo.dataset.manifest import Manifest
from synthmammo.dataset.origins import keyword, nature, source_types
from synthmammo.dataset.writers.parquet import Feature, features
from synthmammo.files import writing
from synthmammo.mammogram.sample import SPLITS

CONFORMS_TO = ("http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0")

Json = dict[str, Any]

_CONTEXT: Json = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "sc": "https://schema.org/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "description": {"@container": "@language"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "name": {"@container": "@language"},
    **{
        term: f"cr:{term}"
        for term in (
            *("arrayShape", "citeAs", "column", "containedIn", "equivalentProperty", "extract", "field", "fileObject"),
            *("fileProperty", "fileSet", "format", "includes", "isArray", "isLiveDataset", "jsonPath", "key", "md5"),
            *("parentField", "path", "recordSet", "references", "regex", "repeated", "replace", "samplingRate"),
            *("separator", "source", "subField", "transform"),
        )
    },
}

_TYPES = {
    "string": "sc:Text",
    "bool": "sc:Boolean",
    "int32": "cr:Int32",
    "int64": "cr:Int64",
    "float64": "cr:Float64",
}
_ENCODINGS = {
    ".parquet": "application/x-parquet",
    ".tar": "application/x-tar",
    ".json": "application/json",
    ".jsonl": "application/jsonlines",
    ".yaml": "application/yaml",
}
_COLUMNS = {
    "key": "Name of the sample",
    "image": "The mammogram, MONOCHROME2, 0 is air; `bits_stored` bits in 16, or 8",
    "preview": "The image in 8 bits, in a display window, reduced",
    "lesions": "Instance mask: 0 none, k the k-th finding",
    "breast": "Mask of the breast",
    "label": "Class of the image",
    "split": "Split the sample belongs to",
    "patient": "Pseudonym; no patient is in two splits",
    "view": "Projection, CC or MLO",
    "laterality": "L or R",
    "bits_stored": "Bits of a pixel that are used",
    "spacing_mm": "Millimetres between rows and between columns; none when unknown",
    "spacing_origin": "Where the spacing comes from",
    "origin": "real, synthetic, or mixed: a real image that a program changed",
    "findings": "Lesions with a box",
    "findings/kind": "mass, calcification, ...",
    "findings/pathology": "benign, malignant, ...",
    "findings/synthetic": "Whether a program put it in",
    "findings/label": "Its number in the instance mask",
    "findings/box": "row0, col0, row1, col1 in pixels, half-open",
    "findings/descriptors": "BI-RADS terms as name=term;name=term",
    "index": "Place in the plan",
    "unlocated": "Findings whose place the source does not give",
    "provenance": "JSON: seeds, host and values the sample was made with",
}


def write_croissant(
    directory: Path, manifest: Manifest, rows: Sequence[IndexRow], label_names: Sequence[str]
) -> list[str]:
    """Write the description of a dataset.

    Args:
        directory: Directory of the dataset.
        manifest: Manifest of the dataset, with shards and the digests of its files.
        rows: Index rows of the dataset.
        label_names: Names of the classes, in the order of their numbers in the Parquet.

    Returns:
        Name of the file, in a list.

    Raises:
        OutputError: The file cannot be written.
    """
    text = json.dumps(croissant(manifest, rows, label_names), indent=1, ensure_ascii=False) + "\n"
    with writing(directory / CROISSANT) as partial:
        partial.write_text(text, encoding="utf-8")
    return [CROISSANT]


def croissant(manifest: Manifest, rows: Sequence[IndexRow], label_names: Sequence[str]) -> Json:
    """The description of a dataset as JSON-LD, from the same arguments as `write_croissant`."""
    content = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": list(CONFORMS_TO),
        "name": manifest.name,
        "description": " ".join([statements.description(manifest), *nature(manifest)]),
        "license": manifest.licence,
        "keywords": ["mammography", "breast cancer", *keyword(manifest)],
        "digitalSourceType": source_types(rows),
        "isLiveDataset": False,
        **({"citeAs": manifest.citation} if manifest.citation else {}),
        **_responsibility(manifest, rows),
        "distribution": [*_files(manifest), *_file_sets(manifest)],
    }
    if "parquet" in statements.formats(manifest):
        content["recordSet"] = [_splits(manifest), _classes(label_names), _samples(label_names)]
    return content


def _responsibility(manifest: Manifest, rows: Sequence[IndexRow]) -> Json:
    made = manifest.kind == "built" or not statements.holds_real_images(manifest)
    return {
        "rai:dataCollection": " ".join(statements.collection(manifest, rows)),
        "rai:dataCollectionType": ["Software Collection" if made else "Secondary Data Analysis"],
        "rai:dataManipulationProtocol": statements.manipulation(manifest),
        "rai:dataAnnotationProtocol": [statements.annotation(rows)],
        "rai:dataUseCases": statements.use_cases(manifest),
        "rai:dataLimitations": [*statements.not_claimed(manifest), *statements.limitations(manifest, rows)],
        "rai:dataBiases": statements.biases(manifest),
        "rai:personalSensitiveInformation": statements.sensitive_information(manifest),
        "rai:dataSocialImpact": statements.social_impact(),
    }


def _files(manifest: Manifest) -> Iterator[Json]:
    for name, sha256 in manifest.files.items():
        if Path(name).suffix:  # a folder has no digest that others could check
            yield _file(name, sha256)
    for shard in manifest.shards:
        if Path(shard.name).suffix:
            yield {**_file(shard.name, shard.sha256), "contentSize": f"{shard.bytes} B"}


def _file(name: str, sha256: str) -> Json:
    return {
        "@type": "cr:FileObject",
        "@id": name,
        "name": name,
        "contentUrl": name,
        "encodingFormat": _ENCODINGS.get(Path(name).suffix, "application/octet-stream"),
        "sha256": sha256,
    }


def _file_sets(manifest: Manifest) -> Iterator[Json]:
    shards = [shard.name for shard in manifest.shards if shard.format == "parquet"]
    if shards:
        yield {
            "@type": "cr:FileSet",
            "@id": "parquet",
            "name": "parquet",
            "encodingFormat": _ENCODINGS[".parquet"],
            "includes": "parquet/*.parquet",
        }


def _splits(manifest: Manifest) -> Json:
    return {
        "@type": "cr:RecordSet",
        "@id": "splits",
        "name": "splits",
        "dataType": "cr:Split",
        "key": {"@id": "splits/name"},
        "field": [{"@type": "cr:Field", "@id": "splits/name", "name": "name", "dataType": "sc:Text"}],
        "data": [{"splits/name": split} for split in SPLITS if manifest.counts.get(split)],
    }


def _classes(label_names: Sequence[str]) -> Json:
    fields = (("number", "cr:Int64"), ("name", "sc:Text"))
    return {
        "@type": "cr:RecordSet",
        "@id": "classes",
        "name": "classes",
        "dataType": "sc:Enumeration",
        "key": {"@id": "classes/number"},
        "field": [
            {"@type": "cr:Field", "@id": f"classes/{name}", "name": name, "dataType": kind} for name, kind in fields
        ],
        "data": [{"classes/number": number, "classes/name": name} for number, name in enumerate(label_names)],
    }


def _samples(label_names: Sequence[str]) -> Json:
    columns = features(label_names)
    return {
        "@type": "cr:RecordSet",
        "@id": "samples",
        "name": "samples",
        "description": "One mammogram a record, with its masks and boxes",
        "key": {"@id": "samples/key"},
        "field": [_field(name, feature) for name, feature in columns.items()],
    }


def _field(name: str, feature: Feature) -> Json:
    field = _described(name, column=name)
    match feature["_type"]:
        case "Image":
            field["source"]["transform"] = {"jsonPath": "bytes"}
            return field | {"dataType": "sc:ImageObject"}
        case "ClassLabel":
            return field | {"dataType": "cr:Int64", "references": {"field": {"@id": "classes/number"}}}
        case "List" if "_type" not in feature["feature"]:
            inner = [_inner_field(name, part, kind) for part, kind in feature["feature"].items()]
            del field["source"]
            return field | {"repeated": True, "subField": inner}
        case "List":
            return field | {"repeated": True, "dataType": _TYPES[feature["feature"]["dtype"]]}
        case _:
            reference = {"references": {"field": {"@id": "splits/name"}}} if name == "split" else {}
            return field | {"dataType": _TYPES[feature["dtype"]], **reference}


def _inner_field(column: str, name: str, feature: Feature) -> Json:
    field = _described(f"{column}/{name}", column=column)
    field["source"]["transform"] = {"jsonPath": name}
    if feature["_type"] == "List":
        types = [_TYPES[feature["feature"]["dtype"]], "cr:BoundingBox"]
        return field | {"repeated": True, "dataType": types}
    return field | {"dataType": _TYPES[feature["dtype"]]}


def _described(name: str, column: str) -> Json:
    return {
        "@type": "cr:Field",
        "@id": f"samples/{name}",
        "name": name.rpartition("/")[2],
        "description": _COLUMNS[name],
        "source": {"fileSet": {"@id": "parquet"}, "extract": {"column": column}},
    }
