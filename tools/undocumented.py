"""The error of the reference pages."""


class Undocumented(Exception):
    """A command, an option, a recipe key or a public name that has no description."""
