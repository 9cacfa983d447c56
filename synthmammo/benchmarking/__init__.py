"""What synthetic data does for networks that are tested on real images."""
