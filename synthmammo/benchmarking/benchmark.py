"""Benchmarks in one call each: run what is not finished, write the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from synthmammo.arguments import a_function, a_name, a_path, a_text, wrong
from synthmammo.benchmarking.classify import config as classify_config
from synthmammo.benchmarking.classify.config import ClassifyConfig
from synthmammo.benchmarking.detect import config as detect_config
from synthmammo.benchmarking.detect.config import ROWS, DetectConfig
from synthmammo.benchmarking.pages import Written
from synthmammo.dataset.reader import Dataset
from synthmammo.dataset.references import DatasetLike, dataset_path
from synthmammo.errors import TrainingError
from synthmammo.models.devices import usable
from synthmammo.progress import Progress, silent, stage
from synthmammo.settings import Changes, changed, checked

Config = TypeVar("Config", bound=BaseModel)


def benchmark(
    real: DatasetLike,
    out: str | Path,
    *,
    synthetic: DatasetLike | None = None,
    external: DatasetLike | None = None,
    preset: str = "quick",
    config: ClassifyConfig | Mapping[str, Any] | str | Path | None = None,
    settings: Changes = (),
    generator: str | Path | None = None,
    device: str = "auto",
    progress: Progress = silent,
) -> Written:
    """Train classifiers on real and synthetic images in several ratios, and test them on real ones (Wu et al. 2020).

    Writes `results.jsonl`, figures and a report into `out`. A finished training in it is not run again, one under way
    goes on.

    Args:
        real: Dataset of real images, split by patient, or the path of its directory.
        out: Directory of the results.
        synthetic: Dataset of synthetic images, the path of its directory, or that of a folder with a subfolder of
            images for each class; None for the baselines alone.
        external: Dataset of real images of another source, a second test set, or the path of its directory; None for
            none.
        preset: Configuration to begin with: "quick", "lite0" or "paper".
        config: YAML file or keys and values over the preset; or a whole `ClassifyConfig` in its place.
        settings: Values that are changed last, by key or as KEY=VALUE texts, e.g. `{"ratios": (0, 50), "seeds": 3}`.
        generator: Model that made the synthetic images, where no manifest says so; what it has seen is checked.
        device: Device that networks run on, e.g. "cuda"; "auto" for the best that there is.
        progress: Function that is called with images shown and images in all.

    Returns:
        The main table as Markdown, the paths of `report.md` and `report.html`, and notes on what was checked.

    Raises:
        DatasetError: The images do not allow a fair comparison; says why.
        CheckpointError: Weights cannot be had.
        OutputError: The directory holds another benchmark, or cannot be written.
        TrainingError: A training went wrong, or an argument makes no sense (its name comes first).

    Example:
        >>> import synthmammo as sm
        >>> try:
        ...     sm.benchmark("datasets/films", "benchmarks/films", preset="quik")
        ... except sm.SynthmammoError as error:
        ...     print(error)
        preset: expected 'paper', 'lite0' or 'quick', found 'quik'
          Did you mean 'quick'? Known: lite0, paper, quick.
    """
    chosen = _configuration(ClassifyConfig, classify_config.PRESETS, preset, config, settings)
    if generator is not None and not isinstance(generator, str | Path):
        raise wrong("generator", "the name of a model, or a path", generator, TrainingError)
    sides = _sides(real, synthetic, out)
    second = None if external is None else dataset_path(external, "external", TrainingError)
    a_text(device, "device", TrainingError)
    stage(a_function(progress, "progress", TrainingError), "reading the images")
    # What can be wrong is said before the seconds that importing PyTorch takes.
    Dataset.open(sides[0])
    from synthmammo.benchmarking.classify.classify import classify
    from synthmammo.benchmarking.classify.report import classification_report

    made_by = None if generator is None else str(generator)
    where = usable(device, failure=TrainingError)
    done = classify(chosen, *sides, external=second, generator=made_by, device=where, progress=progress)
    return classification_report(done)


def benchmark_detect(
    real: DatasetLike,
    out: str | Path,
    *,
    synthetic: DatasetLike | None = None,
    external: DatasetLike | None = None,
    rows: Sequence[str] | None = None,
    preset: str = "quick",
    config: DetectConfig | Mapping[str, Any] | str | Path | None = None,
    settings: Changes = (),
    device: str = "auto",
    progress: Progress = silent,
) -> Written:
    """Train detectors of lesions on real images, synthetic ones and both, and test them on real ones.

    Writes `results.jsonl`, the FROC figure and a report into `out`. A finished training in it is not run again.

    Args:
        real: Dataset of real whole images with boxes, or the path of its directory.
        out: Directory of the results.
        synthetic: Dataset of synthetic whole images with boxes, or the path of its directory.
        external: Dataset of real whole images of another source with boxes, a second test set, or the path of its
            directory; None for none.
        rows: What detectors are trained on: some of "real", "synthetic", "both"; None for all three, or for "real"
            where there are no synthetic images.
        preset: Configuration to begin with: "quick" or "rt-detr".
        config: YAML file or keys and values over the preset; or a whole `DetectConfig` in its place.
        settings: Values that are changed last, by key or as KEY=VALUE texts, e.g. `{"folds": 3, "steps": 500}`.
        device: Device that networks run on, e.g. "cuda"; "auto" for the best that there is.
        progress: Function that is called with images done and images in all; reading counts as well.

    Returns:
        The main table as Markdown, the paths of `report.md` and `report.html`, and notes on what was checked.

    Raises:
        DatasetError: The images do not allow a fair comparison; says why.
        CheckpointError: The detector cannot be had.
        OutputError: The directory holds another benchmark, or cannot be written.
        TrainingError: A training went wrong, or an argument makes no sense (its name comes first).

    Example:
        >>> import synthmammo as sm
        >>> try:
        ...     sm.benchmark_detect("datasets/films", "benchmarks/films", rows=["reel"])
        ... except sm.SynthmammoError as error:
        ...     print(error)
        rows: expected 'real', 'synthetic' or 'both', found 'reel'
          Did you mean 'real'? Known: both, real, synthetic.
    """
    chosen = _configuration(DetectConfig, detect_config.PRESETS, preset, config, settings)
    wanted, sides = _rows(rows, synthetic), _sides(real, synthetic, out)
    second = None if external is None else dataset_path(external, "external", TrainingError)
    a_text(device, "device", TrainingError)
    stage(a_function(progress, "progress", TrainingError), "reading the images")
    Dataset.open(sides[0])
    from synthmammo.benchmarking.detect.detect import detect
    from synthmammo.benchmarking.detect.report import detection_report

    where = usable(device, failure=TrainingError)
    return detection_report(detect(chosen, *sides, rows=wanted, external=second, device=where, progress=progress))


def _rows(rows: object, synthetic: object) -> tuple[Any, ...]:
    if rows is None:
        return ROWS if synthetic is not None else ("real",)
    if not isinstance(rows, list | tuple) or not rows:
        raise wrong("rows", "some of 'real', 'synthetic', 'both'", rows, TrainingError)
    return tuple(a_name(row, ROWS, "rows", TrainingError) for row in rows)


def _sides(real: object, synthetic: object, out: object) -> tuple[Path, Path | None, Path]:
    made = None if synthetic is None else dataset_path(synthetic, "synthetic", TrainingError)
    return dataset_path(real, "real", TrainingError), made, a_path(out, "out", TrainingError)


def _configuration(
    kind: type[Config], presets: Mapping[str, Mapping[str, Any]], preset: object, config: object, settings: Changes
) -> Config:
    if isinstance(config, kind):
        content = changed(config.model_dump(mode="json"), settings, TrainingError)
        return checked(kind, content, "config", TrainingError) if settings else config
    name = a_name(preset, presets, "preset", TrainingError)
    if isinstance(config, str | Path):
        config = a_path(config, "config", TrainingError)
    elif config is not None and not isinstance(config, Mapping):
        expected = f"the path of a YAML file, its keys and values, or a {kind.__name__}"
        raise wrong("config", expected, config, TrainingError)
    return classify_config.from_preset(kind, presets, name, config, settings)
