"""The PyTorch importer where PyTorch is not installed."""

from __future__ import annotations

import sys

import pytest

from mossy.errors import BadInput
from mossy.importers.torch import from_torch


def test_without_pytorch(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(BadInput, match=r"\[E0119\] PyTorch is not installed. Try: pip install"):
        from_torch(object(), [[1.0]], dt=1e-3)
