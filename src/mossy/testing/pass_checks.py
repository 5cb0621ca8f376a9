"""What holds after each pass, judged from its result alone and not by the pass's own books."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from mossy.chips import Chip
from mossy.network.graph import feedback_edges
from mossy.network.nodes import LINEAR, STATEFUL, Delay, Network
from mossy.network.populations import Conv
from mossy.program.artefact import CoreImage, Route
from mossy.program.words import unpack
from mossy.synapses import conv2d
from mossy.testing.checks import expect
from mossy.testing.programs import Compiled, accepted

KEYS = 1 << 32
UNICAST = ("axons", "core_to_core")


def check_lower_keeps_every_neuron(chip: Chip) -> None:
    """lower: populations hold the network's neurons and inputs; projections fit between them."""
    for done in accepted(chip):
        net, made = done.case.network, done.stages.populations
        n = {p.name: p.n for p in made.populations}
        own = [p for p in made.populations if p.name in net.nodes]  # a chip may put in its own
        ends = {*net.inputs, *(k for k, n in net.nodes.items() if isinstance(n, STATEFUL))}
        expect(ends <= {p.name for p in own}, f"{_place(done)}: {ends} became {own}")
        for p in own:
            wanted = int(np.prod(net.shapes[p.node][0], dtype=np.int64))
            expect(p.n == wanted, f"{_place(done)}: {p.name} has {p.n} of {wanted} neurons")
        for j in made.projections:
            shape = _matrix(j.weight).shape
            expect(shape == (n[j.target], n[j.source]), f"{_place(done)}: {j.name} is {shape}")
        feedback = {j.feedback for j in made.projections}
        expect((True in feedback) == bool(feedback_edges(net)), f"{_place(done)}: feedback lost")


def check_align_delivers_in_time(chip: Chip) -> None:
    """align: a spike reaches the next layer when the reference says, lags taken off.

    depth(source) + latency + delay field = depth(target) + delay of the network (+ 1 if feedback)
    """
    for done in accepted(chip):
        depth = {p.name: p.depth for p in done.stages.populations.populations}
        for j in done.stages.populations.projections:
            field = j.delay_source.min(initial=1 << 30) + j.delay_target.min(initial=1 << 30)
            expect(field >= 0, f"{_place(done)}: {j.name} has delay field {field}")
            late = depth[j.source] + chip.latency + field - depth[j.target] - int(j.feedback)
            waits = _waits(done.case.network, j.target, j.source)
            if not {j.source, j.target} <= set(done.case.network.nodes):
                continue  # to or from what the chip put in
            if not (j.feedback and any(j.name in note for note in done.program.notes)):
                expect(late == waits, f"{_place(done)}: {j.name} is {late} steps late, not {waits}")


def check_quantise_fits_its_fields(chip: Chip) -> None:
    """quantise: weights and delays fit the word, and weights are the network's up to rounding."""
    for done in accepted(chip):
        for name, q in done.stages.quantised.items():
            expect((q.v_scale > 0).all(), f"{_place(done)}: {name} has a scale of 0 or less")
            expect(len(q.params) == len(q.state), f"{_place(done)}: {name}: params and state")
            before = done.stages.populations.into(name)
            for j, s in zip(before, q.incoming, strict=True):
                got, wanted = _matrix(s.weight), _matrix(j.weight)
                _fits(done, name, q.word, got, s.max_delay)
                if q.word.coding != "float32":
                    error = abs(got - wanted * q.weight_scale)
                    worst = float(error.max()) if error.nnz else 0.0
                    expect(worst <= 0.5001, f"{_place(done)}: {s.name} is off by {worst} units")


def check_partition_covers_each_neuron_once(chip: Chip) -> None:
    """partition: slices follow one another, cover every population, and meet every limit."""
    for done in accepted(chip):
        for p in done.stages.populations.populations:
            runs = [(s.lo, s.hi) for s in done.stages.slices if s.population == p.name]
            edges = [lo for lo, _ in runs] + [p.n]
            whole = edges[0] == 0 and all(
                hi == after for (_, hi), after in zip(runs, edges[1:], strict=True)
            )
            expect(whole, f"{_place(done)}: {p.name} is cut into {runs}")
        host = chip.spec["input"]["on"] == "host"
        for s in done.stages.slices:
            if s.role == "source" and host:
                continue
            for m in chip.rules.limits(s.load, chip.facts):
                what = f"{_place(done)}: {s.population} {s.lo}..{s.hi}: {m.name} {m.used}"
                expect(m.used <= m.allowed, f"{what} of {m.allowed}")


