"""Run SpiNNaker1 networks on sPyNNaker's released ARM code, in the emulator Unicorn.

    .oracles/spynnaker_binary/bin/python -m tests.oracles.run_spynnaker_binary IN.npz OUT.npz

(from the root of the checkout). The image is IF_curr_exp.aplx of the wheel sPyNNaker 1!7.4.1, as
compiled by its makers; nothing of it is changed. A core is the image in its memories (code at 0,
data at 0x400000) and the structures that its initialisers would allocate, written here. Then these
routines run whole, each called as the image itself calls it:

    0x16b4  neuron parameters and synapse parameters as the host sends them -> registers
    0x0c08  one synaptic row: (time, colour, colour mask, row, write-back flag)
    0x2928  ring buffers of this step -> synaptic currents; clears them: (first entry)
    0x220c  one step of every neuron: (time)

Around them this program does what the network of the chip does: a spike of step t hands the rows of
its targets to their cores in step t, after the neurons' step. Addresses hold for the image with the
digest below, which is checked. A core has no routing key, so it sends no packets; spikes are read
where the code records them.
"""

from __future__ import annotations

import hashlib
import struct
import sys
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

# The emulator lives in an environment of its own and ships no types.
from unicorn import UC_ARCH_ARM, UC_MODE_ARM, Uc  # type: ignore[import-not-found]
from unicorn.arm_const import (  # type: ignore[import-not-found]
    UC_ARM_REG_LR,
    UC_ARM_REG_R0,
    UC_ARM_REG_R1,
    UC_ARM_REG_R2,
    UC_ARM_REG_R3,
    UC_ARM_REG_SP,
    UC_CPU_ARM_946,
)

from tests.oracles.spinnaker1_exchange import (
    INPUT,
    SLOTS,
    Connection,
    Ints,
    Network,
    Population,
    Trace,
    load_networks,
    save_traces,
)
from tests.oracles.spinnaker1_host import (
    load_parameters,
    save_registers,
)

IMAGE = "spynnaker/pyNN/model_binaries/IF_curr_exp.aplx"
DIGEST = "acd257c9da6fa23c8995a080aeadd591182716cc0f8b6f2b26a1fbbdc15bc556"
LOAD, ROW, INPUTS, STEP = 0x16B4, 0x0C08, 0x2928, 0x220C
NEURONS_AT, SYNAPSES_AT = 0x400168, 0x400114  # the image's own variables of these two parts
COLOURS = 0xF
STOP, STACK, HEAP = 0x00100000, 0x00208000, 0x60000000
NEVER = 0xFFFFFFFF  # a recording rate
ARGUMENTS = (UC_ARM_REG_R0, UC_ARM_REG_R1, UC_ARM_REG_R2, UC_ARM_REG_R3)


def image() -> bytes:
    """Return the released image. Raises RuntimeError where it is another one."""
    path = Path(str(distribution("sPyNNaker").locate_file(IMAGE)))
    data = path.read_bytes()
    found = hashlib.sha256(data).hexdigest()
    if found != DIGEST:
        raise RuntimeError(f"{path} has sha256 {found}; the addresses here are of {DIGEST}")
    return data


