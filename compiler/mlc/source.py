"""Source texts and where things stand in them.

The reader keeps no positions, because a spec without findings needs none. `locate` goes over the text a second time and takes the
positions of just those places that findings name.
"""

from __future__ import annotations

from .record import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import Any

    from .diagnostics.model import Diagnostic, Finding, Path, Related, Span
    from .positions import Place

SET = "--set"
"""The name of the pseudo file that holds the assignments of `--set`, one after the other. A malformed one has this as its path."""

FLOW_STARTS = ("[", "{", '"', "'")
"""A value of `--set` that starts with one of these is YAML; any other is one unquoted scalar, whatever is in it."""


@record
class SourceFile:
    """A text and the name that diagnostics give it. `line` counts the lines before it in a pseudo file of several assignments.

    `beside` reads a file by its path relative to the text's folder; it raises OSError or ValueError. None where there is no folder.
    """

    name: str
    text: str
    line: int = 0
    beside: Callable[[str], bytes] | None = None


@record
class Document:
    """Plain data read from a source. `overrides` says which paths came from `--set`, in the order in which they were set.

    `data` is never changed in place: aliases and overridden documents share parts. With an `environment` laid over it, `moved` says
    where its paths stand in the text: what came from the overlay, and what the overlay gave a longer form. `files` are those that
    `included` read, with the paths of what is in them.
    """

    source: SourceFile
    data: Any
    overrides: tuple[tuple[Path, SourceFile], ...] = ()
    moved: tuple[tuple[Path, Path], ...] = ()
    environment: str = ""
    files: tuple[tuple[Path, SourceFile], ...] = ()

    @property
    def texts(self) -> tuple[str, ...]:
        """All that somebody wrote: the text, the assignments of `--set`, and the files."""
        return (self.source.text, *(one.text for _, one in self.overrides), *(one.text for _, one in self.files))


def events(text: str) -> Iterator[Any]:
    """The YAML events of a text, up to its first syntax error."""
    import yaml

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        yield from yaml.parse(text, Loader=loader)
    except (yaml.YAMLError, UnicodeEncodeError):
        return


def locate(document: Document, findings: Iterable[Finding]) -> list[Diagnostic]:
    """Give every finding its position. Sorted by file, line, column and code, without duplicates.

    A place that does not exist in the text is replaced by its nearest ancestor that does, pointing at that one's key.
    """
    wanted = list(findings)
    if not wanted:
        return []
    from .diagnostics.codes import CODES
    from .diagnostics.model import Diagnostic, Note

    if document.files:
        wanted = _named(document, wanted)
    if document.moved:
        wanted = _in_text(document, wanted)
    locator = _Locator(document, wanted)
    located: dict[Diagnostic, None] = {}
    for finding in wanted:
        file, span = locator.span(finding.path, finding.at, finding.within, finding.span)
        notes = []
        for related in finding.related:
            note_file, note_span = locator.span(related.path, related.at, None, related.span)
            notes.append(Note(note_file, note_span, related.label))
        diagnostic = Diagnostic(
            finding.code,
            CODES[finding.code].severity,
            finding.message,
            file,
            span,
            finding.path,
            finding.label,
            tuple(notes),
            finding.help,
        )
        located[diagnostic] = None
    return sorted(located, key=order)


def order(diagnostic: Diagnostic) -> tuple[str, int, int, str]:
    """The order in which diagnostics are reported."""
    return diagnostic.file, diagnostic.span.line, diagnostic.span.column, diagnostic.code


def suppress(document: Document, diagnostics: Sequence[Diagnostic]) -> list[Diagnostic]:
    """Apply the document's comments `# mlc: ignore MLC502 -- reason`.

    A comment counts for its own line, or for the next line where it stands alone. It takes away warnings, notes and plain-text secrets.
    Malformed comments (MLC114) and, unless there are errors, comments without effect (MLC504) are added; the order is kept.
    """
    text = document.source.text
    if "mlc:" not in text or "ignore" not in text:
        return list(diagnostics)
    from .suppression import apply

    return apply(document.source, events(text), diagnostics)


