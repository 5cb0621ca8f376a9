"""NIR files: every node type, nesting, metadata, round trips, and files that are broken."""

from __future__ import annotations

import dataclasses
import itertools

import h5py
import nir
import numpy as np
import pytest

from mossy.errors import BadInput, UnsupportedNode
from mossy.network import nir as mossy_nir
from mossy.network import nodes as nd
from mossy.network.graph import build, network_hash
from mossy.network.reference import run
from tests import data


def every_node() -> nir.NIRGraph:
    """A network with each of NIR's node types, valid by NIR's own rules."""
    rng = np.random.default_rng(0)
    a = lambda *s: rng.uniform(0.5, 1.5, s)  # noqa: E731
    nodes = {
        "in": nir.Input(np.array([2, 6, 6])),
        "conv": nir.Conv2d((6, 6), a(4, 2, 3, 3), 1, 1, 1, 1, a(4)),
        "sum": nir.SumPool2d(np.array([2, 2]), np.array([2, 2]), np.array([0, 0])),
        "avg": nir.AvgPool2d(np.array([2, 2]), np.array([1, 1]), np.array([0, 0])),
        "if": nir.IF(a(4, 2, 2), a(4, 2, 2), a(4, 2, 2)),
        "rows": nir.Flatten({"input": np.array([4, 2, 2])}, 1, 2),
        "conv1d": nir.Conv1d(4, a(3, 4, 2), 1, 0, 1, 1, a(3)),
        "flat": nir.Flatten({"input": np.array([3, 3])}, 0, -1),
        "affine": nir.Affine(a(5, 9), a(5)),
        "lif": nir.LIF(a(5), a(5), a(5), a(5), a(5)),
        "linear": nir.Linear(a(5, 5)),
        "scale": nir.Scale(a(5)),
        "i": nir.I(a(5)),
        "threshold": nir.Threshold(a(5)),
        "li": nir.LI(a(5), a(5), a(5)),
        "delay": nir.Delay(a(5)),
        "cubali": nir.CubaLI(a(5), a(5), a(5), a(5), a(5)),
        "cubalif": nir.CubaLIF(a(5), a(5), a(5), a(5), a(5), a(5), a(5)),
        "out": nir.Output(np.array([5])),
    }
    keys = list(nodes)
    edges = [*itertools.pairwise(keys), ("cubalif", "linear")]
    return nir.NIRGraph(nodes, edges, metadata={"author": "someone", "year": 2024})


def test_every_node_type_from_file_and_from_memory(tmp_path):
    graph = every_node()
    nir.write(tmp_path / "all.nir", graph)
    from_file = mossy_nir.read(tmp_path / "all.nir", dt=0.1)
    from_memory = mossy_nir.from_nir(graph, dt=0.1)
    assert network_hash(from_file) == network_hash(from_memory)
    assert {type(n).__name__ for n in from_file.nodes.values()} == set(mossy_nir.SUPPORTED)
    assert from_file.metadata == {"author": "someone", "year": "2024"}
    assert from_file.name == "all"
    for key in ("conv", "lif", "cubalif", "if", "conv1d"):
        mine, theirs = from_file.nodes[key], graph.nodes[key]
        for field in ("weight", "bias", "tau", "tau_syn", "v_reset", "w_in", "v_leak"):
            if hasattr(mine, field):
                assert np.array_equal(getattr(mine, field), getattr(theirs, field)), (key, field)


@pytest.mark.parametrize("reset", ["node", "subtract"])
def test_round_trip_keeps_network_and_settings(tmp_path, reset):
    net = mossy_nir.from_nir(every_node(), 0.1, "exponential", reset, name="first")
    net = dataclasses.replace(net, metadata={**net.metadata, "lif/unit": "V"})
    mossy_nir.write(net, tmp_path / "other.nir")
    again = mossy_nir.read(tmp_path / "other.nir")
    assert network_hash(again) == network_hash(net)
    assert (again.dt, again.integrator, again.reset, again.name) == (
        0.1, "exponential", reset, "first",
    )  # fmt: skip
    assert again.metadata == net.metadata and list(again.nodes) == list(net.nodes)
    checked = nir.read(tmp_path / "other.nir")  # with NIR's own type check
    assert checked.metadata["dt"] == "0.1" and checked.nodes["lif"].metadata == {"unit": "V"}
    assert network_hash(mossy_nir.from_nir(checked)) == network_hash(net)


