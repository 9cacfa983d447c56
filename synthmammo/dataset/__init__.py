"""A dataset directory: written, read, described and checked."""
