"""Splits by patient: no patient is divided, and every class comes close to the wanted shares."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from synthmammo.identity import draw_u64
from synthmammo.mammogram.sample import SPLITS

Mode = Literal["official", "carve", "draw"]


@dataclass(frozen=True)
class Patient:
    """What is known of a patient before splitting.

    Attributes:
        name: Pseudonym of the patient.
        labels: Class of each of the patient's images.
        official: Splits that the archive gives the images; empty, the default, where it gives none.
    """

    name: str
    labels: tuple[str, ...]
    official: frozenset[str] = frozenset()


def assign_splits(
    images: Iterable[tuple[str, str, str | None]], mode: Mode, shares: Mapping[str, float], seed: int
) -> tuple[dict[str, str], list[str]]:
    """Split by patient.

    Args:
        images: Patient, class, and official split or None of every image.
        mode: Way to split. "official" keeps the archive's splits and draws the patients without one; "carve" also
            moves a part of the official train patients to validation; "draw" ignores the archive's.
        shares: Share of the images by split, for what is drawn.
        seed: Random seed for the draw.

    Returns:
        Split by patient, and notes for the user.
    """
    grouped: dict[str, list[tuple[str, str | None]]] = {}
    for name, label, official in images:
        grouped.setdefault(name, []).append((label, official))
    patients = [
        Patient(name, tuple(label for label, _ in group), frozenset(split for _, split in group if split))
        for name, group in grouped.items()
    ]
    splits = {} if mode == "draw" else keep_official(patients)
    splits |= draw_splits([patient for patient in patients if patient.name not in splits], shares, seed)
    if mode == "carve":
        train = [patient for patient in patients if patient.official and splits[patient.name] == "train"]
        splits |= draw_splits(train, {split: share for split, share in shares.items() if split != "test"}, seed)
    divided = [patient.name for patient in patients if len(patient.official) > 1]
    if mode == "draw" or not divided:
        return splits, []
    several = f"{len(divided)} patients are in several official splits ({', '.join(divided[:5])})"
    return splits, [f"{several}; all images of each went to the one that must stay unseen: test, then validation"]


def keep_official(patients: Sequence[Patient]) -> dict[str, str]:
    """Official split by patient; a patient in several goes to the one that must stay unseen: test, then validation.

    Args:
        patients: All patients; those without an official split get none.
    """
    return {p.name: max(p.official, key=SPLITS.index) for p in patients if p.official}


def draw_splits(patients: Sequence[Patient], shares: Mapping[str, float], seed: int) -> dict[str, str]:
    """Split by patient, so that images of every class come close to the shares in every split.

    Patients are grouped by their rarest class and put in an order that follows from the seed and their names only.
    Each goes to the split that is furthest behind its share of the group's images so far, then of all images.

    Args:
        patients: Patients to be placed.
        shares: Share of the images by split; normalised to sum to one.
        seed: Random seed for the order of the patients.
    """
    total = sum(shares.values())
    wanted = {split: shares[split] / total for split in SPLITS if shares.get(split, 0) > 0}
    classes = Counter(label for patient in patients for label in patient.labels)
    groups: dict[str, list[Patient]] = {}
    for patient in sorted(patients, key=lambda patient: _order(patient.name, seed)):
        groups.setdefault(min(patient.labels, key=lambda label: (classes[label], label)), []).append(patient)
    chosen: dict[str, str] = {}
    overall: Counter[str] = Counter()
    for group in sorted(groups, key=lambda label: (classes[label], label)):
        inside: Counter[str] = Counter()
        for patient in groups[group]:
            images = len(patient.labels)
            # Rounded so that equal deficits tie, and ties go to the first split, on every machine.
            behind = {
                split: round(_deficit(inside, split, share, images) + _deficit(overall, split, share, images) / 2, 9)
                for split, share in wanted.items()
            }
            chosen[patient.name] = max(wanted, key=lambda split: behind[split])
            inside[chosen[patient.name]] += images
            overall[chosen[patient.name]] += images
    return chosen


def _deficit(counts: Counter[str], split: str, share: float, images: int) -> float:
    return (counts.total() + images) * share - counts[split]


def _order(name: str, seed: int) -> tuple[int, str]:
    number = int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little")
    return int(draw_u64(seed, "split", number)), name
