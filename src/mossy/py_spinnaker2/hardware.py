"""The chip and the board as a script sees them; behind the same call stands the twin.

`run` leaves the compiled program in `program` and the run, with its time and energy, in `result`.
"""

from __future__ import annotations

from typing import Any

from mossy.chips.chip import chip
from mossy.errors import BadInput
from mossy.program.artefact import Program
from mossy.py_spinnaker2 import mapping, snn
from mossy.twin import Result, run

CHIP = "spinnaker2"


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
        assume: dict[str, float] | None = None,
    ) -> None:
        self.eth_ip, self.stm_ip = eth_ip, stm_ip
        self.engine, self.assume = engine, assume
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
    ) -> None:
        """Run `net` for `timesteps` ticks of `sys_tick_in_s` seconds, from its initial state.

        mapping_only: compile, and run nothing. debug and what follows mapping_only change nothing
        here. Raises BadInput E0254-E0259, UnsupportedNode, DoesNotFit.
        """
        if timesteps < 1 or sys_tick_in_s <= 0:
            raise BadInput(
                "E0259",
                "a run has at least one tick, of more than no time",
                got=f"timesteps={timesteps}, sys_tick_in_s={sys_tick_in_s}",
                allowed="timesteps >= 1, sys_tick_in_s > 0",
            )
        spikes, states = mapping.recordings(net)
        self.program = mapping.compiled(net, chip(CHIP), self.chips, sys_tick_in_s)
        self.result = None
        if mapping_only:
            return
        self.result = run(
            self.program,
            mapping.inputs(net, int(timesteps)),
            engine=self.engine,
            record=spikes,
            states=states,
            assume=self.assume,
        )
        mapping.hand_back(net, self.result)


class SpiNNcloud48NodeBoard(SpiNNaker2Chip):
    """A board of 48 chips."""

    chips = 48
