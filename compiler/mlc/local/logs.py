"""The log of an attempt: what its programs print, to a file and to whoever looks on. Secrets are masked, memory is bounded."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .masking import Masks

TAIL = 4096
"""Bytes of the end of a program's output that are remembered."""

LONGEST = 4096
"""Bytes of a line that are told; the log itself has all of it."""

BURST, RATE = 2000, 500
"""Lines that are told at once, and per second after that: whoever shows them has to keep up with many tasks."""

PAUSE = 0.5
"""Seconds between two looks at a line that its program writes over, such as a bar of progress."""


class Log:
    """The file, and the streams that write to it. From any thread."""

    def __init__(self, path: Path, masks: Masks, told: Callable[[str], None]) -> None:
        self._masks = masks
        self._told = told
        self._lock = threading.Lock()
        self._at_start = True
        self._budget, self._paid = float(BURST), time.monotonic()
        self._left_out = 0
        self._mute = False
        self._file: BinaryIO | None = path.open("ab")
        self.problem = ""
        """Why the file does not have all of it, "" where it does."""

    def stream(self, prefix: str = "", *, kept: bool = True) -> Stream:
        """What one program prints; with a prefix its lines are written as a whole, with that before each. Only its end where not `kept`."""
        return Stream(self, self._masks, prefix, kept)

    def say(self, text: str) -> None:
        """A line of our own."""
        line = self._masks.text(text).encode("utf-8", "surrogateescape")
        self.write(line + b"\n", whole=True)
        self.tell(line)

    def write(self, data: bytes, *, whole: bool) -> None:
        """Append to the file. `whole`: lines that do not go on where another program's last one stopped."""
        with self._lock:
            if self._file is None or not data:
                return
            if whole and not self._at_start:
                data = b"\n" + data
            self._at_start = data.endswith(b"\n")
            try:
                self._file.write(data)
                self._file.flush()
            except OSError as error:
                self.problem = self.problem or f"its log is cut short: {(error.strerror or str(error)).lower()}"
                self._close()

    def may_tell(self) -> bool:
        """Whether another line can be told now."""
        with self._lock:
            now = time.monotonic()
            self._budget = min(BURST, self._budget + (now - self._paid) * RATE)
            self._paid = now
            self._mute = self._budget < (RATE if self._mute else 1)  # then a second's worth of lines in a row
            return not self._mute

    def left_out(self, count: int) -> None:
        """So many lines are not told."""
        with self._lock:
            self._left_out += count

    def tell(self, line: bytes) -> None:
        """Tell of a line, unless there are too many."""
        if not self.may_tell():
            self.left_out(1)
            return
        with self._lock:
            self._budget -= 1
            self._catch_up()
        self._told(line[:LONGEST].decode("utf-8", "replace").rstrip("\r"))

    def peek(self, line: bytes) -> None:
        """Tell of a line that its program is still writing over."""
        self._told(line[:LONGEST].decode("utf-8", "replace").strip("\r") + "\r")

    def close(self) -> None:
        """No more is written."""
        with self._lock:
            self._catch_up()
            self._close()

    def _catch_up(self) -> None:
        if self._left_out:
            count, self._left_out = self._left_out, 0
            self._told(f"[{count} {'line is' if count == 1 else 'lines are'} in the log only]")

    def _close(self) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()
            self._file = None


class Stream:
    """What one program prints. Used by one thread."""

    def __init__(self, log: Log, masks: Masks, prefix: str, kept: bool) -> None:
        self._log = log
        self._kept = kept
        self._masked = masks.stream()
        self._prefix = prefix.encode()
        self._line = b""
        self._long = False
        self._tail = b""
        self._peeked = -PAUSE

    @property
    def tail(self) -> str:
        """The end of what it printed."""
        return self._tail.decode("utf-8", "replace")

    def write(self, data: bytes) -> None:
        """The next piece."""
        self._take(self._masked.feed(data))

    def close(self) -> None:
        """The program has ended: its last line may have no end."""
        self._take(self._masked.end())
        if self._line or self._long:
            self._take(b"\n" if self._prefix else b"")
        if self._line:
            self._log.tell(self._line)
        self._line = b""

    def _take(self, data: bytes) -> None:
        self._tail = (self._tail + data[-TAIL:])[-TAIL:]
        if not self._kept:
            return
        if not self._prefix:
            self._log.write(data, whole=False)
        start = 0
        while (end := data.find(b"\n", start)) >= 0:
            if not self._prefix and not self._log.may_tell():  # a flood: its lines are counted, not looked at
                self._log.left_out(data.count(b"\n", start))
                self._line, self._long = b"", False
                start = data.rfind(b"\n") + 1
                break
            self._end(data[start:end])
            start = end + 1
        self._grow(data[start:])

    def _grow(self, piece: bytes, *, going: bool = True) -> None:
        """A line goes on. Of a long one the rest is not kept: what has a prefix is cut there; nor is what was written over."""
        if b"\r" in piece and not self._prefix:
            self._line, piece = b"", (self._line + piece)[-LONGEST * 4 :]
            at = piece.rfind(b"\r", 0, -1) + 1  # one at the end may belong to a line break
            piece, self._long = piece[at:], False
            if going and piece.strip() and time.monotonic() - self._peeked >= PAUSE:
                self._peeked = time.monotonic()
                self._log.peek(piece)
        room = LONGEST * 4 - len(self._line)
        self._long = self._long or len(piece) > room
        self._line += piece[: max(0, room)]

    def _end(self, piece: bytes) -> None:
        self._grow(piece, going=False)
        line, self._line, self._long = self._line, b"", False
        if self._prefix:
            line = self._prefix + line
            self._log.write(line + b"\n", whole=True)
        self._log.tell(line)


def last(text: str, prefix: str = "Error: ") -> str:
    """The last line of a text that says something, without what it begins with."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1].removeprefix(prefix) if lines else ""
