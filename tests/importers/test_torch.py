"""PyTorch, snnTorch and Norse: the imported network must do what the module does, step by step."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from mossy.errors import BadInput, UnsupportedNode
from mossy.importers.torch import from_torch
from mossy.network.reference import run

torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra 'learn')")
nn = torch.nn


@pytest.fixture
def snn():
    return pytest.importorskip("snntorch", reason="snnTorch is not installed")


@pytest.fixture
def norse():
    return pytest.importorskip("norse.torch", reason="Norse is not installed")


@pytest.fixture(autouse=True)
def seeded() -> Iterator[None]:
    torch.manual_seed(3)
    yield


STEPS = 60


def module_output(module, x, with_state: bool) -> np.ndarray:
    """What the module itself gives, one call a step."""
    state, out = None, []
    with torch.no_grad():
        for t in range(x.shape[1]):
            result = module(x[:, t], state) if with_state else module(x[:, t])
            if with_state:
                result, state = result
            out.append(result[0] if isinstance(result, tuple) else result)
    return torch.stack(out, dim=1).numpy()


def check(module, shape, *, with_state=False, integrator="euler", dt=1e-3, quiet=False):
    """Import, run both, compare; spikes must be equal, potentials to single precision."""
    for p in module.parameters():
        p.data *= 2  # so that there are spikes
    x = torch.as_tensor(np.random.default_rng(0).random((3, STEPS, *shape)) < 0.4).float()
    net = from_torch(module, x[:, 0], dt=dt, integrator=integrator)
    want = module_output(module, x, with_state)
    got = run(net, x.numpy())["output"]
    if set(np.unique(want)) <= {0, 1}:
        assert quiet or 0.01 < want.mean() < 0.9
        assert np.array_equal(got, want)
    else:
        assert np.abs(got - want).max() < 1e-5
    return net


@pytest.mark.parametrize("integrator", ["euler", "exponential"])
@pytest.mark.parametrize("reset", ["subtract", "zero"])
def test_leaky(snn, reset, integrator):
    settings = {"init_hidden": True, "reset_mechanism": reset}
    net = check(
        nn.Sequential(
            nn.Linear(20, 30),
            snn.Leaky(beta=torch.rand(30), threshold=torch.rand(30) + 0.5, **settings),
            nn.Linear(30, 10, bias=False),
            snn.Leaky(beta=0.8, output=True, **settings),
        ),
        (20,),
        integrator=integrator,
    )
    assert net.reset == ("node" if reset == "zero" else "subtract")


@pytest.mark.parametrize("reset", ["subtract", "zero"])
@pytest.mark.parametrize("beta", [0.0, 1.0])
def test_leaky_without_memory_or_without_leak(snn, beta, reset):
    check(
        nn.Sequential(
            nn.Linear(20, 30), snn.Leaky(beta=beta, init_hidden=True, reset_mechanism=reset)
        ),
        (20,),
    )


def test_leaky_that_resets_at_once(snn):
    neuron = snn.Leaky(beta=0.8, init_hidden=True, reset_mechanism="zero", reset_delay=False)
    check(nn.Sequential(nn.Linear(20, 30), neuron), (20,))


def test_synaptic(snn):
    neuron = snn.Synaptic(alpha=0.7, beta=torch.rand(30), init_hidden=True)
    check(nn.Sequential(nn.Linear(20, 30), neuron), (20,))


def test_synaptic_that_resets_to_zero_at_once(snn):
    neuron = snn.Synaptic(
        alpha=0.7, beta=0.9, init_hidden=True, reset_mechanism="zero", reset_delay=False
    )
    check(nn.Sequential(nn.Linear(20, 30), neuron), (20,))


@pytest.mark.parametrize("kind", ["RLeaky", "RSynaptic"])
@pytest.mark.parametrize("wiring", ["all", "one", "conv"])
def test_recurrent(snn, kind, wiring):
    options = {
        "all": {"linear_features": 30},
        "one": {"all_to_all": False, "V": torch.linspace(-1, 0.5, 30)},
        "conv": {"conv2d_channels": 4, "kernel_size": 3},
    }[wiring]
    rates = {"beta": 0.8} | ({"alpha": 0.6} if kind == "RSynaptic" else {})
    neuron = getattr(snn, kind)(**rates, **options, init_hidden=True)
    if wiring == "conv":
        check(nn.Sequential(nn.Conv2d(2, 4, 3, padding="same"), neuron), (2, 6, 5))
    else:
        check(nn.Sequential(nn.Linear(20, 30), neuron), (20,))


def test_convolutional_network(snn):
    check(
        nn.Sequential(
            nn.Conv2d(2, 4, (3, 5), stride=(2, 1), padding=(1, 0), groups=2),
            snn.Leaky(beta=0.9, threshold=0.3, init_hidden=True),
            nn.AvgPool2d(2, padding=1),
            nn.Dropout().eval(),
            nn.Flatten(),
            nn.Identity(),
            nn.Sequential(nn.Linear(64, 10), snn.Leaky(beta=0.5, threshold=0.3, init_hidden=True)),
        ),
        (2, 12, 10),
    )


@pytest.mark.parametrize(
    ("layers", "shape"),
    [
        (lambda: [nn.Conv1d(2, 4, 3, dilation=2, padding="same"), nn.Linear(9, 3)], (2, 9)),
        (lambda: [nn.Conv1d(2, 4, 4, stride=2, padding=1, bias=False)], (2, 9)),
        (lambda: [nn.Conv2d(2, 2, (2, 3), padding="same", bias=False)], (2, 5, 5)),
        (lambda: [nn.AvgPool2d((2, 3), stride=1), nn.Flatten(2)], (2, 5, 5)),
        (lambda: [nn.AvgPool2d(2, divisor_override=1), nn.Flatten(-2, -1)], (2, 5, 5)),
        (lambda: [nn.Linear(5, 4, bias=False), nn.Sequential(nn.Linear(4, 3))], (5,)),
    ],
)
@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
def test_plain_layers(layers, shape):
    check(nn.Sequential(*layers()), shape)


def test_norse_feed_forward(norse):
    p = norse.LIFParameters(
        tau_mem_inv=torch.tensor(200.0),
        tau_syn_inv=torch.tensor(300.0),
        v_th=torch.tensor(0.3),
        v_reset=torch.tensor(0.1),
    )
    layers = [nn.Linear(20, 30), norse.LIFCell(p), nn.Linear(30, 5)]
    check(norse.SequentialState(*layers, norse.LIFCell(p)), (20,), with_state=True)
    check(norse.SequentialState(*layers, norse.LICell()), (20,), with_state=True)


@pytest.mark.parametrize("integrator", ["euler", "exponential"])
def test_norse_recurrent(norse, integrator):
    p = norse.LIFParameters(v_th=torch.tensor(0.5))
    module = norse.SequentialState(norse.LIFRecurrentCell(20, 30, p))
    check(module, (20,), with_state=True, integrator=integrator)


@pytest.mark.parametrize("method", ["reset_value", "reset_subtract"])
def test_norse_box(norse, method):
    from norse.torch.functional import reset

    p = norse.LIFBoxParameters(v_th=torch.tensor(0.1), reset_method=getattr(reset, method))
    layers = [nn.Linear(20, 30), norse.LIFBoxCell(p)]
    net = check(norse.SequentialState(*layers), (20,), with_state=True)
    assert net.reset == {"reset_value": "node", "reset_subtract": "subtract"}[method]
    layers += [nn.Linear(30, 5), norse.LIBoxCell()]
    check(norse.SequentialState(*layers), (20,), with_state=True)


def test_norse_integrate_and_fire(norse):
    from norse.torch.module.iaf import IAFCell

    check(norse.SequentialState(nn.Linear(20, 30), IAFCell()), (20,), with_state=True)


def test_custom_module_is_followed_through_its_forward(snn):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.last = nn.Linear(30, 5)  # named in another order than used
            self.fc = nn.Linear(20, 30)
            self.lif = snn.Leaky(beta=0.9)

        def forward(self, x):
            spikes, _ = self.lif(self.fc(x))
            return self.last(spikes)

    net = check(Net(), (20,))
    assert list(net.nodes) == ["input", "fc", "lif", "lif.reset", "last", "output"]


@pytest.mark.filterwarnings("ignore:nirtorch.extract_nir_graph is being deprecated")
def test_snntorch_export_agrees_where_it_is_right(snn):
    """snnTorch's own export means a step of 1e-4 s and resets to zero."""
    pytest.importorskip("nirtorch", reason="nirtorch is not installed")
    module = nn.Sequential(
        nn.Linear(20, 30),
        snn.Leaky(beta=torch.rand(30), threshold=torch.ones(30), init_hidden=True,
                  reset_mechanism="zero"),
    )  # fmt: skip
    module[0].weight.data *= 4
    x = (np.random.default_rng(0).random((2, STEPS, 20)) < 0.4).astype(np.float32)
    theirs = from_torch(module, x[:1, 0], dt=1e-4, through="nir")
    mine = from_torch(module, x[:1, 0], dt=1e-4)
    a, b = (run(net, x) for net in (theirs, mine))
    assert np.array_equal(a[theirs.outputs[0]], b["output"]) and b["output"].mean() > 0.05


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_norse_export_agrees_where_it_is_right(norse):
    """Norse's own export of a cell without synaptic current, whose tau comes out in seconds."""
    module = norse.SequentialState(nn.Linear(20, 30), norse.LIFBoxCell())
    module[0].weight.data *= 60
    x = (np.random.default_rng(0).random((2, STEPS, 20)) < 0.4).astype(np.float32)
    theirs = from_torch(module, x[:1, 0], dt=1e-3, through="nir")
    mine = from_torch(module, x[:1, 0], dt=1e-3)
    a, b = (run(net, x) for net in (theirs, mine))
    assert np.array_equal(a[theirs.outputs[0]], b["output"]) and b["output"].mean() > 0.02


