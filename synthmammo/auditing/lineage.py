"""Which models and datasets fall if a patient is withdrawn: what each rests on, as far as files tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from synthmammo.arguments import a_path, a_text, wrong
from synthmammo.dataset import statements
from synthmammo.dataset.index import read_index
from synthmammo.dataset.layout import INDEX, MANIFEST
from synthmammo.dataset.manifest import Manifest
from synthmammo.errors import CheckpointError, DatasetError
from synthmammo.models.file import describe
from synthmammo.models.names import SUFFIX
from synthmammo.models.patients import count_patients, saw

Falls = Literal["falls", "stands", "unknown"]


@dataclass(frozen=True)
class Descent:
    """What one model or dataset rests on.

    Attributes:
        path: The file or directory.
        kind: "model" or "dataset".
        patients: Number of patients that are known to have gone into it.
        because: What it rests on, or what is not known of that, as sentences.
        verdict: Whether it falls with the patient who was asked for; "unknown" where something it rests on does not say
            who went into it, and without a patient.
    """

    path: Path
    kind: Literal["model", "dataset"]
    patients: int
    because: tuple[str, ...]
    verdict: Falls


@dataclass
class _Known:
    """A dataset among those that were found."""

    path: Path
    manifest: Manifest

    @cached_property
    def rows(self) -> list[tuple[str, str]]:
        """Patient and split of each sample with pixels of a real person."""
        if not statements.holds_real_images(self.manifest) or not (self.path / INDEX).is_file():
            return []
        rows = read_index(self.path).select(["patient", "split"]).to_pylist()
        return [(row["patient"], row["split"]) for row in rows if row["patient"]]

    def patients(self, split: str = "") -> set[str]:
        """Real patients of the dataset, or of one split of it."""
        return {patient for patient, where in self.rows if split in ("", where)}


@dataclass
class _Evidence:
    """What speaks for and against a thing having seen a patient."""

    patients: int = 0
    because: list[str] = field(default_factory=list)
    answers: list[bool | None] = field(default_factory=list)

    def add(self, patients: int, because: str, answer: bool | None) -> None:
        self.patients += patients
        self.because.append(because)
        self.answers.append(answer)


def lineage(paths: Sequence[str | Path], patient: str | None = None) -> list[Descent]:
    """Which models and datasets fall if a patient is withdrawn.

    A dataset of real images has its patients in its index; a model file has salted digests of those it was trained on;
    a built dataset has the facts of its models. A model without digests is traced through its training data where that
    is among the paths.

    Args:
        paths: Model files, dataset directories, or folders of them at any depth.
        patient: Pseudonym to ask for, as the index of an ingested dataset has it; None only lists what each rests on.

    Returns:
        Every model and dataset found, in the order of their paths.

    Raises:
        DatasetError: There is no such path, or neither a model nor a dataset is found, or an argument makes no sense.

    Example:
        >>> import synthmammo as sm
        >>> small = {"background.spacing_mm": 2, "emit.formats": ["parquet"]}
        >>> dataset = sm.build("balanced_mass", "masses", size=3, settings=small)
        >>> [(one.kind, one.patients, one.verdict) for one in sm.lineage(["masses"], "P_00001")]
        [('dataset', 0, 'stands')]
    """
    if isinstance(paths, str | Path) or not isinstance(paths, Sequence):
        raise wrong("paths", "a list of paths", paths, DatasetError)
    if patient is not None:
        a_text(patient, "patient", DatasetError)
    models, datasets = _found([a_path(path, "paths", DatasetError) for path in paths])
    if not models and not datasets:
        hint = f"Give {SUFFIX} files, dataset directories, or folders of them."
        raise DatasetError("holds no model and no dataset of this package", where=", ".join(map(str, paths)), hint=hint)
    known = {one.manifest.digest: one for one in datasets}
    found = [_model(path, data, known, patient) for path, data in models.items()]
    return sorted([*found, *(_dataset(one, known, patient) for one in datasets)], key=lambda one: str(one.path))


def _found(paths: Sequence[Path]) -> tuple[dict[Path, Mapping[str, str]], list[_Known]]:
    models: dict[Path, Mapping[str, str]] = {}
    datasets: dict[Path, _Known] = {}
    for path in paths:
        if not path.exists():
            raise DatasetError("there is no such file or directory", where=f"paths {path}")
        for file in [path] if path.is_file() else sorted(path.rglob("*")):
            if file.suffix == SUFFIX:
                try:
                    models[file] = describe(file).training_data
                except CheckpointError:
                    continue  # weights of something else
            elif file.name == MANIFEST and file.parent not in datasets:
                datasets[file.parent] = _Known(file.parent, Manifest.read(file.parent))
    return models, list(datasets.values())


def _model(path: Path, data: Mapping[str, str], known: Mapping[str, _Known], patient: str | None) -> Descent:
    evidence = _Evidence()
    _trained("it", data, known, patient, evidence)
    return _judged(path, "model", evidence, patient)


def _dataset(one: _Known, known: Mapping[str, _Known], patient: str | None) -> Descent:
    evidence = _Evidence()
    if own := one.patients():
        evidence.add(len(own), f"it holds images of {len(own)} patients", patient in own)
    elif statements.holds_real_images(one.manifest):
        evidence.add(0, "it may hold images of patients whom its index does not name", None)
    for name, facts in one.manifest.models.items():
        _trained(f"its model {name}", facts.get("training_data") or {}, known, patient, evidence)
    if not evidence.because:
        evidence.add(0, "it was made without images of patients", False)
    return _judged(one.path, "dataset", evidence, patient)


def _trained(
    what: str, data: Mapping[str, Any], known: Mapping[str, _Known], patient: str | None, evidence: _Evidence
) -> None:
    """Add what is known of the patients that a model was trained on."""
    groups, name = str(data.get("patients", "")), data.get("name", "")
    trained = known.get(str(data.get("digest", "")))
    if groups:
        answer = saw(groups, patient) if patient else None
        number = count_patients(groups)
        evidence.add(number, f"{what} was trained on {number} patients of {name or 'data without a name'}", answer)
    elif trained is not None:
        theirs = trained.patients(str(data.get("split", "")))
        answer = patient in theirs if theirs or not statements.holds_real_images(trained.manifest) else None
        evidence.add(len(theirs), f"{what} was trained on {len(theirs)} patients of {trained.path}", answer)
        for inner, facts in trained.manifest.models.items():
            _trained(f"the model {inner} of {name}", facts.get("training_data") or {}, known, patient, evidence)
    else:
        on = f"on {name}, which is not among the paths" if name else "on data that its file does not name"
        evidence.add(0, f"{what} was trained {on}", None)


def _judged(path: Path, kind: Literal["model", "dataset"], evidence: _Evidence, patient: str | None) -> Descent:
    verdict: Falls = "unknown"
    if patient is not None and any(evidence.answers):
        verdict = "falls"
    elif patient is not None and None not in evidence.answers:
        verdict = "stands"
    return Descent(path, kind, evidence.patients, tuple(evidence.because), verdict)
