"""The last resort: a fault in mlc itself becomes a block of text that can be pasted into a report."""

from __future__ import annotations

from .. import __version__
from .request import FAILED
from .streams import tell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


_PRIVATE = ("--set", "--param", "-p", "--secret", "--config-map")


def report(error: Exception, argv: Sequence[str]) -> int:
    """Print what a report needs on stderr and return the exit code. Values of `--set` and its like are left out: they may be private."""
    import platform
    import shlex
    import traceback

    command = shlex.join(["mlc", *_without_values(argv)])
    # A RecursionError repeats itself a thousand times: the ends say all there is.
    lines = "".join(traceback.format_exception(error)).splitlines()
    if len(lines) > 60:
        lines = [*lines[:20], f"  ... {len(lines) - 60} lines left out ...", *lines[-40:]]
    block = [
        f"error[MLC901]: mlc itself failed with {type(error).__name__}",
        "  = help: this is a fault in mlc, not in your project: report it with the lines between the marks",
        "  = docs: mlc explain MLC901",
        "",
        "----- mlc report -----",
        f"version: mlc {__version__}",
        f"python:  {platform.python_implementation()} {platform.python_version()} on {platform.system()} {platform.machine()}",
        f"command: {command}",
        *lines,
        "----- end of report -----",
    ]
    tell("\n".join(block))
    return FAILED


def _without_values(argv: Sequence[str]) -> list[str]:
    shown: list[str] = []
    for word in argv:
        option, equals, _ = word.partition("=")
        if shown and shown[-1] in _PRIVATE:
            word = word.partition("=")[0] + "=..."
        elif equals and option in _PRIVATE:
            word = "=".join(word.split("=")[:2]) + "=..."
        shown.append(word)
    return shown
