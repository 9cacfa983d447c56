"""The tests, in rooms as the package."""
