"""What writes documentation, cards and pictures: `python -m tools.NAME`."""
