"""Small texts of the views: durations, sizes, states, and lines of logs that cannot move the cursor."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..diagnostics.render import visible

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..local.events import State

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\^_])")
"""What moves the cursor, colours or names the window (ECMA-48: CSI, OSC and two-byte escapes)."""

ORDER: tuple[State, ...] = ("Running", "Retrying", "Failed", "Stopped", "Succeeded", "Skipped", "NotRun", "Waiting")
"""The states in the order in which they are counted."""

WORDS: Mapping[State, str] = {
    "Running": "running",
    "Retrying": "to be retried",
    "Failed": "failed",
    "Stopped": "stopped",
    "Succeeded": "succeeded",
    "Skipped": "skipped",
    "NotRun": "not run",
    "Waiting": "waiting",
}

STYLES: Mapping[State, str] = {
    "Running": "cyan",
    "Retrying": "yellow",
    "Failed": "bold red",
    "Stopped": "yellow",
    "Succeeded": "green",
    "Skipped": "dim",
    "NotRun": "dim",
    "Waiting": "dim",
}

OVER: frozenset[State] = frozenset(("Succeeded", "Skipped", "Failed", "NotRun", "Stopped"))
"""States that a task does not leave in this run of the command."""


@dataclass(frozen=True)
class Glyphs:
    """The characters of the live view: one for each state, and what stands for text that was cut off."""

    of: Mapping[State, str]
    more: str
    dot: str


UNICODE = Glyphs(
    {
        "Running": "●",
        "Retrying": "↻",
        "Failed": "✗",
        "Stopped": "■",
        "Succeeded": "✓",
        "Skipped": "↷",
        "NotRun": "·",
        "Waiting": "○",
    },
    "…",
    " · ",
)
ASCII = Glyphs(
    {
        "Running": ">",
        "Retrying": "~",
        "Failed": "x",
        "Stopped": "!",
        "Succeeded": "+",
        "Skipped": "-",
        "NotRun": " ",
        "Waiting": ".",
    },
    "...",
    ", ",
)


def duration(seconds: float) -> str:
    """A time for people: `0.4 s`, `42 s`, `3:07`, `1:02:03`; never negative, for clocks are set back."""
    seconds = max(0.0, seconds)
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"


def size(number: int) -> str:
    """A number of bytes for people: `312 B`, `4.2 kB`, `120 MB`."""
    if number < 1000:
        return f"{number} B"
    amount = float(number)
    for unit in ("kB", "MB", "GB", "TB"):
        amount /= 1000
        if amount < 999.5 or unit == "TB":
            break
    return f"{amount:.1f} {unit}" if amount < 9.95 else f"{amount:.0f} {unit}"


def origin(reused: str, run: str) -> str:
    """Where a result came from that was there already."""
    return "done before" if reused == run else f"reused: {reused}"


def count(number: int, what: str) -> str:
    """`1 step`, `3 steps`."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def plain_line(text: str) -> str:
    """A line of a log as it would look on a terminal: what was overwritten after a carriage return is gone, and so are escapes."""
    shown = next((piece for piece in reversed(_ESCAPES.sub("", text).split("\r")) if piece.strip()), "")
    return visible(shown.expandtabs().rstrip())
