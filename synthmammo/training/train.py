"""Train a model: a dataset and a configuration -> a run directory with a model file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from synthmammo.arguments import a_function, a_name, a_path, a_positive, a_text, listed, wrong
from synthmammo.dataset.reader import Dataset
from synthmammo.dataset.references import DatasetLike, dataset_path
from synthmammo.errors import TrainingError, nearest
from synthmammo.progress import Progress, silent, stage
from synthmammo.settings import Changes, changed, checked
from synthmammo.training.config import TrainConfig, default_config, load_config

if TYPE_CHECKING:
    from synthmammo.training.trainer import Trained

MODELS = get_args(TrainConfig.model_fields["model"].annotation)


def train(
    config: TrainConfig | Mapping[str, Any] | str | Path,
    data: DatasetLike,
    out: str | Path,
    *,
    settings: Changes = (),
    model: str | None = None,
    hours: float | None = None,
    device: str = "auto",
    progress: Progress = silent,
    pretrained: bool = True,
) -> Trained:
    """Train a model, or go on with the run that is in the directory.

    On the same machine and device a run that was interrupted and resumed gives the same weights, bit for bit, as one
    that was not: it goes on with as many threads. An interruption (Ctrl-C, SIGTERM) ends the step, saves, and raises
    KeyboardInterrupt, whose text says what is kept.

    Args:
        config: What to train: "stylegan2", "contextual" or "detail" for the default configuration of that
            architecture; or the path of a YAML file, its keys and values, or a `TrainConfig`.
        data: Dataset with the images, or the path of its directory.
        out: Run directory to make, or to go on with.
        settings: Values of the configuration that are changed, by dotted key or as KEY=VALUE texts, e.g.
            `{"total_kimg": 50, "settings.gamma": 2}`.
        model: Architecture that the configuration must be of, "stylegan2", "contextual" or "detail"; None for any.
        hours: Hours after which to stop, saved, to be resumed; None for no limit.
        device: Device that the networks run on: "auto" for the best that there is, "cpu", "cuda" or "mps". On
            several processes (`accelerate launch`) each takes its own.
        progress: Function that is called with images shown so far and in all.
        pretrained: False replaces the ImageNet weights of the fixed features by random ones (tests).

    Returns:
        What the run gave: its directory, the images seen, whether it is finished, the best model file and its scores.

    Raises:
        TrainingError: The configuration does not fit, the losses are no longer numbers, the generator has collapsed,
            memory does not suffice (the last saved state stays), or an argument makes no sense (its name comes first).
        DatasetError: The images do not suffice.

    Example:
        >>> import synthmammo as sm
        >>> try:
        ...     sm.train("stylegan3", "datasets/films", "runs/films")
        ... except sm.SynthmammoError as error:
        ...     print(error)
        config: expected 'stylegan2', 'contextual', 'detail' or the path of a YAML file, found 'stylegan3'
          Did you mean 'stylegan2'? Known: contextual, detail, stylegan2.
    """
    folder = dataset_path(data, "data", TrainingError)
    if hours is not None:
        a_positive(hours, "hours", "hours", TrainingError)
    a_function(progress, "progress", TrainingError)
    a_text(device, "device", TrainingError)
    if model is not None:
        a_name(model, MODELS, "model", TrainingError)
    chosen, out = _configuration(config, folder, settings), a_path(out, "out", TrainingError)
    if model not in (None, chosen.model):
        where = config if isinstance(config, str | Path) else "config"
        raise TrainingError(f"is the configuration of a {chosen.model}, not of a {model}", where=where)
    Dataset.open(folder)
    stage(progress, "reading the images")
    # What can be wrong is said before the seconds that importing PyTorch takes.
    from synthmammo.training.trainer import Trainer

    return Trainer(chosen, folder, out, pretrained=pretrained, device=device).run(hours, progress)


def _configuration(config: object, data: Path, settings: Changes) -> TrainConfig:
    if isinstance(config, TrainConfig):
        if not settings:
            return config
        config = config.model_dump(mode="json")
    if isinstance(config, Mapping):
        return checked(TrainConfig, changed(config, settings, TrainingError), "config", TrainingError)
    if isinstance(config, str) and config in MODELS:
        return default_config(config, data, settings)
    if isinstance(config, str | Path) and (isinstance(config, Path) or "." in config or "/" in config):
        return load_config(a_path(config, "config", TrainingError), settings)
    hint = nearest(config, MODELS) if isinstance(config, str) else "Its keys and values, or a TrainConfig, do as well."
    expected = listed([*map(repr, MODELS), "the path of a YAML file"])
    raise wrong("config", expected, config, TrainingError, hint)
