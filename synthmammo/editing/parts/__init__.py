"""Parts of a model's images: found, kept beside the model, used as edits."""
