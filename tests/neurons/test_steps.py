"""One step at a time against numbers worked out by hand, and Python against compiled code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mossy import neurons
from mossy.neurons.model import Model, evolve


def trace(
    model: Model,
    params: Mapping[str, float],
    x: list[Any],
    fmt: tuple[int, ...] = (),
    **start: float,
) -> tuple[list[dict[str, float]], list[bool]]:
    """Step one neuron of `model` through the inputs; return its registers and its spikes."""
    p, s = np.zeros(1, model.params), np.zeros(1, model.state)
    for name, value in params.items():
        p[name] = value
    for name, value in start.items():
        s[name] = value
    state, seen, fired = s.view(np.recarray)[0], [], []
    for now in x:
        x0, x1 = now if isinstance(now, tuple) else (now, now)
        fired.append(bool(model.step(state, x0, x1, p.view(np.recarray)[0], fmt)))
        seen.append({n: s[n][0].item() for n in s.dtype.names or ()})
    return seen, fired


def values(seen: list[dict[str, float]], name: str) -> list[float]:
    return [s[name] for s in seen]


# ------------------------------------------------------------------------------ lif
LIF = {"alpha": 0.5, "threshold": 2.0, "v_reset": -1.0}


def test_lif_resets_to_a_value() -> None:
    seen, fired = trace(neurons.model("lif"), LIF, [1, 3, 0, 2.75])
    # 1; 0.5 + 3 = 3.5 > 2: -1; -0.5; -0.25 + 2.75 = 2.5 > 2: -1
    assert values(seen, "v") == [1, -1, -0.5, -1]
    assert fired == [False, True, False, True]


def test_lif_resets_by_subtraction() -> None:
    seen, fired = trace(neurons.model("lif"), LIF | {"subtract": 1}, [1, 3, 0, 2.75])
    # 1; 3.5 - 2 = 1.5; 0.75; 0.375 + 2.75 - 2 = 1.125
    assert values(seen, "v") == [1, 1.5, 0.75, 1.125]
    assert fired == [False, True, False, True]


def test_lif_at_its_threshold_does_not_fire() -> None:
    seen, fired = trace(neurons.model("lif"), LIF | {"alpha": 1, "offset": 0.5}, [1.5, 0])
    # 2 is not above 2; 2.5 is
    assert values(seen, "v") == [2, -1] and fired == [False, True]


def test_lif_rounds_each_operation_to_float32() -> None:
    seen, _ = trace(neurons.model("lif"), {"alpha": 0.9, "threshold": 9}, [1, 0.1])
    a, x = np.float32(0.9), np.float32(0.1)
    assert values(seen, "v")[1] == float(np.float32(a * np.float32(1)) + x)


def test_readout_without_threshold_never_fires() -> None:
    _, fired = trace(neurons.model("lif"), {"alpha": 1, "threshold": np.inf}, [1e30] * 3)
    assert not any(fired)


# ------------------------------------------------------------------------------ cuba, float
CUBA = {"exc_decay": 0.5, "inh_decay": 0.25, "alpha": 0.5, "threshold": 4.0, "v_reset": 0.5}


def test_cuba_takes_the_new_current_and_keeps_both_signs_apart() -> None:
    seen, fired = trace(neurons.model("cuba_lif"), CUBA, [(4, 0), (0, 4), (8, 0)])
    assert values(seen, "i_exc") == [4, 2, 9]
    assert values(seen, "i_inh") == [0, 4, 1]
    # 4; 2 + (2 - 4) = 0; 0 + (9 - 1) = 8 > 4: 0.5
    assert values(seen, "v") == [4, 0, 0.5] and fired == [False, False, True]


def test_cuba_is_silent_while_refractory_but_its_current_runs_on() -> None:
    seen, fired = trace(neurons.model("cuba_lif"), CUBA | {"refract": 2}, [(16, 0), *[(0, 0)] * 3])
    assert values(seen, "i_exc") == [16, 8, 4, 2]
    assert values(seen, "v") == [0.5, 0.5, 0.5, 2.25]
    assert fired == [True, False, False, False]


def test_cuba_subtracts_and_adds_offsets() -> None:
    p = CUBA | {"subtract": 1, "offset": 1.0, "offset_syn": 2.0}
    seen, fired = trace(neurons.model("cuba_lif"), p, [(2, 0), (0, 0)])
    # i = 4, v = 4 + 1 = 5 > 4: 1;   i = 4, v = 0.5 + 4 + 1 = 5.5 > 4: 1.5
    assert values(seen, "i_exc") == [4, 4] and values(seen, "v") == [1, 1.5]
    assert fired == [True, True]


# ------------------------------------------------------------------------------ cuba, integers
FMT = (12, 21, 23)  # decay bits, input bits, state bits
TOP = (1 << 23) - 1
INT = {"decay_v": 0, "decay_u": 4096, "threshold": 1000, "v_min": -TOP, "v_max": TOP, "refract": 1}


def test_integers_decay_towards_zero_from_both_sides() -> None:
    p = INT | {"decay_v": 2048, "decay_u": 1024, "threshold": TOP}
    seen, _ = trace(neurons.model("cuba_lif.int"), p, [5, 0, 0], FMT)
    # u: 5, 15 >> 2 = 3, 9 >> 2 = 2;   v: 5, 2 + 3, 2 + 2
    assert values(seen, "u") == [5, 3, 2] and values(seen, "v") == [5, 5, 4]
    seen, _ = trace(neurons.model("cuba_lif.int"), p, [-5, 0, 0], FMT)
    assert values(seen, "u") == [-5, -3, -2] and values(seen, "v") == [-5, -5, -4]


@pytest.mark.parametrize(
    ("x", "u"),
    [
        ((1 << 21) - 1, (1 << 21) - 1),
        (1 << 21, -(1 << 21)),
        (-(1 << 21), -(1 << 21)),
        (-(1 << 21) - 1, (1 << 21) - 1),
        ((1 << 22) + 3, 3),
    ],
)
def test_summed_input_wraps_at_its_width(x: int, u: int) -> None:
    seen, _ = trace(neurons.model("cuba_lif.int"), INT, [x], FMT)
    assert values(seen, "u") == [u]


def test_current_wraps_and_potential_clips() -> None:
    big = (1 << 21) - 1
    seen, _ = trace(
        neurons.model("cuba_lif.int"), INT | {"decay_u": 0, "threshold": TOP}, [big] * 5, FMT
    )
    assert values(seen, "u") == [big, 2 * big, 3 * big, 4 * big, 5 * big - (1 << 24)]
    # 1 + 2 + 3 times `big` is beyond the register and stays there, then falls
    assert values(seen, "v")[2:] == [TOP, TOP, TOP + 5 * big - (1 << 24)]


def test_bias_and_current_wrap_together() -> None:
    p = INT | {"bias": 1, "threshold": TOP, "decay_u": 0}
    seen, _ = trace(neurons.model("cuba_lif.int"), p, [0], FMT, u=TOP)
    assert values(seen, "v") == [-TOP]  # -2^23, clipped to v_min


def test_refractory_of_one_has_no_silent_step() -> None:
    seen, fired = trace(neurons.model("cuba_lif.int"), INT, [1001, 1001, 1000, 0], FMT)
    assert fired == [True, True, False, False]
    assert values(seen, "v") == [0, 0, 1000, 1000]


def test_refractory_of_three_is_silent_for_two_steps() -> None:
    seen, fired = trace(neurons.model("cuba_lif.int"), INT | {"refract": 3}, [2000] * 5, FMT)
    assert fired == [True, False, False, True, False]
    assert values(seen, "v") == [0] * 5
    assert values(seen, "refract") == [2, 1, 0, 2, 1]


# ------------------------------------------------------------------------------ compiled
def random_records(dtype: np.dtype[Any], n: int, rng: np.random.Generator) -> NDArray[Any]:
    found = np.zeros(n, dtype)
    for name in dtype.names or ():
        if dtype[name].kind == "f":
            found[name] = rng.normal(0.5, 1, n)
        elif name.startswith("decay"):
            found[name] = rng.integers(0, 4097, n)
        elif name in ("subtract", "refract"):
            found[name] = rng.integers(0, 2, n)
        else:
            found[name] = rng.integers(-(1 << 22), 1 << 22, n)
    if "v_max" in (dtype.names or ()):
        found["v_min"], found["v_max"] = -TOP, TOP
    return found


@pytest.mark.parametrize("name", ["lif", "cuba_lif", "cuba_lif.int", "li", "li.cuba"])
def test_compiled_code_gives_the_same_bits_as_python(name: str) -> None:
    model, n, rng = neurons.model(name), 400, np.random.default_rng(3)
    fmt = FMT if name.endswith("int") else ()
    params = random_records(model.params, n, rng)
    start = random_records(model.state, n, rng)
    by_loop, by_code = start.copy(), start[None].copy()
    fired, count = np.zeros((1, n), np.int32), np.zeros(1, np.int64)
    sent = np.zeros((1, n), model.drive)
    for _ in range(5):
        if model.drive.kind == "f":
            x = rng.normal(0, 1, n * model.inputs).astype(model.drive)
        else:
            x = rng.integers(-(1 << 23), 1 << 23, n * model.inputs).astype(model.drive)
        by_hand = evolve(model, by_loop.view(np.recarray), x, params.view(np.recarray), fmt)
        ring = np.zeros((1, 2, model.inputs * n + 3), model.drive)
        ring[0, 1, 3:] = x
        ring[0, :, :3] = 7
        model.update(by_code, params, ring, 1, 3, fmt, fired, sent, count)
        assert fired[0, : count[0]].tolist() == [k for k in range(n) if by_hand[k]]
        assert sent[0, : count[0]].tolist() == [v for v in by_hand if v]
        assert by_code[0].tobytes() == by_loop.tobytes()
        assert not ring[0, 1, 3:].any() and (ring[0, :, :3] == 7).all()
    assert count[0]
