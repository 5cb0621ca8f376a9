"""Formats of packets: what they carry, and how many bits they take on a link.

A chip.toml names the facts in its section [packets]:

    multicast, core_to_core, nearest_neighbour, memory    bits of a packet without payload:
        by key to many cores; to one core of one chip; to the chip behind a link; a read or a write
        of memory anywhere. Chips that lack one name none.
    value       bits of the number that a packet carries where a population sends values
    key         bits of a key, which a core-to-core packet carries too
    payloads    payloads there are, in bits, least first: a packet takes the least that holds it

A link takes a packet in whole frames, where it has frames at all: bits = ceil(bits / frame) frame.
"""

from __future__ import annotations

from dataclasses import dataclass

from mossy.errors import BadInput
from mossy.twin.traffic.asked import Asked
from mossy.units import Quantity


@dataclass(frozen=True)
class Format:
    """One kind of packet. header: bits without payload; payloads: bits, least first."""

    name: str
    header: Quantity
    payloads: tuple[int, ...]

    @property
    def most(self) -> int:
        """Bytes of the largest payload."""
        return self.payloads[-1] // 8

    def bits(self, payload: float = 0.0) -> Quantity:
        """Return the bits of a packet with so many bits to carry. Raises BadInput E0416."""
        room = next((p for p in self.payloads if p >= payload), None)
        if room is None:
            raise BadInput(
                "E0416",
                f"a {self.name.replace('_', ' ')} packet cannot carry so much",
                got=f"{payload:g} bit",
                allowed=", ".join(f"{p} bit" for p in self.payloads),
                hint="assume a value of fewer bits",
            )
        return self.header + Quantity.exact(room, "bit")


def format_of(asked: Asked, name: str) -> Format | None:
    """Return a format of a chip, None where it has none such or nobody knows its bits."""
    spec = asked.chip.spec["packets"]
    header = asked.positive(spec.get(name))
    return Format(name, header, tuple(spec["payloads"])) if header else None


def framed(bits: Quantity, frame: Quantity | None) -> Quantity:
    """Return the bits that a packet takes on a link with such frames."""
    if frame is None:
        return bits
    pairs = ((bits.value, frame.value), (bits.low, frame.low), (bits.high, frame.high))
    value, low, high = (-(-b // f) * f for b, f in pairs)
    return Quantity(value, "bit", low, high)
