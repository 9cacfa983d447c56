"""The formats in which the dataset of a recipe is written."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from synthmammo.recipe.draws import Strict


class WebDatasetFormat(Strict):
    """Tar shards in the layout of WebDataset."""


class ParquetFormat(Strict):
    """Parquet in the naming of the Hugging Face Hub."""


class DicomFormat(Strict):
    """One Digital Mammography X-Ray Image - For Presentation per sample."""

    compression: Literal["none", "rle", "jpegls", "jpeg2000"] = Field(
        "none", description="Compression of the pixels; all are lossless"
    )
    findings: list[Literal["segmentation", "report"]] = Field(
        [], description="Objects beside the image that carry its findings: SEG masks, a TID 1500 report"
    )


class Formats(Strict):
    """The formats to write; a format whose key is left out is not written."""

    webdataset: WebDatasetFormat | None = Field(None, description="Sharded tars for streaming")
    parquet: ParquetFormat | None = Field(None, description="Parquet that `datasets.load_dataset` finds")
    dicom: DicomFormat | None = Field(None, description="DICOM objects, one per sample and more for its findings")

    @model_validator(mode="before")
    @classmethod
    def _bare_keys(cls, value: Any) -> Any:
        # `formats: [parquet, dicom]`, and `parquet:` with nothing behind it, both mean the defaults.
        if isinstance(value, list):
            value = {name: {} for name in value}
        if isinstance(value, dict):
            return {name: {} if options is None else options for name, options in value.items()}
        return value

    @model_validator(mode="after")
    def _at_least_one(self) -> Formats:
        if not self.chosen():
            raise ValueError("expected at least one of webdataset, parquet, dicom")
        return self

    def chosen(self) -> dict[str, dict[str, Any]]:
        """Options of the chosen formats, by name."""
        return {
            name: value.model_dump() for name in type(self).model_fields if (value := getattr(self, name)) is not None
        }


OWN_FORMATS = ("webdataset", "parquet", "dicom")
"""Formats that this package has."""
FormatName = Literal["webdataset", "parquet", "dicom"]
FormatsOrNames = Annotated[
    Formats, BeforeValidator(lambda value: value, json_schema_input_type=Formats | list[FormatName])
]


class Emit(Strict):
    """How the dataset is written."""

    formats: FormatsOrNames = Field(
        default_factory=lambda: Formats.model_validate(["webdataset", "parquet", "dicom"]),
        description="Formats to write, by name or with options; default all three",
    )
    shard_size: int = Field(64, ge=1, description="Samples per shard, the unit of work and of resuming")
    equal_shards: bool = Field(
        False,
        exclude_if=lambda equal: not equal,  # a dataset that was made without it keeps its digest
        description="Make all shards of a split equal, of at most shard_size samples, for synchronous training",
    )
    bits_stored: Literal[8, 12, 14, 16] = Field(
        12, description="Bit depth of generated backgrounds; real hosts keep theirs"
    )
    preview_px: int = Field(512, ge=64, description="Longer side of the 8-bit preview, in pixels")
    labels: list[Literal["coco", "yolo"]] = Field([], description="Label files to write beside the formats")
