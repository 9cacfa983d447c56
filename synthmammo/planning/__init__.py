"""A recipe becomes a plan: every random draw, one row per sample."""
