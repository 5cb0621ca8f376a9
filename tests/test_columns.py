from __future__ import annotations

from mossy.columns import columns


def test_columns_are_aligned_and_nothing_trails() -> None:
    text = columns(["a", "number"], [["x", 1], ["longer", 1234567]], right=["number"])
    assert text.splitlines() == [
        "a        number",
        "x             1",
        "longer  1234567",
    ]


def test_a_left_last_column_leaves_no_blanks() -> None:
    assert columns(["a", "b"], [["x", ""], ["y", "long"]]).splitlines() == ["a  b", "x", "y  long"]
