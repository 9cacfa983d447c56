"""Interchangeable writers of shards."""
