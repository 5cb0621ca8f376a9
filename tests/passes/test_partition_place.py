"""Slices respect every limit, judged on the emitted images, and what cannot fit says why."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mossy.chips import chip as find_chip
from mossy.errors import DoesNotFit
from mossy.network import graph
from mossy.network.nodes import LIF, Conv2d, Input, Linear, Network, Node, Output
from mossy.passes import Options, compile
from mossy.passes.keys import keys
from mossy.passes.partition import Slice, bounds
from mossy.program import Program
from tests.passes.mapped import small, stages
from tests.strategies import sample

DT = 1e-3
SLACK = 1.0000001  # for sums of floats


def lif(*shape: int) -> LIF:
    one = np.ones(shape)
    return LIF(10e-3 * one, one, 0 * one, one, 0 * one)


def dense(n: int, m: int, second: int = 10) -> Network:
    rng = np.random.default_rng(2)
    nodes: dict[str, Node] = {"i": Input((n,)), "a": Linear(rng.normal(size=(m, n))), "h": lif(m)}
    nodes |= {"b": Linear(rng.normal(size=(second, m))), "k": lif(second), "o": Output((second,))}
    names = list(nodes)
    return graph.build(nodes, list(itertools.pairwise(names)), DT)


def image() -> Network:
    kernel = np.random.default_rng(3).normal(size=(8, 2, 3, 3))
    nodes: dict[str, Node] = {"i": Input((2, 16, 16)), "c": Conv2d(kernel, np.zeros(8))}
    nodes |= {"h": lif(8, 14, 14), "o": Output((8, 14, 14))}
    return graph.build(nodes, [("i", "c"), ("c", "h"), ("h", "o")], DT)


def assert_covered(program: Program) -> None:
    for p in program.populations:
        runs = [(program.cores[k].lo, program.cores[k].hi) for k in p.cores]
        assert runs[0][0] == 0 and runs[-1][1] == int(np.prod(p.shape))
        assert all(a[1] == b[0] for a, b in itertools.pairwise(runs))


@pytest.mark.parametrize("net", [dense(700, 500), dense(3, 1500), image(), sample()])
@pytest.mark.parametrize("activity", [0.05, 1.0])
def test_tick_chip_images_respect_every_limit(net: Network, activity: float) -> None:
    options = Options(activity=activity)
    program = compile(net, "spinnaker2", options=options)
    facts = find_chip("spinnaker2").facts
    room = 131072 - 33024
    assert_covered(program)
    for c in program.cores:
        assert c.n <= 256
        assert c.data_bytes <= room
        ends = [b.address + b.size for b in c.memory]
        starts = [b.address for b in c.memory]
        assert starts[:2] == [0, 33024] and (starts[-1], ends[-1]) == (0x1F000, 0x20000)
        assert [b.memory for b in c.memory] == ["code"] + ["data"] * (len(c.memory) - 1)
        assert all(e <= s for e, s in zip(ends, starts[1:], strict=False))
        if c.role == "source":
            continue
        by_name = {b.name: b.size for b in c.memory}
        assert by_name["neurons"] == c.n * (c.params.dtype.itemsize + c.state.dtype.itemsize)
        assert by_name["synapse rows"] == c.words.nbytes
        assert by_name["row pointers"] == 4 * (c.row_start.size - 1)
        assert by_name["kernels"] == sum(k.weight.size for k in c.kernels)
        assert by_name["population table"] >= 16 * len({t.key for t in c.tables})
        sources = {t.key: t for t in c.tables}
        senders = sum(s.n for s in program.cores if any(s.key == k for k in sources))
        packets = activity * senders
        cycles = float(facts["cycles_per_tick"]) + c.n * float(facts["cycles_per_neuron_update"])
        cycles += packets * float(facts["cycles_per_packet"])
        cycles += activity * c.words.size * float(facts["cycles_per_synaptic_event"])
        assert cycles <= 0.8 * 300e6 * 1e-3 * SLACK


@pytest.mark.parametrize("net", [dense(700, 500), dense(4000, 300), image(), sample()])
def test_axon_chip_images_respect_every_limit(net: Network) -> None:
    program = compile(net, "loihi1")
    assert_covered(program)
    for c in (c for c in program.cores if c.role != "source"):
        assert c.n <= 1024
        into = sum(int(a.neurons.sum()) for s in program.cores for a in s.axons
                   if a.target == c.number)  # fmt: skip
        out = sum(int(a.neurons.sum()) for a in c.axons)
        assert into <= 4096 and out <= 4096
        delays = any(t for t in c.words >> 10 & 63)
        bits = c.words.size * (24 if delays else 18) + 64 * into
        assert [b.size for b in c.memory] == [-(-bits // 8)] and c.memory[0].size <= 131072
        fields = ["decay_u", "decay_v", "threshold", "v_min", "v_max", "refract"]
        assert len(np.unique(c.params[fields])) <= 32


def test_a_shorter_tick_cuts_finer() -> None:
    net = dense(50, 256)
    count = [
        sum(c.population == "h" for c in compile(net, "spinnaker2", options=o).cores)
        for o in (Options(), Options(tick=1e-4), Options(headroom=0.1), Options(neurons_per_core=9))
    ]
    assert count[0] == 1 and count[1] == count[2] > 1 and count[3] == 29


def test_bounds_are_near_equal_runs() -> None:
    assert bounds(10, 3) == [(0, 3), (3, 6), (6, 10)]
    for n in range(1, 30):
        for count in range(1, n + 1):
            runs = bounds(n, count)
            assert len(runs) == count and {b - a for a, b in runs} <= {n // count, -(-n // count)}


# ------------------------------------------------------------------------------ refusals
def refused(net: Network, chip: Any, **options: Any) -> DoesNotFit:
    with pytest.raises(DoesNotFit) as e:
        compile(net, chip, options=Options(**options))
    return e.value


def test_a_neuron_too_big_for_a_core_is_e0301() -> None:
    nodes: dict[str, Node] = {"i": Input((5000,)), "w": Linear(np.ones((2, 5000))), "h": lif(2)}
    nodes["o"] = Output((2,))
    net = graph.build(nodes, [("i", "w"), ("w", "h"), ("h", "o")], DT)
    e = refused(net, "loihi1")
    assert e.code == "E0301"
    text = str(e)
    assert re.search(r"one neuron alone exceeds the limit of a core by 2\d%: in-axons", text)
    assert "loihi1, population h" in text and "; allowed: 4096" in text
    assert "fewer source neurons per core" in text


def test_too_short_a_tick_is_e0301_with_the_cycles_that_are_left() -> None:
    e = refused(dense(4, 2), "spinnaker2", tick=4e-6)
    assert e.code == "E0301"
    # 1000 cycles of the timer and at least one packet, in 0.8 x 4 us x 300 MHz = 960
    assert "cycles per tick" in str(e) and "allowed: 960" in str(e) and "-" not in str(e.what)
    assert "a longer tick, or a network with fewer spikes" in str(e)


def test_too_small_a_machine_is_e0302() -> None:
    e = refused(dense(20, 30), small("spinnaker2", 4), neurons_per_core=4, chips=2)
    assert e.code == "E0302"
    text = str(e)  # 5 + 8 + 3 slices
    assert "the network needs 8 more cores than the machine has" in text
    assert "got 16 cores; allowed: 8 cores on 2 chip(s)" in text
    assert "chips=4, or a smaller population 'h', which takes 8 cores" in text


def test_too_many_keys_are_e0303() -> None:
    _, made = stages(sample(), "spinnaker2")
    wide: Slice = replace(made.slices[0], lo=0, hi=1 << 31)
    with pytest.raises(DoesNotFit) as e:
        keys((wide, replace(wide, population="other"), replace(wide, population="third")))
    assert e.value.code == "E0303" and "more than 2^32 packet keys" in str(e.value)
    assert "split the network into several programs" in str(e.value)


def test_too_long_a_routing_table_is_e0304() -> None:
    chip = find_chip("spinnaker2").assuming({"routing_entries": 2})
    e = refused(sample(), chip)
    assert e.code == "E0304" and "chip (0, 0)" in str(e)
    assert "the routing table has 1 entries too many" in str(e)
    assert "fewer populations per chip, or larger slices" in str(e)


def test_machines_taken_by_themselves_are_no_strips() -> None:
    from itertools import islice

    from mossy.passes.place import _boards
    from mossy.program.machine import hexagonal

    steps = ((1, 0), (1, 1), (0, 1), (-1, 0), (-1, -1), (0, -1))
    sizes = list(islice(_boards(), 30))
    assert sizes[:2] == [1, 3] and sizes == sorted(sizes)
    for m in (hexagonal(n, steps) for n in sizes[1:]):
        assert m.wraps and m.height <= m.width <= 2 * m.height
