"""Relays by hand: once a step, or packet by packet up to what a counter of 8 bits holds."""

from __future__ import annotations

from mossy import neurons
from tests.neurons.test_steps import trace, values


def test_a_relay_sends_one_spike_for_whatever_came() -> None:
    seen, sent = trace(neurons.model("relay"), {"steps": 32}, [0, 1, 3, 0])
    assert sent == [False, True, True, False]
    assert values(seen, "v") == [0, 1, 1, 0]


def test_a_relay_of_many_sends_each_up_to_255() -> None:
    relay = neurons.model("relay.many")
    seen, sent = trace(relay, {"steps": 32}, [0, 1, 255, 256, 65535])
    assert sent == [False, True, True, True, True]
    assert values(seen, "v") == [0, 1, 255, 255, 255]
