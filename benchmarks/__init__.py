"""Measurements: `python -m benchmarks.NAME` prints the numbers that the documentation and the cards quote."""
