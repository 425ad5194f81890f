"""Tables for people, with or without colour, as wide as the terminal or as they have to be."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    Cell = str | tuple[str, str]

_GAP = "  "
_NARROWEST = 10  # columns for a text that is folded; where the others leave less, it stands below them
_BELOW = "    "
_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}


@dataclass(frozen=True)
class Paper:
    """What is written on: columns (0: any number), whether colours can be shown, and the folder that people are in ("" for none)."""

    width: int = 0
    color: bool = False
    folder: str = ""

    def path(self, path: str) -> str:
        """A path as people in their folder would write it."""
        return os.path.relpath(path, self.folder) if self.folder and path.startswith(os.path.join(self.folder, "")) else path

    def text(self, text: str, style: str = "") -> str:
        """A text in a style, with its line break."""
        return self._styled(text, style) + "\n"

    def table(self, titles: Sequence[str], rows: Sequence[Sequence[Cell]], right: Sequence[str] = ()) -> str:
        """A table; a cell is a text, or a text with its style. Columns in `right` are flush right, those empty in every row left out.

        Only the last column is folded where there is no room, or has lines of its own: names and numbers are there to be copied.
        """
        from rich.cells import cell_len

        filled = [number for number in range(len(titles)) if any(_cell(row[number])[0] for row in rows)]
        if not filled:
            return ""
        body = [[(titles[number], "bold") for number in filled], *([_cell(row[number]) for number in filled] for row in rows)]
        widths = [max(cell_len(row[column][0]) for row in body) for column in range(len(filled))]
        indent = sum(width + len(_GAP) for width in widths[:-1])
        room = self.width - indent if self.width else 0
        below = bool(self.width) and room < _NARROWEST
        lines = []
        for row in body:
            line = ""
            for column, (text, style) in enumerate(row[:-1]):
                pad = " " * (widths[column] - cell_len(text))
                shown = self._styled(text, style)
                line += (pad + shown if titles[filled[column]] in right else shown + pad) + _GAP
            text, style = row[-1]
            pad = " " * (widths[-1] - cell_len(text)) if titles[filled[-1]] in right else ""
            if below and cell_len(text) > room and (cell_len(text) > _NARROWEST or not titles[filled[-1]]):
                lines.append(line.rstrip())
                lines += [_BELOW + self._styled(piece, style) for piece in _folded(text, max(_NARROWEST, self.width - len(_BELOW)))]
                continue
            for number, piece in enumerate(_folded(text, room) if self.width and not below and cell_len(text) > room else [text]):
                lines.append(((" " * indent if number else line) + (pad + self._styled(piece, style) if piece else "")).rstrip())
        return "".join(f"{line}\n" for line in lines)

    def _styled(self, text: str, style: str) -> str:
        if not self.color or not style or not text:
            return text
        return f"\x1b[{';'.join(_CODES[word] for word in style.split())}m{text}\x1b[0m"


def _cell(cell: Cell) -> tuple[str, str]:
    return (cell, "") if isinstance(cell, str) else cell


def _folded(text: str, room: int) -> list[str]:
    """A text in lines of at most so many columns, broken between words, or inside of one that is longer than a line."""
    from rich.cells import cell_len, chop_cells

    lines = [""]
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}" if lines[-1] else word
        if cell_len(longer) <= room:
            lines[-1] = longer
            continue
        lines[-1:] = [*([lines[-1]] if lines[-1] else []), *chop_cells(word, room)]
    return lines
