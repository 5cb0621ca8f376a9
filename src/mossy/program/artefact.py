"""The types of a compiled program.

    Program
    ├── populations   what each population of the network became, and how to read it back
    ├── cores         one CoreImage each: parameters, synapse memory, memory map, key block
    └── tables        routing entries per chip, in matching order (multicast chips only)

Time inside a program is counted in steps. A spike emitted at step t through a synapse whose delay
field says d arrives at step t + latency + d, where `latency` is the chip's own (1 on chips, 0 on a
processor that evaluates layers in order).
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mossy.network.recipe import Draw as Draw
from mossy.network.recipe import Noise as Noise
from mossy.network.recipe import Recipe as Recipe
from mossy.program.machine import Machine as Machine
from mossy.program.machine import Place as Place

FORMAT = 4  # version of the program file; see docs/decisions
# how packets travel: by tables of routers, or one to each core that a neuron ("axons") or any of
# its core ("core_to_core", addressed to chip and core) has synapses on; "none": nothing is sent
Routing = Literal["multicast", "core_to_core", "axons", "none"]
LINKED = ("multicast", "core_to_core")  # where packets are followed from chip to chip, link by link


@dataclass(frozen=True)
class WordFormat:
    """How a synapse is packed: weight | delay | type | index, from high bits to low.

    coding: "magnitude" (sign in the type bit: 1 = inhibitory), "signed" (two's complement) or
    "float32" (the bits of the float).
    """

    bits: int
    weight: int
    delay: int
    type: int
    index: int
    coding: Literal["magnitude", "signed", "float32"]

    def __post_init__(self) -> None:
        if self.weight + self.delay + self.type + self.index > self.bits:
            raise ValueError(f"fields are wider than the word: {self}")

    @property
    def dtype(self) -> np.dtype[Any]:
        """The unsigned integer type that holds one word."""
        return np.dtype(f"uint{self.bits}")


@dataclass(frozen=True)
class Block:
    """A named range of memory, in bytes.

    memory: "data" (the core's own), "code" (as well, but no data), or "shared" (of its chip, where
    addresses begin at 0).
    """

    name: str
    address: int
    size: int
    memory: Literal["data", "code", "shared"] = "data"


@dataclass(frozen=True)
class RowTable:
    """Master population table entry: packets with `packet & mask == key` are from one source slice.

    kind "rows": neuron k of the slice owns row `first + k`. kind "kernel": neuron k of the slice
    is element `first + k` of the source population, and `kernel` names the convolution. kind
    "recipe": the same with one of the core's recipes, expanded when the core is loaded. A weight
    field w counts `w << shift`. receptor: which input of the neuron it reaches, where the model's
    inputs are parted by type. stride: bytes from row to row in the chip's shared memory, all of
    which a core fetches for a packet; 0 where rows lie in the core's own.
    """

    key: int
    mask: int
    kind: Literal["rows", "kernel", "recipe"]
    first: int
    kernel: int = 0
    shift: int = 0
    receptor: int = 0
    stride: int = 0


@dataclass(frozen=True, eq=False)
class Kernel:
    """A 2-D convolution kept as its kernel. weight: (c_out, c_in, k_y, k_x), integers.

    The input is first sum-pooled with `pool` (window = stride). Only the output channels that the
    core needs are kept; its neuron 0 is element `lo` of the flattened (c_out, y, x) map. `delay`
    is the delay field of all its synapses.
    """

    weight: NDArray[Any]
    in_shape: tuple[int, int, int]
    out_shape: tuple[int, int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    pool: tuple[int, int]
    lo: int
    delay: int


@dataclass(frozen=True, eq=False)
class Axon:
    """Unicast fan-out to core `target`. neurons: (n,) which neurons of the core send there."""

    target: int
    neurons: NDArray[np.bool_]


@dataclass(frozen=True)
class Route:
    """One routing entry of a chip. links: 0..5; cores: core numbers on this chip.

    It takes packets with `packet & mask == key`. The first entry of a table that takes a packet
    counts; only in tables that had to be made very short can more than one.
    """

    key: int
    mask: int
    links: tuple[int, ...]
    cores: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class CoreImage:
    """Everything one core is loaded with.

    Neuron k (0 <= k < hi - lo) is element lo + k of `population` and sends packet `key + k`.
    params, state: structured arrays (n,) of the neuron model's types.
    place: None for what stays on the host. row_start: (rows + 1,) word offsets; words: packed
    synapses. recipes: of whole populations, of which the core keeps the synapses of its own
    neurons. noise: mean (n,) of its own neurons.
    """

    number: int
    place: Place | None
    population: str
    role: Literal["source", "neurons"]
    lo: int
    hi: int
    key: int
    model: str
    fmt: tuple[int, ...]
    params: NDArray[Any]
    state: NDArray[Any]
    word_format: WordFormat
    tables: tuple[RowTable, ...]
    row_start: NDArray[np.int64]
    words: NDArray[Any]
    kernels: tuple[Kernel, ...]
    axons: tuple[Axon, ...]
    memory: tuple[Block, ...]
    recipes: tuple[Recipe, ...] = ()
    noise: tuple[Noise, ...] = ()

    @property
    def n(self) -> int:
        """Number of neurons (or source channels) on the core."""
        return self.hi - self.lo

    @property
    def data_bytes(self) -> int:
        """Bytes of data in the core's own memory."""
        return sum(b.size for b in self.memory if b.memory == "data")

    @property
    def fetches(self) -> bool:
        """Whether the core fetches a row from shared memory for every packet."""
        return any(t.stride for t in self.tables)


@dataclass(frozen=True, eq=False)
class PopulationMap:
    """What a population of the network became.

    lag: steps by which its activity trails the float reference. v_scale: (n,) register units per
    network unit of potential. sends: "spikes" (a number is how many packets), "values" (one packet
    carries a number, sent_scale units per network unit) or, from inputs only, "currents" (whole
    numbers are spikes, floats are values).
    """

    name: str
    shape: tuple[int, ...]
    role: Literal["source", "neurons"]
    lag: int
    readout: Literal["spikes", "potential"]
    sends: Literal["spikes", "values", "currents"]
    sent_scale: float
    cores: tuple[int, ...]
    v_scale: NDArray[np.float64]
    v_shift: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Program:
    """A network compiled for a chip.

    dt: seconds of model time per step. tick: seconds of real time per step where the chip runs on
    a fixed timer, else None. latency: steps from emission to arrival with delay field 0.
    outputs, inputs: node name -> population name. tables: by "x,y" of a chip of `machine`. notes:
    what the compiler changed or could not keep, for the user to read.
    """

    chip: str
    network: str
    network_hash: str
    dt: float
    integrator: str
    reset: str
    tick: float | None
    latency: int
    routing: Routing
    inputs: dict[str, str]
    outputs: dict[str, str]
    populations: tuple[PopulationMap, ...]
    cores: tuple[CoreImage, ...]
    tables: dict[str, tuple[Route, ...]]
    machine: Machine
    options: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    version: str = ""
    format: int = FORMAT

    def population(self, name: str) -> PopulationMap:
        """Return the population called `name`. Raises KeyError."""
        return next(p for p in self.populations if p.name == name)

    @property
    def max_lag(self) -> int:
        """Steps that must be run after the last input for every output to have followed it."""
        names = set(self.outputs.values())
        return max((p.lag for p in self.populations if p.name in names), default=0)

    def run(self, x: Any, **options: Any) -> Any:
        """Run the program on the chip's twin; see `mossy.twin.run`."""
        from mossy import twin  # the twin reads programs; a program does not need the twin

        return twin.run(self, x, **options)

    def save(self, path: str) -> None:
        """Write the program to a file; see `mossy.program.save`."""
        from mossy.program.file import save

        save(self, path)


def same(a: Any, b: Any) -> bool:
    """Return whether two artefact values are equal, arrays and types included."""
    if type(a) is not type(b):
        return False
    if dataclasses.is_dataclass(a):
        return all(same(getattr(a, f.name), getattr(b, f.name)) for f in dataclasses.fields(a))
    if isinstance(a, np.ndarray):
        return bool(a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes())
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(same(p, q) for p, q in zip(a, b, strict=True))
    return bool(a == b)
