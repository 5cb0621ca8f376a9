"""Engines: `reference` walks packets in plain Python and is the arbiter, `fast` runs flat arrays."""
