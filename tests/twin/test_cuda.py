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
SEED = int(os.environ["MOSSY_ORACLE_SEED"]) % 1000 + 10


def agreed(jobs: list[str], seeds: list[int], simulated: bool = True) -> None:
    """Run the networks of cuda_runs.py and see all of them agree."""
    run = subprocess.run(
        [sys.executable, "-m", "tests.twin.cuda_runs", ",".join(jobs), *map(str, seeds)],
        env={**os.environ, "NUMBA_ENABLE_CUDASIM": str(int(simulated))},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    for job in jobs:
        assert run.stdout.count(f"{job}, seed ") >= len(seeds)


def test_several_models_equal_wide_and_reference_on_the_simulated_device() -> None:
    agreed(["cells", "dressed", "chip"], [7])


def test_one_model_equals_wide_on_the_simulated_device() -> None:
    agreed(["one", "whole"], [SEED])


def test_parts_that_die_on_the_simulated_device() -> None:
    agreed(["hurt"], [7])


def test_whole_numbers_equal_wide_on_a_device() -> None:
    asked = "from numba import cuda; print(cuda.is_available())"
    env = {**os.environ, "NUMBA_ENABLE_CUDASIM": "0"}
    said = subprocess.run(
        [sys.executable, "-c", asked], env=env, capture_output=True, text=True, check=False
    )
    if said.stdout.strip() != "True":
        pytest.skip("there is no CUDA device here")
    agreed(["whole"], [0, 3, SEED], simulated=False)


@pytest.mark.slow
def test_more_networks_on_the_simulated_device() -> None:
    agreed(["one", "cells", "doubles", "dressed", "chip", "hurt"], [0, 3, SEED])


def test_without_a_device_it_says_so() -> None:
    from numba import cuda

    if cuda.is_available():
        pytest.skip("there is a CUDA device here")
    populations, _ = random_network(0)
    with pytest.raises(BadInput, match="no CUDA device") as e:
        twin.run(compiled(populations), np.zeros((1, 5, CHANNELS), np.uint8), engine="cuda")
    assert e.value.code == "E0425"
