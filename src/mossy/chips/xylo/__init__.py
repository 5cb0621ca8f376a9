"""Xylo: the digital spiking cores of Xylo Audio 2, Audio 3 and IMU."""
