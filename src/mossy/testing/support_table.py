"""What each chip takes, found by trying: a Markdown table for the README.

    python -m mossy.testing.support_table                      # print it
    python -m mossy.testing.support_table --write README.md    # put it between the markers

Each cell but the last two comes from compiling tiny networks. What the arithmetic was compared with
is read from the list under "Compared with" in the chip's SOURCES.md, bases from its chip.toml.
"""

from __future__ import annotations

import argparse
import re
from collections import Counter
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import numpy as np

from mossy import discover
from mossy.chips import Chip, chip, names
from mossy.chips.chip import MARKER, PACKAGE, folder_of
from mossy.chips.facts import BASES
from mossy.errors import DoesNotFit, UnsupportedNode
from mossy.network import nodes as nd
from mossy.network.graph import build
from mossy.passes import Options, compile
from mossy.program import Program
from mossy.program.artefact import WordFormat
from mossy.testing.chip_checks import named_facts
from mossy.testing.networks import DT, cuba_lif, lif
from mossy.units import si

BEGIN, END = "<!-- chips -->\n", "<!-- /chips -->"
HEAD = (
    "chip", "neurons", "potentials as outputs", "potentials between neurons", "resets",
    "weights", "delays (steps)", "time", "arithmetic compared with", "facts behind time and energy",
)  # fmt: skip
ONE = np.ones(1)
SPIKING: dict[str, nd.Node] = {
    "LIF": lif(),
    "IF": nd.IF(ONE, ONE, 0 * ONE),
    "CubaLIF": cuba_lif(),
    "Threshold": nd.Threshold(0.5 * ONE),
    "SigmaDelta": nd.SigmaDelta(0.5 * ONE, 0 * ONE),
    "AdaptiveLIF": nd.AdaptiveLIF(
        2 * DT * ONE, 4 * DT * ONE, 4 * DT * ONE, 2 * DT * ONE, ONE, 0.5 * ONE, 0 * ONE
    ),
    "ResonateFire": nd.ResonateFire(8 * DT * ONE, 16 * DT * ONE, ONE),
    "GradedLIF": nd.GradedLIF(2 * DT * ONE, 4 * DT * ONE, ONE, 0 * ONE),
}
READOUTS: dict[str, nd.Node] = {
    "LI": nd.LI(4 * DT * ONE, ONE, 0 * ONE),
    "I": nd.I(ONE),
    "CubaLI": nd.CubaLI(2 * DT * ONE, 4 * DT * ONE, ONE, 0 * ONE, ONE),
}
RESETS: dict[str, nd.Reset] = {"to v_reset": "node", "by subtraction": "subtract"}
NEARLY = "≈ "  # only with Options(approximate=True)
LONGEST = 1 << 10  # delays are tried up to here


def table() -> str:
    """Return the Markdown table of all chips."""
    lines = [HEAD, ("---",) * len(HEAD), *(row(chip(name)) for name in names())]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def row(target: Chip) -> tuple[str, ...]:
    """Return the cells of one chip."""
    home = f"src/{PACKAGE.replace('.', '/')}/{folder_of(target.name)}"
    neuron = _plainest(target)
    return (
        f"[{target.title}]({home}) `{target.name}`",
        _listed({k: _how(target, n, {"cell": n}) for k, n in SPIKING.items()}),
        _listed({k: _how(target, neuron, {"cell": n}) for k, n in READOUTS.items()}),
        _listed(
            {
                k: _how(target, neuron, {"cell": n, "fc2": _weight(), "last": neuron})
                for k, n in READOUTS.items()
            }
        ),
        _resets(target, neuron),
        _weights(target, neuron),
        _delays(target, neuron),
        _time(target),
        ", ".join(compared_with(target)),
        _bases(target),
    )


def compared_with(target: Chip) -> list[str]:
    """Return what stands before the colons of the list "Compared with" in SOURCES.md."""
    folder = discover.folders(PACKAGE, MARKER)[folder_of(target.name)]
    _, _, after = folder.joinpath("SOURCES.md").read_text("utf-8").partition("## Compared with\n")
    return re.findall(r"^\* ([^:]+):", after.partition("\n## ")[0], re.M)


def attempt(
    target: Chip,
    first: nd.Node,
    inner: Mapping[str, nd.Node],
    reset: nd.Reset = "node",
    approximate: bool = False,
) -> Program | None:
    """Return input - weights - `first` - weights - `inner` - output compiled, None if refused."""
    nodes = {
        "input": nd.Input((1,)),
        "fc0": _weight(),
        "first": first,
        "fc1": _weight(),
        **inner,
        "output": nd.Output((1,)),
    }
    keys = list(nodes)
    net = build(nodes, pairwise(keys), DT, reset=reset)
    try:
        return compile(net, target, options=Options(approximate=approximate))
    except (UnsupportedNode, DoesNotFit):
        return None