def check_place_uses_each_core_once(chip: Chip) -> None:
    """place: no two slices on one core, unless the chip shares them; every core the chip's own."""
    if not chip.cores:
        return  # all slices share one place
    for done in accepted(chip):
        spots = [p for p in done.stages.places if p is not None]
        alone = len(set(spots)) == len(spots) or getattr(chip.rules, "SHARED", False)
        expect(alone, f"{_place(done)}: a core is used twice: {spots}")
        for x, y, core in spots:
            expect(min(x, y) >= 0 and core in chip.cores, f"{_place(done)}: no core {x, y, core}")
        for s, spot in zip(done.stages.slices, done.stages.places, strict=True):
            hosted = s.role == "source" and chip.spec["input"]["on"] == "host"
            expect((spot is None) == hosted, f"{_place(done)}: {s.population} is at {spot}")


def check_keys_are_disjoint(chip: Chip) -> None:
    """keys: every slice has a block of its own, large enough and at a multiple of its size."""
    for done in accepted(chip):
        blocks = []
        for s, (key, mask) in zip(done.stages.slices, done.stages.keys, strict=True):
            size = KEYS - mask
            expect(key % size == 0, f"{_place(done)}: block {key:#x} of {size} is not aligned")
            expect(size >= s.hi - s.lo, f"{_place(done)}: {s.population} has {size} keys")
            blocks.append((key, key + size))
        blocks.sort()
        for (_, end), (start, _) in pairwise(blocks):
            expect(end <= start, f"{_place(done)}: key blocks overlap at {start:#x}")


def check_routes_reach_exactly_the_targets(chip: Chip) -> None:
    """route, compress: walked by hand, each key reaches the cores with its synapses, once each."""
    for done in accepted(chip):
        if done.program.routing == "multicast":
            _walk_all(done)
        elif done.program.routing in UNICAST:
            reach = _reach(done)
            for core in done.program.cores:
                wanted = {(t, k) for k in range(core.n) for t in reach[core.number][k]}
                if done.program.routing == "core_to_core":  # for all neurons of a core at once
                    wanted = {(t, k) for t, _ in wanted for k in range(core.n)}
                got = {(a.target, int(k)) for a in core.axons for k in np.flatnonzero(a.neurons)}
                expect(got == wanted, f"{_place(done)}: core {core.number} reaches {got ^ wanted}")


def check_emit_writes_what_was_decided(chip: Chip) -> None:
    """emit: images hold their slice of the parameters, and unpack to the quantised weights."""
    for done in accepted(chip):
        dense = _dense(done)
        for core, s in zip(done.program.cores, done.stages.slices, strict=True):
            here = (core.population, core.lo, core.hi) == (s.population, s.lo, s.hi)
            expect(here, f"{_place(done)}: core {core.number} holds another slice")
            if core.role == "source":
                continue
            q = done.stages.quantised[core.population]
            expect(
                core.params.tobytes() == q.params[core.lo : core.hi].tobytes()
                and core.state.tobytes() == q.state[core.lo : core.hi].tobytes(),
                f"{_place(done)}: core {core.number} has other parameters or another state",
            )
            _check_synapses(done, core, dense)


def check_memory_map_has_no_overlaps(chip: Chip) -> None:
    """emit: blocks lie one behind the other, on a core and in a chip's memory, at whole words."""
    for done in accepted(chip):
        shared: dict[tuple[int, ...], int] = {}  # behind the last block of each chip
        for core in done.program.cores:
            own = 0
            for b in core.memory:
                spot = (core.place or ())[:2]
                free = shared.get(spot, 0) if b.memory == "shared" else own
                what = f"{_place(done)}: core {core.number}, {b.name} at {b.address:#x}"
                expect(b.address >= free, f"{what} begins inside the block before it")
                expect(b.address % 4 == 0 and b.size >= 0, f"{what} is not aligned")
                if b.memory == "shared":
                    shared[spot] = b.address + b.size
                else:
                    own = b.address + b.size


def _place(done: Compiled) -> str:
    return f"{done.case.name} on {done.program.chip}, {len(done.program.cores)} cores"


def _waits(net: Network, target: str, source: str) -> int | None:
    """Steps that the Delay nodes between two populations ask for; None where no path leads."""
    for name in net.sources(target):
        if name == source:
            return 0
        node = net.nodes[name]
        before = _waits(net, name, source) if isinstance(node, LINEAR) else None
        if before is not None:
            own = float(node.delay.min()) / net.dt if isinstance(node, Delay) else 0
            return before + round(own)
    return None


def _matrix(weight: sparse.csr_array | Conv) -> sparse.csr_array:
    return conv2d.matrix(weight) if isinstance(weight, Conv) else weight


def _fits(done: Compiled, name: str, word: Any, weight: sparse.csr_array, delay: int) -> None:
    expect(delay < 1 << word.delay, f"{_place(done)}: {name}: delay {delay} in {word.delay} bits")
    if word.coding == "float32" or not weight.nnz:
        return
    top = (1 << (word.weight - (word.coding == "signed"))) - 1
    low, high = float(weight.data.min()), float(weight.data.max())
    expect(-top - 1 <= low and high <= top, f"{_place(done)}: {name}: weights {low} to {high}")