def test_a_plain_module_has_no_export():
    with pytest.raises(BadInput, match=r"no export to NIR.*allowed: snntorch, norse") as error:
        from_torch(nn.Sequential(nn.Linear(2, 1)), np.ones((1, 2)), dt=1e-3, through="nir")
    assert error.value.code == "E0125"


def test_state_of_the_module_is_left_alone(snn):
    module = nn.Sequential(nn.Linear(4, 3), snn.Leaky(beta=0.9, init_hidden=True))
    module(torch.ones(1, 4))
    before = module[1].mem.clone()
    from_torch(module, np.ones((1, 4)), dt=1e-3)
    assert torch.equal(module[1].mem, before)
    assert not module[0]._forward_hooks and not module[1]._forward_hooks


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"reset_mechanism": "none"}, "spikes without a reset.*got reset_mechanism='none'"),
        ({"reset_delay": False}, "counts a reset twice where v is above 2 thresholds"),
        ({"inhibition": True}, "option inhibition is not supported"),
        ({"state_quant": lambda v: v}, "option state_quant is not supported"),
        ({"graded_spikes_factor": 2.0}, "graded spikes are not supported"),
        ({"spike_grad": torch.tanh}, "surrogate's forward value is not 1 above threshold"),
        ({"beta": torch.tensor([0.5, 1.0, 0.5])}, "beta has no time constant; got 0.5 to 1;"),
    ],
)
@pytest.mark.filterwarnings("ignore:Inhibition is an unstable feature")
def test_snntorch_options_that_cannot_be_kept(snn, options, text):
    neuron = snn.Leaky(**({"beta": 0.9, "init_hidden": True} | options))
    module = nn.Sequential(nn.Linear(4, 3), neuron)
    with pytest.raises(UnsupportedNode, match=text) as error:
        from_torch(module, np.ones((1, 4)), dt=1e-3)
    assert error.value.code == "E0204" and "module '1'" in str(error.value)


