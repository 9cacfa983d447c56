"""What is to be published: the files of a verified dataset, or a model and its card, in the order they are sent.

Data goes first; the card and the manifest go last, in the commit that also removes shards of an earlier version.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from synthmammo.dataset import statements
from synthmammo.dataset.layout import CARD, MANIFEST, PICTURE
from synthmammo.dataset.manifest import Manifest
from synthmammo.dataset.release import check_releasable, release_terms
from synthmammo.dataset.reports import reports
from synthmammo.dataset.verify import verify_files
from synthmammo.errors import CheckpointError, DatasetError
from synthmammo.identity import file_digest
from synthmammo.mammogram.licences import Terms, stated_terms, terms_of
from synthmammo.models.card import model_card, pictures
from synthmammo.models.file import load
from synthmammo.models.names import SUFFIX
from synthmammo.models.zoo import find_model
from synthmammo.progress import Progress, silent

if TYPE_CHECKING:
    from huggingface_hub.hf_api import RepoFile

_LAST = (CARD, MANIFEST)


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
    check_releasable(directory, manifest)
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
    """Whether the licences of what a dataset was made from do not let everybody pass it on, or are not known."""
    return release_terms(manifest) is Terms.RESTRICTED


def _notes(manifest: Manifest) -> Iterator[str]:
    if statements.holds_real_images(manifest):
        real = "was cut from a dataset that may hold" if manifest.kind == "patches" else "holds"
        yield f"it {real} images of real people, under the licence '{manifest.licence}': publish it only if you may"
        yield "labels and writing beside the breast are pixels too: look at the previews for what may name a patient"
    if release_terms(manifest) is Terms.NON_COMMERCIAL and terms_of(manifest.licence) is Terms.OPEN:
        yield f"it was made from works that are not for profit: its licence '{manifest.licence}' is too wide"
    if release_terms(manifest) is Terms.RESTRICTED:
        yield "the licence of something it was made from is not known to let everybody pass it on: it is kept private"
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
    described = find_model(path)
    card = model_card(described, checkpoint.digest, f"hf://{repo_id}/{path.name}@{revision or 'main'}").encode()
    shown = [Outgoing.at(picture, str(picture.relative_to(path.parent))) for picture in pictures(described)]
    readme = Outgoing(CARD, card, len(card), hashlib.sha256(card).hexdigest())
    known = checkpoint.description.training_data
    public = not known.get("terms") or stated_terms(known["terms"]) is not Terms.RESTRICTED
    notes = () if known else ("its file does not say what it was trained on",)
    if not public:
        notes = (*notes, "it was trained on images that not everybody may pass on: it is kept private")
    files = (Outgoing.at(path, path.name, checkpoint.digest), *shown, readme)
    return Publication("model", files, notes, public=public)
