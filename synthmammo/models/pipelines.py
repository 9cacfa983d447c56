"""Diffusion pipelines as diffusers saves them: a folder with model_index.json, found, checked, described and opened.

Weights are read from .safetensors alone. Pickles, and code that lies beside the weights, are refused: opening them can
execute what they hold.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from synthmammo.errors import CheckpointError, GeneratorError, nearest
from synthmammo.identity import digest, file_digest
from synthmammo.models.names import is_hosted

INDEX = "model_index.json"
_WEIGHTS, _TEXTS = ".safetensors", (".json", ".txt", ".model")
_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
_LIBRARIES = ("diffusers", "transformers")
"""Libraries that the parts of a pipeline may be of."""
_SAVE_AGAIN = "Save it again with `pipeline.save_pretrained(FOLDER, safe_serialization=True)`, where you trust it."


def repository_address(name: str) -> tuple[str, str]:
    """Repository and revision of a pipeline on the Hugging Face Hub; nothing is fetched.

    Raises:
        CheckpointError: The name lacks one of them.
    """
    repository, _, revision = name.removeprefix("hf://").partition("@")
    if len(repository.split("/")) != 2 or not all(repository.split("/")) or not revision:
        hint = "Name the revision, best a commit: without it the same recipe would make other images tomorrow."
        raise CheckpointError("expected hf://ORG/REPO@REVISION", where=name, hint=hint)
    return repository, revision


def locate_pipeline(name: str) -> Path:
    """The folder behind a pipeline's name; one on the Hugging Face Hub is fetched, or found in its cache.

    Args:
        name: Path of the folder, or hf://ORG/REPO@REVISION.

    Raises:
        CheckpointError: There is none, or it cannot be used: it is no pipeline, lacks weights, or has pickles alone.
    """
    folder = _fetched(name) if is_hosted(name) else Path(name)
    if not folder.is_dir():
        found = "a file" if folder.is_file() else "nothing"
        hint = f"A pipeline is the folder that diffusers saved, with {INDEX}, or hf://ORG/REPO@REVISION."
        raise CheckpointError(f"expected the folder of a diffusers pipeline, found {found}", where=name, hint=hint)
    _check(folder, _index(folder, name), name)
    return folder


def _fetched(name: str) -> Path:
    repository, revision = repository_address(name)
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    wanted = [f"*{ending}" for ending in (_WEIGHTS, *_TEXTS, "README.md")]
    try:
        return Path(snapshot_download(repository, revision=revision, allow_patterns=wanted))
    except (HfHubHTTPError, HFValidationError, OSError) as error:
        reason = str(error).strip().splitlines()[0]
        raise CheckpointError(f"cannot be fetched ({reason})", where=name) from error


def _index(folder: Path, name: str) -> dict[str, Any]:
    """The content of model_index.json."""
    path = folder / INDEX
    if not path.is_file():
        hint = f"Name the folder that has {INDEX}; weights alone are no pipeline."
        raise CheckpointError(f"is no diffusers pipeline: there is no {INDEX}", where=name, hint=hint)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(f"cannot be read ({error})", where=path) from error
    if not isinstance(content, dict) or not isinstance(content.get("_class_name"), str):
        raise CheckpointError("names no class of diffusers as the pipeline's", where=path)
    return content


def _parts(index: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Name, library and class of each part of a pipeline that is there."""
    for name, stated in index.items():
        if isinstance(stated, list) and len(stated) == 2 and all(isinstance(one, str) for one in stated):
            yield name, stated[0], stated[1]


def _check(folder: Path, index: Mapping[str, Any], name: str) -> None:
    """Refuse a pipeline that lacks a part, lacks weights, or is code.

    Raises:
        CheckpointError: It cannot be used.
    """
    for part, library, kind in _parts(index):
        if part == "safety_checker":
            continue  # it is not used: it judges photographs, and blackens what it does not like
        if library not in _LIBRARIES:
            message = f"the part {part} is {library}.{kind}, code from outside diffusers and transformers"
            raise CheckpointError(message, where=name, hint="Only pipelines of these two are opened.")
        if not (folder / part).is_dir():
            hint = "Copy the whole pipeline, or fetch it again."
            raise CheckpointError(f"the part {part} of the pipeline is not there", where=name, hint=hint)
        if (folder / part / "config.json").is_file():
            _check_weights(folder / part, part, name)


def _check_weights(folder: Path, part: str, name: str) -> None:
    if any(folder.glob(f"*{_WEIGHTS}")):
        return
    pickles = sorted(path.name for path in folder.iterdir() if path.suffix in _PICKLES)
    if pickles:
        message = f"the weights of {part} are a Python pickle ({pickles[0]}), which is not opened"
        raise CheckpointError(message, where=name, hint=f"Reading one can execute what it holds. {_SAVE_AGAIN}")
    message = f"the pipeline has no weights: {part}/*{_WEIGHTS} is not there"
    raise CheckpointError(message, where=name, hint="Copy the whole pipeline, or fetch it again.")


