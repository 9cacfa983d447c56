"""Trained models: their files and names, the zoo, published formats, networks and latents."""
