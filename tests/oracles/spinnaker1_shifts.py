"""Left shifts of ring buffers as sPyNNaker 1!7.4.1 itself chooses them.

    .oracles/spynnaker_binary/bin/python -m tests.oracles.spinnaker1_shifts IN.npz OUT.npz

(from the root of the checkout). The class that does it, `_Stats`, is taken out of the installed
source of population_vertex.py and run as it stands; the packages around it are absent, so what it
asks of them (steps per second, the weight statistics of a connector) is answered here. IN holds
`rows` (n, 6): case, synapses of the neuron with most, mean, variance and largest of the weights,
variance of the delays, and where there is a seventh, the rate in Hz of a Poisson source, below 0
where the source is another; OUT `w_max` by case. What such a source can send in a step is a method
of its own class, taken out in the same way.
"""

from __future__ import annotations

import ast
import math
import sys
from importlib.metadata import distribution
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

STEPS_PER_SECOND, RATE, SIGMA = 1000, 30.0, 5.0
FOLDER = "spynnaker/pyNN"


class _Never:
    """A class that nothing here is an instance of."""


def stats_class() -> Any:
    """Return sPyNNaker's class, bound to the few names that it uses."""
    from scipy import special

    view = SimpleNamespace(get_simulation_time_step_per_s=lambda: STEPS_PER_SECOND)
    names: dict[str, Any] = {
        "math": math,
        "numpy": np,
        "special": special,
        "SpynnakerDataView": view,
        "AbstractMaxSpikes": Poisson,
        "AbstractSupportsSignedWeights": _Never,
        "POSSION_SIGMA_SUMMATION_LIMIT": _constant("POSSION_SIGMA_SUMMATION_LIMIT"),
    }
    for file, wanted in (("utilities/running_stats.py", "RunningStats"),
                         ("models/neuron/population_vertex.py", "_Stats")):  # fmt: skip
        tree = ast.parse(_source(file))
        (found,) = (n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == wanted)
        future = ast.parse("from __future__ import annotations").body
        module = ast.Module([*future, found], [])
        exec(compile(module, file, "exec"), names)
    return names["_Stats"]


class Poisson:
    """A Poisson source as far as the class asks. rate: Hz."""

    def __init__(self, rate: float) -> None:
        self.rate = rate

    def max_spikes_per_second(self) -> float:
        """Return the rate."""
        return self.rate

    def max_spikes_per_ts(self) -> float:
        """Return what sPyNNaker's own method makes of the rate."""
        import scipy.stats

        tree = ast.parse(_source("models/spike_source/spike_source_poisson_vertex.py"))
        (method,) = (
            n for n in ast.walk(tree)
            if isinstance(n, ast.FunctionDef) and n.name == "max_spikes_per_ts"
        )  # fmt: skip
        view = SimpleNamespace(get_simulation_time_step_per_s=lambda: STEPS_PER_SECOND)
        names: dict[str, Any] = {"math": math, "scipy": scipy, "SpynnakerDataView": view}
        names["SLOW_RATE_PER_TICK_CUTOFF"] = _slow()
        exec(compile(ast.Module([method], []), "poisson", "exec"), names)
        return float(names["max_spikes_per_ts"](SimpleNamespace(**{"__max_rate": self.rate})))


def _slow() -> float:
    """The class attribute that tells slow sources from others."""
    tree = ast.parse(_source("models/spike_source/spike_source_poisson_machine_vertex.py"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == (
            "SLOW_RATE_PER_TICK_CUTOFF"
        ):
            return float(ast.literal_eval(node.value))
    raise RuntimeError("sPyNNaker has no slow sources")


def _constant(name: str) -> float:
    for node in ast.parse(_source("utilities/constants.py")).body:
        if isinstance(node, ast.Assign | ast.AnnAssign):
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            if isinstance(target, ast.Name) and target.id == name and node.value:
                return float(ast.literal_eval(node.value))
    raise RuntimeError(f"sPyNNaker has no constant {name}")


def _source(file: str) -> str:
    return Path(str(distribution("sPyNNaker").locate_file(f"{FOLDER}/{file}"))).read_text("utf-8")


def projection(
    synapses: int, mean: float, variance: float, largest: float, delays: float, rate: float = -1.0
) -> Any:
    """Return something that answers what `_Stats` asks of a projection."""
    dynamics = SimpleNamespace(
        get_weight_mean=lambda *_: mean,
        get_weight_variance=lambda *_: variance,
        get_weight_maximum=lambda *_: largest,
        get_delay_variance=lambda *_: delays,
    )
    info = SimpleNamespace(
        synapse_dynamics=dynamics,
        synapse_type=0,
        connector=SimpleNamespace(get_n_connections_to_post_vertex_maximum=lambda _: synapses),
        weights=None,
        delays=None,
    )
    edge = SimpleNamespace(pre_vertex=Poisson(rate) if rate >= 0 else None)
    return SimpleNamespace(_synapse_information=info, _projection_edge=edge)


def main(source: str, target: str) -> None:
    """Read rows from `source`, write the largest expected sum of each case to `target`."""
    make = stats_class()
    neuron = SimpleNamespace(get_global_weight_scale=lambda: 1.0, get_n_synapse_types=lambda: 1)
    with np.load(source) as file:
        rows = file["rows"]
    found = []
    for case in np.unique(rows[:, 0]):
        stats = make(neuron, RATE, SIGMA)
        for _, synapses, *others in rows[rows[:, 0] == case].tolist():
            stats.add_projection(projection(int(synapses), *others))
        found.append(stats.get_max_weight(0))
    with Path(target).open("wb") as out:
        np.savez(out, w_max=np.array(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
