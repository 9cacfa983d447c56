"""All readers by name."""

from __future__ import annotations

from tools.fuzz import archives, models, pictures, tables

READERS = {reader.name: reader for part in (pictures, models, tables, archives) for reader in part.readers()}
