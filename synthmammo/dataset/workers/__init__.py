"""Interchangeable ways to run one function over many shards."""
