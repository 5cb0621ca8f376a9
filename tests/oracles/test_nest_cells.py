"""PyNN's standard cells against NEST 3.10: potentials and spikes of random cells, 1 s at 0.1 ms.

Ours are taken as they are, without a chip around them. What is compared is stated per cell: where
NEST's own rule is exact or the same as ours, every potential and spike; where it integrates to a
tolerance, as near as that leaves. Of the cells with conductances it cannot be set (1e-3 mV for each
step); the steps of NEST are ten times shorter for Hodgkin and Huxley's, whose peaks need it, and a
spike, the first step after the peak, is then found up to a step earlier. The adaptive exponential
cell's is set to 1e-10. tests/neurons/ has the comparisons with exact solutions.

Measured over 12 seeds, 96 cells of each kind, the worst of them, float64 and float32:

                   mV before a spike     cells with NEST's spikes    least share within a step
    if_curr_alpha    7e-13    1.4e-4          96        95                1       1
    if_cond_exp      6e-9     2.4e-5          96        95                1       1
    if_cond_alpha    1.1e-7   3.9e-5          96        94                1       1
    eif_cond_exp     2.8e-10  1.2e-4          92        88                1       0.95
    eif_cond_alpha   1.0e-9   2.3e-4          93        74                0.98    0.96
    hh_cond_exp      7.8e-8   4.9e-3           -         -                1       0.89
    izhikevich       7.1e-13  4.6e-4          96        89                1       0.90
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mossy.neurons import eif_cond_alpha, eif_cond_exp, hh_cond_exp
from tests.neurons import cells
from tests.oracles import environments

pytestmark = pytest.mark.oracle

PARTED = 0.4  # of the spikes of the one cell that may part from NEST's, within a step of them

DT, STEPS, COUNT = 1e-4, 10_000, 8  # COUNT random cells of each kind
COND = {"e_exc": 0.0, "e_inh": -80e-3, "tau_exc": 3e-3, "tau_inh": 6e-3}
POINT = {"v_rest": -65e-3, "v_reset": -67e-3, "v_thresh": -50e-3, "tau_refrac": 2e-3}
POINT |= {"tau_m": 15e-3, "c_m": 0.25e-9, "i_offset": 0.1e-9}
FIXED: tuple[str, ...] = (
    "v_rest",
    "e_exc",
    "e_inh",
    "tau_refrac",
    "v_spike",
    "e_leak",
    "v_offset",
    "e_na",
    "e_k",
)
FIXED = (*FIXED, "v_reset", "v_thresh")
RENAMED = {  # our name, in SI units -> NEST's, in mV, ms, pF, nS and pA
    "v_rest": "E_L mV",
    "e_leak": "E_L mV",
    "v_reset": "V_reset mV",
    "v_thresh": "V_th mV",
    "v_spike": "V_peak mV",
    "v_offset": "V_T mV",
    "delta_t": "Delta_T mV",
    "e_exc": "E_ex mV",
    "e_inh": "E_in mV",
    "e_na": "E_Na mV",
    "e_k": "E_K mV",
    "tau_m": "tau_m ms",
    "tau_w": "tau_w ms",
    "tau_exc": "tau_syn_ex ms",
    "tau_inh": "tau_syn_in ms",
    "tau_refrac": "t_ref ms",
    "c_m": "C_m pF",
    "g_leak": "g_L nS",
    "g_na": "g_Na nS",
    "g_k": "g_K nS",
    "a": "a nS",
    "b": "b pA",
    "i_offset": "I_e pA",
}
SCALE = {"mV": 1e3, "ms": 1e3, "pF": 1e12, "nS": 1e9, "pA": 1e12}


@dataclass(frozen=True)
class Kind:
    """A cell here and in NEST. unit: SI and NEST's units of one arriving weight.

    before: mV that the potentials may part before the first spike, in float64 and float32. same: of
    COUNT cells, those with every spike of float64 in NEST's step. near: share of spikes within one
    step of NEST's, in float64 and float32. parts: steps of NEST for one of ours.
    """

    file: str
    nest: str
    cell: dict[str, float]
    unit: float
    scale: float
    before: tuple[float, float]
    same: int
    near: tuple[float, float]
    forms: tuple[str, str] = ("DOUBLE", "FLOAT")
    substeps: int = 0
    parts: int = 1
    extra: dict[str, float] = field(default_factory=dict)


ADEX = {"delta_t": 2e-3, "v_spike": -40e-3, "a": 4e-9, "b": 80.5e-12, "tau_w": 144e-3}
HH = {"c_m": 0.2e-9, "g_leak": 10e-9, "g_na": 20e-6, "g_k": 6e-6, "e_leak": -65e-3}
HH |= {"e_na": 50e-3, "e_k": -90e-3, "v_offset": -63e-3, "i_offset": 0.1e-9}
KINDS = {
    "if_curr_alpha": Kind(
        "if_curr_alpha",
        "iaf_psc_alpha",
        POINT | {"tau_exc": 2e-3, "tau_inh": 3e-3},
        2.0**-35,
        1e12,
        (1e-11, 1e-3),
        COUNT,
        (1.0, 0.9),
    ),
    "if_cond_exp": Kind(
        "if_cond_exp",
        "iaf_cond_exp",
        POINT | COND,
        2.0**-30,
        1e9,
        (1e-6, 1e-3),
        COUNT - 1,
        (1.0, 0.9),
    ),
    "if_cond_alpha": Kind(
        "if_cond_alpha",
        "iaf_cond_alpha",
        POINT | COND,
        2.0**-30,
        1e9,
        (1e-6, 1e-3),
        COUNT - 1,
        (1.0, 0.9),
    ),
    "eif_cond_exp": Kind(
        "eif_cond_exp",
        "aeif_cond_exp",
        POINT | COND | ADEX | {"i_offset": 0.4e-9},
        2.0**-30,
        1e9,
        (1e-6, 1e-3),
        COUNT - 3,
        (0.9, 0.8),
        substeps=eif_cond_exp.substeps(DT),
        extra={"gsl_error_tol": 1e-10},
    ),
    "eif_cond_alpha": Kind(
        "eif_cond_alpha",
        "aeif_cond_alpha",
        POINT | COND | ADEX | {"i_offset": 0.4e-9},
        2.0**-30,
        1e9,
        (1e-6, 1e-3),
        COUNT - 3,
        (0.9, 0.8),
        substeps=eif_cond_alpha.substeps(DT),
        extra={"gsl_error_tol": 1e-10},
    ),
    "hh_cond_exp": Kind(
        "hh_cond_exp",
        "hh_cond_exp_traub",
        HH | COND,
        2.0**-30,
        1e9,
        (5e-5, 5e-2),
        0,
        (0.99, 0.7),
        substeps=hh_cond_exp.substeps(DT),
        parts=10,
    ),
    "izhikevich": Kind(
        "izhikevich",
        "izhikevich",
        {"a": 20.0, "b": 200.0, "v_reset": -65e-3, "d": 4.0, "i_offset": 4e-12},
        2.0**-11,
        1e3,
        (1e-9, 1e-2),
        COUNT,
        (1.0, 0.7),
        forms=("EULER_DOUBLE", "EULER"),
    ),
}


@dataclass(frozen=True)
class Drawn:
    """COUNT random cells of a kind. cell: (COUNT,) of every parameter; x: (STEPS, COUNT, 2)."""

    kind: Kind
    cell: dict[str, NDArray[np.float64]]
    start: dict[str, NDArray[np.float64]]
    x: NDArray[np.int64]

    @property
    def rest(self) -> NDArray[np.float64]:
        """Volts at which our potential is 0."""
        return self.cell.get("v_rest", self.cell.get("e_leak", np.zeros(COUNT)))

    def job(self, k: int) -> dict[str, Any]:
        """Return cell k for NEST."""
        given = {name: float(value[k]) for name, value in self.cell.items()}
        start = {name: float(value[k]) for name, value in self.start.items()}
        if self.kind.nest == "izhikevich":
            parameters = {"a": given["a"] / 1e3, "b": given["b"] / 1e3, "d": given["d"]}
            parameters |= {"c": given["v_reset"] * 1e3, "I_e": given["i_offset"] * 1e12}
            state = {"V_m": start["v"] * 1e3, "U_m": start["u"]}
        else:
            if "cond" in self.kind.nest and "tau_m" in given:
                given["g_leak"] = given["c_m"] / given.pop("tau_m")
            words = {RENAMED[name]: value for name, value in given.items()}
            parameters = {w.split()[0]: v * SCALE[w.split()[1]] for w, v in words.items()}
            state = {"V_m": float(self.rest[k]) * 1e3}
        if "m" in start:
            state |= {"Act_m": start["m"], "Inact_h": start["h"], "Act_n": start["n"]}
        parameters |= self.kind.extra
        step = {"dt": DT * 1e3, "parts": self.kind.parts}
        return {"model": self.kind.nest, **step, "parameters": parameters, "state": state}


def draw(kind: Kind, seed: int) -> Drawn:
    """Return COUNT cells whose time constants, capacitances and currents differ by a quarter."""
    rng = np.random.default_rng(seed)
    cell = {
        name: np.full(COUNT, value) if name in FIXED else value * rng.uniform(0.8, 1.25, COUNT)
        for name, value in kind.cell.items()
    }
    start: dict[str, NDArray[np.float64]] = {}
    if kind.nest == "izhikevich":
        start = {"v": np.full(COUNT, -70e-3), "u": np.full(COUNT, -14.0)}
    if kind.file == "hh_cond_exp":
        start = hh_cond_exp.gates(cell["e_leak"], cell["v_offset"])
    return Drawn(kind, cell, start, cells.arrivals(seed, STEPS, COUNT, 0.1, 9))


@dataclass(frozen=True)
class Pair:
    """What NEST and one of our forms did. v: (STEPS, COUNT) in mV; fired: per cell, steps."""

    v: NDArray[np.float64]
    theirs: NDArray[np.float64]
    fired: list[NDArray[np.int64]]
    wanted: list[NDArray[np.int64]]


@pytest.fixture(scope="module")
def drawn() -> dict[str, Drawn]:
    """Random cells of every kind; tests/conftest.py draws and shows the seed."""
    seed = int(os.environ["MOSSY_ORACLE_SEED"])
    return {name: draw(kind, seed + k) for k, (name, kind) in enumerate(KINDS.items())}


@pytest.fixture(scope="module")
def nest(drawn: dict[str, Drawn], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """NEST's answers, in one run: name -> (potentials, spikes)."""
    environments.python_of("nest")
    folder: Path = tmp_path_factory.mktemp("nest_cells")
    jobs: list[dict[str, Any]] = []
    arrays: dict[str, Any] = {}
    for d in drawn.values():
        for k in range(COUNT):
            arrays[f"x_{len(jobs)}"] = d.x[:, k] * (d.kind.unit * d.kind.scale)
            jobs.append(d.job(k))
    np.savez(folder / "in.npz", jobs=json.dumps(jobs), **arrays)
    environments.run("nest", "tests.oracles.run_nest_cells", folder / "in.npz", folder / "out.npz")
    out, found, at = np.load(folder / "out.npz"), {}, 0
    for name in drawn:
        mine = range(at, at + COUNT)
        found[name] = (
            np.stack([out[f"v_{k}"] for k in mine], axis=1),
            [out[f"spikes_{k}"] for k in mine],
        )
        at += COUNT
    return found


