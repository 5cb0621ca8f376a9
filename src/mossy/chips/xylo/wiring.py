"""What the chip's memories and fixed paths allow: input -> hidden <-> hidden -> readout.

All populations but the outputs share the hidden group, where any neuron may reach any other; the
outputs share the readout group. Where only the first 128 hidden neurons take input and only the
last 128 feed the readout, a neuron can do both only where the two overlap: in a group of n hidden
neurons that is 256 - n of them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from mossy.chips.facts import Facts
from mossy.errors import DoesNotFit, UnsupportedNode
from mossy.network.populations import Conv, Populations
from mossy.synapses import conv2d

Bools = NDArray[np.bool_]
RECORD = "Options(approximate=True) reads hidden neurons out, slower than real time"


def check(
    populations: Populations, approximate: bool, facts: Facts
) -> tuple[frozenset[str], tuple[str, ...]]:
    """Return the names of the readout populations, and notes on outputs that cannot be one.

    Raises UnsupportedNode E0236 for a path the chip lacks, DoesNotFit E0301 for a limit exceeded.
    """
    inside = _inside(populations)
    if inside and not approximate:
        raise next(iter(inside.values()))
    readouts = frozenset(populations.outputs.values()) - set(inside)
    sizes = {"source": 0, "hidden": 0, "readout": 0}
    for p in populations.populations:
        role = "readout" if p.name in readouts else "hidden"
        sizes["source" if p.model == "source" else role] += p.n
    check_sizes(sizes["source"], sizes["hidden"], sizes["readout"], facts)
    _check_memories(populations, readouts, facts)
    return readouts, tuple(
        f"{populations.population(name).node}: an output among the hidden neurons; its spikes are "
        "read out of the chip's memory in every step, which takes longer than a step in real time"
        for name in inside
    )


def _inside(populations: Populations) -> dict[str, UnsupportedNode]:
    """Outputs that take input or feed neurons, by name, and why they are no readout."""
    outputs = set(populations.outputs.values())
    found: dict[str, UnsupportedNode] = {}
    for j in populations.projections:
        source, target = populations.population(j.source), populations.population(j.target)
        path = f"a connection from {source.node!r} to {target.node!r}"
        if j.source in outputs and source.model != "source":
            found[j.source] = UnsupportedNode(
                "E0236",
                "an output also feeds neurons; only readout neurons are seen from outside, "
                "and they feed nothing",
                where=source.node,
                got=path,
                hint="make the last layer the only output, without recurrence; " + RECORD,
            )
        if j.target in outputs and source.model == "source":
            found[j.target] = UnsupportedNode(
                "E0236",
                "the input feeds an output; only hidden neurons reach the readout",
                where=target.node,
                got=path,
                hint="put a layer of neurons between them; " + RECORD,
            )
    return found


def check_sizes(inputs: int, hidden: int, readouts: int, facts: Facts) -> None:
    """Raise DoesNotFit E0301 where a group has more members than the chip."""
    pool = f"pool or project the input to {int(facts['inputs'])} channels before the chip"
    _limit(facts, "input channels", inputs, facts["inputs"], pool)
    _limit(facts, "hidden neurons, all layers together", hidden, facts["hidden"], "fewer neurons")
    _limit(
        facts, "readout neurons", readouts, facts["readouts"],
        "fewer classes, or a member of the family with more readouts",
    )  # fmt: skip


def _check_memories(populations: Populations, outputs: frozenset[str], facts: Facts) -> None:
    """Fan-out, recurrent weights, and who may take input or feed the readout."""
    kind = {p.name: p.model for p in populations.populations}
    hidden = [p for p in populations.populations if p.model != "source" and p.name not in outputs]
    reached = {p.name: np.zeros(p.n, np.int64) for p in hidden}
    listens = {p.name: np.zeros(p.n, bool) for p in hidden}
    speaks = {p.name: np.zeros(p.n, bool) for p in hidden}
    for (source, target), pairs in _pairs(populations).items():
        if kind[source] == "source":
            listens[target] |= pairs.any(axis=1)
        elif target in outputs:
            speaks[source] |= pairs.any(axis=0)
        else:
            reached[source] += pairs.sum(axis=0)
    total = sum(int(r.sum()) for r in reached.values())
    most = max((int(r.max(initial=0)) for r in reached.values()), default=0)
    prune = "prune weights, or connect fewer neurons"
    _limit(facts, "hidden neurons that one neuron reaches", most, facts["fan_out"], prune)
    _limit(facts, "recurrent weights, all layers together", total, facts["recurrent_pairs"], prune)
    take, feed = int(facts["input_targets"]), int(facts["readout_sources"])
    first = sum(int(v.sum()) for v in listens.values())
    last = sum(int(v.sum()) for v in speaks.values())
    both = sum(int((listens[k] & speaks[k]).sum()) for k in listens)
    n = sum(p.n for p in hidden)
    narrow = "a narrower first or last hidden layer"
    _limit(facts, "hidden neurons that take input", first, take, narrow)
    _limit(facts, "hidden neurons that feed the readout", last, feed, narrow)
    _limit(
        facts, f"neurons that do both among {n} hidden ones", both, max(0, min(take, feed, n,
        take + feed - n)), "separate layers for input and for the readout",
    )  # fmt: skip


def _pairs(populations: Populations) -> dict[tuple[str, str], Bools]:
    """(source, target) -> which pairs of neurons (targets, sources) have a weight."""
    found: dict[tuple[str, str], Bools] = {}
    for j in populations.projections:
        w: Any = j.weight
        matrix = sparse.csr_array(conv2d.matrix(w) if isinstance(w, Conv) else w)
        here = matrix.toarray() != 0
        key = (j.source, j.target)
        found[key] = found[key] | here if key in found else here
    return found


def _limit(facts: Facts, name: str, used: int, allowed: Any, hint: str) -> None:
    if used > int(allowed):
        raise DoesNotFit(
            "E0301",
            f"the network exceeds a limit of the chip by {used - int(allowed)}: {name}",
            where=facts.chip,
            got=used,
            allowed=int(allowed),
            hint=hint,
        )
