"""From YAML events to spans: where keys and values stand, and where a piece of a decoded scalar stands in its source."""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import lru_cache

from .diagnostics.model import Span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from .diagnostics.model import Path

    Tree = dict[str | int, "Tree"]

_BREAK = re.compile(r"\r\n|\n|\r")
_BLOCK_HEADER = re.compile(r"[|>][-+0-9]*")
_RUN = re.compile(r"[ \t\r\n]+")
_PROPERTIES = re.compile(r"(?:[&!][^\s,\[\]{}]*\s+)+")
_ESCAPES = {"x": 4, "u": 6, "U": 10}
"""How long an escape is, backslash included, where it is not 2."""
_DEEPEST = 1000
"""Levels. Far above what the reader accepts: this only bounds the memory for a text that the reader refused."""


class Place:
    """Where a node stands: its key (None in lists and at the top), its value, and for a scalar its style, offsets and decoded text."""

    __slots__ = ("end", "key", "start", "style", "text", "value")

    def __init__(self, key: Span | None, value: Span, style: str, start: int, end: int, text: str | None) -> None:
        self.key, self.value, self.style, self.start, self.end, self.text = key, value, style, start, end, text

    @property
    def key_or_value(self) -> Span:
        """Where to point for "this entry"."""
        return self.key or self.value


class _Frame:
    """An open collection. `tree` holds what is wanted below it (None: nothing), `index` the next item of a list (-1 in a mapping)."""

    __slots__ = ("index", "key", "key_span", "path", "place", "tree")

    def __init__(self, tree: Tree | None, path: Path, index: int, place: Place | None) -> None:
        self.tree, self.path, self.index, self.place = tree, path, index, place
        self.key: str | None = None
        self.key_span: Span | None = None


def find(events: Iterable[Any], text: str, paths: Iterable[Path]) -> dict[Path, Place]:
    """The places of some paths and of everything above them, as far as they exist. The first of two equal keys counts."""
    tree: Tree = {}
    for one in paths:
        node = tree
        for step in one:
            node = node.setdefault(step, {})
    found: dict[Path, Place] = {}
    blocks: list[Place] = []
    line_ends: dict[int, int] = {}
    frames: list[_Frame] = []
    for event in events:
        kind = type(event).__name__
        if kind in ("MappingEndEvent", "SequenceEndEvent"):
            frame = frames.pop()
            if event.start_mark.index < event.end_mark.index:  # the bracket of a flow collection
                line_ends[event.end_mark.line] = event.end_mark.column
                if frame.place is not None:
                    start = frame.place.value
                    frame.place.value = Span(start.line, start.column, event.end_mark.line + 1, event.end_mark.column + 1)
            continue
        opens = kind in ("MappingStartEvent", "SequenceStartEvent")
        if not opens and kind not in ("ScalarEvent", "AliasEvent"):
            if found:
                break
            continue
        if not opens:
            line_ends[event.end_mark.line] = event.end_mark.column
        wanted: Tree | None = None
        path: Path = ()
        key = None
        if not frames:
            wanted = tree
        else:
            parent = frames[-1]
            if parent.index < 0 and parent.key_span is None:
                parent.key_span = Span(*_ends(event))
                parent.key = event.value if kind == "ScalarEvent" else None
            else:
                part = parent.key if parent.index < 0 else parent.index
                if parent.tree is not None and part is not None and part in parent.tree:
                    wanted, path, key = parent.tree[part], (*parent.path, part), parent.key_span
                parent.key_span = None
                parent.index += parent.index >= 0
        if path in found:
            wanted = None
        place: Place | None = None
        if wanted is not None:
            place = _place(event, key, text)
            found[path] = place
            if opens and not event.flow_style:
                blocks.append(place)
        if opens:
            if len(frames) == _DEEPEST:
                break
            frames.append(_Frame(wanted, path, -1 if kind == "MappingStartEvent" else 0, place))
    for place in blocks:
        place.value = _first_line(place, line_ends, text)
    return found


def _ends(event: Any) -> tuple[int, int, int, int]:
    start, end = event.start_mark, event.end_mark
    return start.line + 1, start.column + 1, end.line + 1, end.column + 1


def _place(event: Any, key: Span | None, text: str) -> Place:
    """A node's place. Block collections get their whole extent later, from what ends on their first line."""
    span = Span(*_ends(event))
    start, end = event.start_mark.index, event.end_mark.index
    style = getattr(event, "style", None) or ""
    if style in ("|", ">"):
        header = _BLOCK_HEADER.search(text, start, end)
        if header is not None:
            last = span.column + header.end() - start
            span = Span(span.line, span.column, span.line, last)
    elif start == end and hasattr(event, "value"):  # a value that was left out
        span = key or Span(span.line, max(span.column - 1, 1), span.line, max(span.column, 2))
    return Place(key, span, style, start, end, getattr(event, "value", None))


def _first_line(place: Place, line_ends: dict[int, int], text: str) -> Span:
    start = place.value
    end = line_ends.get(start.line - 1, 0) + 1
    if end <= start.column:  # nothing ends here: an anchor alone on its line, say
        word = re.compile(r"\S+").match(text, place.start)
        end = start.column + (len(word.group()) if word else 1)
    return Span(start.line, start.column, start.line, end)