def _reach(done: Compiled) -> dict[int, list[set[int]]]:
    """Core -> per neuron, the cores with a synapse of it, going by the quantised weights."""
    linked: dict[tuple[str, str], NDArray[np.bool_]] = {}
    for name, q in done.stages.quantised.items():
        for s in q.incoming:
            some = _matrix(s.weight).toarray() != 0
            pair = s.source, name
            linked[pair] = linked[pair] | some if pair in linked else some
    found: dict[int, list[set[int]]] = {}
    for core in done.program.cores:
        found[core.number] = [set() for _ in range(core.n)]
        for other in done.program.cores:
            if (core.population, other.population) not in linked or other.role == "source":
                continue
            block = linked[core.population, other.population]
            for k in np.flatnonzero(block[other.lo : other.hi, core.lo : core.hi].any(axis=0)):
                found[core.number][k].add(other.number)
    return found


def _walk_all(done: Compiled) -> None:
    """Follow each key through the tables, hop by hop, and compare with the synapses.

    A multicast entry serves a whole slice, so a neuron may also reach a core that holds synapses
    of its slice only.
    """
    at = {c.place: c.number for c in done.program.cores}
    reach = _reach(done)
    for core in done.program.cores:
        wanted: set[int] = set().union(*reach[core.number])
        for k in range(core.n):
            reached = [at[(*spot, c)] for spot, c in _walk(done, core, core.key + k)]
            what = f"{_place(done)}: key {core.key + k:#x} reaches cores {sorted(reached)}"
            expect(sorted(reached) == sorted(wanted), f"{what}, not {sorted(wanted)}")


def _walk(done: Compiled, core: CoreImage, key: int) -> list[tuple[tuple[int, int], int]]:
    machine = done.program.machine
    assert core.place is not None
    ahead: list[tuple[tuple[int, int], int | None]] = [(core.place[:2], None)]
    found: list[tuple[tuple[int, int], int]] = []
    for _ in range(10_000):  # more would be a loop
        if not ahead:
            return found
        spot, link = ahead.pop()
        entry = _match(done, spot, key)
        out: tuple[int, ...] = () if link is None else (link,)
        if entry is not None:
            found += [(spot, c) for c in entry.cores]
            out = entry.links
        for i in out:
            x, y = spot[0] + machine.steps[i][0], spot[1] + machine.steps[i][1]
            if machine.wraps:
                x, y = x % machine.width, y % machine.height
            ahead.append(((x, y), i))
    raise AssertionError(f"{_place(done)}: key {key:#x} goes round in circles")


def _match(done: Compiled, spot: tuple[int, int], key: int) -> Route | None:
    table = done.program.tables.get(f"{spot[0]},{spot[1]}", ())
    return next((r for r in table if key & r.mask == r.key), None)  # the first match counts


def _dense(done: Compiled) -> dict[tuple[str, str], NDArray[np.float64]]:
    """(source, target) -> what a spike adds to each target neuron, (n_target, n_source)."""
    found: dict[tuple[str, str], NDArray[np.float64]] = {}
    for name, q in done.stages.quantised.items():
        for s in q.incoming:
            part = _matrix(s.weight).toarray() * 2.0**s.shift
            found[s.source, name] = found.get((s.source, name), 0) + part
    return found


def _check_synapses(
    done: Compiled, core: CoreImage, dense: dict[tuple[str, str], NDArray[np.float64]]
) -> None:
    """Read the core's synapses back, packet by packet of each sender, and compare."""
    for sender in done.program.cores:
        if (sender.population, core.population) not in dense:
            continue
        weight = dense[sender.population, core.population]
        wanted = weight[core.lo : core.hi, sender.lo : sender.hi]
        got = np.stack([_row(core, sender.key + k) for k in range(sender.n)], axis=1)
        what = f"{_place(done)}: core {core.number} holds other synapses from {sender.number}"
        expect(np.array_equal(got, wanted), what)


def _row(core: CoreImage, key: int) -> NDArray[np.float64]:
    """What one packet adds to each neuron of the core, whatever its delay."""
    found = np.zeros(core.n)
    for table in core.tables:
        if key & table.mask != table.key:
            continue
        element = table.first + (key & ~table.mask)
        if table.kind == "kernel":
            kernel = core.kernels[table.kernel]
            flat = conv2d.matrix(kernel)[kernel.lo : kernel.lo + core.n, [element]]
            found += flat.toarray()[:, 0] * 2.0**table.shift
            continue
        words = core.words[core.row_start[element] : core.row_start[element + 1]]
        weight, _, index = unpack(core.word_format, words)
        np.add.at(found, index, weight * 2.0**table.shift)
    return found
