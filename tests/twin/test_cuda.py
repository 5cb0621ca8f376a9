"""The CUDA engine, on the device that Numba simulates."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mossy import twin
from mossy.errors import BadInput
from tests.twin.recurrent import CHANNELS, compiled, random_network

ROOT = Path(__file__).parents[2]


def test_cuda_equals_wide_on_the_simulated_device() -> None:
    seeds = ["0", "3", str(int(os.environ["MOSSY_ORACLE_SEED"]) % 1000 + 10)]
    run = subprocess.run(
        [sys.executable, "-m", "tests.twin.cuda_runs", *seeds],
        env={**os.environ, "NUMBA_ENABLE_CUDASIM": "1"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    assert run.stdout.count("spikes agree") == 2 * len(seeds)


def test_without_a_device_it_says_so() -> None:
    from numba import cuda

    if cuda.is_available():
        pytest.skip("there is a CUDA device here")
    populations, _ = random_network(0)
    with pytest.raises(BadInput, match="no CUDA device") as e:
        twin.run(compiled(populations), np.zeros((1, 5, CHANNELS), np.uint8), engine="cuda")
    assert e.value.code == "E0425"
