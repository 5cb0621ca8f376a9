"""Without PyNN, the package says what to install, and nothing else needs it."""

from __future__ import annotations

import subprocess
import sys

HIDE = """
import importlib.abc, sys
class Hide(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "pyNN":
            raise ImportError(name)
sys.meta_path.insert(0, Hide())
"""


def test_a_missing_pynn_is_said_with_the_extra_to_install() -> None:
    code = HIDE + "import mossy.twin, mossy.cli\nimport mossy.pynn"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (
        "[E0272] mossy.pynn: PyNN is not installed. Try: pip install 'mossy[pynn]'" in done.stderr
    )
