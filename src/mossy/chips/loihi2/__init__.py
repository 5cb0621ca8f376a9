"""Loihi 2."""
