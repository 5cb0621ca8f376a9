"""Steps that send the potential, against numbers worked by hand and against the plain LIF."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mossy import neurons

TOP = (1 << 23) - 1
FLOAT = {"keep_u": 0.5, "keep_v": 0.5, "threshold": 4.0}
INT = {"decay_u": 4096, "decay_v": 2048, "threshold": 100, "v_min": -TOP, "v_max": TOP}
FMT = (12, 31, 23, 31, 0)


def trace(
    name: str, x: Sequence[float], fmt: tuple[int, ...], params: Mapping[str, float]
) -> tuple[NDArray[Any], list[float]]:
    """Step one neuron from rest; return its states and what it sent in each step."""
    model = neurons.model(name)
    p, s = np.zeros(1, model.params).view(np.recarray), np.zeros(1, model.state).view(np.recarray)
    for key, value in params.items():
        p[key] = value
    seen, sent = np.zeros(len(x), model.state), []
    for t, now in enumerate(x):
        sent.append(model.step(s[0], now, now, p[0], fmt))
        seen[t] = s[0]
    return seen, sent


def test_a_float_spike_carries_the_potential_before_the_reset() -> None:
    seen, sent = trace("graded_lif", [3, 2, 0, 0], (), FLOAT)
    # u 3, 3.5, 1.75, 0.875; v 3; 1.5 + 3.5 = 5 > 4; 0 + 1.75; 0.875 + 0.875
    assert sent == [0, 5, 0, 0]
    assert seen["u"].tolist() == [3, 3.5, 1.75, 0.875]
    assert seen["v"].tolist() == [3, 0, 1.75, 1.75]


def test_at_its_threshold_it_is_silent() -> None:
    assert trace("graded_lif", [4], (), FLOAT)[1] == [0]
    assert trace("graded_lif.int", [100], FMT, INT)[1] == [0]
    assert trace("graded_lif.int", [101], FMT, INT)[1] == [101]


def test_an_integer_spike_carries_the_register() -> None:
    seen, sent = trace("graded_lif.int", [99, 61, 0, 103], FMT, INT)
    # v 99; 49 (99 / 2 cut) + 61 = 110 > 100; 0; 103
    assert sent == [0, 110, 0, 103]
    assert seen["v"].tolist() == [99, 0, 0, 0]


@pytest.mark.parametrize(("shift", "wanted"), [(0, 101), (1, 50), (6, 1), (7, 1), (20, 1)])
def test_the_register_is_cut_to_the_unit_of_numbers(shift: int, wanted: int) -> None:
    """101 / 2 is 50 and a half; a spike never carries nothing."""
    assert trace("graded_lif.int", [101], (*FMT[:4], shift), INT)[1] == [wanted]


def test_a_clipped_register_is_sent_clipped() -> None:
    p = INT | {"decay_u": 0, "threshold": TOP - 1, "decay_v": 0}
    seen, sent = trace("graded_lif.int", [1 << 22, 1 << 22], FMT, p)
    # u 2^22, 2^23; v 2^22, then 2^22 + 2^23, which ends at 2^23 - 1
    assert seen["u"].tolist() == [1 << 22, 1 << 23] and sent == [0, TOP]
    assert seen["v"].tolist() == [1 << 22, 0]


def test_a_current_that_wraps_turns_the_potential_before_it_is_sent() -> None:
    p = INT | {"decay_u": 0}
    seen, sent = trace("graded_lif.int", [-(1 << 22), -(1 << 22), 0], FMT, p)
    # u -2^22, then -2^23, which the register holds as 2^23: v -2^21 + 2^23, sent and reset
    assert seen["u"].tolist() == [-(1 << 22), 1 << 23, 1 << 23]
    assert sent == [0, (1 << 23) - (1 << 21), TOP]
    assert seen["v"].tolist() == [-(1 << 22), 0, 0]


def test_sums_beyond_32_bits_have_wrapped_before_they_come() -> None:
    """The drive is a 32-bit register; the largest one turns into 24 bits as -1 does."""
    seen, _ = trace("graded_lif.int", [(1 << 31) - 1], FMT, INT)
    assert seen["u"].tolist() == [-1] and seen["v"].tolist() == [-1]


def test_a_bias_drives_it_without_input() -> None:
    assert trace("graded_lif.int", [0, 0], FMT, INT | {"bias": 70})[1] == [0, 105]
    assert trace("graded_lif", [0, 0], (), FLOAT | {"bias": 3.0})[1] == [0, 4.5]


def test_registers_and_spikes_are_those_of_the_plain_neuron() -> None:
    rng = np.random.default_rng(4)
    for _ in range(20):
        p = {
            "decay_u": rng.integers(1, 4097), "decay_v": rng.integers(0, 4097),
            "bias": rng.integers(-500, 500), "threshold": rng.integers(0, 1 << 22),
            "v_min": -TOP, "v_max": TOP,
        }  # fmt: skip
        x = rng.integers(-(1 << 24), 1 << 24, 60).tolist()
        seen, sent = trace("graded_lif.int", x, FMT, p)
        plain, fired = trace("cuba_lif.int", x, FMT[:4], p | {"refract": 1})
        assert seen["u"].tolist() == plain["u"].tolist()
        assert seen["v"].tolist() == plain["v"].tolist()
        assert [s > 0 for s in sent] == [bool(f) for f in fired] and 0 < sum(fired) < len(x)
        assert all(s == 0 or s > p["threshold"] for s in sent)
