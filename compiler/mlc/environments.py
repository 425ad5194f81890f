"""One report on a project and all its environments."""

from __future__ import annotations

from .record import replace
from .source import SET, order

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .diagnostics.model import Diagnostic

ABOUT_ALL = ("MLC504", "MLC505")
"""Codes that say "nothing ... this": true of the text of the project only where no environment contradicts."""


def alone(diagnostics: Sequence[Diagnostic]) -> tuple[Diagnostic, ...]:
    """The diagnostics where one environment, or none, is looked at: what is useless in it may be of use in another."""
    return tuple(one for one in diagnostics if one.code not in ABOUT_ALL or _is_there(one))


def together(base: Sequence[Diagnostic], others: Mapping[str, Sequence[Diagnostic]]) -> tuple[Diagnostic, ...]:
    """The diagnostics of the project and of its environments, each once.

    What is wrong only with some environment says with which, unless it stands there; notes are not repeated for each.
    """
    own = set(base)
    found: dict[Diagnostic, list[str]] = {diagnostic: [] for diagnostic in base}
    noted = {(one.code, one.file, one.span) for one in base if one.severity == "note"}
    for name, diagnostics in others.items():
        for diagnostic in diagnostics:
            if diagnostic.severity != "note" or (diagnostic.code, diagnostic.file, diagnostic.span) not in noted:
                found.setdefault(diagnostic, []).append(name)
    everywhere = own.intersection(*(set(diagnostics) for diagnostics in others.values()))
    kept = [
        diagnostic if diagnostic in own or _is_there(diagnostic) else replace(diagnostic, message=diagnostic.message + _with(names))
        for diagnostic, names in found.items()
        if diagnostic.code not in ABOUT_ALL or _is_there(diagnostic) or diagnostic in everywhere
    ]
    return tuple(sorted(kept, key=order))


def _is_there(diagnostic: Diagnostic) -> bool:
    """Whether a diagnostic is about the text of an overlay, or of `--set`."""
    return diagnostic.path[:1] == ("environments",) or diagnostic.file == SET


def _with(names: Sequence[str]) -> str:
    if len(names) == 1:
        return f", in environment `{names[0]}`"
    return f", in environments {', '.join(f'`{name}`' for name in names[:-1])} and `{names[-1]}`"
