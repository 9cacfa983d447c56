"""The libraries that decide the pixels and bytes of a dataset, by what the dataset uses them for.

This is the one place that names them. A module that begins to compute pixels or write files with another library adds
it to `LIBRARIES`, under the use that needs it; a test builds datasets and compares the table with what was imported.
What only checks values, copies weights or talks to the user (pydantic, safetensors, click, rich) decides nothing and is
not named.
"""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping
from enum import StrEnum, auto
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from synthmammo._version import __version__
from synthmammo.extending import BACKGROUNDS, LESIONS, SOURCES, WRITERS, plugins
from synthmammo.models.names import is_model
from synthmammo.recipe import Recipe
from synthmammo.recipe.background import SECTIONS
from synthmammo.recipe.emit import OWN_FORMATS
from synthmammo.recipe.lesion import OWN_LESIONS
from synthmammo.recipe.lesions import LesionSpec, Removal

ABSENT = "absent"
"""Version of a library that would have been used, had it been installed: another was used in its place."""


class Use(StrEnum):
    """What a dataset may use libraries for."""

    EVERY = auto()
    """Arrays, reduced images and previews, the index: every dataset."""
    ANATOMY = auto()
    """Phantoms, lesions, and what is found and measured on breasts."""
    NETWORK = auto()
    """Trained networks: StyleGAN2 backgrounds, edited and inverted ones too, contextual lesions and removals."""
    RECIPE = auto()
    """`recipe.yaml`."""
    PNG = auto()
    """Images and masks in WebDataset and Parquet."""
    DICOM = auto()
    """DICOM files."""
    FINDINGS = auto()
    """DICOM segmentations and reports."""
    RLE = auto()
    """RLE compression of DICOM files."""
    JPEGLS = auto()
    """JPEG-LS compression of DICOM files."""
    JPEG2000 = auto()
    """JPEG 2000 compression of DICOM files."""
    READ_DICOM = auto()
    """Archives of DICOM files, of any compression."""
    OPTIMAM = auto()
    """The tables of OPTIMAM."""
    READ_LJPEG = auto()
    """The films of DDSM."""


LIBRARIES: dict[Use, tuple[str, ...]] = {
    Use.EVERY: ("numpy", "pillow", "pyarrow"),
    Use.ANATOMY: ("scipy", "scikit-image"),
    Use.NETWORK: ("torch",),
    Use.RECIPE: ("PyYAML",),
    Use.PNG: ("isal",),
    Use.DICOM: ("pydicom",),
    Use.FINDINGS: ("highdicom",),
    # pydicom takes the first plug-in for a compression that is installed, so all of them count.
    Use.RLE: ("pylibjpeg", "pylibjpeg-rle", "python-gdcm"),
    Use.JPEGLS: ("pyjpegls",),
    Use.JPEG2000: ("pylibjpeg", "pylibjpeg-openjpeg"),
    Use.READ_DICOM: (
        *("pydicom", "pylibjpeg", "pylibjpeg-libjpeg", "pylibjpeg-openjpeg", "pylibjpeg-rle"),
        *("pyjpegls", "python-gdcm"),
    ),
    Use.OPTIMAM: ("omidb",),
    Use.READ_LJPEG: ("pylibjpeg-libjpeg",),
}
"""Names of the distributions, as pip knows them."""

_SOURCES: dict[str, frozenset[Use]] = {
    **dict.fromkeys(("dicom", "cbis_ddsm", "vindr_mammo", "inbreast"), frozenset({Use.READ_DICOM})),
    **dict.fromkeys(("embed", "rsna_2022", "cmmd", "csaw_cc"), frozenset({Use.READ_DICOM})),
    "ddsm": frozenset({Use.READ_LJPEG}),
    "optimam": frozenset({Use.READ_DICOM, Use.OPTIMAM}),
    **dict.fromkeys(("folder", "mini_mias", "cbis_ddsm_views", "cdd_cesm"), frozenset()),
}


