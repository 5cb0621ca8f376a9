"""The neurons of lava-nc's fixed-point models in plain NumPy integers, written from observation.

    decay(z, d) = sgn(z) ((|z| (4096 - d)) >> 12)          wrap(z): to -2^31 .. 2^31 - 1

    lif          u = turn(decay(u, du) + (q << 6));  v = clip(decay(v, dv) + u + bias)
                 v > vth: sends 1, v = 0
    sigma_delta  sigma = wrap(sigma + q);  a = max(wrap(sigma + bias), 0)
                 d = wrap(a - act + residue);  |d| >= vth: sends d >> state_exp, residue = 0
                 else residue = d;  act = a
    rf, rf_iz    re, im = c re - s im + (q0 << exp), s re + c im + (q1 << exp), each product shifted
                 right by decay_bits towards zero, clipped;  rf sends 1 where re >= vth, im >= 0 and
                 im was < 0;  rf_iz where im >= vth, then re = 0, im = vth - 1
    atrlif       u, v as lif;  theta = decay(theta - rest, dt) + rest;  r = decay(r, dr)
                 v - r >= theta: sends 1, r += 2 theta, theta += jump

turn: more than +2^23 loses 2^24, -2^23 or less gains it; clip: to +-(2^23 - 1). What is sent in
step t arrives, times its weight, in step t + 1 + delay.
"""

from __future__ import annotations

import numpy as np

from tests.oracles.lava_exchange import INPUT, STATES, Ints, Network, Population, Trace

TURN, V_MAX, WORD = 1 << 24, (1 << 23) - 1, 1 << 32


def golden(network: Network) -> tuple[list[Trace], list[Ints]]:
    """Return the traces, and what arrives at each population: (steps, n, 2), one sum per port."""
    steps, populations = len(network["x"]), network["populations"]
    sent: dict[int, Ints] = {INPUT: network["x"]}
    cells = [_Cells(p) for p in populations]
    traces: list[Trace] = [
        {k: np.zeros((steps, p["n"]), np.int64) for k in (*STATES[p["kind"]], "sent")}
        for p in populations
    ]
    sent |= {p: trace["sent"] for p, trace in enumerate(traces)}
    drives = [np.zeros((steps, p["n"], 2), np.int64) for p in populations]
    for t in range(steps):
        for c in network["connections"]:
            total = drives[c["dst"]][t, :, c["port"]]
            for d in np.unique(c["delay"]).tolist():
                if t - 1 - d >= 0:
                    weight = np.where(c["delay"] == d, c["weight"], 0) << c["exponent"]
                    total += sent[c["src"]][t - 1 - d] @ weight
        for cell, trace, drive in zip(cells, traces, drives, strict=True):
            trace["sent"][t] = cell.step(drive[t])
            for name in STATES[cell.kind]:
                trace[name][t] = cell.state[name]
    return traces, drives


def carried(trace: Trace, population: Population, shift: int) -> Ints:
    """Return what the spikes of a LIF trace would carry: the potential before the reset >> shift.

    trace: states and spikes, whoever computed them. The potential is worked out from the states of
    the step before and of this step, as max(it >> shift, 1) where there was a spike.
    """
    r = {k: v.astype(np.int64) for k, v in population["registers"].items()}
    before = np.concatenate([np.zeros_like(trace["v"][:1]), trace["v"][:-1]])
    v = np.clip(_decay(before, r["decay_v"]) + trace["u"] + r["bias"], -V_MAX, V_MAX)
    return np.where(trace["sent"] != 0, np.maximum(v >> shift, 1), 0)


