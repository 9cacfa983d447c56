"""Whether the making of a dataset can be understood from its files alone: which facts of it are stated."""

from __future__ import annotations

from synthmammo.auditing.sides import Side
from synthmammo.dataset.layout import CARD, PROVENANCE


def stated_facts(side: Side) -> dict[str, bool]:
    """Facts that somebody needs who wants to know how a dataset was made, and whether each is stated.

    Args:
        side: The dataset that is judged; one without a manifest states nothing.
    """
    manifest = side.dataset.manifest
    facts = {
        "recipe or options": bool(manifest and manifest.options),
        "digest of the content": bool(manifest and manifest.digest),
        "origin of the images": bool(manifest and manifest.origin),
        "versions of the programs": bool(manifest and manifest.versions),
        "what may be done with it": bool(manifest and manifest.terms),
        "provenance of every sample": (side.path / PROVENANCE).is_file(),
        "card": (side.path / CARD).is_file(),
    }
    for name, of_model in (manifest.models if manifest else {}).items():
        data = of_model.get("training_data") or {}
        facts[f"training images of {name}"] = bool(data.get("digest"))
        facts[f"patients behind {name}"] = bool(data.get("patients")) or data.get("origin") == "synthetic"
    return facts
