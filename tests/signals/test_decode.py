"""Decoders, with their rules for ties."""

from __future__ import annotations

import numpy as np
import pytest

from mossy.errors import BadInput
from mossy.signals import decode


def sample(*rows):
    """One sample from a string of spikes per class, e.g. "0101"."""
    return np.array([[int(c) for c in row] for row in rows]).T[None]


@pytest.mark.parametrize(
    ("rule", "rows", "want"),
    [
        (decode.spike_count, ("0100", "0110", "0001"), 1),
        (decode.spike_count, ("0000", "0110", "1001"), 1),  # a tie: the lower index
        (decode.spike_count, ("0000", "0000", "0000"), 0),
        (decode.first_spike, ("0011", "0100", "0010"), 1),
        (decode.first_spike, ("0011", "0110", "0100"), 1),  # same step: the lower index
        (decode.first_spike, ("0011", "0110", "0200"), 2),  # same step: more spikes there
        (decode.first_spike, ("0000", "0000", "0001"), 2),
        (decode.first_spike, ("0000", "0000", "0000"), 0),
        (decode.max_potential, ("0100", "0120", "1111"), 1),
        (decode.max_potential, ("0000", "3000", "0003"), 1),  # a tie: the lower index
    ],
)
def test_rules(rule, rows, want):
    assert rule(sample(*rows)).tolist() == [want]


def test_negative_potentials():
    assert decode.max_potential(np.array([[[-3.0, -1.0], [-2.0, -4.0]]])).tolist() == [1]


def test_batch_is_decoded_row_by_row():
    out = np.concatenate([sample("10", "11"), sample("11", "00")])
    assert decode.spike_count(out).tolist() == [1, 0]
    assert decode.accuracy(decode.spike_count(out), [1, 1]) == 0.5


@pytest.mark.parametrize("rule", [decode.spike_count, decode.first_spike, decode.max_potential])
@pytest.mark.parametrize("out", [np.zeros((3, 4)), np.zeros((0, 1, 2)), np.full((1, 1, 1), "a")])
def test_wrong_outputs(rule, out):
    with pytest.raises(BadInput, match=r"\[E0134\].*must be \(batch, time, classes\); got shape"):
        rule(out)


@pytest.mark.parametrize(("pred", "y"), [([1, 2], [1]), ([], []), ([[1]], [[1]])])
def test_wrong_labels(pred, y):
    with pytest.raises(BadInput, match=r"\[E0135\].*two lists of one length"):
        decode.accuracy(pred, y)
