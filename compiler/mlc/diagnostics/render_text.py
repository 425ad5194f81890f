"""Diagnostics for people: the source line, a caret, what is wrong and what to do."""

from __future__ import annotations

from bisect import bisect_right

from .render import docs, escape, visible

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from .model import Diagnostic, Severity, Span

    Paint = Callable[[str, str], str]

WIDTH = 120
"""Most terminal columns of a source line that are shown; a longer one is cut around the caret."""

_BEFORE = 40  # columns kept before the caret of a line that is cut
_CUT = "..."
_TAB = "    "  # a tab is always this wide, so that the caret does not depend on the terminal's tab stops

_STYLES = {"error": "1;31", "warning": "1;33", "note": "1;36", "gutter": "1;34", "strong": "1"}


def render_text(diagnostics: Sequence[Diagnostic], sources: Mapping[str, str], color: bool) -> str:
    """Every diagnostic as a block, a blank line after each, and a last line that counts them (`2 errors, 1 warning`)."""
    if not diagnostics:
        return ""
    lines = _Lines(sources)
    blocks = ["\n".join(_block(found, lines, _paint if color else _plain)) for found in diagnostics]
    return "\n\n".join([*blocks, _summary(diagnostics)]) + "\n"


class _Lines:
    """Lines of the sources. A file is split once, and only if a diagnostic is in it."""

    def __init__(self, sources: Mapping[str, str]) -> None:
        self._sources = sources
        self._split: dict[str, list[str]] = {}

    def get(self, file: str, line: int) -> str | None:
        """A line by its number from 1, None where the file or the line is not there."""
        if file not in self._sources:
            return None
        if file not in self._split:
            # YAML's line breaks are these; `splitlines` knows more, which would move every line after them.
            self._split[file] = self._sources[file].replace("\r\n", "\n").replace("\r", "\n").split("\n")
        lines = self._split[file]
        return lines[line - 1] if 0 < line <= len(lines) else None


def _plain(_: str, text: str) -> str:
    return text


def _paint(style: str, text: str) -> str:
    return f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if text else text


def _summary(diagnostics: Sequence[Diagnostic]) -> str:
    severities: tuple[Severity, ...] = ("error", "warning", "note")
    counts = [(sum(found.severity == severity for found in diagnostics), severity) for severity in severities]
    return ", ".join(f"{count} {severity}{'s' if count > 1 else ''}" for count, severity in counts if count)


def _block(found: Diagnostic, lines: _Lines, paint: Paint) -> list[str]:
    """One diagnostic, without the blank line after it."""
    places: list[tuple[str, str, Span, str, str, str]] = [("-->", found.file, found.span, found.label, "^", found.severity)]
    places += [(":::", note.file, note.span, note.label, "-", "gutter") for note in found.notes]
    width = max(len(str(span.line)) for _, _, span, _, _, _ in places)
    bar = paint("gutter", " " * width + " |")
    out = [paint(found.severity, f"{found.severity}[{found.code}]") + paint("strong", f": {visible(found.message)}")]
    for arrow, file, span, label, mark, style in places:
        out.append(f"{' ' * width}{paint('gutter', arrow)} {visible(file)}:{span.line}:{span.column}")
        line = lines.get(file, span.line)
        if line is None:
            if label:
                out.append(f"{paint('gutter', ' ' * width + ' =')} {paint('strong', 'note')}: {visible(label)}")
            continue
        source, indent, marked = _excerpt(line, span)
        under = " " * indent + paint(style, mark * marked + (f" {visible(label)}" if label else ""))
        number = paint("gutter", f"{span.line:>{width}} |")
        out += [bar, f"{number} {source}" if source else number, f"{bar} {under}", bar]
    for title, text in (("help", found.help), ("docs", docs(found.code))):
        if text:
            first, *more = text.split("\n")
            out.append(f"{paint('gutter', ' ' * width + ' =')} {paint('strong', title)}: {visible(first)}")
            out += [f"{' ' * (width + 9)}{visible(other)}".rstrip() for other in more]
    return out


def _excerpt(line: str, span: Span) -> tuple[str, int, int]:
    """The line as it is shown, the columns before the caret and the length of the caret, both in terminal columns.

    A span over several lines is marked up to the end of its first one; a caret is never shorter than one column.
    """
    line = line.rstrip(" \t")
    start = min(span.column - 1, len(line))
    end = len(line) if span.end_line > span.line else min(max(span.end_column - 1, start), len(line))
    # No more of an enormous line is looked at than can be shown.
    low, high = max(0, start - WIDTH), min(len(line), start + WIDTH)
    shown = [_cell(char) for char in line[low:high]]
    columns = _columns(line[low:high], shown)
    start, end = start - low, min(end, high) - low
    first, last = 0, len(shown)
    if columns[-1] > WIDTH or low or high < len(line):
        at = max(0, columns[start] - _BEFORE)
        if high == len(line):  # near the end of the line there is more room before the caret
            at = max(0, min(at, columns[-1] - WIDTH))
        first = bisect_right(columns, at) - 1
        last = max(bisect_right(columns, columns[first] + WIDTH) - 1, start)
        end = min(end, last)
    before = _CUT if low + first else ""
    after = _CUT if low + last < len(line) else ""
    text = before + "".join(shown[first:last]) + after
    return text, len(before) + columns[start] - columns[first], max(1, columns[end] - columns[start])


def _cell(char: str) -> str:
    """A character as it is shown."""
    if char == "\t":
        return _TAB
    return char if char.isprintable() else escape(char)


def _columns(raw: str, shown: list[str]) -> list[int]:
    """The terminal column at which each shown character starts, and where the last one ends."""
    if raw.isascii():
        widths = [len(text) for text in shown]
    else:
        from unicodedata import category, east_asian_width

        widths = []
        for text in shown:
            if len(text) != 1:
                widths.append(len(text))
            elif category(text) in ("Mn", "Me") or "\u1160" <= text <= "\u11ff":
                widths.append(0)  # it is drawn onto the character before: accents, the later letters of a Hangul syllable
            else:
                widths.append(2 if east_asian_width(text) in "WF" else 1)
    columns = [0]
    for width in widths:
        columns.append(columns[-1] + width)
    return columns
