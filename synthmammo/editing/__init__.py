"""Changing latents between drawing and rendering: directions, parts, style mixing, and inversion of real images."""
