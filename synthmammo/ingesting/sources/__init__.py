"""Interchangeable readers of real archives."""
