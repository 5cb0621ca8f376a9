"""The checked graph of a network: nodes, shapes, order, text form, NIR files, float reference."""
