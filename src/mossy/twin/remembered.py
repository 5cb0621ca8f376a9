"""Functions that remember their answer about an object as long as it lives, and no longer."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from functools import wraps
from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")


def remembered(function: Callable[[K], V]) -> Callable[[K], V]:
    """Return `function`, which works out its answer once for every object.

    An answer must not hold the object itself, or neither would ever go.
    """
    known: weakref.WeakKeyDictionary[K, V] = weakref.WeakKeyDictionary()

    @wraps(function)
    def answer(about: K) -> V:
        if about not in known:
            known[about] = function(about)
        return known[about]

    return answer
