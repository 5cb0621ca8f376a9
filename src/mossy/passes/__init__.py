"""The compiler's passes, one file each; `pipeline.py` puts them in order."""

from mossy.passes.pipeline import Options, compile

__all__ = ["Options", "compile"]
