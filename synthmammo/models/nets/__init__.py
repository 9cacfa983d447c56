"""Networks as plain PyTorch modules: what they compute, nothing of files, training or images."""
