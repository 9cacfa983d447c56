"""What the verb `train` is made of: configuration, training set, run directory, scores, objectives."""
