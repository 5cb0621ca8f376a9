"""Threads that meet: nobody goes on before all have come, however soon they go to sleep."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from mossy.synapses.chance import jit
from mossy.twin.layout.gate import FEWEST, LOOKS, meet, new_gate


@jit
def _round(own: Any, at: Any, gate: Any, threads: Any, looks: Any, often: Any) -> Any:
    """Meet the others so often; return how often somebody was found to be elsewhere."""
    wrong, left = 0, looks
    for t in range(often):
        at[own, 0] = t
        for k in range((own * 37 + t * 11) % 200):  # not all come at once
            at[own, 1] += k
        left = meet(gate, (2 * t + 1) * threads, left if looks else 0)
        for other in range(threads):
            wrong += at[other, 0] != t
        left = meet(gate, (2 * t + 2) * threads, left if looks else 0)
    return wrong, left


@pytest.mark.parametrize("looks", [0, FEWEST, LOOKS])
@pytest.mark.parametrize("threads", [1, 2, 5])
def test_nobody_goes_on_before_all_have_come(threads: int, looks: int) -> None:
    gate, at = new_gate(), np.zeros((threads, 32), np.int64)
    with ThreadPoolExecutor(threads) as pool:
        jobs = [pool.submit(_round, k, at, gate, threads, looks, 500) for k in range(threads)]
        found = [j.result(timeout=60) for j in jobs]
    assert [wrong for wrong, _ in found] == [0] * threads
    assert all(FEWEST <= left <= LOOKS for _, left in found if looks)
    assert gate.tolist() == [2 * 500 * threads, 0]  # and nobody is asleep
