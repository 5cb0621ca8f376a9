"""The numbers of the chip's fixed point: s16.15 for potentials, u0.32 for what decays."""

from mossy.chips.facts import Facts

MODEL = "if_curr_exp.fixed"
ONE = 1 << 15  # of s16.15
FULL = 1 << 32  # of u0.32
SLOWEST = (ONE - 1) / ONE  # largest factor that a potential can keep from step to step
UNDERFLOW = 340695  # beyond this exponent, in s16.15, the chip's exponential is 0
DEEPEST = 15  # left shift with which a full ring buffer entry still is a positive number


def rounding(facts: Facts) -> tuple[int]:
    """Return how a membrane's products are rounded: (0,) down, (1,) to the nearest."""
    return (int(float(facts["membrane_rounding"]) != 0),)