def pipeline_digest(folder: Path) -> str:
    """SHA-256 of all that decides what a pipeline paints: its weights, configurations and vocabularies."""
    deciding = [path for path in folder.rglob("*") if path.suffix in (_WEIGHTS, *_TEXTS) and path.is_file()]
    names = {path.relative_to(folder).as_posix(): path for path in deciding}
    hidden = [name for name in names if any(part.startswith(".") for part in name.split("/"))]
    return digest([[name, file_digest(names[name])] for name in sorted(names.keys() - set(hidden))])


def pipeline_facts(folder: Path) -> dict[str, Any]:
    """What the manifest of a dataset says of a pipeline: its class, and what its card states for a licence.

    Args:
        folder: Folder of the pipeline; of the head of its README.md `license` and `datasets` are taken.
    """
    index, card = _index(folder, str(folder)), _card(folder / "README.md")
    data = card.get("datasets")
    named = ", ".join(map(str, data)) if isinstance(data, list) else data
    return {
        "architecture": index["_class_name"],
        "makes": "images by diffusion",
        "licence": str(card.get("license") or "other"),
        "training_data": {"name": str(named)} if named else {},
    }


def _card(path: Path) -> dict[str, Any]:
    """The head of a model card; empty where there is none that can be read."""
    try:
        head = path.read_text(encoding="utf-8").split("---", 2)
        found = yaml.safe_load(head[1]) if len(head) == 3 and not head[0].strip() else {}
    except (OSError, ValueError, yaml.YAMLError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def side_px(folder: Path) -> int | None:
    """Side of the images that a pipeline makes by itself, in pixels; None where its configuration does not tell."""
    network = next((part for part in ("unet", "transformer") if (folder / part).is_dir()), "")
    side = _config(folder / network).get("sample_size")
    if not isinstance(side, int):
        return None
    blocks = _config(folder / "vae").get("block_out_channels")
    return side * 2 ** (len(blocks) - 1) if isinstance(blocks, list) and blocks else side


def _config(folder: Path) -> dict[str, Any]:
    try:
        found = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


@lru_cache(maxsize=2)
def open_pipeline(folder: str, scheduler: str | None, device: str = "cpu") -> Any:
    """A pipeline, ready to be called; a process opens it once.

    Args:
        folder: Its folder.
        scheduler: Class of the scheduler to put in place of its own; None for its own.
        device: Device that it runs on.

    Raises:
        CheckpointError: It cannot be opened.
        GeneratorError: diffusers is not installed, or has no such scheduler.
    """
    diffusers = _diffusers()
    index = _index(Path(folder), folder)
    left_out = {"safety_checker": None, "requires_safety_checker": False} if "safety_checker" in index else {}
    if not hasattr(diffusers, index["_class_name"]):
        hint = f"It was saved by diffusers {index.get('_diffusers_version', 'of another version')}."
        raise CheckpointError(f"diffusers has no {index['_class_name']}", where=folder, hint=hint)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of its dependencies, about what their next versions will do
            pipeline = getattr(diffusers, index["_class_name"]).from_pretrained(
                folder, local_files_only=True, use_safetensors=True, trust_remote_code=False, **left_out
            )
    except Exception as error:  # what is wrong with a file fails anywhere in diffusers and transformers
        raise CheckpointError(f"cannot be opened ({type(error).__name__}: {error})", where=folder) from error
    if scheduler:
        pipeline.scheduler = _scheduler(diffusers, scheduler).from_config(pipeline.scheduler.config)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline.to(device)


def _diffusers() -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import transformers

            transformers.utils.logging.set_verbosity_error()  # before diffusers asks it for parts it has not
            import diffusers
    except ImportError as error:
        hint = "Install it with: pip install 'synthmammo[diffusion]'"
        raise GeneratorError("a diffusion pipeline needs diffusers and transformers", hint=hint) from error
    diffusers.utils.logging.set_verbosity_error()
    for library in (diffusers, transformers):
        library.utils.logging.disable_progress_bar()
    return diffusers


def _scheduler(diffusers: Any, name: str) -> Any:
    known = [one for one in dir(diffusers) if one.endswith("Scheduler") and not one.startswith(("Flax", "Karras"))]
    if name not in known:
        raise GeneratorError(f"diffusers has no scheduler '{name}'", where="scheduler", hint=nearest(name, known))
    return getattr(diffusers, name)
