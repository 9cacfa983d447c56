"""Objectives: one training step each, on networks and batches; they know nothing of files, runs or clocks."""
