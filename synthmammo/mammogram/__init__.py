"""What one image is, and what is seen on it."""
