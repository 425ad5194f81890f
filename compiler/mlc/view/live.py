"""The live view: the lines of `rows`, drawn again and again over themselves at the bottom of a terminal.

Not `rich.live`: where a terminal becomes narrower, lines that were drawn before fold, and it leaves pieces of them behind.
"""

from __future__ import annotations

import io
import threading
import time
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.console import Console

from ..diagnostics.render import visible
from ..local.events import Note, RunStarted
from .board import Board
from .rows import lines
from .words import ASCII, UNICODE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.text import Text

    from ..local.events import Event

_PERIOD = 0.125  # seconds between two drawings
_HIDE, _SHOW = "\x1b[?25l", "\x1b[?25h"  # the cursor


class LiveView:
    """Takes events in and draws, in a thread of its own, from `start` to `stop`.

    `write` puts text on the terminal, and `size` gives its columns and rows now. The last drawing is wiped out at the end: tables say
    more. `unicode` and `color` say what the terminal can show.
    """

    def __init__(
        self,
        write: Callable[[str], None],
        size: Callable[[], tuple[int, int]],
        *,
        unicode: bool = True,
        color: bool = True,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.board = Board()
        self._write = write
        self._size = size
        self._glyphs = UNICODE if unicode else ASCII
        self._color = color
        self._clock = clock
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._above: list[str] = []
        """Notes that are still to be written above the drawing, where they stay."""
        self._drawn: list[int] = []
        """The columns of each line of the last drawing."""
        self._thread = threading.Thread(target=self._draw_on, name="mlc-live", daemon=True)

    def __call__(self, event: Event) -> None:
        """Take an event in. From any one thread."""
        with self._lock:
            self.board.take(event, self._clock())
            if isinstance(event, (RunStarted, Note)):
                self._above += event.notes if isinstance(event, RunStarted) else (event.text,)

    def start(self) -> None:
        """Begin to draw."""
        self._write(_HIDE)
        self._thread.start()

    def stop(self) -> None:
        """Draw no more, and leave the terminal as it was before `start`."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()
        above = "".join(f"{visible(text)}\n" for text in self._above)
        self._write(self._up(self._size()[0]) + "\x1b[J" + above + _SHOW)
        self._drawn, self._above = [], []

    def _draw_on(self) -> None:
        while not self._over.wait(_PERIOD):
            self.draw()

    def draw(self) -> None:
        """Draw once."""
        width, height = self._size()
        with self._lock:
            if not self.board.run:
                return
            # the cursor stands on the line below, so that is one less
            found = lines(self.board, width, max(2, height - 1), self._clock(), self._glyphs)
            above, self._above = self._above, []
        back = self._up(width)
        texts = [*map(visible, above), *self._painted(found)]
        self._write(back + "".join(f"{text}\x1b[K\n" for text in texts) + "\x1b[J")
        self._drawn = [cell_len(line.plain) for line in found]

    def _up(self, width: int) -> str:
        """Go back to where the last drawing began. A line wider than the terminal is now takes several rows of it."""
        rows = sum(max(1, -(-columns // width)) for columns in self._drawn)
        return f"\r\x1b[{rows}A" if rows else "\r"

    def _painted(self, found: Sequence[Text]) -> list[str]:
        if not self._color:
            return [line.plain for line in found]
        console = Console(
            file=io.StringIO(), force_terminal=True, color_system="standard", no_color=False, width=1000, legacy_windows=False, _environ={}
        )
        painted = []
        for line in found:
            with console.capture() as capture:
                console.print(line, end="", soft_wrap=True)
            painted.append(capture.get())
        return painted
