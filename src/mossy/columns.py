"""Plain-text tables: columns aligned, two blanks between them, nothing cut off."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

GAP = "  "


def columns(
    header: Sequence[str], rows: Iterable[Sequence[object]], right: Sequence[str] = ()
) -> str:
    """Return a table as text: one line per row, columns named in `right` flush right."""
    lines = [list(header), *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    flush = [name in right for name in header]

    def shown(line: list[str]) -> str:
        cells = (
            cell.rjust(width) if r else cell.ljust(width)
            for cell, width, r in zip(line, widths, flush, strict=True)
        )
        return GAP.join(cells).rstrip()

    return "\n".join(shown(line) for line in lines)
