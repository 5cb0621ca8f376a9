"""A conventional processor."""
