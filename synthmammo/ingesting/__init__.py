"""Archives of real mammograms become datasets."""
