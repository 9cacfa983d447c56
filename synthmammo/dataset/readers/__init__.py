"""Readers of shards, one module a format; `Dataset` is what others use."""