def write(path: Path) -> bool:
    """Put the table between the markers of a file; return False where it has no markers."""
    before, begin, rest = path.read_text("utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if begin and end:
        path.write_text(before + begin + table() + end + after, "utf-8")
    return bool(begin and end)


def _weight() -> nd.Linear:
    return nd.Linear(np.ones((1, 1)))


def _listed(found: Mapping[str, str | None]) -> str:
    return ", ".join(how + k for k, how in found.items() if how is not None) or "no"


def _how(target: Chip, first: nd.Node, inner: dict[str, nd.Node]) -> str | None:
    """Nothing where a chain is taken as it is, a sign where only nearly, None where it is not."""
    if _any(target, first, inner):
        return ""
    return NEARLY if _any(target, first, inner, True) else None


def _plainest(target: Chip) -> nd.Node:
    """The first spiking neuron that the chip takes, as it is if it can."""
    for wanted in ("", NEARLY):
        for node in SPIKING.values():
            if _how(target, node, {"cell": node}) == wanted:
                return node
    raise AssertionError(f"{target.name} takes no neuron that spikes")


def _resets(target: Chip, neuron: nd.Node) -> str:
    cell = {"cell": neuron}
    exact = {k for k, r in RESETS.items() if attempt(target, neuron, cell, r)}
    near = {k for k, r in RESETS.items() if attempt(target, neuron, cell, r, True)}
    return ", ".join(("" if k in exact else NEARLY) + k for k in RESETS if k in exact | near)


def _any(
    target: Chip, first: nd.Node, inner: dict[str, nd.Node], approximate: bool = False
) -> Program | None:
    tried = (attempt(target, first, inner, reset, approximate) for reset in RESETS.values())
    return next((p for p in tried if p), None)


def _weights(target: Chip, neuron: nd.Node) -> str:
    """Range of the weight field, without a delay and with one."""
    near = _how(target, neuron, {"cell": neuron}) == NEARLY
    plain = _any(target, neuron, {"cell": neuron}, near)
    late = _any(target, neuron, {"wait": _delay(1), "cell": neuron}, near)
    found = [_range(_word(p)) for p in (plain, late) if p]
    if len(found) < 2 or found[0] == found[1]:
        return found[0]
    return f"{found[0]}; {found[1]} with delays"


def _word(program: Program) -> WordFormat:
    return next(c.word_format for c in program.cores if c.population == "cell")


def _range(word: WordFormat) -> str:
    if word.coding == "float32":
        return "float32"
    return f"±{(1 << (word.weight - (word.coding == 'signed'))) - 1}"


def _delays(target: Chip, neuron: nd.Node) -> str:
    """Longest Delay node, found by halving: longer ones are refused once one is."""
    near = _how(target, neuron, {"cell": neuron}) == NEARLY
    least, most = 0, LONGEST
    while most - least > 1:
        middle = (least + most) // 2
        taken = _any(target, neuron, {"wait": _delay(middle), "cell": neuron}, near)
        least, most = (middle, most) if taken else (least, middle)
    more = " and more" if least == LONGEST - 1 else ""
    return f"0 to {least}{more}" if least else "no"


def _delay(steps: int) -> nd.Delay:
    return nd.Delay(np.full(1, steps * DT))


def _time(target: Chip) -> str:
    timing = target.spec["timing"]
    if timing["kind"] == "tick":
        return f"a tick of {si(float(target.facts[timing['tick']]), 's')}"
    return {
        "barrier": "barrier after each step",
        "cycles": "cycles of one core, within the time step",
        "measured": "measured",
    }[timing["kind"]]


def _bases(target: Chip) -> str:
    """How many of the facts that time and energy are computed from rest on what."""
    used = named_facts(target) - {"step_latency"}
    base = target.spec.get("memory", {}).get("base")
    found = Counter(target.facts[name].basis for name in used - {base})
    said = {"code": "read in public code"}
    return ", ".join(f"{found[b]} {said.get(b, b)}" for b in BASES if found[b])


def main() -> None:
    """Print the table, or write it into a file."""
    parser = argparse.ArgumentParser(description="what each chip takes, as a Markdown table")
    parser.add_argument("--write", type=Path, metavar="FILE", help="put it between the markers")
    given = parser.parse_args()
    if not given.write:
        print(table(), end="")
    elif not write(given.write):
        parser.error(f"{given.write} lacks the lines {BEGIN.strip()} and {END.strip()}")


if __name__ == "__main__":
    main()
