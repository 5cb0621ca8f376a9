"""The report of a run, as text, JSON or a table: how long, how much, on which basis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mossy.program.artefact import Program
from mossy.twin.bill.levels import said
from mossy.twin.result import Result
from mossy.twin.traffic.dram import dram_json, dram_text, fetched
from mossy.twin.traffic.loading_report import loading_json, loading_text
from mossy.twin.traffic.network_report import (
    congestion_json,
    congestion_text,
    faults_json,
    faults_text,
)
from mossy.units import Quantity, si

if TYPE_CHECKING:
    import pandas

COUNTS = ("spikes", "synaptic_events", "neuron_updates", "packets_out", "packets_in")
SHOWN_OVERRUNS = 5


def cores_used(program: Program) -> int:
    """Return the number of cores a program takes; populations may share a processor."""
    return len({c.place for c in program.cores if c.place is not None})


class Report:
    """Summary of a `Result`."""

    def __init__(self, result: Result) -> None:
        self.result = result

    def json(self) -> dict[str, Any]:
        """Return the report as plain numbers, strings, lists and dicts."""
        r, p, t = self.result, self.result.program, self.result.timing
        batch, steps, _ = r.counts.shape
        return {
            "chip": p.chip,
            "network": p.network,
            "network_hash": p.network_hash,
            "version": p.version,
            "engine": r.engine,
            "dt": p.dt,
            "integrator": p.integrator,
            "reset": p.reset,
            "inferences": batch,
            "steps": steps,
            "cores": cores_used(p),
            "latency": quantity(t.latency),
            "timing": t.kind,
            "tick": quantity(Quantity.exact(p.tick, "s")) if p.tick else None,
            "longest_step": quantity(t.worst_step) if t.worst_step else None,
            "event_latency": {k: quantity(q) for k, q in r.event_latency.items()},
            "overruns": [vars(o) for o in t.overruns],
            "faults": faults_json(r),
            "congestion": congestion_json(r.congestion),
            "loading": loading_json(r.loading),
            "shared_memory": dram_json(fetched(p, r.counts, r.chip)),
            "energy": quantity(r.energy.total),
            "energy_assumed_share": r.energy.assumed_share,
            "level": r.level,
            "level_threshold": r.threshold,
            "level_by_population": {k: vars(c) for k, c in r.by.items()},
            "energy_by_state": dict(r.energy.states),
            "energy_by_operation": [
                {
                    "name": o.name,
                    "amount": o.amount,
                    "energy": quantity(o.energy),
                    "basis": o.basis,
                    "fact": o.fact,
                    "source": o.source,
                }
                for o in r.energy.operations
            ],
            "energy_not_priced": [vars(u) for u in r.energy.unpriced],
            "counts_per_inference": {k: r.counts.mean(k) for k in r.counts.names},
            "notes": list(p.notes),
            "twin_wall": quantity(Quantity.exact(r.wall, "s")),
        }

    def frame(self) -> pandas.DataFrame:
        """Return one row per core as a pandas DataFrame (needs pandas)."""
        import pandas

        r = self.result
        batch = r.counts.shape[0]
        busy = r.timing.busy
        rows = [
            {
                "core": c.number,
                "population": c.population,
                "place": c.place,
                "neurons": c.n,
                "memory_B": c.data_bytes,
                "busy_s": float(busy[c.number]) / batch if busy.size > 1 else None,
                **{k: float(r.counts.per_core(k)[c.number]) / batch for k in COUNTS},
            }
            for c in r.program.cores
        ]
        return pandas.DataFrame(rows)

    def __str__(self) -> str:
        d, r, p = self.json(), self.result, self.result.program
        lines = [
            f"{d['network']} on {r.chip.title}: "
            f"{d['inferences']} inferences of {d['steps']} steps, "
            f"dt {si(d['dt'], 's')}, {d['integrator']}, reset {d['reset']}",
            f"  cores             {d['cores']}",
            f"  latency           {r.latency}  ({d['timing']})",
            f"  longest step      {r.timing.worst_step or 'not known'}"
            + (f" of a {si(p.tick, 's')} tick" if p.tick and r.timing.worst_step else ""),
            f"  energy            {r.energy}, {d['energy_assumed_share']:.1%} on assumed facts",
        ]
        for name, delay in r.event_latency.items():
            lines.insert(3, f"  {'event to ' + name:<17} {delay}")
        for o in r.energy.operations:
            lines.append(f"    {o.name:<28} {o.energy!s}  [{o.basis}]")
        for u in r.energy.unpriced:
            lines.append(f"    not priced: {u.amount:,.0f} {u.name} ({u.fact} unknown: {u.reason})")
        if r.energy.states:
            lines.append(f"  by state          {said(r.chip, r.plan)}")
        for state, joules in r.energy.states.items():
            lines.append(f"    {state:<28} {si(joules, 'J')}")
        for k in COUNTS:
            lines.append(f"  {k.replace('_', ' '):<17} {r.counts.mean(k):,.0f} per inference")
        for late in r.timing.overruns[:SHOWN_OVERRUNS]:
            lines.append(
                f"  overrun: core {late.core} ({late.population}) by up to "
                f"{si(late.worst, 's')} in {late.steps} steps, "
                f"behind by up to {si(late.behind, 's')}"
                + (f"; late packets skip about {late.skipped:,.0f} events" if late.skipped else "")
            )
        hidden = len(r.timing.overruns) - SHOWN_OVERRUNS
        if hidden > 0:
            lines.append(f"  overrun: {hidden} more cores")
        lines += [*congestion_text(r.congestion), *dram_text(fetched(p, r.counts, r.chip))]
        lines += [*faults_text(r), *loading_text(r.loading)]
        lines += [f"  note: {n}" for n in d["notes"]]
        return "\n".join(lines)


def quantity(q: Quantity) -> dict[str, Any]:
    """Return a quantity as every JSON document of mossy holds it."""
    return {"value": q.value, "low": q.low, "high": q.high, "unit": q.unit}
