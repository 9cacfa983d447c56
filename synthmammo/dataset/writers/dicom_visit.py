"""What a worklist shows of a study beside its patient: dates, numbers, descriptions, and the age of nobody.

No record says when an image was made, and a build must give the same bytes tomorrow. So date and age follow from the
patient's pseudonym by a hash: they tell studies apart in a list and mean nothing.
"""

from __future__ import annotations

import hashlib
from datetime import date, timedelta

FIRST_DAY, DAYS = date(2000, 1, 1), 366
"""The days that studies are dated with: those of the year 2000."""

OPENS, MINUTES = 8, 600
"""The hour from which studies begin, and the minutes over which they are spread."""

AGE_BANDS = (40, 45, 50, 55, 60, 65, 70)
"""Youngest ages of the bands of five years that synthetic patients are of, each as likely: those of screening."""

SERIES = {"image": "Mammograms", "segmentation": "Findings as masks", "report": "Findings as a report"}
"""Descriptions of the series of a study."""


def date_and_time(person: str) -> tuple[str, str]:
    """Date (YYYYMMDD) and time (HHMMSS) of a patient's study.

    Args:
        person: Pseudonym of the patient.
    """
    day = FIRST_DAY + timedelta(_drawn("day", person, DAYS))
    hour, minute = divmod(_drawn("minute", person, MINUTES), 60)
    return day.strftime("%Y%m%d"), f"{OPENS + hour:02d}{minute:02d}00"


def age_band(person: str) -> str:
    """Age of a synthetic patient, as the middle of a band of five years, e.g. "052Y" for 50 to 54.

    Args:
        person: Pseudonym of the patient.
    """
    return f"{AGE_BANDS[_drawn('age', person, len(AGE_BANDS))] + 2:03d}Y"


def accession_number(study: str) -> str:
    """Accession number of a study: SM and twelve digits.

    Args:
        study: Study Instance UID.
    """
    return f"SM{_drawn('accession', study, 10**12):012d}"


def study_description(*, real: bool) -> str:
    """Description of a study, the same for all images of a patient.

    Args:
        real: Whether the backgrounds are real mammograms.
    """
    return "Mammography, de-identified, for research" if real else "Synthetic mammography, for research"


def _drawn(what: str, of: str, below: int) -> int:
    return int.from_bytes(hashlib.blake2b(f"{what} {of}".encode(), digest_size=8).digest(), "big") % below
