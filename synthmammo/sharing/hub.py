"""`publish`: a verified dataset, or a model, goes to the Hugging Face Hub; after a break the same command goes on.

Each call finds out anew what there is to do: files that the Hub has with the same digest are not sent again. So there
is no state to keep, and after a break at any moment the next call can go on. Data goes first;
the card and the manifest go last, in the commit that also removes shards of an earlier version.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from synthmammo.dataset import statements
from synthmammo.dataset.layout import CARD, MANIFEST, PICTURE
from synthmammo.dataset.manifest import Manifest
from synthmammo.dataset.reports import reports
from synthmammo.dataset.verify import verify_files
from synthmammo.errors import CheckpointError, DatasetError, OutputError
from synthmammo.identity import file_digest
from synthmammo.models.card import model_card, pictures
from synthmammo.models.file import load
from synthmammo.models.names import SUFFIX
from synthmammo.models.zoo import model
from synthmammo.progress import Progress, silent

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi
    from huggingface_hub.hf_api import RepoFile

BATCH_FILES, BATCH_BYTES = 100, 256 << 20
"""Most files and bytes of one commit: after a break no more is sent again."""

_LAST = (CARD, MANIFEST)
_AGAIN = "Run the same command again: it goes on where it was, and what has arrived is not sent again."


@dataclass(frozen=True)
class Outgoing:
    """One file to publish.

    Attributes:
        name: Path in the repository.
        content: Path of the file on disk, or its bytes.
        size: Size in bytes.
        sha256: SHA-256 of the bytes.
    """

    name: str
    content: Path | bytes
    size: int
    sha256: str

    @classmethod
    def at(cls, path: Path, name: str, sha256: str | None = None) -> Outgoing:
        """A file on disk.

        Args:
            path: Path of the file.
            name: Path in the repository.
            sha256: SHA-256 of the file; None, the default, to compute it.
        """
        return cls(name, path, path.stat().st_size, sha256 or file_digest(path))

    def is_at(self, remote: RepoFile | None) -> bool:
        """Whether the Hub has these bytes under this name.

        Args:
            remote: File of the Hub under this name, with a Git digest (small) or SHA-256 (large); None for none.
        """
        if remote is None or remote.size != self.size:
            return False
        if remote.lfs:
            return remote.lfs.sha256 == self.sha256
        data = self.content if isinstance(self.content, bytes) else self.content.read_bytes()
        return remote.blob_id == hashlib.sha1(b"blob %d\0" % self.size + data, usedforsecurity=False).hexdigest()


@dataclass(frozen=True)
class Publication:
    """What is to be published.

    Attributes:
        kind: Kind of the repository, "dataset" or "model".
        files: Files in the order in which they are sent.
        notes: Sentences that whoever publishes should read.
        folders: Folders of the repository that hold nothing but these files.
        public: Whether everybody may see it; True by default.
    """

    kind: Literal["dataset", "model"]
    files: tuple[Outgoing, ...]
    notes: tuple[str, ...] = ()
    folders: frozenset[str] = frozenset()
    public: bool = True


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


def dataset_publication(directory: Path, progress: Progress = silent) -> Publication:
    """The files of a dataset, after it was verified.

    Args:
        directory: Directory of the dataset.
        progress: Function that is called with the number of checks done and that of all checks.

    Raises:
        DatasetError: It is not a sound dataset, has no card, or its card declares other columns than its Parquet has.
    """
    found = verify_files(directory, progress)
    if found.problems:
        more = f"; and {len(found.problems) - 1} more" if len(found.problems) > 1 else ""
        hint = f"`synthmammo verify {directory}` lists them. Build it again, or take a sound copy."
        raise DatasetError(f"is not published, because {found.problems[0]}{more}", where=directory, hint=hint)
    manifest = Manifest.read(directory)
    if not (directory / CARD).is_file():
        hint = f"`synthmammo card {directory}` writes it."
        raise DatasetError("has no card, so it is not published", where=directory / CARD, hint=hint)
    _check_features(directory, manifest)
    digests = manifest.files | {shard.name: shard.sha256 for shard in manifest.shards}
    names = [*digests, *_beside(directory), *_LAST]
    files = tuple(file for name in names for file in _files(directory, name, digests.get(name)))
    folders = frozenset(name.partition("/")[0] for name in digests if "/" in name)
    return Publication("dataset", files, tuple(_notes(manifest)), folders, public=not restricted(manifest))


def _check_features(directory: Path, manifest: Manifest) -> None:
    """Compare the columns that the card declares, which readers on the Hub go by, with those of the Parquet."""
    shards = [directory / shard.name for shard in manifest.shards if shard.format == "parquet"]
    if not shards:
        return
    import pyarrow.parquet as pq
    from datasets import Features
    from datasets.info import DatasetInfosDict
    from huggingface_hub import DatasetCard

    declared = DatasetInfosDict.from_dataset_card_data(DatasetCard.load(directory / CARD).data)
    held = Features.from_arrow_schema(pq.read_schema(shards[0]))
    for features in (info.features for info in declared.values() if info.features):
        if wrong := sorted(name for name in {*held, *features} if features.get(name) != held.get(name)):
            message = f"declares another '{wrong[0]}' than the Parquet has, so it is not published"
            raise DatasetError(message, where=directory / CARD, hint=f"`synthmammo card {directory}` writes it again.")


def restricted(manifest: Manifest) -> bool:
    """Whether a dataset has pixels of real people under a licence that does not let everybody pass them on."""
    return statements.holds_real_images(manifest) and manifest.licence.lower().startswith("other")


def _notes(manifest: Manifest) -> Iterator[str]:
    if statements.holds_real_images(manifest):
        real = "was cut from a dataset that may hold" if manifest.kind == "patches" else "holds"
        yield f"it {real} images of real people, under the licence '{manifest.licence}': publish it only if you may"
        yield "labels and writing beside the breast are pixels too: look at the previews for what may name a patient"
    if "parquet" not in statements.formats(manifest):
        yield "it has no Parquet, so the Hub shows no preview of it and `datasets` cannot load it by its name"


def _beside(directory: Path) -> list[str]:
    """Names of the files that are not part of the content but belong to the card: figures and reports."""
    found = reports(directory)
    names = [*found, PICTURE, *(figure for report in found.values() for figure in report.figures)]
    return [name for name in dict.fromkeys(names) if (directory / name).is_file()]


def _files(directory: Path, name: str, sha256: str | None) -> Iterator[Outgoing]:
    path = directory / name
    if path.is_dir():
        for file in sorted(path.iterdir()):
            yield Outgoing.at(file, f"{name}/{file.name}")
    else:
        yield Outgoing.at(path, name, sha256)


def model_publication(path: Path, repo_id: str, revision: str | None = None) -> Publication:
    """A model and its card, after its weights were found to fit its description.

    Args:
        path: Path of the model file.
        repo_id: Repository as ORG/NAME, which the card names.
        revision: Branch of the repository; None, the default, for main.

    Raises:
        CheckpointError: It is no whole model of this package.
    """
    if path.suffix != SUFFIX:
        hint = "Published .pkl and .pt files are converted first: `synthmammo convert`."
        raise CheckpointError(f"a model to publish is a {SUFFIX} file", where=path, hint=hint)
    checkpoint = load(path)
    for name in checkpoint.networks:
        checkpoint.network(name)
    described = model(path)
    card = model_card(described, checkpoint.digest, f"hf://{repo_id}/{path.name}@{revision or 'main'}").encode()
    shown = [Outgoing.at(picture, str(picture.relative_to(path.parent))) for picture in pictures(described)]
    readme = Outgoing(CARD, card, len(card), hashlib.sha256(card).hexdigest())
    notes = () if checkpoint.description.training_data else ("its file does not say what it was trained on",)
    return Publication("model", (Outgoing.at(path, path.name, checkpoint.digest), *shown, readme), notes)


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
        publication: Files to publish, from `dataset_publication` or `model_publication`.
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
        hint = "Make it private, or ingest it with the licence that it really has."
        message = "pixels of real people under a licence that does not let everybody pass them on are not made public"
        raise OutputError(message, where=repo_id, hint=hint)
    kind, branch = publication.kind, revision or "main"
    with _reported(repo_id):
        url = _repository(api, repo_id, publication.kind, private, revision)
        done = Published(url, notes=publication.notes)
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


def require_token(repo_id: str) -> None:
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


def check_name(repo_id: str) -> None:
    """Refuse what is no name of a repository.

    Args:
        repo_id: Repository as ORG/NAME.

    Raises:
        OutputError: It is none.
    """
    if repo_id.count("/") != 1 or not all(repo_id.split("/")):
        raise OutputError("is no name of a repository", where=repo_id, hint="Expected ORG/NAME.")


def _api(repo_id: str) -> HfApi:
    from huggingface_hub import HfApi
    from huggingface_hub.utils import disable_progress_bars  # type: ignore[attr-defined]

    require_token(repo_id)
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