def pair(d: Drawn, form: str, theirs: Any) -> Pair:
    """Run our cells and put them beside NEST's."""
    module = import_module(f"mossy.neurons.{d.kind.file}")
    model = getattr(module, form)
    more = {"substeps": d.kind.substeps} if d.kind.substeps else {}
    fmt = (d.kind.substeps,) if d.kind.substeps else ()
    p = cells.params(model, module.coefficients(DT, **d.cell, **more), COUNT, d.kind.unit)
    states, sent = cells.compiled(model, p, d.x, fmt, d.start)
    v = (states["v"] + d.rest) * 1e3
    return Pair(v, theirs[0], [np.flatnonzero(sent[:, k]) for k in range(COUNT)], theirs[1])


def foot(p: Pair, k: int) -> int:
    """Return the step at which the first spike of either begins: above -50 mV it takes off."""
    rises = np.flatnonzero(p.theirs[:, k] > -50.0)[:1].tolist()
    return int(min([STEPS, *rises, *p.fired[k][:1].tolist(), *p.wanted[k][:1].tolist()]))


def near(found: NDArray[np.int64], wanted: NDArray[np.int64], within: int) -> float:
    """Return the share of both sides' spikes with one of the other within so many steps."""
    if not len(found) or not len(wanted):
        return float(len(found) == len(wanted))
    apart = np.abs(found[:, None] - wanted[None, :])
    hits = (apart.min(axis=0) <= within).sum() + (apart.min(axis=1) <= within).sum()
    return float(hits) / (len(found) + len(wanted))


