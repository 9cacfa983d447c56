"""Interchangeable makers of backgrounds and lesions."""
