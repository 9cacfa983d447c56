"""What an audit looks at, read once from each dataset: thumbnails, frames, features and facts of every image."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthmammo.auditing.borders import border_features
from synthmammo.auditing.extractors import Extractor, Pooled
from synthmammo.auditing.framing import framed, residue
from synthmammo.auditing.measured import MEASURED, measured
from synthmammo.auditing.memorisation import Looks
from synthmammo.auditing.thumbnails import is_patch, thumbnail
from synthmammo.mammogram.sample import Sample
from synthmammo.models.features import Features, scale_means

GROUPED = ("view", "laterality", "density", "label", "lesion", "age")
"""Facts that figures are broken down by."""

_BATCH = 32


@dataclass(frozen=True)
class Material:
    """Images of one side of an audit, N of them.

    Attributes:
        keys: Keys of the samples, `(N)`.
        patients: Patient of each, `(N)`; the key where none is known.
        splits: Split of each, `(N)`.
        groups: Value of each fact in `GROUPED`, by name, `(N)` texts each, "unknown" where it is not known.
        patches: Whether they are patches rather than views.
        thumbnails: See `thumbnails.thumbnail`, `float32 (N, 64, 64)`.
        formats: Size and bit depth of each as text, `(N)`.
        extractor: Name of the extractor of `pooled`.
        pooled: Features of the frames, `float32 (N, D)`.
        means: Means of the extractor's maps on the frames, `float32 (N, 496)`.
        residues: Means of the extractor's maps on the residues, `float32 (N, 496)`.
        borders: Fine structures along the border of a lesion and elsewhere, `float32 (N, 2, 12)`, NaN without one.
        measures: Statistics by name, `float64 (N)` each, NaN where there is nothing to measure.
        shown: Small pictures for sheets, `uint8 (N, 128, 128)`.
    """

    keys: NDArray[np.str_]
    patients: NDArray[np.str_]
    splits: NDArray[np.str_]
    groups: dict[str, NDArray[np.str_]]
    patches: bool
    formats: NDArray[np.str_]
    extractor: str
    thumbnails: NDArray[np.float32]
    pooled: NDArray[np.float32]
    means: NDArray[np.float32]
    residues: NDArray[np.float32]
    borders: NDArray[np.float32]
    measures: dict[str, NDArray[np.float64]]
    shown: NDArray[np.uint8]

    def __len__(self) -> int:
        """Number of images."""
        return len(self.keys)

    @property
    def looks(self) -> Looks:
        """The images as instruments of memorisation see them."""
        return Looks(self.thumbnails, self.means)

    def taken(self, which: NDArray[Any]) -> Material:
        """Some of the images, by number or by a mask."""
        changes: dict[str, Any] = {}
        for name in (field.name for field in fields(self)):
            value = getattr(self, name)
            if isinstance(value, dict):
                changes[name] = {key: array[which] for key, array in value.items()}
            elif not isinstance(value, bool | str):
                changes[name] = value[which]
        return replace(self, **changes)


@dataclass(frozen=True)
class _Seen:
    """What is kept of one sample until its batch goes through the network."""

    sample: Sample
    frame: NDArray[np.float32]
    residue: NDArray[np.float32]


def gather(
    samples: Iterable[Sample],
    features: Features,
    extractor: Extractor | None = None,
    step: Callable[[], None] = lambda: None,
) -> Material:
    """Read samples once and keep what an audit needs of them; the images themselves are not kept.

    Args:
        samples: The samples, at least one.
        features: Network of the maps.
        extractor: Extractor of the pooled features; None, the default, for those of `features`.
        step: Called after every sample.

    Raises:
        ValueError: There are no samples.
    """
    chosen = extractor or Pooled(features)
    rows: list[dict[str, Any]] = []
    batch: list[_Seen] = []
    for sample in samples:
        batch.append(_Seen(sample, framed(sample), residue(sample)))
        if len(batch) == _BATCH:
            rows += _rows(batch, features, chosen)
            batch = []
        step()
    rows += _rows(batch, features, chosen) if batch else []
    if not rows:
        raise ValueError("expected at least one sample")
    return _stacked(rows, chosen.name)


def _rows(batch: Sequence[_Seen], features: Features, extractor: Extractor) -> list[dict[str, Any]]:
    import torch

    with torch.inference_mode():
        frames = torch.from_numpy(np.stack([seen.frame for seen in batch]))[:, None]
        maps = features.scales(frames)
        pooled = extractor.pooled(frames, maps)
        residues = torch.from_numpy(np.stack([seen.residue for seen in batch]))[:, None]
        fine = scale_means(features.scales(residues)).cpu()
    means = scale_means(maps).cpu()
    return [
        _facts(seen)
        | {"pooled": pooled[number].cpu().numpy(), "means": means[number].numpy(), "residues": fine[number].numpy()}
        for number, seen in enumerate(batch)
    ]


def _facts(seen: _Seen) -> dict[str, Any]:
    sample = seen.sample
    height, width = sample.shape
    kinds = sorted({finding.kind for finding in sample.findings})
    return {
        "key": sample.key,
        "patient": sample.patient or sample.key,
        "split": sample.split,
        "view": sample.view or "unknown",
        "laterality": sample.laterality or "unknown",
        "density": sample.history.density or "unknown",
        "age": sample.history.background.age or "unknown",
        "label": sample.label,
        "lesion": " and ".join(kinds) or "none",
        "patch": is_patch(sample.breast),
        "format": f"{width} x {height} of {sample.bits_stored} bits",
        "thumbnail": thumbnail(sample.image, sample.breast),
        "border": border_features(sample),
        "measures": measured(sample),
        "shown": _small(seen.frame),
    }


def _small(frame: NDArray[np.float32]) -> NDArray[np.uint8]:
    from skimage.transform import resize

    small = resize(frame, (128, 128), order=1, anti_aliasing=True)
    return np.asarray(np.clip((small + 1) * 127.5, 0, 255), np.uint8)


def _stacked(rows: list[dict[str, Any]], extractor: str) -> Material:
    def column(name: str) -> NDArray[Any]:
        return np.array([row[name] for row in rows])

    return Material(
        keys=column("key"),
        patients=column("patient"),
        splits=column("split"),
        groups={name: column(name) for name in GROUPED},
        patches=bool(np.mean([row["patch"] for row in rows]) > 0.5),
        formats=column("format"),
        extractor=extractor,
        thumbnails=np.stack([row["thumbnail"] for row in rows]),
        pooled=np.stack([row["pooled"] for row in rows]),
        means=np.stack([row["means"] for row in rows]),
        residues=np.stack([row["residues"] for row in rows]),
        borders=np.stack([row["border"] for row in rows]),
        measures={name: np.array([row["measures"][name] for row in rows], np.float64) for name in MEASURED},
        shown=np.stack([row["shown"] for row in rows]),
    )


def look(samples: Iterable[Sample], extractor: Features) -> Looks:
    """Only what instruments of memorisation see of samples, which takes a fifth of the time of `gather`.

    Args:
        samples: The samples, at least one.
        extractor: Extractor of the features.
    """
    import torch

    thumbnails, means = [], []
    with torch.inference_mode():
        for sample in samples:
            thumbnails.append(thumbnail(sample.image, sample.breast))
            frame = torch.from_numpy(framed(sample))[None, None]
            means.append(scale_means(extractor.scales(frame))[0].cpu().numpy())
    return Looks(np.stack(thumbnails), np.stack(means))
