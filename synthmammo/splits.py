"""Which split a patient goes to: never divided, and in the wanted shares for each class."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from synthmammo.identity import draw_u64

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class Patient:
    """What is known of a patient before splitting.

    Attributes:
        name: Pseudonym.
        labels: Class of each of the patient's images.
        official: Splits that the archive gives the images; empty where it gives none.
    """

    name: str
    labels: tuple[str, ...]
    official: frozenset[str] = frozenset()


def keep_official(patients: Sequence[Patient]) -> dict[str, str]:
    """Official split by patient; a patient in several goes to the one that must stay unseen: test, then validation."""
    return {p.name: max(p.official, key=SPLITS.index) for p in patients if p.official}


def draw_splits(patients: Sequence[Patient], shares: Mapping[str, float], seed: int) -> dict[str, str]:
    """Split by patient, so that images of every class come close to the shares in every split.

    Patients are grouped by their rarest class and put in an order that follows from the seed and their names only.
    Each goes to the split that is furthest behind its share of the group's images so far, then of all images.

    Args:
        patients: Everyone to be placed.
        shares: Share of the images by split; normalised to sum to one.
        seed: Seed of the order.
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
