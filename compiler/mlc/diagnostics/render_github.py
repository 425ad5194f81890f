"""Diagnostics as GitHub Actions workflow commands, which GitHub shows beside the lines of a pull request."""

from __future__ import annotations

from .codes import CODES
from .render import visible

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from .model import Diagnostic

_ESCAPES = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_COMMANDS = {"error": "error", "warning": "warning", "note": "notice"}


def render_github(diagnostics: Sequence[Diagnostic]) -> str:
    """One command per line: `::error file=F,line=1,col=2,endColumn=5,title=MLC301%3A an unknown step::message`.

    The help follows the message on lines of its own. GitHub's end column is inclusive, ours is not. It refuses columns where an
    annotation covers several lines; those get `endLine` instead.
    """
    return "".join(_command(found) + "\n" for found in diagnostics)


def _command(found: Diagnostic) -> str:
    span = found.span
    properties = [("file", found.file), ("line", str(span.line))]
    if span.end_line > span.line:
        properties.append(("endLine", str(span.end_line)))
    else:
        properties += [("col", str(span.column)), ("endColumn", str(max(span.column, span.end_column - 1)))]
    properties.append(("title", f"{found.code}: {CODES[found.code].summary}"))
    message = f"{found.message}\nhelp: {found.help}" if found.help else found.message
    head = ",".join(f"{key}={_property(value)}" for key, value in properties)
    return f"::{_COMMANDS[found.severity]} {head}::{_data(message)}"


def _data(text: str) -> str:
    """Escaped as GitHub's runner undoes it (actions/toolkit `packages/core/src/command.ts`); other control characters as we show them."""
    return "".join(_ESCAPES.get(char) or visible(char) for char in text)


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
