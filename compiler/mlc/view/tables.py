"""Tables for people, with or without colour, as wide as the terminal or as they have to be."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table
    from rich.text import Text

_WIDEST = 100_000  # columns where nobody looks at a terminal: a line is never folded


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
        if not self.color or not style:
            return text + "\n"
        from rich.text import Text

        return self._rendered(Text(text, style), fold=True)

    def table(self, titles: Sequence[str], rows: Sequence[Sequence[str | tuple[str, str]]], right: Sequence[str] = ()) -> str:
        """A table; a cell is a text, or a text with its style. Columns in `right` are flush right, those empty in every row left out."""
        filled = [number for number in range(len(titles)) if any(_cell(row[number])[0] for row in rows)]
        if not filled:
            return ""
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, pad_edge=False, show_edge=False, padding=(0, 2, 0, 0), header_style="bold" if self.color else "")
        for number in filled:
            title = titles[number]
            # only the last one may fold: names and numbers are there to be copied
            last = number == filled[-1]
            table.add_column(
                title, justify="right" if title in right else "left", no_wrap=not last, overflow="fold" if last else "ellipsis"
            )
        for row in rows:
            cells = [_cell(row[number]) for number in filled]
            table.add_row(*(Text(text, style if self.color else "") for text, style in cells))
        return self._rendered(table, fold=False)

    def _rendered(self, what: Table | Text, *, fold: bool) -> str:
        from rich.console import Console

        console = Console(
            file=io.StringIO(),
            force_terminal=self.color,
            color_system="standard" if self.color else None,
            width=self.width or _WIDEST,
            legacy_windows=False,
            highlight=False,
            markup=False,
            emoji=False,
            _environ={},
        )
        with console.capture() as capture:
            console.print(what, soft_wrap=fold)
        return "".join(line.rstrip() + "\n" for line in capture.get().splitlines())


def _cell(cell: str | tuple[str, str]) -> tuple[str, str]:
    return (cell, "") if isinstance(cell, str) else cell
