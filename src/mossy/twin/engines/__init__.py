"""Engines: `reference` walks packets in plain Python, the arbiter; `fast` runs flat arrays."""
