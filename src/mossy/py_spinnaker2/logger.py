"""The library's logger. The twin logs nothing: what it finds is in `hw.result`."""

from __future__ import annotations

from typing import Any


class SpiNNaker2Logger:
    """Accepted, and silent."""

    @staticmethod
    def setup(level: str = "info", **settings: Any) -> None:
        """Change nothing."""
