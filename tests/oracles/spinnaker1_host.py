"""Parameters of neurons as a host sends them to SpiNNaker1, and the registers made of them.

The files hold one array: parameters (n, 15) in the order of `Sent`, registers (n, 14) in that of
`Made`. Only NumPy is needed here.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

# s16.15 numbers; times in ms
SENT = (
    "v", "v_rest", "c_m", "tau_m", "i_offset", "v_reset", "tau_refrac", "wait", "time_step",
    "v_thresh", "tau_exc", "exc", "tau_inh", "inh", "time_step_synapse",
)  # fmt: skip
MADE = (
    "v", "v_rest", "r", "exp_tc", "i_offset", "wait", "v_reset", "refract",
    "exc_decay", "exc_init", "exc", "inh_decay", "inh_init", "inh",
)  # fmt: skip


def save_parameters(path: Path, parameters: Ints) -> None:
    """Write parameters (n, 15)."""
    with path.open("wb") as file:
        np.savez(file, sent=parameters)


def load_parameters(path: Path) -> Ints | None:
    """Read parameters; None where the file holds something else."""
    with np.load(path) as file:
        return file["sent"] if "sent" in file.files else None


def save_registers(path: Path, registers: Ints) -> None:
    """Write registers (n, 14)."""
    with path.open("wb") as file:
        np.savez(file, made=registers)


def load_registers(path: Path) -> Ints:
    """Read registers."""
    with np.load(path) as file:
        made: Ints = file["made"]
    return made
