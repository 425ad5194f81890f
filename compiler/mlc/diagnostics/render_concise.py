"""One line per diagnostic, in the form that editors and `grep` know: `file:line:column: error[MLC301]: message`."""

from __future__ import annotations

from .render import visible

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from .model import Diagnostic


def render_concise(diagnostics: Sequence[Diagnostic]) -> str:
    """The lines, each ended by a line break. Control characters are escaped, so one diagnostic is always one line."""
    lines = []
    for found in diagnostics:
        where = f"{found.file}:{found.span.line}:{found.span.column}"
        lines.append(visible(f"{where}: {found.severity}[{found.code}]: {found.message}") + "\n")
    return "".join(lines)
