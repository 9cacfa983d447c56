"""Readers, and a writer, of the model files that published StyleGAN2 implementations make."""
