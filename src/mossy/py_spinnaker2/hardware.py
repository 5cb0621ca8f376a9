"""The chip and the board as a script sees them; behind the same call stands the twin.

`run` leaves the compiled program in `program` and the run, with its time and energy, in `result`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import SimpleNamespace
from typing import Any

from mossy.chips.chip import chip
from mossy.errors import UnsupportedNode
from mossy.program.artefact import Program
from mossy.py_spinnaker2 import mapping, snn
from mossy.py_spinnaker2.experiment_backends.backend_settings import ROUTING
from mossy.py_spinnaker2.power import DVFSParams
from mossy.twin import Fault, Result, run

CHIP = "spinnaker2"
REFUSED = {
    "FPGA_Rev2": "a prototype of the chip on an FPGA",
    "SpiNNaker2": "the chip is called SpiNNaker2Chip",
}


class SpiNNaker2Chip:
    """One chip. eth_ip, stm_ip, experiment_backend_type say how to reach a board; none is needed.

    engine: "fast" or "reference" of the twin. assume: facts to take as known when priced.
    """

    chips = 1

    def __init__(
        self,
        eth_ip: str | None = None,
        stm_ip: str | None = None,
        experiment_backend_type: Any = None,
        *,
        engine: str = "fast",
        assume: Mapping[str, float | str] | None = None,
    ) -> None:
        self.eth_ip, self.stm_ip = eth_ip, stm_ip
        self.engine, self.assume = engine, assume
        self.experiment_backend = SimpleNamespace()  # scripts set addresses and the board's type
        self.program: Program | None = None
        self.result: Result | None = None

    def run(
        self,
        net: snn.Network,
        timesteps: int,
        sys_tick_in_s: float = 1e-3,
        debug: bool = True,
        mapping_only: bool = False,
        *,
        reset_board: bool = True,
        make_clean: bool = False,
        experiment_backend_settings: Any = None,
        dvfs_params: DVFSParams | None = None,
        faults: Iterable[Fault | str] = (),
    ) -> None:
        """Run `net` for `timesteps` ticks of `sys_tick_in_s` seconds, from its initial state.

        mapping_only: compile, and run nothing. dvfs_params: levels of cores, of populations and
        models without their own. faults: parts that die during the run, for good, as in
        "core 0,0,17 @ 120". experiment_backend_settings: of it, `routing_type` says how packets
        travel. The other options change nothing here. Raises BadInput E0254-E0260,
        E0410-E0413, UnsupportedNode, DoesNotFit.
        """
        mapping.check_time(timesteps, sys_tick_in_s)
        spikes, states = mapping.recordings(net)
        asked = getattr(experiment_backend_settings, "routing_type", None)
        self.program = mapping.compiled(
            net,
            mapping.Target(chip(CHIP)),
            self.chips,
            sys_tick_in_s,
            "core_to_core" if asked is ROUTING.C2C else None,
        )
        self.result = None
        if mapping_only:
            return
        result = run(
            self.program,
            mapping.inputs(net, int(timesteps)),
            engine=self.engine,
            record=spikes,
            states=states,
            assume=self.assume,
            faults=faults,
        )
        self.result = mapping.priced(net, result, dvfs_params)
        mapping.hand_back(net, self.result)


class SpiNNcloud48NodeBoard(SpiNNaker2Chip):
    """A board of 48 chips."""

    chips = 48


def __getattr__(name: str) -> Any:
    if name not in REFUSED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    raise UnsupportedNode(
        "E0261",
        f"hardware.{name} is not there: {REFUSED[name]}",
        where="hardware",
        allowed="SpiNNaker2Chip, SpiNNcloud48NodeBoard",
        hint="hardware.SpiNNaker2Chip()",
    )
