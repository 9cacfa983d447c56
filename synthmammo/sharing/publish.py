"""Publish a dataset or a model on the Hugging Face Hub, in one call."""

from __future__ import annotations

from typing import Literal, get_args

from synthmammo.arguments import a_choice, a_function, a_name, a_text
from synthmammo.dataset.references import DatasetLike, dataset_path
from synthmammo.errors import OutputError
from synthmammo.models.names import SUFFIX
from synthmammo.progress import Progress, silent
from synthmammo.sharing.hub import Published, check_name, require_hub_token, upload
from synthmammo.sharing.publication import Publication, dataset_publication, model_publication

_Kind = Literal["dataset", "model"]


def prepare_publication(
    source: DatasetLike,
    repo_id: str,
    *,
    kind: _Kind | None = None,
    revision: str | None = None,
    sending: bool = False,
    progress: Progress = silent,
) -> Publication:
    """Find out what `publish` would send, and send nothing; a dataset is verified.

    Args:
        source: Dataset, the path of its directory, or the path of a `.safetensors` model.
        repo_id: Name of the repository, ORG/NAME; it need not be there.
        kind: What `source` is, "dataset" or "model"; None to tell by the path.
        revision: Branch, which the card of a model names; None for main.
        sending: Whether it is meant to be sent, so that a missing token is found before the long work.
        progress: Function that is called with the number of checks done and that of all checks.

    Returns:
        The files with their sizes, in the order in which they would be sent, and notes; `publish` takes it.

    Raises:
        OutputError: An argument makes no sense (its name comes first), or `sending` is asked without a token.
        DatasetError: It is not a sound dataset, or has no card.
        CheckpointError: It is no whole model of this package.

    Example:
        >>> import synthmammo as sm
        >>> small = {"background.spacing_mm": 2, "emit.formats": ["parquet"]}
        >>> dataset = sm.build("balanced_mass", "masses", size=3, settings=small)
        >>> sm.prepare_publication(dataset, "me/masses").files[-1].name
        'manifest.json'
    """
    path = dataset_path(source, "source", OutputError)
    check_name(a_text(repo_id, "repo_id", OutputError))
    if kind is not None:
        a_name(kind, get_args(_Kind), "kind", OutputError)
    if revision is not None:
        a_text(revision, "revision", OutputError)
    if a_choice(sending, "sending", OutputError):
        require_hub_token(repo_id)
    a_function(progress, "progress", OutputError)
    if kind == "model" or (kind is None and (path.suffix == SUFFIX or path.is_file())):
        return model_publication(path, repo_id, revision)
    return dataset_publication(path, progress)


def publish(
    source: DatasetLike | Publication,
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
        source: Dataset, the path of its directory, the path of a `.safetensors` model, or what `prepare_publication`
            gave.
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
    a_text(repo_id, "repo_id", OutputError)
    a_choice(private, "private", OutputError)
    a_function(progress, "progress", OutputError)
    if not isinstance(source, Publication):
        source = prepare_publication(source, repo_id, revision=revision, sending=True)
    return upload(source, repo_id, private=private, revision=revision, progress=progress)