def _named(document: Document, findings: Sequence[Finding]) -> list[Finding]:
    """The findings with what is about a file told where the document names the file, by the line in it."""
    from .positions import find
    from .record import replace

    found = list(findings)
    for prefix, file in document.files:
        about = {number: one for number, one in enumerate(found) if one.path[: len(prefix)] == prefix}
        places = find(events(file.text), file.text, [one.path[len(prefix) :] for one in about.values()]) if about else {}
        for number, one in about.items():
            span = _pick(places, one.path[len(prefix) :], one.at, one.within, file.text)
            message = f"{one.message}, in `{file.name}` on line {span.line}"
            found[number] = replace(one, message=message, path=(*prefix[:-1], "file"), at="value", within=None, related=())
    return found


def _in_text(document: Document, findings: Iterable[Finding]) -> list[Finding]:
    """The findings with the paths at which things stand in the text of a document with an environment."""
    from .record import replace

    moved = dict(document.moved)

    def place(path: Path) -> Path:
        if any(override and path[: len(override)] == override for override, _ in document.overrides):
            return path  # `--set` comes after the environment
        for length in range(len(path), 0, -1):
            found = moved.get(path[:length])
            if found is not None:
                return (*found, *path[length:])
        return path

    return [
        replace(finding, path=place(finding.path), related=tuple(replace(one, path=place(one.path)) for one in finding.related))
        for finding in findings
    ]


class _Locator:
    """Positions of the places that some findings name, in the document and in its overrides."""

    def __init__(self, document: Document, findings: Sequence[Finding]) -> None:
        from .positions import find

        self._document = document
        places: list[Finding | Related] = [*findings]
        for finding in findings:
            places.extend(finding.related)
        self._paths = [place.path for place in places if place.span is None]
        main = [path for path in self._paths if self._override(path) is None]
        text = document.source.text
        self._main: dict[Path, Place] = find(events(text), text, main) if main else {}
        self._overridden: dict[int, tuple[str, dict[Path, Place]]] = {}

    def span(self, path: Path, at: str, within: tuple[int, int] | None, given: Span | None) -> tuple[str, Span]:
        """The file and the span of a place."""
        name = self._document.source.name
        if given is not None:
            return (SET if path[:1] == (SET,) else name), given
        number = self._override(path)
        if number is not None:
            text, places = self._read_override(number)
            return SET, _pick(places, path, at, within, text)
        if path not in self._main:
            number = self._created(path)
            if number is not None:
                return SET, self._read_override(number)[1][self._document.overrides[number][0]].key_or_value
        return name, _pick(self._main, path, at, within, self._document.source.text)

    def _override(self, path: Path) -> int | None:
        """The number of the last override that set `path` or something around it."""
        found = None
        for number, (override, _) in enumerate(self._document.overrides):
            if override and path[: len(override)] == override:
                found = number
        return found

    def _created(self, path: Path) -> int | None:
        """The number of the first override that made `path` on its way to something below it."""
        for number, (override, _) in enumerate(self._document.overrides):
            if path and len(override) > len(path) and override[: len(path)] == path:
                return number
        return None

    def _read_override(self, number: int) -> tuple[str, dict[Path, Place]]:
        """The pseudo file up to an assignment, and the places in it that findings name."""
        if number not in self._overridden:
            self._overridden[number] = self._parse_override(*self._document.overrides[number])
        return self._overridden[number]

    def _parse_override(self, override: Path, file: SourceFile) -> tuple[str, dict[Path, Place]]:
        from .positions import Place, find, span_between

        text = "\n" * file.line + file.text
        equals = text.find("=") % (len(text) + 1)
        key = span_between(text, file.line, equals)
        start = min(equals + 1, len(text))
        places: dict[Path, Place] = {}
        if text[start:][:1] in FLOW_STARTS:
            below = [path[len(override) :] for path in self._paths if path[: len(override)] == override]
            value = "\n" * file.line + " " * (start - file.line) + text[start:]
            places = {override + path: place for path, place in find(events(value), value, [*below, ()]).items()}
        if override in places:
            places[override].key = key
        else:
            value_span = span_between(text, start, len(text)) if start < len(text) else key
            places[override] = Place(key, value_span, "", start, len(text), text[start:])
        return text, places


def _pick(places: dict[Path, Place], path: Path, at: str, within: tuple[int, int] | None, text: str) -> Span:
    from .diagnostics.model import Span
    from .positions import inside

    place = places.get(path)
    if place is not None:
        if at == "key":
            return place.key_or_value
        exact = inside(text, place, within) if within is not None else None
        return exact or place.value
    for length in range(len(path) - 1, -1, -1):
        place = places.get(path[:length])
        if place is not None:
            return place.key_or_value
    return Span(1, 1, 1, 1)
