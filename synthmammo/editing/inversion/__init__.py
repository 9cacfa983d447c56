"""Real images become latents of a model."""
