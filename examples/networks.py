"""What the example networks share: statistics beside published ones, and a picture of spikes."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.spike_statistics import irregularity, synchrony
from mossy.columns import columns

MOST_SHOWN = 200  # neurons of a population in a picture
BIN = 1.0  # ms, of the population's rate
MOST_BINS = 1000  # of a picture


@dataclass(frozen=True, eq=False)
class Spikes:
    """Spikes of a population: time in ms and neuron of each, from `begin` to `end` ms."""

    name: str
    n: int
    time: NDArray[np.float64]
    neuron: NDArray[np.int64]
    begin: float
    end: float
    dt: float

    @property
    def rate(self) -> float:
        """Spikes per neuron and second."""
        return self.time.size / self.n / (self.end - self.begin) * 1e3

    @property
    def cv(self) -> float:
        """Irregularity: std / mean of a neuron's intervals, averaged."""
        return irregularity(self._steps(), self.neuron, self.n)

    @property
    def synchrony(self) -> float:
        """Variance / mean of the spike counts in bins of 3 ms, of up to 1,000 neurons."""
        few = self.neuron < 1000
        total = round((self.end - self.begin) / self.dt)
        return synchrony(self._steps()[few], total, self.dt * 1e-3)

    def _steps(self) -> NDArray[np.int64]:
        return np.rint((self.time - self.begin) / self.dt).astype(np.int64)

    def course(self, bin: float = BIN) -> NDArray[np.float64]:
        """Return the rate of the population in Hz, in bins of so many ms."""
        edges = np.arange(self.begin, self.end + 1e-9, bin)
        return np.histogram(self.time, edges)[0] / self.n / bin * 1e3

    @property
    def rhythm(self) -> float:
        """The strongest frequency of the population's rate, Hz: the peak of its spectrum."""
        course = self.course(0.5)
        power = np.abs(np.fft.rfft(course - course.mean())) ** 2
        width = max(1, round((self.end - self.begin) / 200))  # 5 Hz
        smooth = np.convolve(power, np.ones(width) / width, "same")
        return float(np.fft.rfftfreq(course.size, 0.5e-3)[int(smooth[1:].argmax()) + 1])


def spikes(population: Any, begin: float = 0.0) -> Spikes:
    """Return what a population of a script has recorded after `begin` ms."""
    segment = population.get_data("spikes").segments[-1]
    time = np.concatenate([np.zeros(0), *(t.magnitude for t in segment.spiketrains)])
    which = [t.annotations["source_index"] for t in segment.spiketrains]
    neuron = np.repeat(np.array(which, np.int64), [t.size for t in segment.spiketrains])
    end = float(population.recorder._simulator.state.t)
    dt = float(population.recorder._simulator.state.dt)
    late = time > begin
    return Spikes(population.label, population.size, time[late], neuron[late], begin, end, dt)


@dataclass(frozen=True)
class Row:
    """One figure beside what is expected. basis: where that comes from; expected: None if none."""

    what: str
    measured: float
    expected: float | None
    basis: str


def show(title: str, rows: Sequence[Row]) -> None:
    """Print the figures."""
    print(title)
    cells = [
        (r.what, f"{r.measured:.3g}", "" if r.expected is None else f"{r.expected:.3g}", r.basis)
        for r in rows
    ]
    print(columns(("what", "here", "expected", "from"), cells, ("here", "expected")))


def draw(groups: Sequence[Spikes], path: Path | None, title: str) -> None:
    """Draw spikes of some neurons and the rate of each population; nothing without a path."""
    if path is None:
        return
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 1.2 + 1.6 * len(groups)), layout="constrained")
    axes = figure.subplots(len(groups), 1, sharex=True, squeeze=False)[:, 0]
    for ax, g in zip(axes, groups, strict=True):
        few = g.neuron < MOST_SHOWN
        ax.plot(g.time[few], g.neuron[few], ",", color="#0072B2")
        ax.set_ylabel(g.name)
        ax.spines[["top", "right"]].set_visible(False)
        course = ax.twinx()
        bin = max(BIN, (g.end - g.begin) / MOST_BINS)  # finer, it would hide the spikes
        rate = g.course(bin)
        course.plot(g.begin + bin * (np.arange(rate.size) + 0.5), rate, color="#D55E00", lw=0.6)
        course.set_ylim(bottom=0)
        course.set_ylabel("Hz", color="#D55E00")
    axes[-1].set_xlabel("ms")
    figure.suptitle(title, x=0.01, ha="left", weight="bold")
    figure.savefig(path, dpi=150)


def options(description: str, **more: Any) -> argparse.Namespace:
    """Read the command line: --out, --threads, and what an example adds (name=default)."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--out", type=Path, help="write a picture here")
    parser.add_argument("--threads", type=int, help="at most; all cores if left out")
    for name, default in more.items():
        parser.add_argument(f"--{name}", type=type(default), default=default)
    return parser.parse_args()
