"""Checks of the numbers that say how large a network is."""

from __future__ import annotations


def require_positive(config: object, *names: str) -> None:
    """Refuse sizes and counts that no network can have.

    Args:
        config: Shape of a network.
        names: Names of the attributes that must be at least 1.

    Raises:
        ValueError: One is less; names it.
    """
    for name in names:
        if getattr(config, name) < 1:
            raise ValueError(f"{name}: expected at least 1, got {getattr(config, name)}")