def test_arguments_go_before_what_the_file_holds(tmp_path):
    mossy_nir.write(mossy_nir.from_nir(every_node(), 0.1), tmp_path / "a.nir")
    net = mossy_nir.read(tmp_path / "a.nir", 0.05, "exponential", "subtract")
    assert (net.dt, net.integrator, net.reset) == (0.05, "exponential", "subtract")


def test_order_of_inputs_survives_the_alphabetical_file(tmp_path):
    one = np.ones(2)
    lif = nd.LIF(one, one, one * 0, one, one * 0)
    nodes = {"b": nd.Input((2,)), "a": nd.Input((2,)), "x": lif, "y": lif, "o": nd.Output((2,))}
    edges = [("a", "x"), ("b", "y"), ("x", "y"), ("y", "x"), ("y", "o")]
    net = build(nodes, edges, 1e-3)
    mossy_nir.write(net, tmp_path / "a.nir")
    assert mossy_nir.read(tmp_path / "a.nir").inputs == ["b", "a"]
    assert network_hash(mossy_nir.read(tmp_path / "a.nir")) == network_hash(net)


def test_silent_reshape_is_written_out_as_flatten(tmp_path):
    nodes = {
        "input": nd.Input((2, 2)),
        "fc": nd.Linear(np.arange(8.0).reshape(2, 4)),
        "output": nd.Output((2,)),
    }
    net = build(nodes, [("input", "fc"), ("fc", "output")], 1e-3)
    mossy_nir.write(net, tmp_path / "a.nir")
    nir.read(tmp_path / "a.nir")
    x = np.random.default_rng(0).random((2, 3, 2, 2))
    assert np.array_equal(
        run(net, x)["output"], run(mossy_nir.read(tmp_path / "a.nir"), x)["output"]
    )


def test_shapes_that_nir_gets_wrong_survive(tmp_path):
    nodes = {
        "input": nd.Input((2, 8, 8)),
        "c": nd.Conv2d(np.ones((2, 1, 3, 5)), np.zeros(2), groups=2),
        "output": nd.Output((2, 6, 4)),
    }
    net = build(nodes, [("input", "c"), ("c", "output")], 1e-3)
    mossy_nir.write(net, tmp_path / "a.nir")
    assert network_hash(mossy_nir.read(tmp_path / "a.nir")) == network_hash(net)
    assert nir.read(tmp_path / "a.nir", type_check=False).nodes["c"].weight.shape == (2, 1, 3, 5)


def nested() -> nir.NIRGraph:
    inner = nir.NIRGraph(
        {
            "input": nir.Input(np.array([3])),
            "lif": nir.LIF(*np.ones((5, 3))),
            "rec": nir.Linear(np.eye(3)),
            "output": nir.Output(np.array([3])),
        },
        [("input", "lif"), ("lif", "rec"), ("rec", "lif"), ("lif", "output")],
        metadata={"kind": "recurrent"},
    )
    middle = nir.NIRGraph(
        {"in": nir.Input(np.array([3])), "deep": inner, "out": nir.Output(np.array([3]))},
        [("in", "deep"), ("deep", "out")],
    )
    return nir.NIRGraph(
        {
            "input": nir.Input(np.array([4])),
            "fc": nir.Linear(np.ones((3, 4))),
            "sub": middle,
            "output": nir.Output(np.array([3])),
        },
        [("input", "fc"), ("fc", "sub"), ("sub", "output")],
    )


def test_nested_graphs_are_flattened(tmp_path):
    nir.write(tmp_path / "n.nir", nested())
    net = mossy_nir.read(tmp_path / "n.nir", dt=1e-3)
    assert sorted(net.nodes) == ["fc", "input", "output", "sub.deep.lif", "sub.deep.rec"]
    assert set(net.edges) == {
        ("input", "fc"),
        ("fc", "sub.deep.lif"),
        ("sub.deep.lif", "sub.deep.rec"),
        ("sub.deep.rec", "sub.deep.lif"),
        ("sub.deep.lif", "output"),
    }
    assert net.metadata == {"sub.deep/kind": "recurrent"}
    assert network_hash(net) == network_hash(mossy_nir.from_nir(nested(), 1e-3))


