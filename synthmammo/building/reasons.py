"""Reasons of samples that are planned and not made, which others ask for by name."""

from __future__ import annotations

LEFT_OUT = "left out, as the recipe says (quality.without)"
"""Reason of a sample that is planned and not wanted."""
