"""The crossbar neuron by hand and in distribution; levels of weights; splitters."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import sparse

from mossy.chips.truenorth import levels
from mossy.chips.truenorth.neuron import INT
from mossy.chips.truenorth.splitters import stages
from mossy.testing import vectors


def run(
    counts: list[tuple[int, int, int, int]], v: int = 0, inclusive: int = 0, **params: int
) -> list[tuple[int, bool]]:
    """Return (potential, spike) after each tick of one neuron."""
    state = np.zeros(1, INT.state).view(np.recarray)
    record = np.zeros(1, INT.params).view(np.recarray)
    state["random"], state["v"], record["threshold"], record["floor"] = 1, v, 1000, 1000
    for name, value in params.items():
        record[name] = value
    found = []
    for each in counts:
        x = sum(n << (16 * g) for g, n in enumerate(each))
        fired = INT.step(state[0], x, x, record[0], (20, inclusive))
        found.append((int(state[0].v), bool(fired)))
    return found


QUIET = (0, 0, 0, 0)


# ------------------------------------------------------------------------------ neuron by hand
def test_each_type_counts_its_own_weight() -> None:
    weights = {"w0": 5, "w1": -7, "w2": 100, "w3": -255}
    assert run([(1, 0, 0, 0), (2, 1, 0, 0), (0, 0, 3, 1)], **weights) == [
        (5, False), (5 + 10 - 7, False), (8 + 300 - 255, False),
    ]  # fmt: skip


def test_all_axons_of_a_core_at_once() -> None:
    assert run([(256, 0, 0, 0), (0, 0, 0, 256)], threshold=10**5, w0=255, w3=-1) == [
        (65280, False), (65024, False),
    ]  # fmt: skip


def test_it_fires_at_the_threshold_and_not_below() -> None:
    one = (1, 0, 0, 0)
    assert run([one] * 3, w0=5, threshold=10) == [(5, False), (0, True), (5, False)]
    assert run([one] * 3, w0=5, threshold=11) == [(5, False), (10, False), (0, True)]


@pytest.mark.parametrize(("reset", "after"), [(0, 30), (1, 2), (2, 12)])
def test_three_ways_to_reset(reset: int, after: int) -> None:
    assert run([(1, 0, 0, 0)], w0=12, threshold=10, reset=reset, v_reset=30) == [(after, True)]


@pytest.mark.parametrize(("reset", "after"), [(0, -30), (1, -2), (2, -12)])
def test_three_ways_back_from_below_the_floor(reset: int, after: int) -> None:
    assert run([(1, 0, 0, 0)], w0=-12, floor=10, reset=reset, v_reset=30) == [(after, False)]


def test_a_saturating_floor_holds_the_potential() -> None:
    found = run([(1, 0, 0, 0)] * 2 + [QUIET], w0=-12, floor=15, saturate=1, leak=1)
    assert found == [(-11, False), (-15, False), (-14, False)]


@pytest.mark.parametrize(("inclusive", "after"), [(0, -10), (1, 0)])
def test_meeting_the_floor_counts_where_the_chip_says_so(inclusive: int, after: int) -> None:
    assert run([(1, 0, 0, 0)], inclusive=inclusive, w0=-10, floor=10, reset=1) == [(after, False)]


def test_leak_with_reversal_follows_the_sign() -> None:
    assert run([QUIET] * 2, v=5, leak=-3) == [(2, False), (-1, False)]
    towards = {"leak": -3, "reversal": 1}
    assert run([QUIET] * 3, v=5, **towards) == [(2, False), (-1, False), (2, False)]
    assert run([QUIET] * 2, v=-5, **towards) == [(-2, False), (1, False)]
    assert run([QUIET], v=0, **towards) == [(0, False)]
    assert run([QUIET] * 2, v=-5, leak=3, reversal=1) == [(-8, False), (-11, False)]


def test_potentials_end_at_20_bits() -> None:
    far = {"threshold": 1 << 19, "floor": 1 << 19}
    assert run([(256, 0, 0, 0)], v=(1 << 19) - 10, w0=255, **far) == [((1 << 19) - 1, False)]
    assert run([(256, 0, 0, 0)], v=10 - (1 << 19), w0=-255, **far) == [(-(1 << 19), False)]


# ------------------------------------------------------------------------------ in distribution
def assert_share(hits: int, n: int, p: float) -> None:
    """Five standard deviations: about one failure in two million, and the seeds are fixed."""
    assert abs(hits - n * p) <= 5 * np.sqrt(n * p * (1 - p)), f"{hits} of {n}, expected {n * p}"


def many(
    counts: tuple[int, int, int, int], n: int = 1000, steps: int = 20, **params: int
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return potentials and spikes (steps, n) of equal neurons with generators of their own."""
    state, record = np.zeros(n, INT.state), np.zeros(n, INT.params)
    for name, value in ({"threshold": 1 << 19, "floor": 1 << 19} | params).items():
        (state if name == "v" else record)[name] = value
    state["random"] = np.arange(1, n + 1) * 2654435761 % (1 << 32)
    x = sum(c << (16 * g) for g, c in enumerate(counts))
    empty = np.zeros((steps, n), INT.state), np.zeros((steps, n), bool)
    drive = np.full((steps, n, 1), x)
    states, fired = vectors.replay_compiled(
        vectors.Vector("truenorth/neuron.int", "", np.array([20, 0]), record, state, drive, *empty)
    )
    return states["v"].astype(np.int64), fired


