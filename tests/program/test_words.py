"""Packing and unpacking synapse words, at the edges of every field."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from mossy.program import WordFormat
from mossy.program.words import pack, unpack

FORMATS = {
    "weight and index": WordFormat(16, 7, 0, 1, 8, "magnitude"),
    "delay too": WordFormat(16, 4, 3, 1, 8, "magnitude"),
    "signed": WordFormat(32, 8, 6, 0, 10, "signed"),
    "float": WordFormat(64, 32, 8, 0, 24, "float32"),
    "whole word": WordFormat(32, 16, 8, 0, 8, "signed"),
}


def weights(fmt: WordFormat) -> tuple[float, float]:
    """Smallest and largest weight of a format."""
    if fmt.coding == "signed":
        return -(1 << (fmt.weight - 1)), (1 << (fmt.weight - 1)) - 1
    if fmt.coding == "magnitude":
        return -((1 << fmt.weight) - 1), (1 << fmt.weight) - 1
    return float(np.finfo(np.float32).min), float(np.finfo(np.float32).max)


def drawn(fmt: WordFormat, data: Any) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    n = data.draw(st.integers(0, 20))
    low, high = weights(fmt)
    number: Any = st.floats(width=32, allow_nan=False)
    if fmt.coding != "float32":
        number = st.integers(int(low), int(high))
    kind = np.float32 if fmt.coding == "float32" else np.int32
    edge = st.sampled_from([low, high, 0])
    weight = data.draw(hnp.arrays(kind, n, elements=number | edge))
    fields = [
        data.draw(hnp.arrays(np.int64, n, elements=st.integers(0, (1 << bits) - 1)))
        for bits in (fmt.delay, fmt.index)
    ]
    return weight, fields[0], fields[1]


@pytest.mark.parametrize("name", FORMATS)
@settings(deadline=None)
@given(data=st.data())
def test_unpack_undoes_pack(name: str, data: st.DataObject) -> None:
    fmt = FORMATS[name]
    weight, delay, index = drawn(fmt, data)
    words = pack(fmt, weight, delay, index)
    assert words.dtype == fmt.dtype
    got = unpack(fmt, words)
    np.testing.assert_array_equal(got[0], weight)
    np.testing.assert_array_equal(got[1], delay)
    np.testing.assert_array_equal(got[2], index)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("end", [0, 1])
def test_extreme_values_fit(name: str, end: int) -> None:
    fmt = FORMATS[name]
    weight = np.array([weights(fmt)[end]] * 2)
    top = np.array([(1 << fmt.delay) - 1, 0]), np.array([0, (1 << fmt.index) - 1])
    got = unpack(fmt, pack(fmt, weight, *top))
    assert [g.tolist() for g in got] == [weight.tolist(), top[0].tolist(), top[1].tolist()]


def test_fields_lie_where_the_format_says() -> None:
    # weight | delay | type | index, high to low: -5, delay 3, index 7
    words = pack(FORMATS["delay too"], np.array([-5]), np.array([3]), np.array([7]))
    assert words.tolist() == [5 << 12 | 3 << 9 | 1 << 8 | 7]
    words = pack(FORMATS["signed"], np.array([-1]), np.array([1]), np.array([2]))
    assert words.tolist() == [0xFF << 16 | 1 << 10 | 2]


@pytest.mark.parametrize("name", [n for n, f in FORMATS.items() if f.coding != "float32"])
@pytest.mark.parametrize("field", ["weight", "delay", "index"])
@pytest.mark.parametrize("low", [True, False])
def test_one_too_many_is_refused(name: str, field: str, low: bool) -> None:
    fmt = FORMATS[name]
    least, most = weights(fmt)
    value = {"weight": (least - 1, most + 1)}.get(field, (-1, 1 << getattr(fmt, field)))
    given_ = {"weight": 0, "delay": 0, "index": 0} | {field: int(value[0 if low else 1])}
    with pytest.raises(ValueError, match=rf"{field} .* exceeds {getattr(fmt, field)} bits"):
        pack(fmt, *(np.array([given_[k]]) for k in ("weight", "delay", "index")))


def test_fields_wider_than_the_word_are_refused() -> None:
    with pytest.raises(ValueError, match="wider than the word"):
        WordFormat(16, 7, 2, 1, 8, "magnitude")
