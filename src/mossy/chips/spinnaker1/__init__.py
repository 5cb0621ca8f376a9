"""SpiNNaker1."""
