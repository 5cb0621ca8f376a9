"""Run random networks on the simulated device and on the engine it has to agree with.

Started by test_cuda.py, because Numba decides at import whether the device is simulated.
"""

from __future__ import annotations

import sys

from mossy import twin
from tests.twin.recurrent import compiled, random_network
from tests.twin.runs import assert_same_run

STEPS = 20


def main(seeds: list[int]) -> None:
    """Compare the networks of these seeds, each with two models."""
    for seed in seeds:
        for model, alike in (("if_curr_exp", bool(seed % 2)), ("if_curr_exp.double", False)):
            populations, x = random_network(seed, model, alike)
            program = compiled(populations, neurons_per_core=20)
            kept = {"record": "*", "states": "*"}
            wide = twin.run(program, x[:, :STEPS], engine="wide", threads=2, **kept)  # type: ignore[arg-type]
            cuda = twin.run(program, x[:, :STEPS], engine="cuda", **kept)  # type: ignore[arg-type]
            assert cuda.engine == "cuda"
            assert_same_run(cuda, wide)
            whole = twin.run(program, x[:, :STEPS], engine="cuda", record="*")
            for p in whole.spikes:
                assert (whole.spikes[p] == wide.spikes[p]).all()
            print(f"seed {seed} {model}: {int(wide.counts.per_sample('spikes')[0])} spikes agree")


if __name__ == "__main__":
    main([int(a) for a in sys.argv[1:]])
