"""Event files and frames."""

from __future__ import annotations

import numpy as np
import pytest

from mossy.errors import BadInput
from mossy.signals import events
from tests import data

SHAPE = (2, 3, 4)


def frames(t, x, y, p, **kw):
    return events.frames(t, x, y, p, **({"dt": 1e-3, "steps": 3, "shape": SHAPE} | kw))


def test_five_bytes_by_hand(tmp_path):
    file = tmp_path / "a.bin"
    # x 3, y 2, on, 65,537 us; then x 33, y 0, off, 2^23 - 1 us.
    file.write_bytes(bytes([3, 2, 0x81, 0x00, 0x01, 33, 0, 0x7F, 0xFF, 0xFF]))
    e = events.read_nmnist(file)
    assert (e.x.tolist(), e.y.tolist(), e.p.tolist()) == ([3, 33], [2, 0], [1, 0])
    assert e.t == pytest.approx([0.065537, 8.388607], rel=1e-15)


def test_empty_recording(tmp_path):
    (tmp_path / "a.bin").write_bytes(b"")
    e = events.read_nmnist(tmp_path / "a.bin")
    assert len(e.t) == 0 and frames(e.t, e.x, e.y, e.p).sum() == 0


def test_frames_put_each_event_in_its_place():
    out = frames([0, 0.9e-3, 1e-3, 1.5e-3, 3e-3], [3, 3, 0, 0, 1], [2, 2, 0, 0, 1], [1, 1, 0, 0, 1])
    assert out.dtype == np.uint8 and out.shape == (3, 2, 3, 4)
    assert np.argwhere(out).tolist() == [[0, 1, 2, 3], [1, 0, 0, 0]]
    counts = frames([0, 0.9e-3], [3, 3], [2, 2], [1, 1], binary=False)
    assert counts[0, 1, 2, 3] == counts.sum() == 2


def test_whole_microseconds_do_not_slip_below_their_step():
    t = np.arange(300) * 1000 * 1e-6  # 0.003 is 3 * 0.001 to within a rounding error
    z = np.zeros(300, dtype=int)
    out = events.frames(t, z, z, z, dt=1e-3, steps=300, shape=(1, 1, 1), binary=False)
    assert (out == 1).all()


def test_a_real_recording():
    e = events.read_nmnist(data.require("nmnist-small") / "60001.bs2")
    assert (np.diff(e.t) >= 0).all() and 0.25 < e.t[-1] < 0.31
    assert e.x.min() >= 0 and e.x.max() <= 33 and set(np.unique(e.p)) == {0, 1}
    out = events.frames(
        e.t, e.x, e.y, e.p, dt=1e-3, steps=310, shape=events.NMNIST_SHAPE, binary=False
    )
    assert out.sum() == len(e.t)


@pytest.mark.parametrize(
    ("args", "code", "text"),
    [
        (([0], [4], [0], [0]), "E0133", "1 events have x outside.*from 4 to 4; allowed: 0 to 3"),
        (([0, 0], [0, 0], [0, 3], [0, 0]), "E0133", "have y outside the image; got y from 0 to 3"),
        (([0], [0], [0], [2]), "E0133", "have p outside the image"),
        (([0], [-1], [0], [0]), "E0133", "got x from -1 to -1"),
        (([-1e-3], [0], [0], [0]), "E0133", "not before 0; got -0.001"),
        (([np.nan], [0], [0], [0]), "E0133", "times must be finite"),
        (([0], [0, 1], [0], [0]), "E0133", r"lists of one length; got \(1,\), \(2,\)"),
    ],
)
def test_wrong_events(args, code, text):
    with pytest.raises(BadInput, match=text) as error:
        frames(*args)
    assert error.value.code == code


@pytest.mark.parametrize("kw", [{"dt": 0}, {"dt": float("nan")}, {"steps": 0}])
def test_wrong_bins(kw):
    with pytest.raises(BadInput, match=r"\[E0131\] dt and steps must be above 0"):
        frames([0], [0], [0], [0], **kw)


def test_wrong_files(tmp_path):
    with pytest.raises(BadInput, match=r"\[E0132\].*none.bin: no such event file"):
        events.read_nmnist(tmp_path / "none.bin")
    (tmp_path / "cut.bin").write_bytes(b"1234567")
    with pytest.raises(BadInput, match=r"\[E0132\].*got 7 bytes; allowed: a multiple of 5"):
        events.read_nmnist(tmp_path / "cut.bin")
