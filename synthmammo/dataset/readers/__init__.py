"""Readers of shards, one module per format; `Dataset` is what others use."""
