"""`mlc diff`: what changes in meaning between two projects, from their resolved graphs. Form, order and comments of the files do not count.

Both graphs become tables from places to texts (`diff_places`): every field of every record, under names where things have names.
"""

from __future__ import annotations

import json

from .diagnostics.render import visible
from .diff_places import table
from .record import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from .diff_places import Place
    from .ir import Pipeline

VERSION = 1

_NAMED = ("steps", "finally", "params", "volumes")
"""Sections whose entries are new or gone as a whole."""


@record
class Change:
    """`kind` is `added`, `removed`, `renamed` or `changed`; `old` and `new` are texts, "" for what is not there; of a renaming, names."""

    kind: str
    place: tuple[str, ...]
    old: str = ""
    new: str = ""


def changes(old: Pipeline, new: Pipeline) -> tuple[Change, ...]:
    """What differs, in the order of the sections: first what is as a whole new, gone or renamed, then single values."""
    before, after = table(old), table(new)
    gone, come = _entries(before) - _entries(after), _entries(after) - _entries(before)
    found: list[Change] = []
    for entry in sorted(gone):
        twin = next((other for other in sorted(come) if other[0] == entry[0] and _inside(after, other) == _inside(before, entry)), None)
        if twin is not None:
            come.discard(twin)
            found.append(Change("renamed", entry, entry[1], twin[1]))
        else:
            found.append(Change("removed", entry))
    known = {*gone, *(_entries(after) - _entries(before))}
    found += [Change("added", entry) for entry in sorted(come)]
    for place in sorted({*before, *after}):
        was, now = before.get(place, ""), after.get(place, "")
        if was != now and place[:2] not in known:
            found.append(Change("changed" if was and now else "added" if now else "removed", place, was, now))
    return tuple(found)


def text(found: Sequence[Change]) -> str:
    """A line for each change: `+` new, `-` gone, `>` renamed, `~` another value."""
    lines = []
    for change in found:
        shown = ".".join(change.place)
        if change.kind == "renamed":
            lines.append(f"> {shown} is now called {change.new}")
        elif change.kind == "changed":
            lines.append(f"~ {shown}: {change.old} -> {change.new}")
        else:
            value = change.new or change.old
            lines.append(f"{'+' if change.kind == 'added' else '-'} {shown}{f': {value}' if value else ''}")
    return "".join(visible(line) + "\n" for line in lines)


def document(found: Sequence[Change]) -> str:
    """The changes as JSON: `version`, and `changes` with `kind`, `path`, `old` and `new`."""
    listed = [{"kind": one.kind, "path": list(one.place), "old": one.old, "new": one.new} for one in found]
    return json.dumps({"version": VERSION, "changes": listed}, indent=2) + "\n"


def _entries(table: dict[Place, str]) -> set[Place]:
    return {place[:2] for place in table if place[0] in _NAMED}


def _inside(table: dict[Place, str], entry: Place) -> dict[Place, str]:
    """What belongs to an entry, without its name."""
    return {place[2:]: value for place, value in table.items() if place[:2] == entry}
