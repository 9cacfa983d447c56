"""Training of models on a dataset: configuration, training set, run directory, scores, objectives."""