def two_ports() -> dict:
    """A nested graph with two inputs, in dict form, so that NIR's checks stay out of it."""
    port = {"type": "Input", "shape": np.array([2])}
    inner = {
        "type": "NIRGraph",
        "nodes": {
            "a": port,
            "b": port,
            "s": {"type": "Scale", "scale": np.ones(2)},
            "out": {"type": "Output", "shape": np.array([2])},
        },
        "edges": [("a", "s"), ("b", "s"), ("s", "out")],
    }
    nodes = {"x": port, "y": port, "sub": inner, "o": {"type": "Output", "shape": np.array([2])}}
    return {"type": "NIRGraph", "nodes": nodes, "edges": [("x", "sub"), ("sub", "o")]}


def test_port_of_a_nested_graph_must_be_named_if_there_are_two():
    with pytest.raises(
        BadInput, match=r"\[E0117\].*graph 'sub'.*exactly one inner Input; got 2: sub.a, sub.b"
    ):
        mossy_nir.from_dict(two_ports(), 1e-3)
    graph = two_ports()
    graph["edges"] = [("x", "sub.a"), ("y", "sub.b"), ("sub", "o")]
    net = mossy_nir.from_dict(graph, 1e-3)
    assert set(net.edges) == {("x", "sub.s"), ("y", "sub.s"), ("sub.s", "o")}


def test_names_that_clash_when_flattened():
    graph = two_ports()
    graph["nodes"] = {"sub.s": graph["nodes"]["x"], **graph["nodes"]}
    with pytest.raises(BadInput, match=r"\[E0117\].*two nodes get one name.*got 'sub.s'"):
        mossy_nir.from_dict(graph, 1e-3)


@pytest.mark.parametrize(
    ("node", "shape_in", "shape_out"),
    [
        (nir.LIF(*np.ones((5, 3))), (3,), (3,)),
        (nir.Affine(np.ones((2, 3)), np.ones(2)), (3,), (2,)),
        (nir.Conv2d((5, 5), np.ones((1, 2, 3, 3)), 1, 0, 1, 1, np.ones(1)), (2, 5, 5), (1, 3, 3)),
        (nir.Flatten({"input": np.array([2, 3])}, 0), (2, 3), (6,)),
    ],
)
def test_file_of_a_single_node(tmp_path, node, shape_in, shape_out):
    nir.write(tmp_path / "one.nir", node)
    net = mossy_nir.read(tmp_path / "one.nir", dt=0.5)
    assert list(net.nodes) == ["input", "node", "output"]
    assert net.shapes["node"] == (shape_in, shape_out)


def test_single_pool_does_not_tell_its_shape():
    pool = nir.SumPool2d(np.array([2, 2]), np.array([2, 2]), np.array([0, 0]))
    with pytest.raises(BadInput, match=r"\[E0114\].*a single SumPool2d does not tell the shape"):
        mossy_nir.from_nir(pool, 1e-3)


def test_missing_v_reset_is_zero_and_missing_w_in_one():
    node = {k: np.full(2, 0.5) for k in ("tau_syn", "tau_mem", "r", "v_leak", "v_threshold")}
    net = mossy_nir.from_dict({"type": "CubaLIF", **node}, 0.1)
    assert net.nodes["node"].v_reset.tolist() == [0, 0]
    assert net.nodes["node"].w_in.tolist() == [1, 1]


def test_dt_is_asked_for(tmp_path):
    nir.write(tmp_path / "a.nir", every_node())
    with pytest.raises(
        BadInput, match=r"\[E0115\] .*a.nir: NIR does not say its time step. Try: pass dt"
    ):
        mossy_nir.read(tmp_path / "a.nir")


def test_metadata_of_other_tools_is_not_trusted():
    graph = every_node()
    graph.metadata = {"dt": "0.5", "tool": "another"}
    with pytest.raises(BadInput, match="E0115"):
        mossy_nir.from_nir(graph)
    assert mossy_nir.from_nir(graph, 0.1).metadata == {"dt": "0.5", "tool": "another"}