@pytest.mark.parametrize("name", KINDS)
def test_potentials_before_the_first_spike(
    name: str, drawn: dict[str, Drawn], nest: dict[str, Any]
) -> None:
    d = drawn[name]
    for form, tolerance in zip(d.kind.forms, d.kind.before, strict=True):
        p = pair(d, form, nest[name])
        for k in range(COUNT):
            until = foot(p, k)
            assert until > 10
            off = np.abs(p.v[:until, k] - p.theirs[:until, k]).max()
            assert off < tolerance, f"{name} {form}, cell {k}: {off} mV"


@pytest.mark.parametrize("name", KINDS)
def test_spikes(name: str, drawn: dict[str, Drawn], nest: dict[str, Any]) -> None:
    """As many cells with every spike in NEST's step, and spikes within one, as the kind says."""
    d = drawn[name]
    both = [pair(d, form, nest[name]) for form in d.kind.forms]
    assert sum(map(len, both[0].wanted)) > 10 * COUNT
    same = [a.tolist() == b.tolist() for a, b in zip(both[0].fired, both[0].wanted, strict=True)]
    assert sum(same) >= d.kind.same, f"{name}: cells with other spikes than NEST's, {same}"
    for form, p, least in zip(d.kind.forms, both, d.kind.near, strict=True):
        found = [near(p.fired[k], p.wanted[k], 1) for k in range(COUNT)]
        # where a spike hangs by a hair, two roundings can part for good: one cell of eight may
        worst, others = sorted(found)[0], sorted(found)[1]
        said = f"{name} {form}: spikes within a step of NEST's, {found}"
        assert others >= least and worst >= PARTED, said


