"""Which patients a model saw: salted digests of their pseudonyms, so that a withdrawn patient can be asked for.

A text of groups between spaces, each `SALT:DIGEST,DIGEST,...`; `?` stands for patients that are not known, and `-` for
nobody. The salt keeps the digests of two models from being compared; who knows a pseudonym can ask for it, and who can
guess one too: pseudonyms of public archives are no secret.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

UNKNOWN, NOBODY = "?", "-"
_LENGTH = 16


def salted(patients: Iterable[str], salt: str) -> str:
    """One group of patients; empty for none.

    Args:
        patients: Pseudonyms.
        salt: Text that goes into every digest, e.g. the digest of the dataset.
    """
    short = hashlib.sha256(salt.encode()).hexdigest()[:_LENGTH]
    digests = sorted({_digest(short, patient) for patient in patients})
    return f"{short}:{','.join(digests)}" if digests else ""


def joined(*groups: str) -> str:
    """Several texts of groups as one, without repeats."""
    return " ".join(dict.fromkeys(part for group in groups for part in group.split()))


def saw(groups: str, patient: str) -> bool | None:
    """Whether a patient is among those of the groups; None where some are not known and the others are not this one."""
    parts = groups.split()
    for part in parts:
        salt, _, digests = part.partition(":")
        if _digest(salt, patient) in digests.split(","):
            return True
    return None if UNKNOWN in parts or not parts else False


def count_patients(groups: str) -> int:
    """Number of patients that are known; one who is in two groups counts twice."""
    return sum(len(part.split(",")) for part in groups.split() if ":" in part)


def _digest(salt: str, patient: str) -> str:
    return hashlib.sha256(f"{salt}/{patient}".encode()).hexdigest()[:_LENGTH]
