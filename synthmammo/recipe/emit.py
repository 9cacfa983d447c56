"""The formats in which the dataset of a recipe is written."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, SerializeAsAny, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from synthmammo.errors import nearest
from synthmammo.extending import WRITERS, plugins
from synthmammo.recipe.draws import Strict
from synthmammo.recipe.sections import names_of, of_plugin

OWN_FORMATS = ("webdataset", "parquet", "dicom")
"""Formats that this package has."""


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


class FormatOptions(Strict):
    """The formats to write; a format whose key is left out is not written. Plug-ins add formats by their names."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"additionalProperties": False})
    __pydantic_extra__: dict[str, SerializeAsAny[Strict]]

    webdataset: WebDatasetFormat | None = Field(None, description="Sharded tars for streaming")
    parquet: ParquetFormat | None = Field(None, description="Parquet that `datasets.load_dataset` finds")
    dicom: DicomFormat | None = Field(None, description="DICOM objects, one per sample and more for its findings")

    @model_validator(mode="before")
    @classmethod
    def _bare_keys(cls, value: Any) -> Any:
        # `formats: [parquet, dicom]`, and `parquet:` with nothing behind it, both mean the defaults.
        if isinstance(value, list):
            value = {name: {} for name in value}
        if not isinstance(value, dict):
            return value
        stated = {name: {} if options is None else options for name, options in value.items()}
        return {name: options if name in OWN_FORMATS else _of_writer(name, options) for name, options in stated.items()}

    @model_validator(mode="after")
    def _at_least_one(self) -> FormatOptions:
        if not self.chosen():
            raise ValueError("expected at least one of webdataset, parquet, dicom")
        return self

    def chosen(self) -> dict[str, dict[str, Any]]:
        """Options of the chosen formats, by name."""
        stated = {name: getattr(self, name) for name in type(self).model_fields} | (self.model_extra or {})
        return {name: value.model_dump() for name, value in stated.items() if value is not None}


def _of_writer(name: Any, options: Any) -> Any:
    """The options of a plug-in's format."""
    if isinstance(options, Strict):
        return options
    if name not in plugins(WRITERS):
        text = f"is not a key that is known here. {nearest(str(name), names_of(WRITERS, OWN_FORMATS))}"
        kind = PydanticCustomError("unknown_key", "{text}", {"text": text})
        raise ValidationError.from_exception_data("formats", [InitErrorDetails(type=kind, loc=(name,), input=options)])
    return of_plugin(WRITERS, name, options, within=(name,))


FormatName = Literal["webdataset", "parquet", "dicom"]
FormatsOrNames = Annotated[
    FormatOptions, BeforeValidator(lambda value: value, json_schema_input_type=FormatOptions | list[FormatName])
]


class Emit(Strict):
    """How the dataset is written."""

    formats: FormatsOrNames = Field(
        default_factory=lambda: FormatOptions.model_validate(["webdataset", "parquet", "dicom"]),
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
