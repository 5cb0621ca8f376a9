"""One network on several chips, side by side: accuracy, time and energy, and what they rest on.

A chip that cannot take the network keeps its row, with the reason in place of the numbers. Ratios
are to the platform whose time is measured instead of computed:

    energy_ratio = energy / energy there        time_ratio = latency / latency there

Their bounds are the widest that the bounds of both sides allow.
"""

from __future__ import annotations

import dataclasses
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike, NDArray

from mossy import passes, twin
from mossy.chips import Chip, chip, names
from mossy.columns import columns
from mossy.discover import nearest
from mossy.errors import BadInput, DoesNotFit, MossyError, UnknownFact, UnsupportedNode
from mossy.network import graph, reference
from mossy.network import nodes as nd
from mossy.passes import Options
from mossy.program import Program
from mossy.signals.answers import Decode, check_labels, decoded, decoder
from mossy.signals.decode import accuracy
from mossy.twin import Result
from mossy.twin.report import cores_used
from mossy.units import Quantity, si

if TYPE_CHECKING:
    import pandas

Signal = NDArray[Any] | dict[str, NDArray[Any]]
Progress = Callable[[str, str, int], None]

TAKES_NO_CURRENTS = "E0187"  # of the twin: this chip's inputs are spikes, another's may be currents
FLOAT = "float"  # stands for the float reference where progress names a chip


@dataclass(frozen=True)
class Row:
    """One chip of a comparison. Counts are per inference; what could not be had is None.

    accuracy: 0 to 1. timing: "tick", "barrier" or "measured". assumed_share: of the joules, 0 to 1.
    not_priced: what was counted but is not in the energy. overruns: cores that missed their tick.
    """

    chip: str
    title: str
    timing: str
    accuracy_float: float | None = None
    accuracy: float | None = None
    latency: Quantity | None = None
    energy: Quantity | None = None
    assumed_share: float | None = None
    cores: int | None = None
    spikes: float | None = None
    synaptic_events: float | None = None
    energy_ratio: Quantity | None = None
    time_ratio: Quantity | None = None
    overruns: int = 0
    not_priced: tuple[str, ...] = ()
    error: str | None = None


@dataclass(frozen=True, eq=False)
class Comparison:
    """Rows in the order asked for; `baseline` is the chip that the ratios are to, if there is one.

    results: the run of each chip that has one.
    """

    network: str
    network_hash: str
    inferences: int
    steps: int
    dt: float
    integrator: str
    reset: str
    decode: str
    accuracy_float: float | None
    baseline: str | None
    rows: tuple[Row, ...]
    results: dict[str, Result] = field(repr=False)

    def row(self, name: str) -> Row:
        """Return the row of the chip called `name`. Raises KeyError."""
        found = {r.chip: r for r in self.rows}
        return found[name]

    def json(self) -> dict[str, Any]:
        """Return the comparison as plain numbers, strings, lists and dicts."""
        head = {
            f.name: getattr(self, f.name)
            for f in dataclasses.fields(self)
            if f.name not in ("rows", "results")
        }
        return {**head, "rows": [_finite(dataclasses.asdict(r)) for r in self.rows]}

    def frame(self) -> pandas.DataFrame:
        """Return one line per chip as a pandas DataFrame, bounds in columns of their own."""
        import pandas

        lines = []
        for row in self.rows:
            line: dict[str, Any] = {}
            for f in dataclasses.fields(row):
                value = getattr(row, f.name)
                if "Quantity" in str(f.type):
                    for part in ("value", "low", "high"):
                        name = f.name if part == "value" else f"{f.name}_{part}"
                        line[name] = math.nan if value is None else getattr(value, part)
                else:
                    line[f.name] = value
            lines.append(line)
        return pandas.DataFrame(lines)

    def __str__(self) -> str:
        return "\n".join([_title(self), "", _table(self), *_remarks(self)])


