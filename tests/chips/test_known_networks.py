"""Which chips hold the zoo's digits and the N-MNIST network, and why the others do not."""

from __future__ import annotations

import pytest

import mossy
from mossy import zoo
from mossy.chips import names
from mossy.errors import MossyError
from mossy.passes import Options, compile
from tests import data

XYLO = ("E0301", "input channels", "allowed: 16", "pool or project")
REFUSED = {
    "digits": {
        "speck": ("E0239", "exponential leak", "approximate=True"),
        "truenorth": ("E0244", "exponential leak", "approximate=True"),
        **dict.fromkeys(("xylo", "xylo-audio3", "xylo-imu"), XYLO),
    },
    "nmnist": {
        "spinnaker1": ("E0228", "leaks here", "approximate=True"),
        "truenorth": ("E0245", "got 656 inputs", "allowed: 256", "grouped kernels"),
        **dict.fromkeys(("xylo", "xylo-audio3", "xylo-imu"), XYLO),
    },
}
NEVER = {("nmnist", "truenorth"), *((n, x) for n in REFUSED for x in names() if "xylo" in x)}


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("network", REFUSED)
def test_a_network_is_held_or_refused_with_what_would_fit(network: str, name: str) -> None:
    if network == "digits":
        net = zoo.load("digits")
    else:
        file = data.require("nir-vectors") / "paper" / "02_cnn" / "cnn_sinabs.nir"
        net = mossy.load(file, dt=1e-3)
    if name not in REFUSED[network]:
        assert compile(net, name).cores
        return
    with pytest.raises(MossyError) as found:
        compile(net, name)
    for part in REFUSED[network][name]:
        assert part in str(found.value)
    nearly = Options(approximate=True)
    if (network, name) in NEVER:
        with pytest.raises(MossyError):
            compile(net, name, options=nearly)
    else:
        assert compile(net, name, options=nearly).notes
