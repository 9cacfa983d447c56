"""Directions of a model's latents: found, kept beside the model, used as edits."""