class Core:
    """An ARM968 with the image in its memories, and a heap that only grows."""

    def __init__(self, data: bytes) -> None:
        self.uc = Uc(UC_ARCH_ARM, UC_MODE_ARM)
        self.uc.ctl_set_cpu_model(UC_CPU_ARM_946)  # the same ARMv5TE core; 968 is not on offer
        for start, size in ((0, 0x8000), (0x400000, 0x10000), (STOP, 0x1000),
                            (0x200000, 0x10000), (HEAP, 0x200000)):  # fmt: skip
            self.uc.mem_map(start, size)
        self._load(data)
        self.free = HEAP

    def _load(self, data: bytes) -> None:
        """Do what the image's header asks: copy (2), fill (3), start (4)."""
        at = 0
        while True:
            command, a, b, c = struct.unpack_from("<4I", data, at)
            if command == 2:
                self.uc.mem_write(a, data[at + b : at + b + c])
            elif command == 3:
                self.uc.mem_write(a, struct.pack("<I", c) * (b // 4))
            else:
                return
            at += 16

    def put(self, values: NDArray[Any] | list[int], kind: str = "<u4") -> int:
        """Store numbers on the heap and return their address."""
        data = (np.asarray(values, np.int64) & NEVER).astype("<u8").astype(kind).tobytes()
        at, self.free = self.free, self.free + (len(data) + 7 & ~7)
        self.uc.mem_write(at, data)
        return at

    def poke(self, at: int, value: int) -> None:
        """Write one word."""
        self.uc.mem_write(at, struct.pack("<I", value & NEVER))

    def peek(self, at: int, count: int, kind: str = "<i4") -> Ints:
        """Read `count` numbers."""
        size = count * np.dtype(kind).itemsize
        return np.frombuffer(bytes(self.uc.mem_read(at, size)), kind).astype(np.int64)

    def call(self, routine: int, *arguments: int, stacked: int = 0) -> None:
        """Call a routine; `stacked` is its fifth argument. Raises UcError for a bad access."""
        for register, value in zip(ARGUMENTS, arguments, strict=False):
            self.uc.reg_write(register, value & NEVER)
        self.poke(STACK, stacked)
        self.uc.reg_write(UC_ARM_REG_SP, STACK)
        self.uc.reg_write(UC_ARM_REG_LR, STOP)
        self.uc.emu_start(routine, STOP)


class Neurons:
    """A core that holds one population."""

    def __init__(self, data: bytes, population: Population) -> None:
        self.n = len(population["v"])
        self.index_bits = max(1, (self.n - 1).bit_length())
        self.population = population
        self.core = Core(data)
        self._write_neurons()
        self._write_synapses()

    def _write_neurons(self) -> None:
        core, p, n = self.core, self.population, self.n
        fields = ("v", "v_rest", "r", "exp_tc", "i_offset", "wait", "v_reset", "refract")
        self.neurons = core.put(np.stack([p[k] for k in fields], 1))  # type: ignore[literal-required]
        fields = ("exc_decay", "exc_init", "exc", "inh_decay", "inh_init", "inh")  # type: ignore[assignment]
        self.currents = core.put(np.stack([p[k] for k in fields], 1))  # type: ignore[literal-required]
        index = core.put(np.arange(n), "<u2")
        values = [core.put(np.zeros(n)) for _ in range(3)]
        self.bits = core.put(np.zeros(n // 32 + 1))
        words = {
            0x00: core.put([0, NEVER, 0, 0, 0, 0] * 3),  # recordings: never due
            0x04: core.put(values),
            0x08: core.put([index] * 3),
            0x0C: core.put([NEVER, 0, 0, 0, 0, 0]),
            0x10: core.put([self.bits]),
            0x14: core.put([index]),
            0x4C: 1,  # sub-steps of a step
            0x50: self.neurons,
            0x54: self.currents,
            0x58: core.put(p["v_thresh"]),
            0x5C: n,
            0x74: 1 << self.index_bits,
            0x78: 2,
            0x7C: COLOURS,
            0x80: core.put([p["exc_shift"], p["inh_shift"]]),
        }
        for offset, value in words.items():
            core.poke(NEURONS_AT + offset, value)

    def _write_synapses(self) -> None:
        low = self.index_bits + 1
        size = SLOTS << low
        self.ring = self.core.put(np.zeros(size), "<u2")
        words = {
            0x00: self.n,
            0x04: 2,
            0x0C: low,
            0x10: (1 << low) - 1,
            0x28: SLOTS - 1,
            0x2C: (SLOTS - 1) << low,
            0x30: 1 << self.index_bits,
            0x34: size,
            0x38: size - 1,
            0x3C: self.ring,
        }
        for offset, value in words.items():
            self.core.poke(SYNAPSES_AT + offset, value)
        self.flag = self.core.put([0])

    def row(self, weight: Ints, delay: Ints) -> int:
        """Store the synapses of one source and return the row's address."""
        (targets,) = np.nonzero(weight)
        w, d = weight[targets], delay[targets] + 1
        words = (
            abs(w) << 16 | d << (self.index_bits + 1) | (w < 0) << self.index_bits | targets
        )  # the header: no plastic synapses, so many fixed ones
        return self.core.put([0, len(words), 0, *words.tolist()])

    def receive(self, t: int, row: int) -> None:
        """Work off the packet of a spike of step `t`."""
        self.core.call(ROW, t, t & COLOURS, COLOURS, row, stacked=self.flag)

    def step(self, t: int, trace: Trace) -> None:
        """Advance by one step and write it down."""
        core, low, n = self.core, self.index_bits + 1, self.n
        slot = self.ring + 2 * ((t & (SLOTS - 1)) << low)
        if len(self.population["drive"]):
            for k in range(2):
                at = slot + 2 * (k << self.index_bits)
                extra = self.population["drive"][t, :, k]
                core.uc.mem_write(at, (core.peek(at, n, "<u2") + extra).astype("<u2").tobytes())
        for k, column in enumerate((trace.sum_exc, trace.sum_inh)):
            column[t] = core.peek(slot + 2 * (k << self.index_bits), n, "<u2")
        core.uc.mem_write(self.bits, bytes(4 * (n // 32 + 1)))
        core.call(INPUTS, slot)
        core.call(STEP, t)
        neurons = core.peek(self.neurons, 8 * n).reshape(n, 8)
        currents = core.peek(self.currents, 6 * n).reshape(n, 6)
        trace.v[t], trace.wait[t] = neurons[:, 0], neurons[:, 5]
        trace.exc[t], trace.inh[t] = currents[:, 2], currents[:, 5]
        bits = core.peek(self.bits, 4 * (n // 32 + 1), "<u1").astype(np.uint8)
        trace.spikes[t] = np.unpackbits(bits, bitorder="little")[:n]


def run(network: Network, data: bytes) -> list[Trace]:
    """Return ring buffer entries, registers and spikes of every population."""
    steps = len(network["x"])
    cores = [Neurons(data, p) for p in network["populations"]]
    traces = [
        Trace(*(np.zeros((steps, core.n), np.int64) for _ in Trace._fields)) for core in cores
    ]
    spikes = {INPUT: network["x"]} | {p: trace.spikes for p, trace in enumerate(traces)}
    rows = [(c, _rows(c, cores[c["dst"]])) for c in network["connections"]]
    for t in range(steps):
        for core, trace in zip(cores, traces, strict=True):
            core.step(t, trace)
        for connection, row in rows:
            for k in np.flatnonzero(spikes[connection["src"]][t]):
                cores[connection["dst"]].receive(t, row[k])
    return traces


def _rows(connection: Connection, target: Neurons) -> list[int]:
    pairs = zip(connection["weight"], connection["delay"], strict=True)
    return [target.row(weight, delay) for weight, delay in pairs]


def registers(parameters: Ints, data: bytes) -> Ints:
    """Return the registers (n, 14) that the image computes from parameters (n, 15) of a host.

    Columns of both: spinnaker1_host.py.
    """
    n, core = len(parameters), Core(data)
    neurons, thresholds, currents = core.put(np.zeros(8 * n)), core.put(np.zeros(n)), 0
    currents = core.put(np.zeros(6 * n))
    for offset, value in ((0x50, neurons), (0x54, currents), (0x58, thresholds), (0x5C, n)):
        core.poke(NEURONS_AT + offset, value)
    region = core.put(
        np.concatenate(
            [[1], parameters[:, :9].ravel(), parameters[:, 9], parameters[:, 10:15].ravel()]
        )
    )
    core.call(LOAD, region, n, 0)
    return np.hstack(
        [core.peek(neurons, 8 * n).reshape(n, 8), core.peek(currents, 6 * n, "<u4").reshape(n, 6)]
    )


def main(source: str, target: str) -> None:
    """Read networks, or parameters of neurons, from `source`; write what became of them."""
    data, given = image(), load_parameters(Path(source))
    if given is not None:
        save_registers(Path(target), registers(given, data))
    else:
        save_traces(Path(target), [run(network, data) for network in load_networks(Path(source))])


if __name__ == "__main__":
    main(*sys.argv[1:])