def test_snntorch_late_reset_to_zero_with_a_current(snn):
    module = nn.Sequential(
        nn.Linear(4, 3),
        snn.Synaptic(alpha=0.5, beta=0.9, init_hidden=True, reset_mechanism="zero"),
    )
    with pytest.raises(UnsupportedNode, match="loses the input of the step after a spike"):
        from_torch(module, np.ones((1, 4)), dt=1e-3)


def test_exponential_integrator_cannot_forget_at_once(snn):
    module = nn.Sequential(nn.Linear(4, 3), snn.Leaky(beta=0.0, init_hidden=True))
    with pytest.raises(UnsupportedNode, match=r"E0204.*beta has no time constant.*integrator='eul"):
        from_torch(module, np.ones((1, 4)), dt=1e-3, integrator="exponential")


def test_recurrent_bias_needs_a_layer_in_front(snn):
    module = nn.Sequential(snn.RLeaky(beta=0.9, linear_features=4, init_hidden=True))
    with pytest.raises(UnsupportedNode, match=r"E0204.*the recurrent bias has no layer in front"):
        from_torch(module, np.ones((1, 4)), dt=1e-3)


def test_mixed_resets(snn):
    module = nn.Sequential(
        nn.Linear(4, 3),
        snn.Leaky(beta=0.9, init_hidden=True),
        snn.Leaky(beta=0.9, init_hidden=True, reset_mechanism="zero"),
    )
    with pytest.raises(UnsupportedNode, match=r"E0204.*'subtract' here, 'node' in '2'"):
        from_torch(module, np.ones((1, 4)), dt=1e-3)


def test_reset_asked_for_must_be_the_module_s_own(snn):
    module = nn.Sequential(nn.Linear(4, 3), snn.Leaky(beta=0.9, init_hidden=True))
    with pytest.raises(UnsupportedNode, match=r"E0204.*got node; allowed: subtract"):
        from_torch(module, np.ones((1, 4)), dt=1e-3, reset="node")


