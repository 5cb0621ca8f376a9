"""Handwritten digits on 8x8 pixels: a spiking network small enough for any chip."""
