"""`publish`: a verified dataset, or a model, goes to the Hugging Face Hub; after a break the same command goes on.

Each call finds out anew what there is to do: files that the Hub has with the same digest are not sent again. So there
is no state to keep, and after a break at any moment the next call can go on.
The module `publication` says which files there are, and in which order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from synthmammo.errors import OutputError
from synthmammo.interruption import keeping
from synthmammo.progress import Progress, silent
from synthmammo.sharing.publication import Outgoing, Publication

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi
    from huggingface_hub.hf_api import RepoFile

BATCH_FILES, BATCH_BYTES = 100, 256 << 20
"""Most files and bytes of one commit: after a break no more is sent again."""

_AGAIN = "Run the same command again: it goes on where it was, and what has arrived is not sent again."


@dataclass
class Published:
    """What a publication did.

    Attributes:
        url: Address of the repository.
        sent: Names of the files sent by this call.
        kept: Number of files that were there already.
        removed: Names of the files of an earlier version that were removed.
        notes: What whoever publishes should know.
    """

    url: str
    sent: list[str] = field(default_factory=list)
    kept: int = 0
    removed: list[str] = field(default_factory=list)
    notes: tuple[str, ...] = ()


def upload(
    publication: Publication,
    repo_id: str,
    *,
    private: bool = False,
    revision: str | None = None,
    progress: Progress = silent,
) -> Published:
    """Send what the Hub does not have yet.

    Args:
        publication: Files to publish, in this order.
        repo_id: Repository as ORG/NAME; made when absent.
        private: Whether the repository is made private, False by default; one that is there and public is refused.
        revision: Branch, made when absent; None, the default, for main.
        progress: Function that is called with the bytes done, those found there included, and the bytes in all.

    Returns:
        What was sent, kept and removed.

    Raises:
        OutputError: There is no token, the Hub cannot be reached or refuses, or the repository must not be public.
    """
    api = _api(repo_id)
    if not publication.public and not private:
        hint = "Make it private, or ingest the images with the licence that they really have."
        what = {"dataset": "pixels of real people", "model": "weights that were trained on images"}[publication.kind]
        message = f"{what} under a licence that does not let everybody pass them on are not made public"
        raise OutputError(message, where=repo_id, hint=hint)
    kind, branch = publication.kind, revision or "main"
    done = Published("")

    def kept() -> str:
        arrived = f"{done.kept + len(done.sent):,} of {len(publication.files):,} files are in {repo_id}"
        return f"{arrived}, and the same command goes on from there" if done.url else "nothing was sent"

    with _reported(repo_id), keeping(kept):
        done.url = _repository(api, repo_id, publication.kind, private, revision)
        done.notes = publication.notes
        remote = _remote(api, repo_id, kind, branch)
        total = sum(file.size for file in publication.files)
        missing = [file for file in publication.files if not file.is_at(remote.get(file.name))]
        done.kept = len(publication.files) - len(missing)
        bytes_done = total - sum(file.size for file in missing)
        progress(bytes_done, total)
        stale = _stale(publication, remote)
        batches = list(_batches(missing)) or ([[]] if stale else [])
        for number, batch in enumerate(batches, 1):
            removed = stale if number == len(batches) else []
            api.create_commit(
                repo_id,
                [*(_addition(file) for file in batch), *(_deletion(name) for name in removed)],
                commit_message=f"Publish with synthmammo ({number} of {len(batches)})",
                repo_type=kind,
                revision=branch,
            )
            done.sent += [file.name for file in batch]
            done.removed += removed
            bytes_done += sum(file.size for file in batch)
            progress(bytes_done, total)
    return done


def check_name(repo_id: str) -> None:
    """Refuse the name of a repository that the Hub would refuse.

    Args:
        repo_id: Repository as ORG/NAME.

    Raises:
        OutputError: The name is none.
    """
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]

    hint = "Expected ORG/NAME."
    if repo_id.count("/") != 1 or not all(repo_id.split("/")):
        raise OutputError("is no name of a repository", where=repo_id, hint=hint)
    try:
        validate_repo_id(repo_id)
    except HFValidationError as error:
        reason = " ".join(str(error).split()).removesuffix(f": '{repo_id}'.").rstrip(".")
        raise OutputError(f"is no name of a repository ({reason})", where=repo_id, hint=hint) from error


def require_hub_token(repo_id: str) -> None:
    """Find out before the long work whether there is a name and a token to publish with.

    Args:
        repo_id: Repository as ORG/NAME.

    Raises:
        OutputError: The name is none, or there is no token.
    """
    from huggingface_hub import get_token

    check_name(repo_id)
    if not get_token():
        hint = "Set HF_TOKEN, or log in with `hf auth login`; the token must be allowed to write."
        raise OutputError("the Hugging Face Hub needs a token, and there is none", where=repo_id, hint=hint)


def _api(repo_id: str) -> HfApi:
    from huggingface_hub import HfApi
    from huggingface_hub.utils import disable_progress_bars  # type: ignore[attr-defined]

    require_hub_token(repo_id)
    disable_progress_bars()  # there is one bar for everything
    return HfApi()


@contextmanager
def _reported(repo_id: str) -> Iterator[None]:
    """Turn what the Hub's client raises into one message."""
    from httpx2 import HTTPError
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    try:
        yield
    except HFValidationError as error:
        raise OutputError(f"is no name of a repository ({error})", where=repo_id, hint="Expected ORG/NAME.") from error
    except HfHubHTTPError as error:
        status = error.response.status_code
        hint = "Is the token right, and may it write there?" if status in (401, 403) else _AGAIN
        reason = error.server_message or str(error).strip().splitlines()[0]
        raise OutputError(f"the Hub refused ({status}: {reason})", where=repo_id, hint=hint) from error
    except (HTTPError, ConnectionError) as error:
        raise OutputError(f"the Hub cannot be reached ({error})", where=repo_id, hint=_AGAIN) from error
    except (RuntimeError, ValueError) as error:
        # An upload that went wrong, or an answer that was not understood.
        reason = str(error.__cause__ or error).strip().splitlines()[0]
        raise OutputError(f"the Hub did not take it ({reason})", where=repo_id, hint=_AGAIN) from error


