"""Classification: real images against mixtures with synthetic ones."""