def changes(counts: tuple[int, int, int, int], **params: int) -> NDArray[np.int64]:
    """Return what each tick adds to each potential, from 0."""
    v, _ = many(counts, **params)
    return np.diff(v, axis=0, prepend=0)


@pytest.mark.parametrize("w", [1, 100, 255, -60])
def test_a_stochastic_synapse_adds_one_in_proportion_to_its_weight(w: int) -> None:
    found = changes((1, 0, 0, 0), w0=w, random_synapse=1)
    assert set(found.ravel().tolist()) <= {0, int(np.sign(w))}
    assert_share(int(np.abs(found).sum()), found.size, (abs(w) + 1) / 256)


def test_only_the_chosen_types_are_stochastic() -> None:
    assert (changes((1, 0, 0, 0), w0=7, random_synapse=0b1110) == 7).all()
    both = changes((1, 1, 0, 0), w0=7, w1=128, random_synapse=0b0010)
    assert set(both.ravel().tolist()) == {7, 8}


def test_every_event_draws_for_itself() -> None:
    """Ten events of weight 127 add a binomial number with p = 1/2: mean 5, variance 2.5."""
    found = changes((0, 0, 10, 0), w2=127, random_synapse=0b0100)
    assert found.mean() == pytest.approx(5, abs=5 * np.sqrt(2.5 / found.size))
    assert found.var() == pytest.approx(2.5, rel=0.1)


@pytest.mark.parametrize("leak", [10, -128])
def test_a_stochastic_leak_takes_one_in_proportion(leak: int) -> None:
    found = changes(QUIET, leak=leak, random_leak=1)
    assert set(found.ravel().tolist()) == {0, int(np.sign(leak))}
    assert_share(int(np.abs(found).sum()), found.size, (abs(leak) + 1) / 256)


def test_a_stochastic_threshold_is_uniform_over_its_mask() -> None:
    """v = 100 + 5 against 100 + eta, eta of 0 to 15: six values of sixteen let it fire."""
    _, fired = many(QUIET, v=105, threshold=100, mask=15, reset=2)
    assert_share(int(fired.sum()), fired.size, 6 / 16)


def test_neurons_draw_independently() -> None:
    _, fired = many(QUIET, v=105, threshold=100, mask=15, reset=2)
    pairs = fired[:, ::2] != fired[:, 1::2]
    assert_share(int(pairs.sum()), pairs.size, 2 * 6 / 16 * 10 / 16)


# ------------------------------------------------------------------------------ levels
@pytest.mark.parametrize("top", [1, 2, 4])
@pytest.mark.parametrize("seed", range(5))
def test_no_other_unit_has_a_smaller_error(seed: int, top: int) -> None:
    w = np.random.default_rng(seed).normal(0, 1, 7)
    unit, m = levels.fit(w, top)
    best = ((w - unit * m) ** 2).sum()
    assert np.abs(m).max() <= top
    for other in np.linspace(1e-3, 2 * np.abs(w).max(), 4000):
        near = np.clip(np.rint(w / other), -top, top)
        assert best <= ((w - other * near) ** 2).sum() + 1e-12


def test_weights_that_are_levels_stay_as_they_are() -> None:
    unit, m = levels.fit(np.array([0.5, -1.0, 0.0, 2.0, 1.5]), 4)
    assert unit == pytest.approx(0.5)
    assert m.tolist() == [1, -2, 0, 4, 3]
    assert levels.fit(np.zeros(3), 4)[0] == 0.0
    assert levels.fit(np.zeros(0), 4)[0] == 0.0


def test_axon_types_add_up_to_the_levels() -> None:
    every = sparse.csr_array(np.arange(-4, 5)[None])
    total = sum(u * levels.of_type(every, k).toarray() for k, u in enumerate(levels.UNITS))
    assert total.tolist() == [list(range(-4, 5))]
    assert all(set(levels.of_type(every, k).data) == {1.0} for k in range(4))


def test_fitting_leaves_the_weights_alone() -> None:
    w = sparse.csr_array(np.array([[1.0, 0.01, -1.0], [0.0, 2.0, 0.02]]))
    before = w.copy()
    unit, level = levels.fit_rows(w, 1)
    assert (w != before).nnz == 0 and w.nnz == before.nnz
    assert level.toarray().tolist() == [[1, 0, -1], [0, 1, 0]]
    assert unit.tolist() == [1.0, 2.0]


# ------------------------------------------------------------------------------ splitters
@pytest.mark.parametrize(
    ("copies", "most", "deep"),
    [([2] * 300, 256, 1), ([256] * 3, 256, 1), ([257], 256, 2), ([3, 0, 9, 1], 4, 2), ([40], 3, 4)],
)
def test_every_copy_has_a_neuron_and_every_axon_one_core(
    copies: list[int], most: int, deep: int
) -> None:
    chain = stages(np.array(copies), most)
    assert len(chain) == deep
    origin = np.arange(len(copies))  # element of the stage before -> source
    for stage in chain:
        width = stage.n // stage.cores
        assert width * stage.cores == stage.n and width <= most
        assert np.unique(stage.slot).size == stage.slot.size
        assert stage.slot.max() < stage.n
        driven = {
            (f, c)
            for f, c in zip(stage.feeds.tolist(), (stage.slot // width).tolist(), strict=True)
        }
        assert len(driven) == np.unique(stage.feeds).size  # one core for each element
        after = np.full(stage.n, -1)
        after[stage.slot] = origin[stage.feeds]
        origin = after
    assert np.bincount(origin[chain[-1].slot], minlength=len(copies)).tolist() == copies
    assert (np.diff(origin[chain[-1].slot]) >= 0).all()  # ordered by source
