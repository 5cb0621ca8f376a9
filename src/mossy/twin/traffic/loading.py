"""Loading: what the host sends before a run, what it reads after it, and how long wires need.

    host --datagrams--> chips with Ethernet --packets, link by link--> cores

Data (parameters, synapses, tables; not what a core works with, such as ring buffers) goes from the
nearest chip with Ethernet to each core in core-to-core packets with the largest payload, along a
shortest way over working links. Code goes once for each kind of core, from chip to neighbouring
chip. What is read back is asked for and answered by memory packets, or core-to-core ones where a
chip has no others. A chip.toml names the facts in its section [loading]:

    ethernet    bits per second            datagram, overhead    bytes in a datagram, and beside it
    code        bytes of the code of a core                      entry    bytes of a routing entry
    shared      bytes per second of the memory that a chip's cores share
    working     blocks of a core's memory that nothing is sent for

The stages (the busiest Ethernet, link and shared memory) work at the same time; the slowest is the
bottleneck and its time that of the whole, the least it can take. High is one stage after another.
No software, no answers that are waited for and nothing sent twice is in it: real loading is slower.
Synapses that a core draws itself from a recipe are not sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mossy.chips.chip import Chip
from mossy.program.artefact import CoreImage, Program
from mossy.program.machine import Spot
from mossy.twin.traffic.formats import Format, format_of, framed
from mossy.twin.traffic.link_facts import KINDS, LinkFacts, kind_of
from mossy.twin.traffic.ways import Tree, reached
from mossy.units import Quantity

ROWS = "synapse rows"  # blocks of that name hold what a recipe draws


@dataclass(frozen=True)
class Stage:
    """A part of the way. where: its busiest place; seconds: None where a fact is not known."""

    name: str
    where: str
    seconds: Quantity | None


@dataclass(frozen=True)
class Transfer:
    """Data between host and cores. data: bytes; packets: by format, as they enter the network."""

    data: int
    datagrams: int
    packets: dict[str, int]
    stages: tuple[Stage, ...]

    @property
    def slowest(self) -> Stage | None:
        """The bottleneck, None where the time of some stage is not known."""
        known = {s.name: s.seconds.value for s in self.stages if s.seconds}
        if len(known) < len(self.stages):
            return None
        return max(self.stages, key=lambda s: known[s.name])

    @property
    def time(self) -> Quantity | None:
        """Seconds of the slowest stage; high: of all, one after another."""
        slowest, each = self.slowest, [s.seconds for s in self.stages if s.seconds]
        if slowest is None or slowest.seconds is None:
            return None
        low, high = max(q.low for q in each), sum(q.high for q in each)
        return Quantity(slowest.seconds.value, "s", low, high)


@dataclass(frozen=True)
class Loading:
    """Before a run: `load`, with code of so many kinds of cores. After it: `back`."""

    load: Transfer
    kinds: int
    code: int
    back: Transfer | None
    assumed: dict[str, str]
    unknown: dict[str, str]


def loading(
    program: Program,
    chip: Chip,
    steps: int = 0,
    recorded: Mapping[str, int] | None = None,
) -> Loading | None:
    """Return what loading a program takes, None on chips that say nothing of it.

    Also None where no chip with Ethernet works or some core cannot be reached from one. steps,
    recorded: of a run, and the bits per neuron and step that are read back, by population.
    """
    if "loading" not in chip.spec:
        return None
    cores = [c for c in program.cores if c.place is not None]
    tree, missing = reached(program.machine, {_spot(c) for c in cores})
    if missing:
        return None
    facts = LinkFacts(chip)
    wires = _Wires(program, facts, tree)
    code = facts.fact(chip.spec["loading"]["code"])
    kinds = len({(c.role, c.model) for c in cores})
    size = int(code.value) if code else 0
    back = _back(wires, cores, steps, recorded) if recorded and steps else None
    load = _load(wires, cores, kinds, size)
    return Loading(load, kinds, size, back, facts.assumed, facts.unknown)


def sent(core: CoreImage, working: Iterable[str]) -> tuple[int, int]:
    """Return the bytes that the host sends for a core: to it, and to its chip's shared memory."""
    own = shared = 0
    for block in core.memory:
        if block.name in working or block.memory == "code":
            continue
        size = block.size
        if core.recipes and block.name.startswith(ROWS):
            size = min(size, core.words.nbytes)
        if block.memory == "shared":
            shared += size
        else:
            own += size
    return own, shared


