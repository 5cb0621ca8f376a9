"""The compiler's passes, one file each; `pipeline.py` puts them in order."""

from mossy.passes.options import Options
from mossy.passes.pipeline import compile

__all__ = ["Options", "compile"]
