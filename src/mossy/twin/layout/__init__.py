"""A program laid out for compiled loops: flat tables, layers, blocks, and fields of registers."""
