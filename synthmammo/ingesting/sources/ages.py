"""Ages of patients, kept in bands: a year of birth would help to tell who somebody is."""

from __future__ import annotations

_BANDS = ((40, "below 40"), (50, "40 to 49"), (60, "50 to 59"), (70, "60 to 69"), (80, "70 to 79"))


def age_band(years: float | None) -> str | None:
    """The band of an age, e.g. "50 to 59"; None for an age that is not known, or none of a living person.

    Args:
        years: Age in years.
    """
    if years is None or not 0 < years < 130:
        return None
    return next((band for end, band in _BANDS if years < end), "80 or more")