@lru_cache(maxsize=2)
def line_starts(text: str) -> list[int]:
    """The offset of each line. Lines end at a line feed, a carriage return or both, as in YAML."""
    return [0, *(match.end() for match in _BREAK.finditer(text))]


def span_between(text: str, start: int, end: int) -> Span:
    """The span of `text[start:end]`."""
    starts = line_starts(text)
    first, last = bisect_right(starts, start) - 1, bisect_right(starts, end) - 1
    return Span(first + 1, start - starts[first] + 1, last + 1, end - starts[last] + 1)


def inside(text: str, place: Place, within: tuple[int, int]) -> Span | None:
    """The span of a piece of a decoded scalar, given as offsets into the decoded text; None where it cannot be told."""
    if place.text is None:
        return None
    first, last = within
    pieces = _pieces(text, place)
    if not 0 <= first <= last <= len(place.text) or pieces is None or not pieces:
        return None
    if first == last:
        at = pieces[first][0] if first < len(pieces) else pieces[-1][1]
        return span_between(text, at, at)
    return span_between(text, pieces[first][0], pieces[last - 1][1])


def _pieces(text: str, place: Place) -> list[tuple[int, int]] | None:
    """For each character of the decoded scalar, where its spelling starts and ends in the source."""
    value = place.text or ""
    start = place.start
    properties = _PROPERTIES.match(text, start, place.end)
    if properties is not None:
        start = properties.end()
    if place.style == "|":
        return _literal(text, start, place.end, value)
    if place.style == ">":
        return _folded(text, start, place.end, value)
    quoted = 1 if place.style else 0
    pieces = _flow(text, start + quoted, place.end - quoted, place.style)
    return pieces if len(pieces) == len(value) else None


def _flow(text: str, at: int, end: int, style: str) -> list[tuple[int, int]]:
    """Plain and quoted scalars: escapes, and lines folded into spaces or line feeds."""
    pieces: list[tuple[int, int]] = []
    while at < end:
        size = 1
        character = text[at]
        if character in " \t\r\n":
            run = _RUN.match(text, at, end)
            stop = run.end() if run else at + 1
            breaks = len(_BREAK.findall(text, at, stop))
            if breaks:
                pieces.extend([(at, stop)] * max(breaks - 1, 1))
                at = stop
                continue
        elif style == "'" and character == "'":
            size = 2
        elif style == '"' and character == "\\":
            if text[at + 1] in "\r\n":
                run = _RUN.match(text, at + 1, end)
                stop = run.end() if run else at + 2
                pieces.extend([(at, stop)] * (len(_BREAK.findall(text, at, stop)) - 1))
                at = stop
                continue
            size = _ESCAPES.get(text[at + 1], 2)
        pieces.append((at, at + size))
        at += size
    return pieces


def _content(text: str, start: int, end: int, value: str) -> list[tuple[int, str]]:
    """The lines of a block scalar below its header, without their indentation: where each starts, and its text."""
    lines: list[tuple[int, str]] = []
    at = start
    for found in _BREAK.finditer(text, start, end):
        lines.append((at, text[at : found.start()]))
        at = found.end()
    lines.append((at, text[at:end]))
    del lines[0]
    source = next((line for _, line in lines if line.strip()), "")
    decoded = next((line for line in value.split("\n") if line.strip()), "")
    indent = len(source) - len(source.lstrip(" ")) - (len(decoded) - len(decoded.lstrip(" ")))
    return [(at + min(indent, len(line)), line[indent:]) for at, line in lines]


def _literal(text: str, start: int, end: int, value: str) -> list[tuple[int, int]] | None:
    pieces: list[tuple[int, int]] = []
    lines = _content(text, start, end, value)
    for number, wanted in enumerate(value.split("\n")):
        if number:
            pieces.append((pieces[-1][1] if pieces else start, lines[number][0] if number < len(lines) else end))
        if not wanted:
            continue
        if number >= len(lines) or lines[number][1] != wanted:
            return None
        at = lines[number][0]
        pieces.extend((position, position + 1) for position in range(at, at + len(wanted)))
    return pieces


def _folded(text: str, start: int, end: int, value: str) -> list[tuple[int, int]] | None:
    """A folded scalar holds its non-empty lines as they are; between them stands one space, or line feeds."""
    pieces: list[tuple[int, int]] = []
    for at, line in _content(text, start, end, value):
        if not line:
            continue
        stop = value.find(line, len(pieces))
        between = value[len(pieces) : stop]
        if stop < 0 or (between != " " and between.strip("\n")):
            return None
        pieces.extend([(pieces[-1][1] if pieces else start, at)] * len(between))
        pieces.extend((position, position + 1) for position in range(at, at + len(line)))
    rest = value[len(pieces) :]
    if rest.strip("\n"):
        return None
    pieces.extend([(pieces[-1][1] if pieces else start, end)] * len(rest))
    return pieces
