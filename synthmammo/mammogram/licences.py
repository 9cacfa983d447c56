"""What a licence lets one do with images and weights, as one of three words that files keep and programs decide by."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Terms(StrEnum):
    """What may be done with something; the later, the less."""

    OPEN = "open"
    """Anybody may pass it on, and what is made from it, for any purpose."""
    NON_COMMERCIAL = "non-commercial"
    """Anybody may pass it on, and what is made from it, but not for profit."""
    RESTRICTED = "restricted"
    """Not everybody may, or nobody knows."""


_OPEN = (
    *("cc0-1.0", "pddl", "pddl-1.0", "odc-by", "odc-by-1.0", "odbl", "odbl-1.0", "unlicense"),
    *(f"cc-by{share}-{version}" for share in ("", "-sa") for version in ("1.0", "2.0", "2.5", "3.0", "4.0")),
    *("cdla-permissive-1.0", "cdla-permissive-2.0", "cdla-sharing-1.0"),
    *("apache-2.0", "mit", "bsd", "bsd-2-clause", "bsd-3-clause", "isc"),
)
_NON_COMMERCIAL = tuple(f"cc-by-nc{share}-{version}" for share in ("", "-sa") for version in ("2.0", "3.0", "4.0"))

_BY_LICENCE = dict.fromkeys(_OPEN, Terms.OPEN) | dict.fromkeys(_NON_COMMERCIAL, Terms.NON_COMMERCIAL)
"""Terms by identifier, in small letters. Licences that forbid derivatives are none of them: all that is made is one."""


def terms_of(licence: str) -> Terms:
    """What a licence allows; one that is not known by its whole name is restricted.

    Args:
        licence: Licence as an SPDX identifier or as the Hugging Face Hub names it.

    Example:
        >>> [str(terms_of(name)) for name in ("CC-BY-3.0", "cc-by-nc-4.0", "mit, but ask first")]
        ['open', 'non-commercial', 'restricted']
    """
    return _BY_LICENCE.get(licence.strip().lower(), Terms.RESTRICTED)


def stated_terms(text: str) -> Terms:
    """Terms as a file states them; what is none of the three words is restricted.

    Args:
        text: Word of a file, which anybody may have written.
    """
    return Terms(text) if text in tuple(Terms) else Terms.RESTRICTED


def narrowest(terms: Iterable[Terms]) -> Terms:
    """The terms that allow least; open where there are none, as for a work without sources."""
    return max(terms, key=list(Terms).index, default=Terms.OPEN)
