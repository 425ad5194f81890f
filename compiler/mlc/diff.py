"""`mlc diff`: what changes in meaning between two projects, from their resolved graphs. Form, order and comments of the files do not count.

Both graphs become tables from places to texts: every field of every record, under names where things have names. Nothing is listed by
hand, so a field that the language gets later is compared too.
"""

from __future__ import annotations

import json

from .diagnostics.render import visible
from .expr.write import written
from .ir import Compare, Group, In, Literal, Logic, Mount, Not, Patch, Step, Text
from .record import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from .ir import Pipeline

    Place = tuple[str, ...]

VERSION = 1

_NAMED = ("steps", "finally", "params", "volumes")
"""Sections whose entries are new or gone as a whole."""

_UNSEEN = ("given", "given_labels", "merged", "environment", "run", "final", "children")


@record
class Change:
    """`kind` is `added`, `removed`, `renamed` or `changed`; `old` and `new` are texts, "" for what is not there; of a renaming, names."""

    kind: str
    place: tuple[str, ...]
    old: str = ""
    new: str = ""


def changes(old: Pipeline, new: Pipeline) -> tuple[Change, ...]:
    """What differs, in the order of the sections: first what is as a whole new, gone or renamed, then single values."""
    before, after = dict(_project(old)), dict(_project(new))
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


def _project(pipeline: Pipeline) -> Iterator[tuple[Place, str]]:
    yield from _fields(pipeline, ())
    for section, group in (("steps", pipeline.run), ("finally", pipeline.final)):
        if group is not None:
            yield from _group(group, section)


def _group(group: Group, section: str) -> Iterator[tuple[Place, str]]:
    for child in group.children:
        if isinstance(child, Group):  # a loop is called like its first step
            yield from _group(child, section)
            yield from _fields(child, (section, child.name, "loop"))
        else:
            yield (section, child.name), ""
            yield from _fields(child, (section, child.name))


def _fields(node: Any, place: Place) -> Iterator[tuple[Place, str]]:
    for name in node.__slots__:
        hidden = name.endswith("origin") or name in _UNSEEN or (name == "name" and place)
        if name == "args" and isinstance(node, Step) and node.made:
            for key, _, text in (_source(word).partition("=") for word in node.args):
                yield (*place, "args", key), text
        elif not hidden:
            yield from _value(getattr(node, name), (*place, name))


def _value(value: Any, place: Place) -> Iterator[tuple[Place, str]]:
    if value is None or value is False or value == "" or value == () or value == {}:
        return  # what is not said
    if isinstance(value, Text):
        yield place, _source(value)
    elif isinstance(value, (Literal, Compare, In, Not, Logic)) or type(value).__name__.endswith("Ref"):
        yield place, written(value)
    elif isinstance(value, Mount):
        yield from _fields(value, place)
    elif isinstance(value, Patch):  # in which `null`, `false` and empty texts say something too
        made = value.merge if value.merge is not None else list(value.json)
        yield (*place, value.step, "json" if value.merge is None else "merge"), json.dumps(made, ensure_ascii=False)
    elif hasattr(value, "__slots__") and not isinstance(value, (str, int, float)):
        if hasattr(value, "name") and place[-1] == "volume":  # declared, and compared, under `volumes`
            yield place, value.name
            return
        if place[-1] == "value" or place[:-1] == ("volumes",):  # one of several records, which may have the same fields
            yield (*place, "is"), type(value).__name__
        yield from _fields(value, place)
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _value(inner, (*place, str(key)))
    elif isinstance(value, tuple):
        yield from _items(value, place)
    else:
        yield place, str(value) if not isinstance(value, bool) else "true"


def _items(items: tuple[Any, ...], place: Place) -> Iterator[tuple[Place, str]]:
    """A sequence: under the names of its items, sorted where it is a set (`after`), in order elsewhere."""
    if all(hasattr(item, "name") for item in items):
        if place[-1] == "init":  # these run one after the other
            yield place, json.dumps([item.name for item in items], ensure_ascii=False)
        for item in items:
            yield (*place, item.name), ""
            yield from _value(item, (*place, item.name))
    elif all(isinstance(item, str) for item in items):
        yield place, json.dumps(sorted(items) if place[-1] == "after" else list(items), ensure_ascii=False)
    elif all(isinstance(item, Text) for item in items):
        yield place, json.dumps([_source(item) for item in items], ensure_ascii=False)
    else:
        for number, item in enumerate(items, start=1):
            key = item.volume.name if isinstance(item, Mount) else str(number)
            yield from _value(item, (*place, key))


def _source(text: Text) -> str:
    """A text as the language writes it."""
    return "".join(piece if isinstance(piece, str) else f"${{{{ {written(piece)} }}}}" for piece in text.pieces)
