"""Publish a dataset or a model on the Hugging Face Hub, in one call."""

from __future__ import annotations

from pathlib import Path

from synthmammo.arguments import a_choice, a_function, a_text
from synthmammo.dataset.references import DatasetLike, dataset_path
from synthmammo.errors import OutputError
from synthmammo.models.names import SUFFIX
from synthmammo.progress import Progress, silent
from synthmammo.sharing.hub import (
    Publication,
    Published,
    dataset_publication,
    model_publication,
    require_token,
    upload,
)


def publish(
    source: DatasetLike,
    repo_id: str,
    *,
    private: bool = False,
    revision: str | None = None,
    progress: Progress = silent,
) -> Published:
    """Publish a dataset or a model on the Hugging Face Hub.

    A dataset is verified first, and one with images of real people that not everybody may pass on is not made public.
    Files that are there already are not sent again, so the same call goes on after a break. The token comes from
    HF_TOKEN or `hf auth login`.

    Args:
        source: Dataset, the path of its directory, or the path of a `.safetensors` model.
        repo_id: Name of the repository, ORG/NAME; made when absent.
        private: Whether to make it private; refused where it is there and public.
        revision: Branch, made when absent; None for main.
        progress: Function that is called with bytes sent and bytes in all, those found there included.

    Returns:
        The address, the files sent, the number of those found there, those removed, and notes on what was published.

    Raises:
        OutputError: There is no token, the Hub cannot be reached or refuses, the repository must not be public, or an
            argument makes no sense (its name comes first).
        DatasetError: It is not a sound dataset, or has no card.
        CheckpointError: It is no whole model of this package.

    Example:
        >>> import synthmammo as sm
        >>> try:
        ...     sm.publish("datasets/films", "films")
        ... except sm.SynthmammoError as error:
        ...     print(error)
        films: is no name of a repository
          Expected ORG/NAME.
    """
    path = dataset_path(source, "source", OutputError)
    require_token(a_text(repo_id, "repo_id", OutputError))
    a_choice(private, "private", OutputError)
    if revision is not None:
        a_text(revision, "revision", OutputError)
    a_function(progress, "progress", OutputError)
    return upload(_publication(path, repo_id, revision), repo_id, private=private, revision=revision, progress=progress)


def _publication(path: Path, repo_id: str, revision: str | None) -> Publication:
    if path.suffix == SUFFIX or path.is_file():
        return model_publication(path, repo_id, revision)
    return dataset_publication(path)
