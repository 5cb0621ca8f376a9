"""What packets cause, counted from the lists of what was sent.

What is the same for all neurons of a core is counted once for each of its steps; the synaptic
events of each neuron on every core that it reaches are rows of a matrix, added up like synapses,
all at once for neighbouring cores that reach the same ones.
"""

from __future__ import annotations

import numpy as np

from mossy.synapses.chance import jit
from mossy.twin.engines.adding import add


@jit
def book(books, b, lists, number, cores, values):  # type: ignore[no-untyped-def]
    """Record what a sender sent in sample b, and count what it causes.

    cores: cuts, same, alike and synapses, as in `Sender`. values: 0, what was sent are numbers of
    packets; 1, numbers in one packet each; 2, the same, recorded as packets. The last of `books`
    has room for what goes to each core that a core reaches, in order; it is zero before and after.
    """
    counts, raster, shown, seg_start, seg_core, synapses, core_of, sends, hops, links, events = (
        books
    )
    cuts, same, alike, each = cores
    who, value, at, first = lists[0][b], lists[1][b], lists[2][b, number], cuts[0]
    rows, ids, to = each.ctypes.data, who.ctypes.data, events.ctypes.data
    strip = each.shape[2] * each.itemsize
    k, last = at[0], cuts.size - 1
    for t in range(at.size - 1):
        now, end = counts[b, t], at[t + 1]
        if k < end and shown[first] >= 0:  # a population is recorded as a whole
            row = raster[b, t, shown[first] :]
            for m in range(k, end):
                row[who[m]] = value[m] if values < 2 else 1
        begin, sent, single, g = k, 0, True, first  # of cores that reach the same ones
        for c in range(last + 1):
            if sent and (c == last or not same[c]):
                if alike == 1 and single and each.shape[0]:
                    for s in range(each.shape[0]):
                        add(
                            to + s * strip, events, each, rows + s * each.shape[1] * strip,
                            ids + 4 * begin, 0, k - begin,
                        )  # fmt: skip
                elif alike == 1:
                    for m in range(begin, k):
                        packets, i = 1 if values else int(value[m]), first + who[m]
                        _add_up(events, packets, synapses, seg_start[i], seg_start[i + 1])
                _arrived(now, seg_core[seg_start[g] : seg_start[g + 1]], sent, events)
                begin, sent, single = k, 0, True
            if c == last:
                break
            own, stop, n = k, cuts[c + 1] - first, 0
            while k < end and who[k] < stop:
                n += 1 if values else int(value[k])
                k += 1
            if not n:
                continue
            core = core_of[cuts[c]]
            now[0, core] += n
            if alike:
                g = cuts[c]
                now[1, core] += n * sends[g]
                now[4, core] += n * hops[g]
                now[5, core] += n * links[g]
                sent += n
                single &= n == k - own
                if alike == 2:
                    _add_up(events, n, synapses, seg_start[g], seg_start[g + 1])
                continue
            for m in range(own, k):  # nothing is the same for its neurons
                packets, i = 1 if values else int(value[m]), first + who[m]
                now[1, core] += packets * sends[i]
                now[4, core] += packets * hops[i]
                now[5, core] += packets * links[i]
                for s in range(seg_start[i], seg_start[i + 1]):
                    now[2, seg_core[s]] += packets
                    now[3, seg_core[s]] += packets * synapses[s]
        k = end


@jit
def _add_up(events, packets, synapses, begin, end):  # type: ignore[no-untyped-def]
    s = np.uint64(begin)  # unsigned: no check for negative indices
    for i in range(np.uint64(end) - s):
        events[i] += np.int32(packets) * synapses[s + i]


@jit
def _arrived(now, cores, packets, events):  # type: ignore[no-untyped-def]
    """Count on each of some cores what alike cores have sent them, and forget it."""
    for i in range(cores.size):
        now[2, cores[i]] += packets
        now[3, cores[i]] += events[i]
        events[i] = 0
