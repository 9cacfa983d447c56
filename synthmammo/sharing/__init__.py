"""Datasets and models leave this machine."""
