"""Models of other families, told by names that their files hold, so that they are called what they are."""

from __future__ import annotations

import mmap
from pathlib import Path

from synthmammo.errors import CheckpointError

_FAMILIES = {
    "StyleGAN-XL": (b"SuperresGenerator", b"networks_stylegan3_resetting"),
    "StyleGAN-T": (b"networks_stylegan_t", b"ClipTextEncoder"),
    "StyleGAN3": (b"networks_stylegan3", b"SynthesisInput", b"synthesis.input.freqs"),
    "stylegan2_pytorch (lucidrains)": (b"G.initial_block", b"GE.initial_block"),
}
"""Names in the source, class names and tensors of each family, the more particular families first."""


def family_of(path: Path) -> str | None:
    """The family of a model that this package cannot read; None for another file.

    Args:
        path: Path of the file, of which nothing is executed.
    """
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return next((name for name, words in _FAMILIES.items() if any(content.find(w) >= 0 for w in words)), None)
    except (OSError, ValueError):  # an empty file cannot be mapped
        return None


def called_by_name(path: Path, error: CheckpointError) -> CheckpointError:
    """The error to raise for a file that could not be read: it names the family, where that is known.

    Args:
        path: Path of the file.
        error: What its reader said.
    """
    family = family_of(path)
    if family is None:
        return error
    hint = "Convert a StyleGAN2 or StyleGAN2-ADA .pkl or a rosinality .pt; other families have other networks."
    return CheckpointError(f"is a {family} model, and only StyleGAN2 is read ({error.message})", where=path, hint=hint)
