"""Detection: boxes on whole films, with and without synthetic ones."""