def compare(
    network: nd.Network,
    x: Signal,
    y: ArrayLike | None = None,
    *,
    on: Sequence[str] | None = None,
    calibration: Signal | None = None,
    options: Options | None = None,
    decode: Decode | None = None,
    engine: str = "fast",
    assume: Mapping[str, float | str] | None = None,
    progress: Progress | None = None,
) -> Comparison:
    """Compile and run `network` on each chip of `on` (None: all) and return them side by side.

    x: (batch, time, *shape); y: (batch,) class indices, None for no accuracy. calibration: inputs
    that show how busy the network is, as for `compile`. decode: "spike_count",
    "first_spike", "max_potential" or a function of the first output (batch, time, classes) to
    (batch,); None takes spike_count where the output spikes, else max_potential. assume: fact ->
    value, for the chips that have the fact. progress(chip, stage, inferences finished since).
    Raises BadInput E0602 to E0605 and those of the float reference; UnknownName E0501. What one
    chip cannot do is the error of its row.
    """
    chips = _chips(on, assume or {})
    say = progress or (lambda name, stage, more: None)
    given = reference.check_input(network, x)
    batch, steps = next(iter(given.values())).shape[:2]
    rule, rule_name = decoder(decode, readout(network))
    truth = None if y is None else check_labels(y, batch, classes(network))
    say(FLOAT, "run", 0)
    expected = None
    if truth is not None:
        outputs = reference.run(network, x)
        expected = accuracy(decoded(rule, outputs[network.outputs[0]]), truth)
    say(FLOAT, "run", batch)
    rows: list[Row] = []
    results: dict[str, Result] = {}
    for c in chips:
        found = _try(network, c, x, calibration, options, engine, assume or {}, say)
        row = Row(c.name, c.title, str(c.spec["timing"]["kind"]), accuracy_float=expected)
        if isinstance(found, Result):
            results[c.name] = found
            row = _filled(row, found)
            if truth is not None:
                answer = decoded(rule, found.outputs[network.outputs[0]])
                row = dataclasses.replace(row, accuracy=accuracy(answer, truth))
        else:
            row = dataclasses.replace(row, error=str(found))
        rows.append(row)
    baseline = next((r for r in rows if r.timing == "measured" and r.latency), None)
    return Comparison(
        network.name,
        graph.network_hash(network),
        batch,
        steps,
        network.dt,
        network.integrator,
        network.reset,
        rule_name,
        expected,
        baseline.chip if baseline else None,
        tuple(_with_ratios(r, baseline) for r in rows),
        results,
    )


# ------------------------------------------------------------------------------ one chip
def _chips(on: Sequence[str] | None, assume: Mapping[str, float | str]) -> list[Chip]:
    wanted = list(dict.fromkeys(names() if on is None else on))
    if not wanted:
        raise BadInput("E0605", "no chip to compare on", allowed=", ".join(names()))
    found = [chip(name) for name in wanted]
    for fact in assume:
        if not any(fact in {*c.facts, *c.choices} for c in found):
            known = sorted({f for c in found for f in (*c.facts, *c.choices)})
            raise BadInput(
                "E0604",
                "no chip of the comparison has that fact",
                got=repr(fact),
                hint=", ".join(nearest(fact, known)[:3]),
            )
    return [c.assuming(_of(c, assume)) for c in found]


def _of(target: Chip, assume: Mapping[str, float | str]) -> dict[str, float | str]:
    """Return the assumptions that `target` has a fact or a choice for."""
    known = {*target.facts, *target.choices}
    return {k: v for k, v in assume.items() if k in known}


def _try(
    network: nd.Network,
    target: Chip,
    x: Signal,
    calibration: Signal | None,
    options: Options | None,
    engine: str,
    assume: Mapping[str, float | str],
    say: Progress,
) -> Result | MossyError:
    """Compile and run on one chip; return its error where it is the chip that cannot."""
    try:
        program = passes.compile(
            network,
            target,
            calibration=calibration,
            options=options,
            progress=lambda stage: say(target.name, stage, 0),
        )
        say(target.name, "run", 0)
        return twin.run(
            program,
            x,
            engine=engine,
            assume=_of(target, assume),
            progress=lambda more: say(target.name, "run", more),
        )
    except (UnsupportedNode, DoesNotFit, UnknownFact) as error:
        return error
    except BadInput as error:
        if error.code != TAKES_NO_CURRENTS:
            raise
        return error


def _filled(row: Row, result: Result) -> Row:
    row = dataclasses.replace(
        row,
        cores=cores_used(result.program),
        spikes=result.counts.mean("spikes"),
        synaptic_events=result.counts.mean("synaptic_events"),
    )
    try:
        timing = result.timing
        row = dataclasses.replace(row, latency=timing.latency, overruns=len(timing.overruns))
        energy = result.energy
    except UnknownFact as error:
        return dataclasses.replace(row, error=str(error))
    return dataclasses.replace(
        row,
        energy=energy.total,
        assumed_share=energy.assumed_share,
        not_priced=tuple(u.name for u in energy.unpriced),
    )


def _with_ratios(row: Row, base: Row | None) -> Row:
    if base is None:
        return row
    return dataclasses.replace(
        row,
        energy_ratio=_ratio(row.energy, base.energy, row is base),
        time_ratio=_ratio(row.latency, base.latency, row is base),
    )


