"""Pictures of what a model makes and how it can be edited."""
