"""What a model may be called: zoo/NAME, a path, or hf://ORG/REPO/FILE@REVISION; and the file behind it."""

from __future__ import annotations

import os
from difflib import get_close_matches
from pathlib import Path

from synthmammo.errors import CheckpointError, nearest

SUFFIX = ".safetensors"
ZOO = Path(__file__).parent / "shipped"
"""The models the package carries."""
USER_ZOO = "SYNTHMAMMO_ZOO"
"""Environment variable with the folder of the models a user adds."""


def locate_model(model: str | Path) -> Path:
    """The file behind a model's name; one on the Hugging Face Hub is fetched, or found in its cache.

    Raises:
        CheckpointError: The name is not understood, or there is no such file.
    """
    name = str(model)
    if is_hosted(name):
        return _fetched(name)
    if name.startswith("zoo/"):
        known = _zoo()
        if name in known:
            return known[name]
        hint = nearest(name, known) if known else "This installation carries no models; `synthmammo zoo add` adds some."
        raise CheckpointError("no such model", where=name, hint=hint)
    if Path(name).is_file():
        return Path(name)
    if close := get_close_matches(f"zoo/{name}", _zoo(), n=1, cutoff=0.75):
        raise CheckpointError("no such file", where=name, hint=f"Did you mean '{close[0]}'?")
    hint = "A model is named as zoo/NAME, the path of a .safetensors file, or hf://ORG/REPO/FILE@REVISION."
    if not is_model(name) and (names := zoo()):
        hint = f"{hint} {nearest(f'zoo/{name}', names)}"
    raise CheckpointError("no such file", where=name, hint=hint)


def zoo() -> list[str]:
    """Names of the models of `zoo_folders`, as `zoo/NAME`."""
    return list(_zoo())


def zoo_folders() -> tuple[Path, Path]:
    """Where `zoo/NAME` is looked for: the user's folder, whose models take precedence, and the package's.

    Returns:
        The user's is `$SYNTHMAMMO_ZOO`, else `~/.local/share/synthmammo/zoo`: an installed package may be read-only,
        and an update shall not remove what was added.

    Example:
        >>> import synthmammo as sm
        >>> [folder.name for folder in sm.zoo_folders()][1]
        'shipped'
    """
    stated = os.environ.get(USER_ZOO)
    return Path(stated) if stated else Path.home() / ".local" / "share" / "synthmammo" / "zoo", ZOO


def _zoo() -> dict[str, Path]:
    user, package = ({f"zoo/{path.stem}": path for path in folder.glob(f"[!.]*{SUFFIX}")} for folder in zoo_folders())
    return dict(sorted({**package, **user}.items()))


def is_hosted(name: str) -> bool:
    """Whether a name is that of a model on the Hugging Face Hub."""
    return name.startswith("hf://")


def hub_address(name: str) -> tuple[str, str, str]:
    """Repository, file and revision of a model on the Hugging Face Hub; nothing is fetched.

    Raises:
        CheckpointError: The name lacks one of them.
    """
    address, _, revision = name.removeprefix("hf://").partition("@")
    parts = address.split("/", 2)
    if len(parts) < 3 or not all(parts) or not revision:
        hint = "Name the revision, best a commit: without it the same recipe would make other images tomorrow."
        raise CheckpointError("expected hf://ORG/REPO/FILE@REVISION", where=name, hint=hint)
    return f"{parts[0]}/{parts[1]}", parts[2], revision


def _fetched(name: str) -> Path:
    repository, file, revision = hub_address(name)
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    try:
        return Path(hf_hub_download(repository, file, revision=revision))
    except (HfHubHTTPError, HFValidationError, OSError) as error:
        reason = str(error).strip().splitlines()[0]
        raise CheckpointError(f"cannot be fetched ({reason})", where=name) from error


def is_model(name: str) -> bool:
    """Whether a name is that of a trained model (zoo/NAME, a path, hf://...) and not of a generator."""
    return "/" in name or name.endswith(".safetensors")