def _ratio(a: Quantity | None, b: Quantity | None, same: bool) -> Quantity | None:
    if a is None or b is None or b.value <= 0:
        return None
    if same:  # one and the same number on both sides: its range cancels
        return Quantity.exact(1.0, "1")
    high = a.high / b.low if b.low > 0 else math.inf
    return Quantity(a.value / b.value, "1", a.low / b.high, high)


def _finite(value: Any) -> Any:
    """JSON has no infinity: a bound that does not exist becomes null."""
    if isinstance(value, dict):
        return {k: _finite(v) for k, v in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


# ------------------------------------------------------------------------------ answers
def readout(network: nd.Network) -> str:
    """Return whether the first output of `network` carries "spikes" or a "potential"."""
    sources = network.sources(network.outputs[0])
    while any(isinstance(network.nodes[s], nd.Flatten) for s in sources):
        sources = [
            t
            for s in sources
            for t in (network.sources(s) if isinstance(network.nodes[s], nd.Flatten) else [s])
        ]
    spiking = all(isinstance(network.nodes[s], nd.SPIKING) for s in sources)
    return "spikes" if spiking else "potential"


def program_readout(program: Program) -> str:
    """Return whether the first output of `program` carries "spikes" or a "potential"."""
    return program.population(next(iter(program.outputs.values()))).readout


def classes(network: nd.Network) -> int:
    """Return the number of elements of the first output."""
    return math.prod(network.shapes[network.outputs[0]][1])


# ------------------------------------------------------------------------------ text
def _title(c: Comparison) -> str:
    text = (
        f"{c.network}: {c.inferences} inferences of {c.steps} steps, dt {si(c.dt, 's')}, "
        f"{c.integrator}, reset {c.reset}"
    )
    if c.accuracy_float is not None:
        text += f"; read by {c.decode}, float accuracy {c.accuracy_float:.2%}"
    return text


def _table(c: Comparison) -> str:
    header = ["chip", "accuracy", "latency", "(range)", "energy", "(range) ", "assumed", "cores"]
    header += ["spikes", "syn. events"]
    if c.baseline:
        header += [f"energy/{c.baseline}", f"time/{c.baseline}"]
    rows = [_cells(r)[: len(header)] for r in c.rows if r.cores is not None]
    return columns(header, rows, right=[h for h in header if h != "chip" and "(" not in h])


def _cells(r: Row) -> list[str]:
    share = "" if r.assumed_share is None else f"{r.assumed_share:.1%}"
    cells = [r.chip, "" if r.accuracy is None else f"{r.accuracy:.2%}"]
    cells += [*_value_and_range(r.latency), *_value_and_range(r.energy), share, str(r.cores)]
    cells += [f"{r.spikes:,.0f}", f"{r.synaptic_events:,.0f}"]
    return [*cells, _times(r.energy_ratio), _times(r.time_ratio)]


def _value_and_range(q: Quantity | None) -> tuple[str, str]:
    """The value, and its bounds in the same unit."""
    if q is None:
        return "?", ""
    text = si(q.value, q.unit)
    if q.low == q.high or q.value <= 0:
        return text, ""
    # si() has rounded: the scale is the power of a thousand next to value / number shown
    scale = 1000.0 ** round(math.log(q.value / float(text.split()[0]), 1000))
    return text, f"({_three(q.low / scale)} to {_three(q.high / scale)})"


def _times(q: Quantity | None) -> str:
    if q is None:
        return ""
    return _three(q.value) if q.value >= 1 else f"1/{_three(1 / q.value)}"


def _three(value: float) -> str:
    """Three digits without an exponent."""
    return f"{float(f'{value:.3g}'):,.10g}"


def _remarks(c: Comparison) -> list[str]:
    measured = [r.chip for r in c.rows if r.timing == "measured" and r.latency]
    computed = [r.chip for r in c.rows if r.timing != "measured" and r.latency]
    lines = []
    if measured:
        lines.append(f"time measured on this machine: {', '.join(measured)}")
    if computed:
        lines.append(f"time computed from counts of events: {', '.join(computed)}")
    for r in c.rows:
        if r.overruns:
            lines.append(f"{r.chip}: cores that overrun their tick: {r.overruns}")
        if r.not_priced:
            lines.append(f"{r.chip}: not in the energy, price unknown: {', '.join(r.not_priced)}")
        if r.error:
            lines.append(f"{r.chip}: {r.error}")
    return ["", *lines] if lines else []


class _Compare(ModuleType):
    """`mossy.compare(...)` works whether or not something has imported this module before."""

    def __call__(self, *arguments: Any, **options: Any) -> Comparison:
        return compare(*arguments, **options)


sys.modules[__name__].__class__ = _Compare