def of_recipe(recipe: Recipe) -> set[Use]:
    """What a build of a recipe uses libraries for.

    Args:
        recipe: The checked recipe.
    """
    used = {Use.RECIPE, Use.ANATOMY} | _of_formats(recipe.emit.formats.chosen())
    if recipe.background.network or any(is_model(spec.generator) for spec in _lesions(recipe)):
        used.add(Use.NETWORK)
    return used


def _lesions(recipe: Recipe) -> list[LesionSpec | Removal]:
    return [*recipe.lesions, *([recipe.removal] if recipe.removal else [])]


def recipe_versions(recipe: Recipe) -> dict[str, str]:
    """Versions of all that decides the bytes of a build: as `versions`, with what its generators state and bring.

    Args:
        recipe: The checked recipe.
    """
    sections = [recipe.background, *_lesions(recipe)]
    named = {name for section in sections for name in section.libraries}
    return versions(of_recipe(recipe), named | _packages(recipe))


def _packages(recipe: Recipe) -> set[str]:
    """Distributions of the plug-ins that a recipe names."""
    named = {(BACKGROUNDS, recipe.background.generator)} - {(BACKGROUNDS, name) for name in SECTIONS}
    lesions = {spec.generator for spec in _lesions(recipe) if not is_model(spec.generator)}
    named |= {(LESIONS, name) for name in lesions - set(OWN_LESIONS)}
    return _brought(named) | _writers(recipe.emit.formats.chosen())


def _writers(formats: Iterable[str]) -> set[str]:
    return _brought((WRITERS, name) for name in set(formats) - set(OWN_FORMATS))


def _brought(named: Iterable[tuple[str, str]]) -> set[str]:
    """Distributions of plug-ins, by their groups and names."""
    return {found.package for group, name in named if (found := plugins(group).get(name))}


def of_ingest(source: str, formats: Mapping[str, Mapping[str, Any]]) -> set[Use]:
    """What an ingest uses libraries for.

    Args:
        source: Name of the archive's kind, one of `sources.base.SOURCES` or that of a plug-in.
        formats: Options of the formats that are written, by their names.
    """
    return {Use.ANATOMY} | _SOURCES.get(source, frozenset()) | _of_formats(formats)


def ingest_versions(source: str, formats: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Versions of all that decides the bytes of an ingest: as `versions`, with the packages of plug-ins.

    Args:
        source: Name of the archive's kind.
        formats: Options of the formats that are written, by their names.
    """
    reader = set() if source in _SOURCES else _brought([(SOURCES, source)])
    return versions(of_ingest(source, formats), reader | _writers(formats))


def of_patches(formats: Iterable[str]) -> set[Use]:
    """What the cutting of patches uses libraries for.

    Args:
        formats: Names of the formats that are written.
    """
    return _of_formats({name: {} for name in formats})


def _of_formats(formats: Mapping[str, Mapping[str, Any]]) -> set[Use]:
    used = {Use.EVERY} | ({Use.PNG} if formats.keys() & {"webdataset", "parquet"} else set())
    if "dicom" not in formats:
        return used
    used.add(Use.DICOM)
    if formats["dicom"].get("findings"):
        used.add(Use.FINDINGS)
    compression = formats["dicom"].get("compression", "none")
    return used if compression == "none" else used | {Use(compression)}


def versions(uses: Iterable[Use], more: Iterable[str] = ()) -> dict[str, str]:
    """Versions of the interpreter, of this package, and of the libraries of some uses, by name in alphabetic order.

    Args:
        uses: What the dataset uses libraries for.
        more: Further distributions; none by default.
    """
    return installed({"python", "synthmammo", *more, *(name for use in uses for name in LIBRARIES[use])})


def installed(names: Iterable[str]) -> dict[str, str]:
    """Versions of what is installed here, by name in alphabetic order; `ABSENT` for what is not.

    Args:
        names: "python", "synthmammo", and names of distributions.
    """
    return {name: _version(name) for name in sorted(names, key=str.lower)}


def _version(name: str) -> str:
    if name == "python":
        return platform.python_version()
    if name == "synthmammo":
        return __version__
    try:
        return version(name)
    except PackageNotFoundError:
        return ABSENT
