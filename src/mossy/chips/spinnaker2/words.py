"""The 16-bit synapse word: weight | delay | type | index, the type being the sign.

The index takes what the most neurons of a core need, 8 bits for the 256 that public networks use;
the delay 3 bits where a population has one; the weight what is left: 7 bits, or 4.
"""

from __future__ import annotations

from mossy.chips.facts import Facts
from mossy.errors import UnsupportedNode
from mossy.program.artefact import WordFormat

BITS, SIGN = 16, 1


def word(facts: Facts, delayed: bool) -> tuple[WordFormat, int]:
    """Return the word and the largest weight. Raises UnsupportedNode E0282 where none is left."""
    index = max(8, (int(facts["neurons_per_core"]) - 1).bit_length())
    delay = int(facts["delay_bits"]) if delayed else 0
    weight = BITS - SIGN - index - delay
    if weight < 1:
        raise UnsupportedNode(
            "E0282",
            "no bits of the synapse word are left for the weight",
            where=f"{facts.chip}, neurons_per_core {int(facts['neurons_per_core'])}",
            got=f"{index} bits of index, {delay} of delay, {SIGN} of sign",
            allowed=f"{BITS - 1} together",
            hint="assume fewer neurons per core, or leave delays out",
        )
    top = min(int(facts["weight_max_delay" if delayed else "weight_max"]), (1 << weight) - 1)
    return WordFormat(BITS, weight, delay, SIGN, index, coding="magnitude"), top
