"""All readers by name."""

from __future__ import annotations

from tools.fuzz import models, pictures, tables

READERS = {reader.name: reader for part in (pictures, models, tables) for reader in part.readers()}
