"""Run a script for py-spinnaker2 as it is: python -m mossy.py_spinnaker2 script.py [arguments]."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

from mossy.py_spinnaker2 import stand_in


def main() -> None:
    """Run the script named first, which sees the arguments behind it."""
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    del sys.argv[0]
    sys.path.insert(0, str(Path(sys.argv[0]).parent))  # modules beside the script
    stand_in()
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
