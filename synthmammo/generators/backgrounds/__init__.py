"""Kinds of backgrounds: what a recipe says of each, what it needs, offers and lacks, and how it is opened."""
