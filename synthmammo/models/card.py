"""The card of a published model: that of the zoo, under the Hub's header, with how to name and check the file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from synthmammo.models.file import Description
from synthmammo.models.zoo import ModelFile

_TASKS = {"stylegan2": "unconditional-image-generation"}
_PICTURE = re.compile(r"!\[[^\]]*\]\(([^):]+)\)")


def model_card(model: ModelFile, digest: str, address: str) -> str:
    """Markdown with the Hub's YAML header.

    Args:
        model: The model; its card is the one beside its file, or one drafted from what the file says of itself.
        digest: SHA-256 of the model's file.
        address: Name of the model in recipes and commands, e.g. `hf://ORG/REPO/FILE@REVISION`.
    """
    description = model.description
    data = description.training_data.get("digest")
    facts = [
        f"SHA-256 of the file: `{digest}`.",
        f"Digest of its training data: `{data}`." if data else "The file does not say what it was trained on.",
        f"Origin of its training images: {description.training_data.get('origin', 'not recorded')}. What the model "
        "makes is synthetic, whatever it was trained on.",
        "It may repeat images it was trained on; that it does not is claimed only where a measurement says so.",
    ]
    parts = [_header(description), model.card, "## Use", _use(description, address), " ".join(facts)]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def pictures(model: ModelFile) -> list[Path]:
    """The pictures beside its file that its card shows."""
    folder = model.path.parent
    return [folder / name for name in dict.fromkeys(_PICTURE.findall(model.card)) if (folder / name).is_file()]


def _header(model: Description) -> str:
    header: dict[str, Any] = {"license": model.licence.partition(" ")[0].lower(), "library_name": "synthmammo"}
    if model.architecture in _TASKS:
        header["pipeline_tag"] = _TASKS[model.architecture]
    header["tags"] = ["mammography", "medical", "breast-cancer", "synthetic", model.architecture]
    return "---\n" + yaml.safe_dump(header, sort_keys=False) + "---"


def _use(model: Description, address: str) -> str:
    if model.architecture == "stylegan2":
        return (
            f"In a recipe of synthmammo, `background: {{generator: stylegan2, model: {address}}}`; or\n\n```\n"
            f"synthmammo sample {address} --seeds 0-35 --out sheet.png\n```"
        )
    if model.architecture == "detail":
        return f"In a recipe of synthmammo, `detail: {address}` in `background`, beside a generator of coarse views."
    field = "`removal`" if model.makes == "removal" else "an entry of `lesions`"
    return f"In a recipe of synthmammo, `generator: {address}` in {field}."
