"""Build a checked `Network`, and the two orders that give it a meaning in discrete time.

Within a step nodes are evaluated in `order`, so a signal crosses the whole network at once. An
edge that closes a cycle carries the value of the step before. Which edge that is, is found by
depth-first search from the Input nodes in node order, taking edges in graph order: an edge to a
node that is still on the stack is a feedback edge.
"""

from __future__ import annotations

import hashlib
import heapq
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import get_args

import numpy as np

from mossy.errors import BadInput
from mossy.network import checks, shapes
from mossy.network.nodes import (
    IF,
    LI,
    LIF,
    AdaptiveLIF,
    CubaLI,
    CubaLIF,
    Delay,
    GradedLIF,
    I,
    Input,
    Integrator,
    Network,
    Node,
    Output,
    Reset,
    ResonateFire,
    Shape,
    SigmaDelta,
)

Edge = tuple[str, str]
MEMORY = (
    I,
    IF,
    LI,
    LIF,
    CubaLI,
    CubaLIF,
    SigmaDelta,
    ResonateFire,
    AdaptiveLIF,
    GradedLIF,
)  # nodes whose output may wait for a later step


def build(
    nodes: Mapping[str, Node],
    edges: Iterable[Edge],
    dt: float,
    integrator: Integrator = "euler",
    reset: Reset = "node",
    name: str = "network",
    *,
    metadata: Mapping[str, str] | None = None,
    shapes_in: Mapping[str, Shape] | None = None,
) -> Network:
    """Return the checked network: shapes known, parameters broadcast, nodes in evaluation order.

    dt: seconds. shapes_in: input shapes that a file states for convolutions and Flatten, used
    where the arriving signal is flat. Raises BadInput E0101-E0112, E0116 and E0118.
    """
    _check_settings(dt, integrator, reset)
    links = tuple((a, b) for a, b in edges)
    _check_edges(nodes, links)
    checked = {key: checks.canonical(key, node) for key, node in nodes.items()}
    back = _feedback(checked, links)
    sequence = _order(checked, [e for e in links if e not in back])
    _check_reach(checked, links)
    _check_loops(checked, links, dt)
    known = _infer(checked, links, sequence, shapes_in or {})
    final = {key: checks.broadcast(key, checked[key], *known[key]) for key in sequence}
    if integrator == "euler":
        for key, node in final.items():
            checks.stable(key, node, dt)
    known = {key: known[key] for key in sequence}
    return Network(final, links, known, float(dt), integrator, reset, name, dict(metadata or {}))


def feedback_edges(net: Network) -> frozenset[Edge]:
    """Return the edges that carry the value of the step before."""
    return _feedback(net.nodes, net.edges)


def order(net: Network) -> list[str]:
    """Return node names in the order of evaluation within a step; ties go by node order."""
    back = feedback_edges(net)
    return _order(net.nodes, [e for e in net.edges if e not in back])


def network_hash(net: Network) -> str:
    """Return sha256 (hex) of what the network computes; its name and metadata do not count."""
    digest = hashlib.sha256()

    def put(*parts: object) -> None:
        digest.update("\x1f".join(str(p) for p in parts).encode() + b"\x1e")

    put("mossy network 1", net.dt.hex(), net.integrator, net.reset)
    for key in sorted(net.nodes):
        node = net.nodes[key]
        put(key, type(node).__name__, *net.shapes[key])
        for f in fields(node):
            value = getattr(node, f.name)
            put(f.name, value.shape if isinstance(value, np.ndarray) else value)
            if isinstance(value, np.ndarray):
                digest.update(np.ascontiguousarray(value, dtype="<f8").tobytes())
    put("edges", *sorted(net.edges))
    put("feedback", *sorted(feedback_edges(net)))
    return digest.hexdigest()


def _check_settings(dt: object, integrator: str, reset: str) -> None:
    # bool is an int in Python, but no time step.
    number = isinstance(dt, int | float | np.integer | np.floating) and not isinstance(dt, bool)
    if not number or not math.isfinite(float(dt)) or float(dt) <= 0:  # type: ignore[arg-type]
        raise BadInput(
            "E0101",
            "the time step dt must be a number of seconds above zero",
            got=repr(dt),
            hint="dt=1e-3 for a network trained with steps of one millisecond",
        )
    for key, value, kind in (("integrator", integrator, Integrator), ("reset", reset, Reset)):
        if value not in get_args(kind):
            allowed = ", ".join(repr(k) for k in get_args(kind))
            raise BadInput("E0102", f"unknown {key}", got=repr(value), allowed=allowed)


def _check_edges(nodes: Mapping[str, Node], edges: Sequence[Edge]) -> None:
    for kind in (Input, Output):
        if not any(isinstance(n, kind) for n in nodes.values()):
            raise BadInput(
                "E0112",
                f"the network has no {kind.__name__} node",
                got=f"nodes {', '.join(nodes) or 'none'}",
                hint=f"add one {kind.__name__} node with the shape of its signal",
            )
    seen = set()
    for edge in edges:
        where = _place(edge)
        for end in edge:
            if end not in nodes:
                raise BadInput(
                    "E0103",
                    "an edge names a node that does not exist",
                    where=where,
                    got=repr(end),
                    allowed=", ".join(nodes),
                )
        if edge in seen:
            raise BadInput(
                "E0104",
                "an edge is given twice",
                where=where,
                hint="remove one; double the weights if the signal shall count twice",
            )
        seen.add(edge)
        if isinstance(nodes[edge[1]], Input) or isinstance(nodes[edge[0]], Output):
            raise BadInput(
                "E0112",
                "an edge leads into an Input or out of an Output",
                where=where,
                hint="connect the node beside it instead",
            )


