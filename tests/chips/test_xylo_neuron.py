"""The neuron of Xylo, single steps worked by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mossy.neurons import model
from mossy.neurons.model import evolve


def stepped(
    fmt: tuple[int, ...], x: list[list[int]], v: list[int] | None = None, **params: Any
) -> Any:
    """State and spikes of one step of as many neurons as x has rows."""
    found = model("xylo/neuron.int")
    state = np.zeros(len(x), found.state).view(np.recarray)
    registers = np.zeros(len(x), found.params).view(np.recarray)
    registers.dash_syn0 = registers.dash_syn1 = 1
    for name, value in params.items():
        registers[name] = value
    state.v = v or 0
    sent = evolve(found, state, np.array(x, found.drive).reshape(-1), registers, fmt)
    return state, sent


def test_a_step_worked_by_hand() -> None:
    """i0 100 -> 100 - 25 = 75, i1 -7 -> -7 + 4 = -3; v 40 - 5 + 72 + 3 = 110: two spikes of 50."""
    state, sent = stepped(
        (2, 31, 1), [[100, -7]], [40], dash_syn0=2, dash_mem=3, bias=3, threshold=50
    )
    assert (state.i0[0], state.i1[0], state.v[0], sent) == (75, -3, 10, [2])


def test_small_registers_decay_by_one() -> None:
    """5 >> 4 is 0, so one is taken off; -5 >> 4 is -1 already."""
    state, _ = stepped((2, 31, 0), [[5, -5]], dash_syn0=4, dash_syn1=4, threshold=99)
    assert (state.i0[0], state.i1[0]) == (4, -4)


def test_a_synapse_of_dash_0_lets_nothing_through_and_such_a_membrane_forgets() -> None:
    state, sent = stepped((2, 31, 0), [[9000, 0]], [70], dash_syn0=0, dash_mem=0, threshold=50)
    assert (state.i0[0], state.v[0], sent) == (0, 0, [0])


@pytest.mark.parametrize(("version", "floor"), [(1, 0), (2, -32768)])
def test_the_floor_of_version_2_cannot_be_left_by_decay(version: int, floor: int) -> None:
    """-(-32768) has no place in 16 bits; version 1 takes the difference in a wider register."""
    state, _ = stepped((version, 31, 0), [[0, 0]], [-32768], dash_mem=0, threshold=50)
    assert state.v[0] == floor


def test_version_2_saturates_the_change_first() -> None:
    """30000 + (-30000 + 32767 + 32767) is 32767; the change alone is cut to 32767 before."""
    arrived = [[65534, 65534]]  # halves to 32767 each
    state, _ = stepped((2, 0, 0), arrived, [-30000], dash_mem=15, threshold=1)
    assert state.v[0] == 2767
    state, _ = stepped((1, 0, 0), arrived, [-30000], dash_mem=15, threshold=1)
    assert state.v[0] == 32767


def test_aliases_count_before_later_neurons_and_after_earlier_ones() -> None:
    """Neuron 1 sends 3; neuron 2 begins with them and spares its potential, neuron 0 sends more."""
    x = [[40, 0], [60, 0], [40, 0]]
    state, sent = stepped((2, 4, 0), x, threshold=10, dash_mem=1, alias=[0, 1, 0])
    assert sent == [2, 3, 4] and state.v.tolist() == [0, 0, 10]
    state, sent = stepped((2, 4, 0), x, threshold=10, dash_mem=1, alias=[0, -1, 0])
    assert sent == [4, 3, 2] and state.v.tolist() == [0, 0, 0]