@pytest.mark.parametrize("content", [b"", b"not a file of that kind" * 50, None, "truncated"])
def test_files_that_are_not_hdf5(tmp_path, content):
    file = tmp_path / "bad.nir"
    if content == "truncated":
        nir.write(file, every_node())
        whole = file.read_bytes()
        file.write_bytes(whole[: len(whole) // 2])
    elif content is not None:
        file.write_bytes(content)
    with pytest.raises(BadInput, match=r"bad.nir: cannot read this as an HDF5 file") as error:
        mossy_nir.read(file, dt=1e-3)
    assert error.value.code == "E0113"
    assert ("no such file" in str(error.value)) is (content is None)


def test_hdf5_without_a_graph(tmp_path):
    with h5py.File(tmp_path / "x.nir", "w") as f:
        f["weights"] = np.ones(3)
    with pytest.raises(BadInput, match=r"\[E0114\].*x.nir.*no group 'node'.*got groups weights"):
        mossy_nir.read(tmp_path / "x.nir", dt=1e-3)


def change(graph: dict, node: str, **fields: object) -> dict:
    """The dict form of `graph` with fields of one node set, or taken out if None."""
    values = {**graph["nodes"][node], **fields}
    kept = {k: v for k, v in values.items() if v is not None}
    return {**graph, "nodes": {**graph["nodes"], node: kept}}


@pytest.mark.parametrize(
    ("fields", "kind", "text"),
    [
        ({"type": "ALIF"}, UnsupportedNode, r"\[E0201\].*node 'lif'.*got 'ALIF'; allowed: Affine"),
        ({"beta": 1.0}, UnsupportedNode, r"\[E0202\].*node 'lif'.*LIF has a field .*; got beta"),
        ({"tau": None}, BadInput, r"\[E0114\].*node 'lif': LIF lacks tau"),
        ({"type": None}, BadInput, r"\[E0114\].*node 'lif': a node has no field 'type'"),
        ({"tau": np.zeros(5)}, BadInput, r"\[E0109\] NIR graph, node 'lif': tau must be above"),
    ],
)
def test_bad_nodes_are_named(fields, kind, text):
    with pytest.raises(kind, match=text):
        mossy_nir.from_dict(change(every_node().to_dict(), "lif", **fields), 0.1)


def test_graph_without_edges_field():
    graph = every_node().to_dict()
    del graph["edges"]
    with pytest.raises(BadInput, match=r"\[E0114\].*the graph has no field 'edges'"):
        mossy_nir.from_dict(graph, 0.1)


def test_input_without_shape():
    with pytest.raises(BadInput, match=r"\[E0114\].*Input has no shape"):
        mossy_nir.from_dict(
            {"type": "NIRGraph", "nodes": {"i": {"type": "Input", "shape": None}}, "edges": []}, 1
        )


def test_not_a_graph():
    with pytest.raises(BadInput, match=r"\[E0114\] not a NIR graph; got int"):
        mossy_nir.from_nir(3, 1e-3)


@pytest.mark.parametrize(
    ("file", "dt", "kinds"),
    [
        ("01_lif/lif_norse.nir", 1e-4, ["Input", "Affine", "LIF", "Output"]),
        ("01_lif/lif_rockpool.nir", 1e-4, ["Input", "Linear", "LIF", "Output"]),
        (
            "03_rnn/braille_noDelay_bias_zero.nir",
            1e-4,
            ["Input", "Affine", "CubaLIF", "Affine", "Affine", "CubaLIF", "Output"],
        ),
        (
            "03_rnn/braille_noDelay_noBias_subtract.nir",
            1e-4,
            ["Input", "Linear", "CubaLIF", "Linear", "Linear", "CubaLIF", "Output"],
        ),
    ],
)
def test_published_graphs_read_and_round_trip(tmp_path, file, dt, kinds):
    source = data.require("nir-vectors") / "paper" / file
    net = mossy_nir.read(source, dt)
    assert [type(n).__name__ for n in net.nodes.values()] == kinds
    assert all(np.all(getattr(n, "v_reset", 0) == 0) for n in net.nodes.values())
    mossy_nir.write(net, tmp_path / "again.nir")
    nir.read(tmp_path / "again.nir")
    assert network_hash(mossy_nir.read(tmp_path / "again.nir")) == network_hash(net)


def test_braille_graph_is_refused_at_a_step_that_is_too_long():
    file = data.require("nir-vectors") / "paper/03_rnn/braille_noDelay_bias_zero.nir"
    with pytest.raises(BadInput, match=r"\[E0110\].*lif1.lif.*dt/tau_syn = 4.5"):
        mossy_nir.read(file, 1e-3)
