"""From a script's network to a program, and from a run back to the script's populations.

Registers are given, so compilation begins behind quantisation: partition to emit. Inside a program
every population has depth 0: scripts count chip ticks, and nothing is shifted back.
"""

from __future__ import annotations

import warnings
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mossy.chips.chip import Chip
from mossy.chips.quantised import Quantised
from mossy.errors import BadInput, UnsupportedNode
from mossy.network.populations import Population, Populations
from mossy.passes.options import Options
from mossy.passes.pipeline import Header, assemble
from mossy.program.artefact import Program
from mossy.py_spinnaker2 import snn
from mossy.py_spinnaker2.models import find, registers
from mossy.py_spinnaker2.synapses import synapses, word
from mossy.twin.bill.timing import work
from mossy.twin.result import Result

NO_INPUTS = ("spike_list", "poisson_process")
SILENT = "no input"  # the one source of a network without spike lists


def compiled(net: snn.Network, chip: Chip, chips: int, tick: float) -> Program:
    """Return the program of a network. chips: most chips. tick: seconds.

    Raises BadInput E0254-E0259, UnsupportedNode E0258, DoesNotFit.
    """
    _complete(net)
    names = snn.names(net.populations)
    name = {id(p): n for p, n in zip(net.populations, names, strict=True)}
    sources = [n for p, n in zip(net.populations, names, strict=True) if _source(p)]
    made = [_population(n, p.size, _source(p)) for n, p in zip(names, net.populations, strict=True)]
    if not sources:
        sources = [SILENT]
        made.append(_population(SILENT, 1, True))
    outputs = {
        n: n
        for n, p in zip(names, net.populations, strict=True)
        if "spikes" in p.record and not _source(p)
    }
    whole = Populations(
        tuple(made), (), {n: n for n in sources}, outputs, cuts=_cuts(net, names, chip)
    )
    quantised = {
        name[id(p)]: _quantised(p, name, net, chip) for p in net.populations if not _source(p)
    }
    header = Header(net.name or "script", "", tick, "euler", "node")
    program, _ = assemble(whole, quantised, chip, Options(chips=chips, tick=tick), header)
    return program


def _complete(net: snn.Network) -> None:
    if not net.populations:
        raise BadInput("E0259", "the network is empty", where=f"network {net.name}", hint="net.add")
    inside = {id(p) for p in net.populations}
    for j in net.projections:
        for end in (j.pre, j.post):
            if id(end) not in inside:
                raise BadInput(
                    "E0259",
                    f"population {end.name!r} was not added to the network",
                    where=j.name,
                    got=", ".join(p.name for p in net.populations),
                    hint="net.add(population)",
                )
        if j.post.neuron_model in NO_INPUTS:
            raise UnsupportedNode(
                "E0258",
                f"nothing can arrive at a population of {j.post.neuron_model}",
                where=j.name,
                hint="swap pre and post",
            )


def _source(p: snn.Population) -> bool:
    return p.neuron_model == "spike_list"


def _population(name: str, n: int, source: bool) -> Population:
    kind: Literal["source", "lif"] = "source" if source else "lif"  # the registers say which model
    return Population(name, name, (n,), kind, {}, False, "spikes", False, 0)


def _cuts(net: snn.Network, names: list[str], chip: Chip) -> dict[str, int]:
    """Cores for each population by its most neurons per core, 8-bit indices being the limit."""
    limit = int(chip.facts["neurons_per_core"])
    return {
        n: max(1, -(-p.size // min(p.max_atoms_per_core or limit, limit)))
        for n, p in zip(names, net.populations, strict=True)
    }


def _quantised(p: snn.Population, name: dict[int, str], net: snn.Network, chip: Chip) -> Quantised:
    own, model = name[id(p)], find(p.neuron_model)
    params, state = registers(p.neuron_model, p.size, p.params, f"population {own}")
    incoming = (synapses(j, name[id(j.pre)], chip) for j in net.projections if j.post is p)
    one = np.ones(p.size)
    return Quantised(
        own,
        model.neuron,
        (),
        params,
        state,
        word(model, chip),
        one,
        0 * one,
        1.0,
        tuple(s for group in incoming for s in group),
    )


# ------------------------------------------------------------------------------ inputs
def inputs(net: snn.Network, timesteps: int) -> dict[str, NDArray[Any]]:
    """Return the spike lists as (1, timesteps, n) counts. Raises BadInput E0257."""
    found = {}
    for p, name in zip(net.populations, snn.names(net.populations), strict=True):
        if _source(p):
            found[name] = _spikes(p, name, timesteps)
    return found or {SILENT: np.zeros((1, timesteps, 1), np.uint8)}


def _spikes(p: snn.Population, name: str, timesteps: int) -> NDArray[np.uint8]:
    x = np.zeros((1, timesteps, p.size), np.uint8)
    for neuron, given in p.params.items():
        ticks = np.asarray(list(given), np.float64)
        if neuron not in range(p.size) or (ticks < 0).any() or (ticks != np.rint(ticks)).any():
            raise BadInput(
                "E0257",
                "a spike list names a neuron that is not there or a tick that is no tick",
                where=f"population {name}",
                got=f"{neuron}: {ticks[:8].tolist()}",
                allowed=f"neurons 0 to {p.size - 1}, ticks 0, 1, 2, ...",
            )
        now = ticks[ticks < timesteps].astype(np.int64)
        np.add.at(x[0, :, int(neuron)], now, 1)
    return x


# ------------------------------------------------------------------------------ results
def recordings(net: snn.Network) -> tuple[list[str], list[str]]:
    """Return the populations whose spikes and whose states are wanted. Raises BadInput E0256."""
    spikes, states = [], []
    for p, name in zip(net.populations, snn.names(net.populations), strict=True):
        p.check_record()
        if "v" in p.record:
            if not find(p.neuron_model).potential:
                raise BadInput(
                    "E0256",
                    f"{p.neuron_model} has no potential to record",
                    where=f"population {name}",
                    got="v",
                    allowed="spikes, time_done, n_packets",
                )
            states.append(name)
        if "spikes" in p.record:
            spikes.append(name)
    return spikes, states


def hand_back(net: snn.Network, result: Result) -> None:
    """Put what was recorded into the populations, and warn of cores that were late."""
    for p, name in zip(net.populations, snn.names(net.populations), strict=True):
        cores = result.program.population(name).cores
        p.recorded = {}
        if "spikes" in p.record:
            raster = result.spikes[name][0]
            p.recorded["spikes"] = {
                k: np.repeat(np.arange(len(raster)), raster[:, k]).tolist() for k in range(p.size)
            }
        if "v" in p.record:
            v = result.states[name]["v"][0]
            p.recorded["v"] = {k: v[:, k].copy() for k in range(p.size)}
        if "time_done" in p.record:
            busy = work(result.counts, result.chip, "value")[0]
            clock = float(result.chip.facts[result.chip.spec["timing"]["clock"]])
            p.recorded["time_done"] = {c: busy[:, c] / clock for c in cores}
        if "n_packets" in p.record:
            packets = result.counts["packets_in"][0]
            p.recorded["n_packets"] = {c: packets[:, c].copy() for c in cores}
    for late in result.timing.overruns:
        warnings.warn(
            f"population {late.population}: core {late.core} needs up to {late.worst:.3g} s more "
            f"than a tick, in {late.steps} ticks; on the chip it would fall behind. "
            "Try: a longer sys_tick_in_s or set_max_atoms_per_core",
            stacklevel=3,
        )