def _place(edge: Edge) -> str:
    return f"edge {edge[0]!r} -> {edge[1]!r}"


def _successors(nodes: Iterable[str], edges: Iterable[Edge]) -> dict[str, list[str]]:
    after: dict[str, list[str]] = {key: [] for key in nodes}
    for a, b in edges:
        after[a].append(b)
    return after


def _feedback(nodes: Mapping[str, Node], edges: Sequence[Edge]) -> frozenset[Edge]:
    roots = [key for key, node in nodes.items() if isinstance(node, Input)]
    return frozenset(_back_edges(roots, _successors(nodes, edges)))


def _back_edges(roots: Iterable[str], after: Mapping[str, list[str]]) -> list[Edge]:
    """Return the edges to a node on the stack of a depth-first search, with its own stack."""
    found: list[Edge] = []
    done: set[str] = set()
    for root in roots:
        if root in done:
            continue
        stack = [(root, iter(after[root]))]
        active = {root}
        while stack:
            here, ahead = stack[-1]
            step = next(ahead, None)
            if step is None:
                stack.pop()
                active.discard(here)
                done.add(here)
            elif step in active:
                found.append((here, step))
            elif step not in done:
                active.add(step)
                stack.append((step, iter(after[step])))
    return found


def _order(nodes: Mapping[str, Node], edges: Sequence[Edge]) -> list[str]:
    rank = {key: i for i, key in enumerate(nodes)}
    names = list(nodes)
    waiting = dict.fromkeys(nodes, 0)
    for _, b in edges:
        waiting[b] += 1
    after = _successors(nodes, edges)
    ready = [rank[key] for key, count in waiting.items() if count == 0]
    result = []
    while ready:
        key = names[heapq.heappop(ready)]
        result.append(key)
        for step in after[key]:
            waiting[step] -= 1
            if waiting[step] == 0:
                heapq.heappush(ready, rank[step])
    return result


def _check_reach(nodes: Mapping[str, Node], edges: Sequence[Edge]) -> None:
    cases = (
        (Input, edges, "no Input reaches this node"),
        (Output, [(b, a) for a, b in edges], "this node reaches no Output"),
    )
    for kind, links, what in cases:
        seen = {key for key, node in nodes.items() if isinstance(node, kind)}
        after = _successors(nodes, links)
        todo = list(seen)
        while todo:
            new = [b for b in after[todo.pop()] if b not in seen]
            seen.update(new)
            todo.extend(new)
        lost = [key for key in nodes if key not in seen]
        if lost:
            raise BadInput(
                "E0106",
                what,
                where=f"node {lost[0]!r}",
                got=f"{len(lost)} such nodes: {', '.join(lost)}" if len(lost) > 1 else None,
                hint="connect it or remove it",
            )


def _check_loops(nodes: Mapping[str, Node], edges: Sequence[Edge], dt: float) -> None:
    def waits(node: Node) -> bool:
        if isinstance(node, Delay):
            return bool((np.rint(node.delay / dt) >= 1).all())
        return isinstance(node, MEMORY)

    plain = [key for key, node in nodes.items() if not waits(node)]
    links = [(a, b) for a, b in edges if a in set(plain) and b in set(plain)]
    loops = _back_edges(plain, _successors(plain, links))
    if loops:
        raise BadInput(
            "E0107",
            "a cycle without a neuron or a delay: its value would depend on itself",
            where=_place(loops[0]),
            hint="put a neuron, or a Delay of at least one step, into the cycle",
        )


def _infer(
    nodes: Mapping[str, Node],
    edges: Sequence[Edge],
    sequence: Sequence[str],
    hints: Mapping[str, Shape],
) -> dict[str, tuple[Shape, Shape]]:
    """Return (input shape, output shape) by node, having checked every edge."""
    known: dict[str, tuple[Shape, Shape]] = {}
    into: dict[str, list[Edge]] = {key: [] for key in nodes}
    for edge in edges:
        into[edge[1]].append(edge)
    for key in sequence:
        node = nodes[key]
        if isinstance(node, Input):
            known[key] = (node.shape, node.shape)
            continue
        edge = next(e for e in into[key] if e[0] in known)
        took = shapes.input_shape(key, node, known[edge[0]][1], _place(edge), hints.get(key))
        known[key] = (took, shapes.output_shape(key, node, took))
    for edge in edges:
        gives, takes = known[edge[0]][1], known[edge[1]][0]
        if not shapes.meets(gives, takes):
            raise BadInput(
                "E0105",
                "shapes do not match",
                where=_place(edge),
                got=gives,
                allowed=takes,
                hint="edges into one node are added up, so all must have its shape",
            )
    return known
