"""PyNN's own scenario tests, as far as this backend has what they use.

They are part of PyNN's source distribution and stay there: make_envs.sh pynn_scenarios fetches
them, or PYNN_SCENARIOS names their folder. What is refused must be refused in words.
"""

from __future__ import annotations

import importlib
import logging
import os
import re
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mossy.errors import UnsupportedNode

pytest.importorskip("pyNN", reason="PyNN is not installed; pip install 'mossy[pynn]'")

ROOT = Path(__file__).parents[2]
FOLDER = Path(os.environ.get("PYNN_SCENARIOS", ROOT / ".oracles" / "pynn_scenarios" / "scenarios"))
if not FOLDER.is_dir():
    pytest.skip(
        f"no {FOLDER}; make it with: tests/oracles/make_envs.sh pynn_scenarios",
        allow_module_level=True,
    )

DEPRESSING = "synapses that depress or facilitate (TsodyksMarkramSynapse)"
REFUSED = {  # test -> what it needs that is refused
    "test_SpikeSourceGamma": "a source of gamma-distributed intervals",
    "test_SpikeSourcePoissonRefractory": "a Poisson source with dead time",
    "test_composed_neuron_model_homogeneous_receptors": "cells composed of parts (PointNeuron)",
    "test_issue652": "synapses that learn (STDP)",
    "test_all_to_all_tsodyksmarkram": DEPRESSING,
    "test_fixed_number_pre_with_replacement_heterogeneous_parameters": DEPRESSING,
    "test_fixed_number_post_with_replacement_heterogeneous_parameters": DEPRESSING,
    "test_set_synaptic_parameters_fully_connected": DEPRESSING,
    "test_set_synaptic_parameters_partially_connected": DEPRESSING,
    "test_set_synaptic_parameters_multiply_connected": DEPRESSING,
    "test_issue505": DEPRESSING,
    "test_scenario3": "synapses that learn (STDP)",
    "test_scenario4": DEPRESSING,
    "test_simple_stochastic_synapse": "synapses that fail at random (SimpleStochasticSynapse)",
}
CHIPS = ("spinnaker1", "spinnaker2")
LACKING = {  # test -> the cell that it needs and these chips lack
    "test_run_until": "IF_cond_exp",
    "test_EIF_cond_alpha_isfa_ista": "EIF_cond_alpha_isfa_ista",
    "test_HH_cond_exp": "HH_cond_exp",
    "issue367": "EIF_cond_exp_isfa_ista",
    "test_connection_access_weight_and_delay": "IF_cond_exp",
    "test_all_to_all_static_no_self": "IF_cond_exp",
    "test_fixed_number_pre_no_replacement": "IF_cond_exp",
    "test_fixed_number_pre_with_replacement": "IF_cond_exp",
    "test_fixed_number_post_no_replacement": "IF_cond_exp",
    "test_fixed_number_post_with_replacement": "IF_cond_exp",
    "test_issue309": "IF_cond_exp",
    "test_issue622": "IF_cond_exp",
    "test_ticket226": "IF_curr_alpha",
    "test_issue165": "IF_cond_exp",
    "test_issue321": "IF_curr_alpha",
    "test_issue437": "IF_curr_alpha",
    "test_issue442": "IF_curr_alpha",
    "test_issue231": "IF_cond_exp",
    "test_ticket195": "IF_cond_exp",
    "test_reset_recording": "IF_cond_exp",
    "test_record_vm_and_gsyn_from_assembly": "IF_cond_exp",
    "test_sampling_interval": "IF_cond_exp",
    "test_mix_procedural_and_oo": "IF_cond_exp",
    "test_scenario1": "IF_cond_exp",
    "test_scenario1a": "IF_cond_alpha",
    "test_ticket166": "IF_cond_exp",
}
UNLIKE = {  # chip, test -> what the chip does in another way: how the test fails, and why
    ("spinnaker1", "test_scenario2"): (
        AssertionError, "0.0098",
        "in s16.15 a tau_m of 2,000 steps is 2.4 % off; spike times move by 1 %, 0.5 % are allowed",
    ),
}  # fmt: skip
NOT_RUN = {"test_scenario5": "cells of several compartments; and it needs morphio and libNeuroML"}
SLOW = {
    "test_EIF_cond_alpha_isfa_ista", "test_HH_cond_exp", "issue367", "test_SpikeSourcePoisson",
    "test_issue437", "test_issue442", "test_issue445", "test_issue_465_474_630",
}  # fmt: skip


def found() -> Iterator[Any]:
    """Yield a parameter for every test function that PyNN runs with several simulators."""
    sys.path.insert(0, str(FOLDER.parent))
    for file in sorted(FOLDER.glob("test_*.py")):
        module = importlib.import_module(f"{FOLDER.name}.{file.stem}")
        for name, f in list(vars(module).items()):
            marks = getattr(f, "pytestmark", ())
            if isinstance(f, types.FunctionType) and any(m.name == "parametrize" for m in marks):
                more = [pytest.mark.slow] if name in SLOW else []
                yield pytest.param(f, id=f"{file.stem}-{name}", marks=more)


def _could(parameter: Any) -> bool:
    """Whether a scenario runs on this computer."""
    return parameter.values[0].__name__ not in {*REFUSED, *NOT_RUN}


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Some of them write files, and set logging to its loudest."""
    monkeypatch.chdir(tmp_path)
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    yield
    root.setLevel(level)
    root.handlers[:] = handlers


@pytest.mark.oracle
@pytest.mark.filterwarnings("ignore")  # they use what PyNN itself calls deprecated
@pytest.mark.parametrize("scenario", list(found()))
def test_scenario(scenario: Callable[[Any], Any], elsewhere: None) -> None:
    import mossy.pynn as sim

    name = scenario.__name__
    if name in NOT_RUN:
        pytest.skip(NOT_RUN[name])
    if name in REFUSED:
        with pytest.raises(UnsupportedNode, match="E0267"):
            scenario(sim)
        pytest.skip(f"refused, as it should be: {REFUSED[name]}")
    scenario(sim)


class OnChip:
    """The backend as a script has it that names a chip in `setup`."""

    def __init__(self, chip: str) -> None:
        self.chip = chip

    def setup(self, *args: Any, **more: Any) -> Any:
        """Begin anew on the chip."""
        import mossy.pynn as sim

        return sim.setup(*args, **{**more, "chip": self.chip})

    def __getattr__(self, name: str) -> Any:
        """Return anything else of the backend."""
        import mossy.pynn as sim

        return getattr(sim, name)


@pytest.mark.oracle
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("scenario", [p for p in found() if _could(p)])
@pytest.mark.parametrize("chip", CHIPS)
def test_scenario_on_a_chip(chip: str, scenario: Callable[[Any], Any], elsewhere: None) -> None:
    name, sim = scenario.__name__, OnChip(chip)
    if name in LACKING:
        with pytest.raises(UnsupportedNode, match=rf"E0266.*got {LACKING[name]};"):
            scenario(sim)
        pytest.skip(f"the chip has no {LACKING[name]}")
    if (chip, name) in UNLIKE:
        kind, text, why = UNLIKE[chip, name]
        with pytest.raises(kind, match=re.escape(text)):
            scenario(sim)
        pytest.skip(why)
    scenario(sim)


def test_the_lists_name_tests_that_exist() -> None:
    names = {p.values[0].__name__ for p in found()}
    unlike = {name for _, name in UNLIKE}
    assert set(REFUSED) | set(NOT_RUN) | set(LACKING) | unlike | SLOW <= names
    assert {chip for chip, _ in UNLIKE} <= set(CHIPS)
    assert len(names) > 50