def test_norse_keeps_its_own_step(norse):
    module = norse.SequentialState(nn.Linear(4, 3), norse.LIFCell(dt=2e-3))
    with pytest.raises(UnsupportedNode, match=r"E0204.*got dt=0.001; allowed: dt=0.002"):
        from_torch(module, np.ones((1, 4)), dt=1e-3)
    assert from_torch(module, np.ones((1, 4)), dt=2e-3).dt == 2e-3


def test_norse_must_start_at_zero(norse):
    p = norse.LIFParameters(v_leak=torch.tensor(0.5))
    with pytest.raises(UnsupportedNode, match=r"E0204.*starts at v_leak.*got v_leak=0.5"):
        from_torch(norse.SequentialState(norse.LIFCell(p)), np.ones((1, 4)), dt=1e-3)


@pytest.mark.parametrize(
    ("layer", "code", "text"),
    [
        (
            nn.ReLU(),
            "E0203",
            r"'1': module is not supported; got .*ReLU; allowed: AvgPool2d",
        ),
        (nn.MaxPool2d(2), "E0203", "got .*MaxPool2d"),
        (nn.Dropout(0.5), "E0204", r"random in training mode. Try: module.eval\(\)"),
        (nn.AvgPool2d(2, ceil_mode=True), "E0204", "ceil_mode is not supported"),
        (nn.AvgPool2d(2, padding=1, count_include_pad=False), "E0204", "count_include_pad=False"),
        (nn.AvgPool2d(2, divisor_override=3), "E0204", "divisor_override must be 1; got 3"),
        (nn.Conv2d(2, 2, 3, padding=1, padding_mode="reflect"), "E0204", "only zero padding"),
        (nn.Flatten(0), "E0204", "Flatten joins the batch with the signal"),
    ],
)
def test_layers_that_cannot_be_kept(layer, code, text):
    module = nn.Sequential(nn.Conv2d(2, 2, 1), layer)
    with pytest.raises(UnsupportedNode, match=text) as error:
        from_torch(module, np.ones((1, 2, 4, 4)), dt=1e-3)
    assert error.value.code == code


class Forward(nn.Module):
    """Two layers with a forward function given from outside."""

    def __init__(self, function):
        super().__init__()
        self.a, self.b, self.function = nn.Linear(4, 4), nn.Linear(4, 4), function

    def forward(self, x):
        return self.function(self, x)


@pytest.mark.parametrize(
    ("function", "text"),
    [
        (lambda m, x: m.b(torch.relu(m.a(x))), "module 'b'.*computed outside every supported"),
        (lambda m, x: m.b(m.a(x).mul_(2)), "module 'b'.*computed outside every supported module"),
        (lambda m, x: m.b(m.a(x) + x), "module 'b'.*computed outside"),
        (lambda m, x: m.b(m.a(m.a(x))), "module 'a': the module runs twice"),
        (lambda m, x: torch.stack([m.b(m.a(x))]), "the result is not the output of a supported"),
        (lambda m, x: m.a(x), "a module takes no part in the forward pass"),
    ],
)
def test_what_happens_between_modules_is_not_lost(function, text):
    with pytest.raises(UnsupportedNode, match=text) as error:
        from_torch(Forward(function), np.ones((1, 4)), dt=1e-3)
    assert error.value.code == "E0205"


def test_subclass_with_its_own_forward_is_not_its_parent():
    class Twice(nn.Linear):
        def forward(self, x):
            return 2 * super().forward(x)

    with pytest.raises(UnsupportedNode, match=r"E0203.*Twice"):
        from_torch(nn.Sequential(Twice(4, 4)), np.ones((1, 4)), dt=1e-3)


def test_not_a_module():
    with pytest.raises(BadInput, match=r"\[E0119\] not a PyTorch module; got type"):
        from_torch(nn.Linear, np.ones((1, 4)), dt=1e-3)


def test_module_named_like_the_ends_of_the_network():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.input, self.output = nn.Linear(4, 3), nn.Linear(3, 2)

        def forward(self, x):
            return self.output(self.input(x))

    net = from_torch(Net(), np.ones((1, 4)), dt=1e-3)
    assert list(net.nodes) == ["input_", "input", "output", "output_"]


def test_single_layer():
    net = from_torch(nn.Linear(4, 3), np.ones((1, 4)), dt=1e-3)
    assert list(net.nodes) == ["input", "layer", "output"]


def test_module_that_fails_on_the_sample():
    with pytest.raises(BadInput, match=r"\[E0124\].*got shape \(1, 5\): mat1 and mat2 .*one step"):
        from_torch(nn.Linear(4, 3), np.ones((1, 5)), dt=1e-3)
