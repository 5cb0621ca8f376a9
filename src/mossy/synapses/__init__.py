"""How synapses are kept: rows of packed words, or a convolution's kernel."""