def _load(wires: _Wires, cores: list[CoreImage], kinds: int, code: int) -> Transfer:
    spec, spots = wires.facts.chip.spec["loading"], {_spot(c): 0 for c in cores}
    entry = wires.facts.fact(spec["entry"])
    tables = {s: len(wires.program.tables.get(f"{s[0]},{s[1]}", ())) for s in spots}
    pieces = [(s, int(n * entry.value)) for s, n in tables.items() if n and entry]
    for core in cores:
        own, shared = sent(core, spec["working"])
        pieces += [(_spot(core), size) for size in (own, shared) if size]
        spots[_spot(core)] += shared
    data, flood = wires.format("core_to_core"), wires.format("nearest_neighbour")
    floods = kinds * -(-code // flood.most)
    stages = [wires.ethernet(pieces, [code] * kinds), wires.link(pieces, data, flood, floods)]
    if any(spots.values()):
        stages.append(wires.shared(spots))
    return Transfer(
        sum(size for _, size in pieces),
        sum(map(wires.datagrams, [size for _, size in pieces] + [code] * kinds)),
        {data.name: sum(-(-n // data.most) for _, n in pieces), flood.name: floods},
        tuple(s for s in stages if s is not None),
    )


def _back(
    wires: _Wires, cores: list[CoreImage], steps: int, recorded: Mapping[str, int]
) -> Transfer | None:
    pieces = [
        (_spot(c), -(-c.n * recorded[c.population] // 8) * steps)
        for c in cores
        if recorded.get(c.population)
    ]
    if not pieces:
        return None
    answer = wires.format("memory", "core_to_core")
    stages = (wires.ethernet(pieces, []), wires.link(pieces, answer))
    return Transfer(
        sum(size for _, size in pieces),
        sum(wires.datagrams(size) for _, size in pieces),
        {answer.name: 2 * sum(-(-n // answer.most) for _, n in pieces)},
        tuple(s for s in stages if s is not None),
    )


Pieces = list[tuple[Spot, int]]  # chip and bytes


class _Wires:
    """Seconds that Ethernet, links and memories need for pieces of data of chips."""

    def __init__(self, program: Program, facts: LinkFacts, tree: Tree) -> None:
        self.program, self.facts, self.tree = program, facts, tree
        spec = facts.chip.spec["loading"]
        room, beside = facts.positive(spec["datagram"]), facts.fact(spec["overhead"])
        assert room is not None and beside is not None
        self.room, self.beside = int(room.value), beside.value

    def format(self, *names: str) -> Format:
        """Return the first of some formats that the chip has."""
        found = (format_of(self.facts, name) for name in names)
        return next(f for f in found if f is not None)

    def datagrams(self, size: int) -> int:
        """Return the datagrams of a piece of data."""
        return -(-size // self.room)

    def ethernet(self, pieces: Pieces, all_roots: list[int]) -> Stage:
        """Return the busiest Ethernet. all_roots: bytes that enter by every one in use."""
        each: dict[Spot, float] = {}
        for spot, size in pieces:
            root = self.tree.root[spot]
            each[root] = each.get(root, 0.0) + size + self.datagrams(size) * self.beside
        every = sum(size + self.datagrams(size) * self.beside for size in all_roots)
        where = max(each, key=lambda s: each[s])
        rate = self.facts.positive(self.facts.chip.spec["loading"]["ethernet"])
        return Stage("Ethernet", _chip(where), _over(8 * (each[where] + every), rate))

    def link(
        self, pieces: Pieces, data: Format, flood: Format | None = None, floods: int = 0
    ) -> Stage | None:
        """Return the busiest link, None where no data leaves the chips with Ethernet."""
        packets: dict[Spot, int] = {}
        for spot, size in pieces:
            packets[spot] = packets.get(spot, 0) + -(-size // data.most)
        found: list[Stage] = []
        most = dict.fromkeys(KINDS, -1)
        for spot in reversed(self.tree.order):
            link, n = self.tree.way[spot], packets.get(spot, 0)
            if link is None or spot not in packets:
                continue
            packets[link[:2]] = packets.get(link[:2], 0) + n
            kind = kind_of(self.program.machine, link)
            if n > most[kind]:
                most[kind] = n
                where = f"{_chip(link[:2])} to ({spot[0]},{spot[1]})"
                found.append(Stage("link", where, self._crossing(kind, n, data, flood, floods)))
        return max(found, key=lambda s: s.seconds.value if s.seconds else 0.0, default=None)

    def shared(self, sizes: dict[Spot, int]) -> Stage:
        """Return the busiest shared memory. sizes: bytes by chip."""
        where = max(sizes, key=lambda s: sizes[s])
        rate = self.facts.positive(self.facts.chip.spec["loading"].get("shared"))
        return Stage("DRAM", _chip(where), _over(sizes[where], rate))

    def _crossing(
        self, kind: str, n: int, data: Format, flood: Format | None, floods: int
    ) -> Quantity | None:
        frame, rate = self.facts.quantity(kind, "frame"), self.facts.quantity(kind, "rate")
        bits = framed(data.bits(8 * data.most), frame).times(n)
        if flood:
            bits += framed(flood.bits(8 * flood.most), frame).times(floods)
        return None if rate is None else _over_q(bits, rate)


def _over(amount: float, rate: Quantity | None) -> Quantity | None:
    return None if rate is None else _over_q(Quantity.exact(amount, ""), rate)


def _over_q(amount: Quantity, rate: Quantity) -> Quantity:
    return Quantity(amount.value / rate.value, "s", amount.low / rate.high, amount.high / rate.low)


def _spot(core: CoreImage) -> Spot:
    assert core.place is not None
    return core.place[:2]


def _chip(spot: Spot) -> str:
    return f"chip ({spot[0]},{spot[1]})"
