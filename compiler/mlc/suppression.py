"""Suppression comments: `# mlc: ignore MLC502 -- reason`.

Comments are not YAML events, so they are found in the text, everywhere but inside scalars, whose extents the events give.
"""

from __future__ import annotations

import re
from bisect import bisect_right

from .diagnostics.codes import CODES, OPTIONAL
from .diagnostics.model import Diagnostic, Span
from .positions import line_starts, span_between
from .source import order

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    from .source import SourceFile

_COMMENT = re.compile(r"#[ \t]*mlc:[ \t]*ignore(?![-\w])[^\r\n]*")
_BODY = re.compile(r"#[ \t]*mlc:[ \t]*ignore[ \t]+(?P<codes>\S.*?)[ \t]+--[ \t]*(?P<reason>.*)")
_FORM = "write `# mlc: ignore MLC502 -- why it is right here`"


class _Comment:
    """A suppression comment: where it stands, the line that it is about, and its codes that took nothing away yet."""

    __slots__ = ("codes", "line", "span", "unused")

    def __init__(self, span: Span, line: int, codes: list[str]) -> None:
        self.span, self.line, self.codes = span, line, codes
        self.unused = dict.fromkeys(codes)


def suppressible(code: str) -> bool:
    """Warnings, notes and plain-text secrets: what a person may judge better than the compiler."""
    return CODES[code].severity != "error" or code == "MLC501"


def apply(source: SourceFile, events: Iterable[Any], diagnostics: Sequence[Diagnostic]) -> list[Diagnostic]:
    """The diagnostics that are left, with those about the comments themselves; see `source.suppress`."""
    scalars = _scalars(events, source.text)
    added: list[Diagnostic] = []
    comments = _comments(source, scalars, added)
    by_line: dict[int, list[_Comment]] = {}
    for comment in comments:
        by_line.setdefault(comment.line, []).append(comment)
    multiline = [scalar for scalar in scalars if scalar[2] < scalar[3]]
    kept: list[Diagnostic] = []
    for diagnostic in diagnostics:
        takers = []
        if diagnostic.file == source.name and suppressible(diagnostic.code):
            for line in _lines(diagnostic.span.line, multiline):
                takers += [comment for comment in by_line.get(line, ()) if diagnostic.code in comment.codes]
        for comment in takers:
            comment.unused.pop(diagnostic.code, None)
        if not takers:
            kept.append(diagnostic)
    if not added and all(diagnostic.severity != "error" for diagnostic in kept):
        added = _without_effect(source, comments)
    return sorted([*kept, *added], key=order) if added else kept


def _scalars(events: Iterable[Any], text: str) -> list[tuple[int, int, int, int]]:
    """Where scalars stand: first and last offset of their text (a block scalar's below its header), first and last line."""
    found = []
    for event in events:
        if type(event).__name__ == "ScalarEvent":
            start, end = event.start_mark, event.end_mark
            block = event.style in ("|", ">")
            first = text.find("\n", start.index) if block and "\n" in text[start.index : end.index] else start.index
            last_line = end.line if block and not end.column else end.line + 1
            found.append((first, end.index, start.line + 1, last_line))
    return found


def _lines(line: int, multiline: list[tuple[int, int, int, int]]) -> list[int]:
    """The lines whose comments count for a line: itself, and the first and last of a scalar around it, which can hold no comment."""
    lines = [line]
    for _, _, first, last in multiline:
        if first <= line <= last:
            lines += [other for other in (first, last) if other not in lines]
    return lines


def _comments(source: SourceFile, scalars: list[tuple[int, int, int, int]], added: list[Diagnostic]) -> list[_Comment]:
    """The comments with known codes and a reason; a diagnostic is added for every other one."""
    text = source.text
    starts = [scalar[0] for scalar in scalars]
    starts_of_lines, following = line_starts(text), _next_lines(text)
    comments = []
    for match in _COMMENT.finditer(text):
        at = match.start()
        number = bisect_right(starts, at) - 1
        if (at and text[at - 1] not in " \t\r\n") or (number >= 0 and at < scalars[number][1]):
            continue
        written = match.group().rstrip()
        span = span_between(text, at, at + len(written))
        body = _BODY.fullmatch(written)
        if body is None or not body["reason"].strip():
            added.append(_diagnostic("MLC114", source, span, "a suppression comment needs a code and a reason", _FORM))
            continue
        codes = [code.strip() for code in body["codes"].split(",")]
        known = []
        for code in codes:
            if code not in CODES:
                help_ = "`mlc explain --list` shows the codes; several are parted by commas"
                added.append(_diagnostic("MLC114", source, span, f"`{code}` is not a code", help_))
            elif not suppressible(code):
                added.append(_diagnostic("MLC114", source, span, f"`{code}` is an error, which no comment takes away", "correct the error"))
            else:
                known.append(code)
        alone = not text[starts_of_lines[span.line - 1] : at].strip()
        comments.append(_Comment(span, following[span.line - 1] if alone else span.line, known))
    return comments


def _next_lines(text: str) -> list[int]:
    """For each line, the next one below it that holds more than a comment (itself at the end of the text). Lines count from 1."""
    starts = line_starts(text)
    following = [0] * len(starts)
    found = len(starts)
    for number in range(len(starts), 0, -1):
        following[number - 1] = found
        end = starts[number] if number < len(starts) else len(text)
        line = text[starts[number - 1] : end].lstrip()
        if line and not line.startswith("#"):
            found = number
    return following


def _without_effect(source: SourceFile, comments: list[_Comment]) -> list[Diagnostic]:
    """MLC504. Codes of targets (MLC4xx) and of lints are let pass: the comment may be there for what is not asked for now."""
    found = []
    for comment in comments:
        if "MLC504" in comment.codes:
            continue
        for code in comment.unused:
            if not code.startswith("MLC4") and code not in OPTIONAL:
                message = f"nothing on this line is reported as `{code}`"
                found.append(_diagnostic("MLC504", source, comment.span, message, "remove the code from the comment, or the comment"))
    return found


def _diagnostic(code: str, source: SourceFile, span: Span, message: str, help_: str) -> Diagnostic:
    return Diagnostic(code, CODES[code].severity, message, source.name, span, (), "", (), help_)
