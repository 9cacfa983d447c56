"""`explore`: a model steered by sliders and clicks, a dataset looked through, in a browser of this machine."""
