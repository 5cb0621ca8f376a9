"""TrueNorth: 4,096 crossbar cores of 256 axons and 256 neurons, one tick per millisecond."""
