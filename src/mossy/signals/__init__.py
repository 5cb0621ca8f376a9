"""Signals into and out of a network: encode arrays, read event files, decode outputs."""

from mossy.signals import decode, encode, events

__all__ = ["decode", "encode", "events"]
