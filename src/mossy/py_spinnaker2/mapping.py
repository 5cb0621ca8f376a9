"""From a script's network to a program, and from a run back to the script's populations.

Registers are given, so compilation begins behind quantisation: partition to emit. Inside a program
every population has depth 0: scripts count chip ticks, and nothing is shifted back.
"""

from __future__ import annotations

import dataclasses
import warnings
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mossy.chips.chip import Chip
from mossy.chips.quantised import Quantised, Synapses
from mossy.errors import BadInput, UnsupportedNode
from mossy.network.populations import Population, Populations
from mossy.passes.options import Options
from mossy.passes.pipeline import Header, assemble
from mossy.program.artefact import Program, WordFormat
from mossy.py_spinnaker2 import power, snn
from mossy.py_spinnaker2.models import Model, find, registers
from mossy.py_spinnaker2.synapses import synapses, word
from mossy.twin.result import Result

NO_INPUTS = ("spike_list", "poisson_process")
SILENT = "no input"  # the one source of a network without spike lists


@dataclass(frozen=True)
class Target:
    """Where a network is to run. chip: whose words and limits the script was written for.

    platform: where it runs, if not there: in float32 words, and in the chip's time. whole: weights
    are cut to the chip's.
    """

    chip: Chip
    platform: Chip | None = None
    whole: bool = True

    def word(self, model: Model) -> WordFormat:
        """Return the synapse word of a model."""
        found: WordFormat = self.platform.rules.WORD if self.platform else word(model, self.chip)
        return found

    def synapses(self, j: snn.Projection | snn.Conv2DProjection, source: str) -> list[Synapses]:
        """Return a projection in words of where it runs."""
        found = synapses(j, source, self.chip, self.whole)
        late = self.chip.latency - self.platform.latency if self.platform else 0
        return [dataclasses.replace(s, delay_source=s.delay_source + late) for s in found]


def compiled(
    net: snn.Network, target: Target, chips: int, tick: float, routing: str | None = None
) -> Program:
    """Return the program of a network. chips: most chips. tick: seconds. routing: of its packets.

    Raises BadInput E0254-E0259, UnsupportedNode E0258, DoesNotFit.
    """
    _complete(net)
    chip = target.platform or target.chip
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
    cuts = {} if target.platform else _cuts(net, names, chip)
    whole = Populations(tuple(made), (), {n: n for n in sources}, outputs, cuts=cuts)
    quantised = {
        name[id(p)]: _quantised(p, name, net, target) for p in net.populations if not _source(p)
    }
    options = Options(chips=chips, tick=tick, routing=routing)
    header = Header(net.name or "script", "", tick, "euler", "node")
    program, _ = assemble(whole, quantised, chip, options, header)
    return program


def check_time(timesteps: int, tick: float) -> None:
    """Raise BadInput E0259 for a run of no ticks, or of ticks of no time."""
    if timesteps < 1 or tick <= 0:
        raise BadInput(
            "E0259",
            "a run has at least one tick, of more than no time",
            got=f"timesteps={timesteps}, sys_tick_in_s={tick}",
            allowed="timesteps >= 1, sys_tick_in_s > 0",
        )


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


def _quantised(
    p: snn.Population, name: dict[int, str], net: snn.Network, target: Target
) -> Quantised:
    own, model = name[id(p)], find(p.neuron_model)
    params, state = registers(p.neuron_model, p.size, p.params, f"population {own}")
    incoming = (target.synapses(j, name[id(j.pre)]) for j in net.projections if j.post is p)
    one = np.ones(p.size)
    return Quantised(
        own,
        model.neuron,
        (),
        params,
        state,
        target.word(model),
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


def elements(result: Result) -> list[str]:
    """Return what scripts call each core of the program: "PE(x, y, p)", its chip before it."""
    grid = result.chip.grid
    quads: dict[Any, list[int]] = {}
    for number in sorted(grid):
        quads.setdefault(grid[number], []).append(number)
    found = []
    for c in result.program.cores:
        if c.place is None:
            found.append(f"core {c.number}")
            continue
        x, y, number = c.place
        quad = grid[number]
        name = f"PE({quad[0]}, {quad[1]}, {quads[quad].index(number)})"
        found.append(name if (x, y) == (0, 0) else f"chip ({x}, {y}) {name}")
    return found


def priced(net: snn.Network, result: Result, run: power.DVFSParams | None) -> Result:
    """Return a run at the levels that the script has set: by population, by model, for all."""
    own = {}
    for p, name in zip(net.populations, snn.names(net.populations), strict=True):
        chosen = p.dvfs_params or power.of(p.neuron_model)
        if chosen is not None:
            own[name] = chosen.setting
    if run is None and not own:
        return result
    level, threshold = run.setting if run is not None else (power.PmgtMode.PL_MODE_HIGH.value, None)
    return result.at(level, threshold=threshold, by=own)


def hand_back(net: snn.Network, result: Result) -> None:
    """Put what was recorded into the populations, and warn of cores that were late."""
    called = elements(result) if result.program.tick else []
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
        if "time_done" in p.record and result.program.tick:
            share = result.busy[0] / result.program.tick
            p.recorded["time_done"] = {called[c]: share[:, c] for c in cores}
        if "n_packets" in p.record and result.program.tick:
            packets = result.counts["packets_in"][0]
            p.recorded["n_packets"] = {called[c]: packets[:, c].copy() for c in cores}
    for late in result.timing.overruns:
        warnings.warn(
            f"population {late.population}: core {late.core} needs up to {late.worst:.3g} s more "
            f"than a tick, in {late.steps} ticks; on the chip it would fall behind. "
            "Try: a longer sys_tick_in_s or set_max_atoms_per_core",
            stacklevel=3,
        )
