"""The rows of a plan become samples, and samples become a dataset."""
