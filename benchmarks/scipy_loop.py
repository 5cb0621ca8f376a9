"""The same network as a plain loop over time with SciPy's sparse matrices: what one would write."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mossy.network.nodes import Network
from mossy.network.populations import Conv
from mossy.passes.lower import lower
from mossy.synapses import conv2d


class Loop:
    """A feed-forward chain of LIF or IF layers that reset to v_reset."""

    def __init__(self, net: Network) -> None:
        whole = lower(net)
        self.layers: list[tuple[Any, dict[str, Any]]] = []
        for p in whole.populations[1:]:
            (j,) = whole.into(p.name)
            w = conv2d.matrix(j.weight) if isinstance(j.weight, Conv) else j.weight
            assert p.model == "lif" and not j.feedback and not p.subtract
            columns = {k: v.astype(np.float32)[:, None] for k, v in p.params.items()}
            self.layers.append((w.astype(np.float32), columns))

    def run(self, x: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return output spikes (batch, time, n) for x (batch, time, *shape)."""
        batch, steps = x.shape[:2]
        flat = x.reshape(batch, steps, -1).astype(np.float32)
        v = [np.zeros((w.shape[0], batch), np.float32) for w, _ in self.layers]
        out = np.zeros((batch, steps, self.layers[-1][0].shape[0]), np.float32)
        for t in range(steps):
            s = flat[:, t].T
            for i, (w, p) in enumerate(self.layers):
                v[i] = p["alpha"] * v[i] + p["gain"] * (w @ s) + p["offset"]
                fired = v[i] > p["threshold"]
                v[i] = np.where(fired, p["v_reset"], v[i])
                s = fired.astype(np.float32)
            out[:, t] = s.T
        return out
