"""Generated and damaged files for every reader of this package: `make fuzz`, or `python -m tools.fuzz --help`."""