class _Cells:
    """One population's state."""

    def __init__(self, population: Population) -> None:
        self.kind = population["kind"]
        self.r = population["registers"]
        n = population["n"]
        self.state = {k: np.zeros(n, np.int64) for k in STATES[self.kind]}
        if self.kind == "atrlif":
            self.state["theta"] += self.whole("rest")
        step = {"sigma_delta": self.sigma_delta, "atrlif": self.atrlif, "lif": self.lif}
        self.step = step.get(self.kind, self.resonate)

    def whole(self, name: str) -> Ints:
        """Return a register."""
        return self.r[name].astype(np.int64)

    def lif(self, q: Ints) -> Ints:
        """Update; return what is sent."""
        s = self.state
        s["u"] = _turn(_decay(s["u"], self.whole("decay_u")) + (q[:, 0] << 6))
        v = np.clip(
            _decay(s["v"], self.whole("decay_v")) + s["u"] + self.whole("bias"), -V_MAX, V_MAX
        )
        fired = v > self.whole("vth")
        s["v"] = np.where(fired, 0, v)
        return np.asarray(fired, np.int64)

    def sigma_delta(self, q: Ints) -> Ints:
        """Update; return what is sent."""
        s = self.state
        s["sigma"] = _wrap(s["sigma"] + q[:, 0])
        a = np.maximum(_wrap(s["sigma"] + self.whole("bias")), 0)
        d = _wrap(a - s["act"] + s["residue"])
        out = np.where(np.abs(d) >= self.whole("vth"), d, 0)
        s["residue"], s["act"] = d - out, a
        return np.asarray(out >> self.whole("state_exp"), np.int64)

    def factors(self) -> tuple[int, int]:
        """Return cos and sin as integers."""
        keep, one = 1 - self.r["alpha"], 1 << int(self.r["decay_bits"])
        turn = 2 * np.pi / self.r["period"]
        return int(keep * np.cos(turn) * one), int(keep * np.sin(turn) * one)

    def resonate(self, q: Ints) -> Ints:
        """Update; return what is sent."""
        s, vth = self.state, self.whole("vth") << self.whole("state_exp")
        cos, sin = self.factors()
        shift, old = self.whole("state_exp"), s["imag"]
        bits = int(self.r["decay_bits"])
        re = _towards_zero(cos * s["real"], bits) - _towards_zero(sin * old, bits)
        im = _towards_zero(sin * s["real"], bits) + _towards_zero(cos * old, bits)
        re = np.clip(re + (q[:, 0] << shift), -V_MAX, V_MAX)
        im = np.clip(im + (q[:, 1] << shift), -V_MAX, V_MAX)
        if self.kind == "rf":
            fired = (re >= vth) & (im >= 0) & (old < 0)
        else:
            fired = im >= vth
            re, im = np.where(fired, 0, re), np.where(fired, vth - 1, im)
        s["real"], s["imag"] = re, im
        return np.asarray(fired, np.int64)

    def atrlif(self, q: Ints) -> Ints:
        """Update; return what is sent."""
        s, rest = self.state, self.whole("rest")
        s["i"] = _turn(_decay(s["i"], self.whole("decay_u")) + (q[:, 0] << 6))
        v = _decay(s["v"], self.whole("decay_v")) + s["i"] + self.whole("bias")
        s["v"] = np.clip(v, -V_MAX, V_MAX)
        theta = _decay(s["theta"] - rest, self.whole("decay_theta")) + rest
        r = _decay(s["r"], self.whole("decay_r"))
        fired = s["v"] - r >= theta
        s["r"] = np.where(fired, r + 2 * theta, r)
        s["theta"] = np.where(fired, theta + self.whole("jump"), theta)
        return np.asarray(fired, np.int64)


def _towards_zero(x: Ints, bits: int) -> Ints:
    shifted: Ints = np.sign(x) * (np.abs(x) >> bits)
    return shifted


def _decay(x: Ints, decay: Ints) -> Ints:
    return _towards_zero(x * (4096 - decay), 12)


def _turn(x: Ints) -> Ints:
    high = np.where(x > TURN // 2, x - TURN, x)
    return np.where(high <= -TURN // 2, high + TURN, high)


def _wrap(x: Ints) -> Ints:
    half = WORD // 2
    return ((x + half) & (WORD - 1)) - half
