"""Run a mossy command up to the first step that the engine computes, and print when that was.

The first call of the function that pushes a step's spikes comes after that step's neurons were
updated. Its own compiled code is loaded by then, so the time is that of a step done.
"""

from __future__ import annotations

import os
import sys
import time
from typing import Any

from mossy.cli import main
from mossy.twin.engines import fast

_push = fast.push_fired


def _report(*arguments: Any) -> None:
    _push(*arguments)
    print("FIRST", time.time() - float(os.environ["BENCHMARK_BEGAN"]), flush=True)
    os._exit(0)


fast.push_fired = _report  # type: ignore[assignment]  # a plain function in its place
sys.argv[0] = "mossy"
main()
