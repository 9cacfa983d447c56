"""The memory that a damaged file may take."""

MEMORY = 50 << 20
"""Bytes that refusing a file of a few kilobytes may take at most."""
