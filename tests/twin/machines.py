"""Programs on chips of few cores, so that small networks take many chips."""

from __future__ import annotations

from typing import Any

from hypothesis import assume
from hypothesis import strategies as st

from mossy.chips import chip as find_chip
from mossy.errors import DoesNotFit, UnsupportedNode
from mossy.passes import Options, compile
from mossy.program import Program
from mossy.program.artefact import LINKED
from tests.strategies import STEPS, Wanted, networks, spikes

SMALL = {"spinnaker2": "usable_cores", "spinnaker1": "usable_cores", "loihi1": "cores_per_chip"}
TAKES = {
    "spinnaker2": Wanted(),
    "spinnaker1": Wanted(kinds=("LIF",), resets=("node",), images=False, bias=False),
    "loihi1": Wanted(resets=("node",)),
    "cpu": Wanted(),
}


def small(name: str, cores: int = 2) -> Any:
    """Return the chip with so many cores of it in use, itself where it is no chip of cores."""
    found = find_chip(name)
    return found.assuming({SMALL[name]: float(cores)}) if name in SMALL else found


def ways(name: str) -> list[Any]:
    """Return what packets may travel by, None first: the chip's usual way."""
    return [None, *find_chip(name).spec["routing"].get("also", [])]


def spread(
    network: Any, name: str, per_core: int = 2, cores: int = 2, routing: Any = None
) -> Program:
    """Compile for chips of two cores and two neurons each."""
    options = Options(neurons_per_core=per_core, routing=routing)
    return compile(network, small(name, cores), options=options)


@st.composite
def programs(draw: Any, name: str, routing: Any = None) -> tuple[Program, dict[str, Any]]:
    """Draw a random program on many chips, and spikes for it. routing: None for any way."""
    way = routing or draw(st.sampled_from(ways(name)))
    network = draw(networks(TAKES[name]))
    try:
        program = spread(
            network, name, draw(st.sampled_from([1, 2, 3])), draw(st.sampled_from([1, 2])), way
        )
    except (UnsupportedNode, DoesNotFit):
        assume(False)
        raise
    return program, spikes(network, draw(st.integers(0, 999)))


@st.composite
def faults(draw: Any, program: Program, most: int = 4) -> list[str]:
    """Draw faults of parts that the program uses or might use, some after its end."""
    places = sorted({c.place for c in program.cores if c.place is not None})
    found = []
    for _ in range(draw(st.integers(1, most))):
        x, y, core = draw(st.sampled_from(places))
        kinds = ["core", "chip"] + ["link", "link"] * (program.routing in LINKED)
        kind = draw(st.sampled_from(kinds))
        numbers = {
            "core": f"{x},{y},{core}",
            "chip": f"{x},{y}",
            "link": f"{x},{y},{draw(st.integers(0, 5))}",
        }
        found.append(f"{kind} {numbers[kind]} @ {draw(st.integers(0, STEPS + 4))}")
    return found
