"""The library's simulator in a script, `Brian2Backend`, with mossy's own engine behind the call.

There is no Brian2 in it. The network runs in float32 on this computer: the chip's neuron models, in
the chip's order and time, without its cores, tick or energy. With quantize_weights weights are cut
and clipped as for the chip, and spikes are those of the chip's twin; without, they stay what they
are. The library's simulator differs from its chip in lif_curr_exp, in a way that is not published;
this one does not. A network of any size runs: there are no cores to be full.
"""

from __future__ import annotations

from typing import Any

from mossy.chips import chip, names
from mossy.program.artefact import Program
from mossy.py_spinnaker2 import mapping, snn
from mossy.py_spinnaker2.hardware import CHIP
from mossy.twin import Result, run


class Brian2Backend:
    """Runs networks on this computer. engine: "fast" or "reference"."""

    def __init__(self, *, engine: str = "fast") -> None:
        self.engine = engine
        self.program: Program | None = None
        self.result: Result | None = None

    def run(
        self,
        net: snn.Network,
        timesteps: int,
        sys_tick_in_s: float = 1e-3,
        debug: bool = False,
        *,
        quantize_weights: bool = True,
        **settings: Any,
    ) -> None:
        """Run `net` for `timesteps` ticks, from its initial state.

        quantize_weights: the chip's weights, a released trace of the library's own simulator having
        been made so without asking. sys_tick_in_s, debug and other settings change nothing.
        time_done and n_packets are not recorded. Raises BadInput E0254-E0259, UnsupportedNode.
        """
        mapping.check_time(timesteps, sys_tick_in_s)
        spikes, states = mapping.recordings(net)
        here = next(c for c in map(chip, names()) if c.spec["timing"]["kind"] == "measured")
        target = mapping.Target(chip(CHIP), here, quantize_weights)
        self.program = mapping.compiled(net, target, 1, sys_tick_in_s)
        self.result = run(
            self.program,
            mapping.inputs(net, int(timesteps)),
            engine=self.engine,
            record=spikes,
            states=states,
        )
        mapping.hand_back(net, self.result)
