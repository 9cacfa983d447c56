"""The manifest records the versions of the libraries that decide pixels and bytes: all of them, and no other."""

import json
import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions, version
from pathlib import Path
from typing import get_args

import pytest

from synthmammo import __version__
from synthmammo.dataset.libraries import ABSENT, LIBRARIES, Use, installed, of_ingest, of_patches, of_recipe, versions
from synthmammo.ingesting.sources.base import SOURCES
from synthmammo.recipe.emit import DicomFormat
from tests.support import tiny, tiny_models

ROOT = Path(__file__).parents[2]
ALWAYS = {"python", "synthmammo", "numpy", "pillow", "pyarrow"}
DECIDES_NOTHING = {
    *("pydantic", "safetensors", "click", "rich", "accelerate", "huggingface_hub", "requests", "packaging"),
}
"""What may be imported without being recorded: it checks, copies, or talks."""
IMAGES = {"emit": {"formats": ["webdataset", "parquet"], "preview_px": 64}}
_DICOM = {"compression": "jpeg2000", "findings": ["segmentation", "report"]}
FILES = {"emit": {"formats": {"parquet": {}, "dicom": _DICOM}, "preview_px": 64}}
CODECS = {"pylibjpeg", "pylibjpeg-rle", "pylibjpeg-openjpeg", "pylibjpeg-libjpeg", "pyjpegls", "python-gdcm"}

PARAMETRIC = {"kind": "mass", "classes": ["malignant"], "diameter_mm": [10, 16], "placement": tiny.PLACEMENT}
STYLEGAN2 = {"generator": "stylegan2", "model": "m.safetensors"}
MALIGNANT = {"classes": {"malignant": 1}, "lesions": [PARAMETRIC]}


def names(uses):
    return {name for use in uses for name in LIBRARIES[use]}


def test_a_stylegan2_or_contextual_recipe_records_torch_and_no_other_does():
    contextual = {"classes": {"malignant": 1}, "lesions": [{**PARAMETRIC, "generator": "m.safetensors"}]}
    removal = {**MALIGNANT, "pair": "removed", "removal": {"generator": "m.safetensors"}}
    for changes in ({"background": STYLEGAN2, "lesions": [], "classes": {"normal": 1}}, contextual, removal):
        assert "torch" in versions(of_recipe(tiny.recipe(**changes)))
    plain = {**MALIGNANT, "pair": "removed", "removal": {"generator": "parametric"}}
    for changes in ({}, plain):
        assert "torch" not in versions(of_recipe(tiny.recipe(**changes)))


def test_libraries_that_the_package_does_not_import_are_not_named():
    imported = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "synthmammo").rglob("*.py"))
    distributions = packages_distributions()
    modules = {name: [one for one, owners in distributions.items() if name in owners] for name in names(Use)}
    unused = {
        name
        for name, found in modules.items()
        if found and not any(re.search(rf"^\s*(import|from) {one}\b", imported, re.MULTILINE) for one in found)
    }
    assert unused <= CODECS  # pydicom imports these


@pytest.mark.parametrize("compression", get_args(DicomFormat.model_fields["compression"].annotation))
@pytest.mark.parametrize("findings", [[], ["report"]])
def test_dicom_records_its_writer_and_the_plug_ins_of_its_compression(compression, findings):
    formats = {"dicom": {"compression": compression, "findings": findings}}
    recorded = names(of_recipe(tiny.recipe(emit={"formats": formats})))
    expected = {"none": set(), "rle": {"pylibjpeg-rle", "python-gdcm"}, "jpegls": {"pyjpegls"}}
    plug_ins = expected.get(compression, {"pylibjpeg-openjpeg"})
    assert plug_ins == (recorded & CODECS) - {"pylibjpeg"} and "pydicom" in recorded
    assert ("highdicom" in recorded) is bool(findings) and "isal" not in recorded


@pytest.mark.parametrize("source", SOURCES)
def test_an_ingest_records_the_decoders_of_its_archive(source):
    recorded = names(of_ingest(source, {"parquet": {}}))
    pictures = ("folder", "mini_mias", "cbis_ddsm_views", "ddsm", "cdd_cesm")
    assert (CODECS | {"pydicom"} <= recorded) is (source not in pictures)
    assert ("pylibjpeg-libjpeg" in recorded) is (source not in pictures or source == "ddsm")
    assert ("omidb" in recorded) is (source == "optimam") and {"scipy", "isal"} <= recorded
    assert "highdicom" in names(of_ingest(source, {"dicom": {"findings": ("report",)}}))


def test_patches_record_what_cuts_and_writes_them():
    assert names(of_patches(("parquet",))) == ALWAYS - {"python", "synthmammo"} | {"isal"}


def test_versions_are_those_installed_and_what_is_not_is_absent():
    found = versions([Use.EVERY, Use.NETWORK])
    assert set(found) == ALWAYS | {"torch"} and found["torch"] == version("torch")
    assert found["synthmammo"] == __version__ and found["python"] == sys.version.split()[0]
    assert installed(["no-such-library"]) == {"no-such-library": ABSENT}


def imported_by_a_build(tmp_path, changes):
    """Libraries of pyproject.toml that a process had imported when a build was done, and those in its manifest."""
    recipe = tiny.write(tmp_path / "recipe.yaml", size=3, splits={"train": 1}, **changes)
    code = (
        "import json, sys\nfrom pathlib import Path\nfrom synthmammo.building.build import make_dataset\n"
        "from synthmammo.dataset.workers.local import Local\nfrom synthmammo.recipe import load_recipe\n"
        f"made = make_dataset(load_recipe(Path({str(recipe)!r})), Path('out'), engine=Local(1)).manifest\n"
        "print(json.dumps([sorted({name.partition('.')[0] for name in sys.modules}), list(made.versions)]))"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, env=environment)
    assert done.returncode == 0, done.stderr
    modules, recorded = json.loads(done.stdout)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    known = {re.split(r"[\[<>=~! ]", line)[0] for line in project["dependencies"]} | names(Use)
    owners = packages_distributions()
    return {name for module in modules for name in owners.get(module, ()) if name in known}, set(recorded)


@pytest.mark.parametrize("case", ["phantoms", "networks", "dicom"])
def test_what_a_build_imports_is_recorded_and_nothing_else(tmp_path, case):
    """A module that computes with another library must name it in `LIBRARIES`."""
    if case == "networks":
        tiny_models.stylegan2_file(tmp_path / "whole.safetensors")
        network = {"generator": "stylegan2", "model": "./whole.safetensors"}
        changes = {"background": network, "lesions": [], "classes": {"normal": 1}, **IMAGES}
    else:
        changes = {**MALIGNANT, **(IMAGES if case == "phantoms" else FILES)}
    imported, recorded = imported_by_a_build(tmp_path, changes)
    libraries = recorded - {"python", "synthmammo"}
    assert imported - DECIDES_NOTHING - (CODECS if case == "dicom" else set()) <= libraries  # pydicom imports them all
    assert {name for name in libraries if installed([name])[name] != ABSENT} <= imported
    assert ("torch" in recorded) is (case == "networks") and ("highdicom" in recorded) is (case == "dicom")
