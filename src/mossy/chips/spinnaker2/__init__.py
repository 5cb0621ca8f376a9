"""SpiNNaker2."""
