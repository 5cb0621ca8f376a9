"""The order in which a chip works off packets, where a user asks for one."""

from __future__ import annotations

import numpy as np
import pytest

from mossy.errors import BadInput
from mossy.passes import compile
from mossy.testing.networks import cases


def test_an_order_the_chip_does_not_have_is_e0191() -> None:
    case = cases()[0]
    program = compile(case.network, "cpu")
    with pytest.raises(BadInput) as found:
        program.run(case.x, order="event")
    e = found.value
    assert e.code == "E0191" and "does not work in this order" in str(e)
    assert "got 'event'; allowed: frame" in str(e) and "leave it out" in str(e)
    given, own = program.run(case.x, order="frame"), program.run(case.x)
    for name, out in own.outputs.items():
        np.testing.assert_array_equal(given.outputs[name], out)
