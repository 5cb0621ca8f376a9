"""What holds for every test: the seed of the oracle tests, shown so that it can be repeated."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

# Machines that run tests are busy and slow at times; a test is never a stopwatch. In CI hypothesis
# has a profile of its own, which also draws the same examples every time.
settings.register_profile("unhurried", deadline=None)
if not os.environ.get("CI"):
    settings.load_profile("unhurried")


def pytest_configure(config: pytest.Config) -> None:
    """Draw the seed unless MOSSY_ORACLE_SEED gives it."""
    os.environ.setdefault("MOSSY_ORACLE_SEED", str(int.from_bytes(os.urandom(4), "little")))


def pytest_report_header(config: pytest.Config) -> str:
    """Show the seed."""
    return f"MOSSY_ORACLE_SEED={os.environ['MOSSY_ORACLE_SEED']}"