@pytest.mark.parametrize("name", ["if_curr_alpha", "if_cond_exp", "if_cond_alpha", "izhikevich"])
def test_potentials_of_the_whole_second(
    name: str, drawn: dict[str, Drawn], nest: dict[str, Any]
) -> None:
    d = drawn[name]
    p = pair(d, d.kind.forms[0], nest[name])
    for k in range(COUNT):
        if p.fired[k].tolist() == p.wanted[k].tolist():
            assert np.abs(p.v[:, k] - p.theirs[:, k]).max() < 1e-3
        assert np.median(np.abs(p.v[:, k] - p.theirs[:, k])) < d.kind.before[0]


def test_a_delay_or_an_order_off_by_one_would_be_seen(
    drawn: dict[str, Drawn], nest: dict[str, Any]
) -> None:
    """The comparison itself: arrivals one step late are not NEST's."""
    d = drawn["if_curr_alpha"]
    late = Drawn(d.kind, d.cell, d.start, np.roll(d.x, 1, axis=0))
    p = pair(late, "DOUBLE", nest["if_curr_alpha"])
    until = min(foot(p, k) for k in range(COUNT))
    assert np.abs(p.v[:until] - p.theirs[:until]).max() > 1e-2
    assert any(a.tolist() != b.tolist() for a, b in zip(p.fired, p.wanted, strict=True))
