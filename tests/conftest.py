"""One seed for the oracle tests of a run, shown in the header so that it can be repeated."""

from __future__ import annotations

import os

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Draw the seed unless MOSSY_ORACLE_SEED gives it."""
    os.environ.setdefault("MOSSY_ORACLE_SEED", str(int.from_bytes(os.urandom(4), "little")))


def pytest_report_header(config: pytest.Config) -> str:
    """Show the seed."""
    return f"MOSSY_ORACLE_SEED={os.environ['MOSSY_ORACLE_SEED']}"
