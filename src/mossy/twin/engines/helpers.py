"""Threads that wait for work, so that a run of a millisecond need not start them."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable, Hashable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from threading import Lock
from typing import TypeVar

T = TypeVar("T")


class Helpers:
    """`threads` threads, the caller's among them. They end with the object."""

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._pool: tuple[int, ThreadPoolExecutor] | None = None
        self._alone = Lock()

    def _submit(self, work: Callable[[], None]) -> Future[None]:
        process = os.getpid()
        if self._pool is None or self._pool[0] != process:  # threads do not survive a fork
            self._pool = process, ThreadPoolExecutor(self.threads - 1, "mossy")
        return self._pool[1].submit(work)

    def join(self, work: Callable[[], None]) -> None:
        """Call `work` on every thread and wait for all; a helper that is busy is not waited for."""
        others = [self._submit(work) for _ in range(self.threads - 1)]
        try:
            work()
        finally:
            running = [f for f in others if not f.cancel()]
            failures = [e for f in running if (e := f.exception()) is not None]
        if failures:
            raise failures[0]

    def together(self, work: Callable[[int], None]) -> None:
        """Call work(k) on thread k, all at the same time: they may wait for each other."""
        with self._alone:  # two such works at once would wait for threads that the other has
            others = [self._submit(partial(work, k)) for k in range(1, self.threads)]
            work(0)
            for f in others:
                f.result()

    def map(self, work: Callable[[T], None], items: Iterable[T]) -> None:
        """Call `work` on every item, each on the thread that comes to it first."""
        todo = iter(list(items))

        def some() -> None:
            for item in todo:
                work(item)

        self.join(some)


ALONE = Helpers(1)
_helpers: weakref.WeakKeyDictionary[Hashable, Helpers] = weakref.WeakKeyDictionary()


def helpers_of(owner: Hashable, threads: int) -> Helpers:
    """Return the threads that wait for the work of `owner`, as long as it lives."""
    if threads == 1:
        return ALONE
    found = _helpers.get(owner)
    if found is None or found.threads != threads:
        found = _helpers[owner] = Helpers(threads)
    return found