def _repository(api: HfApi, repo_id: str, kind: str, private: bool, revision: str | None) -> str:
    url = api.create_repo(repo_id, private=private or None, repo_type=kind, exist_ok=True)
    if private and not api.repo_info(repo_id, repo_type=kind).private:
        hint = "Make it private in its settings, or choose another name. Nothing was sent."
        raise OutputError("is there already, and is public", where=repo_id, hint=hint)
    if revision:
        api.create_branch(repo_id, branch=revision, repo_type=kind, exist_ok=True)
    return str(url)


def _remote(api: HfApi, repo_id: str, kind: str, branch: str) -> dict[str, RepoFile]:
    from huggingface_hub.hf_api import RepoFile

    tree = api.list_repo_tree(repo_id, recursive=True, revision=branch, repo_type=kind)
    return {entry.path: entry for entry in tree if isinstance(entry, RepoFile)}


def _stale(publication: Publication, remote: Mapping[str, RepoFile]) -> list[str]:
    """Files of an earlier version: readers take a format's whole folder."""
    names = {file.name for file in publication.files}
    return sorted(name for name in remote if name.partition("/")[0] in publication.folders and name not in names)


def _batches(files: Sequence[Outgoing]) -> Iterator[list[Outgoing]]:
    batch: list[Outgoing] = []
    for file in files:
        if batch and (len(batch) >= BATCH_FILES or sum(one.size for one in batch) + file.size > BATCH_BYTES):
            yield batch
            batch = []
        batch.append(file)
    if batch:
        yield batch


def _addition(file: Outgoing) -> CommitOperationAdd:
    from huggingface_hub import CommitOperationAdd

    operation = CommitOperationAdd(file.name, file.content)
    operation.upload_info.sha256 = bytes.fromhex(file.sha256)  # known, so that nothing is read twice
    return operation


def _deletion(name: str) -> CommitOperationDelete:
    from huggingface_hub import CommitOperationDelete

    return CommitOperationDelete(name)
