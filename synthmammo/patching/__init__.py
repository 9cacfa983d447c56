"""Patches cut out of the images of a dataset."""
