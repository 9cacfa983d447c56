"""Embeddings that an audit trained, kept under the digest of the training set, so that the next audit need not.

They lie in the folder `audits` of SYNTHMAMMO_CACHE, by default ~/.cache/synthmammo. A linear map of features shows no
image. A place that cannot be written is no matter.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from synthmammo.auditing.embedding import Embedding
from synthmammo.errors import OutputError
from synthmammo.files import writing
from synthmammo.planning.estimate import cache_folder


def digest_of(name: str, arrays: Sequence[NDArray[np.generic]]) -> str:
    """Digest of all that decides an embedding.

    Args:
        name: What is trained, and how.
        arrays: What it is trained on.
    """
    found = hashlib.sha256(name.encode())
    for array in arrays:
        found.update(f"{array.dtype.str}{array.shape}".encode())
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()


def kept_embedding(digest: str, train: Callable[[], Embedding]) -> Embedding:
    """The embedding of a digest, trained where it is not kept yet.

    Args:
        digest: Digest of all that decides it, see `digest_of`.
        train: What trains it.
    """
    path = cache_folder() / "audits" / f"{digest}.npz"
    if (found := _read(path)) is not None:
        return found
    embedding = train()
    with suppress(OutputError), writing(path) as partial, partial.open("wb") as file:
        np.savez(file, **{field.name: getattr(embedding, field.name) for field in fields(Embedding)})
    return embedding


def _read(path: Path) -> Embedding | None:
    try:
        with np.load(path, allow_pickle=False) as held:
            return Embedding(*(held[field.name] for field in fields(Embedding)))
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        return None
