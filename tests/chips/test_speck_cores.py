"""Speck: the memory a layer takes, and the core it goes to."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from mossy.chips import chip
from mossy.chips.quantised import CoreLoad
from mossy.chips.speck.memory import assign, memories, needs
from mossy.errors import DoesNotFit


def load(f: int, c: int, k: int, y: int, x: int) -> CoreLoad:
    return CoreLoad("neurons", "lif.int", 1, n=f * y * x, kernels=((f, c, k, k, y, x),))


def placed(*loads: CoreLoad) -> tuple[int, ...]:
    slices = [
        SimpleNamespace(population=f"l{i}", role="neurons", load=s) for i, s in enumerate(loads)
    ]
    return assign(slices, tuple(() for _ in slices), chip("speck").facts)


def test_memory_is_counted_as_the_documentation_does() -> None:
    """Its own example: 16 channels in, 32 out, kernel 3, map 64: 8 Ki weights, 128 Ki states."""
    words = needs(load(32, 16, 3, 64, 64))
    assert (words.weights, words.states) == (8 << 10, 128 << 10)
    # 5 maps of 6 x 9: 3 and 4 bits of address; 7 x 7 = 49 taps: 6; 5 channels: 3
    words = needs(load(5, 3, 7, 6, 9))
    assert (words.states, words.weights, words.biases) == (5 << 7, 3 << 9, 5)


def test_the_nine_cores_hold_what_is_published() -> None:
    found = memories(chip("speck").facts)
    assert len(found) == 9 == int(chip("speck").facts["cores_per_chip"])
    assert sum(c.states for c in found) == 327_680
    assert sum(c.weights for c in found) == 272 << 10


def test_layers_take_cores_that_hold_them() -> None:
    wide, deep, small = load(16, 1, 1, 64, 64), load(64, 64, 3, 4, 4), load(2, 2, 1, 2, 2)
    spots = placed(small, small, deep, wide, small, wide, wide, deep)
    assert len(set(spots)) == 8
    assert {spots[3], spots[5], spots[6]} == {0, 1, 2} and {spots[2], spots[7]} == {5, 6}


def test_a_layer_too_large_for_any_core_says_by_how_much() -> None:
    with pytest.raises(DoesNotFit) as found:
        placed(load(2, 2, 1, 2, 2), load(32, 128, 3, 32, 32))
    text = str(found.value)
    assert found.value.code == "E0301" and "population l1: no core holds this layer" in text
    assert "it exceeds 32768 weights by 100%; got 32768 states and 65536 weights" in text
    assert "2 cores of 16384 states and 65536 weights" in text and "Try: fewer channels" in text


def test_too_many_layers_say_which_and_how_many_cores_are_missing() -> None:
    deep = load(64, 64, 3, 4, 4)
    with pytest.raises(DoesNotFit) as found:
        placed(deep, load(2, 2, 1, 2, 2), deep, deep)
    text = str(found.value)
    assert "[E0302] speck: the network needs 1 more cores than the chip has" in text
    assert "l0 (1024 states and 65536 weights), l2" in text and "l1" not in text
    assert (
        "got 3 layers; allowed: 2 cores that hold them" in text and "Try: a smaller layer" in text
    )
