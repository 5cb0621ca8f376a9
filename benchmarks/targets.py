"""Everything that is aimed at, beside the peers: python -m benchmarks.targets [--only NAME ...]

Runs every benchmark that has a target, one after the other, and prints one table of what was aimed
at, what was reached, and beside whom; the parts' own tables say more. It takes some hours. What
each part said is kept in `--folder`, so what was interrupted goes on where it stopped; `--again`
forgets what is there. Peers whose environment is absent are skipped, and the table says so.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.figure import Figure, skipped, table

ROOT = Path(__file__).parents[1]
RECURRENT = ("recurrent", "--rounds", "2")
PARTS: dict[str, tuple[str, ...]] = {  # module of this folder and what it is told
    "start": ("run",),
    "push": ("push",),
    "mapping": ("mapping",),
    "feedforward": ("feedforward",),
    "sanafe": ("sanafe",),
    "chip": ("chip_scale",),
    "chips": ("validation", "--chips", "spinnaker2"),
    "ranks": ("scaling",),
    "balanced": (*RECURRENT, "--networks", "cuba4000", "cuba40000", "--statistics", "2"),
    "cortex10": (
        *RECURRENT, "--networks", "microcircuit10", "--statistics", "2", "--simulators",
        "mossy", "mossy-uncounted", "NEST", "Brian2",
    ),
    "cortex": (
        *RECURRENT, "--networks", "microcircuit", "microcircuit_dc", "--statistics", "60",
        "--simulators", "mossy", "mossy-cuda",
    ),
}  # fmt: skip


def said(name: str, folder: Path, again: bool) -> dict[str, Any] | str:
    """Return what a part printed, now or before; or why there is nothing."""
    kept = folder / f"{name}.json"
    if again or not kept.exists():
        module, *options = PARTS[name]
        command = [sys.executable, "-m", f"benchmarks.{module}", *options, "--json"]
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            return f"{' '.join(command[1:])} ended with {done.returncode}"
        folder.mkdir(parents=True, exist_ok=True)
        half = kept.with_suffix(".half")  # what is interrupted leaves nothing that looks whole
        half.write_text(done.stdout, "utf-8")
        half.rename(kept)
    found: dict[str, Any] = json.loads(kept.read_text("utf-8"))
    return found


def figures(name: str, found: dict[str, Any] | str) -> Iterator[Figure]:
    """Yield the figures of a part that have a target, and those that could not be measured."""
    if isinstance(found, str):
        yield skipped(name, "", found)
        return
    for row in found["figures"]:
        row = {k: v for k, v in row.items() if k != "met"}
        if row["target"] is not None or row["value"] is None:
            yield Figure(**row)


def main() -> None:
    """Run what is not there yet, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.targets", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=list(PARTS), default=list(PARTS))
    parser.add_argument("--again", action="store_true", help="measure what is there already")
    parser.add_argument("--folder", type=Path, default=ROOT / "out" / "benchmarks")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    given = parser.parse_args()
    found: list[Figure] = []
    for number, name in enumerate(given.only, 1):
        print(f"[{number} of {len(given.only)}] {name} ...", file=sys.stderr, flush=True)
        begin = time.perf_counter()
        found += figures(name, said(name, given.folder, given.again))
        print(f"    {time.perf_counter() - begin:.0f} s", file=sys.stderr, flush=True)
    if given.json:
        print(json.dumps([vars(f) | {"met": f.met} for f in found], indent=2))
        return
    print(table(found))
    aimed = [f for f in found if f.target is not None]
    print(f"\n{sum(bool(f.met) for f in aimed)} of {len(aimed)} targets met; {given.folder}")


if __name__ == "__main__":
    main()
