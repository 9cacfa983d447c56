"""Measurements: `python -m benchmarks.NAME` prints the numbers that README, docs and cards quote."""
