"""One report on a project and all its environments; and what an environment breaks by taking something away."""

from __future__ import annotations

from .diagnostics.model import Finding, Related
from .record import replace
from .source import SET, locate, order

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import Any

    from .diagnostics.model import Diagnostic, Path
    from .source import Document

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


_MOST_SHOWN = 5

_MOST_TRIED = 20
"""Each `null` that is tried costs another look at the project."""


def taken_away(
    document: Document, environment: str, diagnostics: Sequence[Diagnostic], again: Callable[[Document, str], Sequence[Diagnostic]]
) -> tuple[Diagnostic, ...]:
    """The diagnostics of an environment; errors that are there only for a `null` in its overlay are shown at that `null`.

    What a `null` breaks is found by asking `again` without it, whatever stage an error comes from: it is gone then, and no error of a
    stage before hides it.
    """
    overlay = document.data["environments"][environment]
    nulls = list(_nulls(overlay, ()))[:_MOST_TRIED]
    if not nulls:
        return tuple(diagnostics)
    every = {_what(one) for one in again(document, environment) if one.severity == "error"}  # without what a lock file has to say
    left = [_what(one) for one in diagnostics if _what(one) in every and not _is_there(one)]
    caused: dict[tuple[str, Path, str], Path] = {}
    for path in nulls:
        if len(caused) == len(set(left)):
            break
        less = _without(overlay, path)
        others = {**document.data["environments"], environment: less or overlay}
        said = again(replace(document, data={**document.data, "environments": others}), environment if less else "")
        found = {_what(one) for one in said if one.severity == "error"}
        earliest = min((code[:4] for code, _, _ in found - every), default="MLC9")
        caused.update({what: path for what in left if what not in found and what not in caused and what[0][:4] <= earliest})
    kept = [one for one in diagnostics if _what(one) not in caused]
    broken: dict[tuple[str, str, Path], list[Diagnostic]] = {}
    for one in diagnostics:
        if (cause := caused.get(_what(one))) is not None:
            broken.setdefault((one.code, one.message, cause), []).append(one)
    moved = [_moved(document, environment, path, several) for (_, _, path), several in broken.items()]
    return tuple(sorted([*kept, *moved], key=order))


def _what(diagnostic: Diagnostic) -> tuple[str, Path, str]:
    return diagnostic.code, diagnostic.path, diagnostic.message


def _nulls(node: Any, path: Path) -> Iterator[Path]:
    if node is None:
        yield path
    elif isinstance(node, dict):
        for key, value in node.items():
            yield from _nulls(value, (*path, key))


def _without(node: Any, path: Path) -> Any:
    """A copy of a mapping without what stands at `path`, and without mappings that would be empty then."""
    key, *rest = path
    inner = _without(node[key], tuple(rest)) if rest else {}
    return {name: inner if name == key else value for name, value in node.items() if name != key or inner}


def _moved(document: Document, environment: str, path: Path, several: Sequence[Diagnostic]) -> Diagnostic:
    """Diagnostics of one message as one, at the `null` which is to blame."""
    first = several[0]
    message = f"{first.message}: environment `{environment}` takes `{'.'.join(map(str, path))}` away"
    related = tuple(
        Related(one.path, "and here" if number else "needed here", span=one.span) for number, one in enumerate(several[:_MOST_SHOWN])
    )
    help = "leave the line with `null` out, or write what this environment has instead"
    finding = Finding(first.code, message, ("environments", environment, *path), related=related, help=help)
    (found,) = locate(replace(document, moved=()), (finding,))
    return replace(found, notes=(*found.notes, *first.notes))
