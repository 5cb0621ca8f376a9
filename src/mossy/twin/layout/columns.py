"""Columns of the tables that compiled loops read: of blocks, parts, noise and recorded fields."""

from __future__ import annotations

START, WORDS, SUMS, SENT, FIRST, SIZE, PARTS, PARTS_END, USED, FEWS = range(10)  # of a block
# of a part: LO .. HI are the band's neurons that are swept
SWEEP, TABLE, LO, HI, OFFSET, X0, X1, NOISE, NOISE_END, FIELDS, FIELDS_END = range(11)
(
    SEED, ELEMENT, WEIGHT, PLANE, KIND, KINDS, RATES, GUIDES, BORDERS, BORDER, MOST, REST, RESTS,
) = range(13)  # fmt: skip
FROM, BYTES, TO, ROW, STEP, MANY = range(6)  # of a recorded field
