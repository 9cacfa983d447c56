"""Kinds of lesions: what a recipe says of each, what it needs, and how it is opened to put on and to take off."""
