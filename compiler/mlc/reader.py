"""Bytes to plain data: encoding, YAML events, and everything that may be wrong with the text itself (MLC1xx).

The builder is iterative and bounded in depth and in what aliases expand to, so that no file can exhaust the stack or the memory. It
keeps no positions; a problem takes its span from the event at hand.
"""

from __future__ import annotations

from .diagnostics.model import Finding, Related, Span
from .patterns import Uncompiled
from .record import replace
from .scalars import resolve
from .source import Document, SourceFile

with Uncompiled():  # those of PyYAML's Python parser, which only a machine without libyaml needs, are a third of its import
    import yaml

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .diagnostics.model import Path

LARGEST_FILE = 4 * 1024 * 1024
"""Bytes."""
DEEPEST = 64
"""Levels of nesting, the document's own mapping included."""
LARGEST_EXPANSION = 100_000
"""Nodes that all aliases of a document may stand for together."""
MOST_DUPLICATES = 20
"""Duplicate keys that are reported one by one."""

MOST_PROBLEMS = 100
"""Problems after which reading stops: a file with so many is no project, and reporting each of a million would take all memory."""

_DROPPED: Any = object()
"""The key of what is read and not kept: a second value of a key, the value of a key that is no text."""
_SUSPECT_KEYS = frozenset(("", "<<"))
_SIGNS = ("&", "!", "\\0", "\\x00", "\\u0000", "\\U00000000")
"""What tells that a scalar may have an anchor or a tag, or a NUL character written as an escape."""
_DOUBTFUL = "\x85\u2028\u2029\ufeff"
"""Line breaks to YAML 1.1 and so to libyaml, text to YAML 1.2 and to every editor; and the byte order mark, which libyaml lets pass."""


def decode(name: str, raw: bytes, findings: list[Finding]) -> SourceFile | None:
    """The text of a file: UTF-8, with or without a byte order mark, at most 4 MiB."""
    if len(raw) > LARGEST_FILE:
        message = f"the file has {len(raw):,} bytes, and at most {LARGEST_FILE:,} (4 MiB) are read"
        help_ = "a project file holds no data: keep data and programs in images, volumes or datasets"
        findings.append(Finding("MLC109", message, help=help_, span=Span(1, 1, 1, 1)))
        return None
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        from .syntax import encoding

        findings.append(encoding(raw, error.start))
        return None
    if "\0" in text[:8]:
        from .syntax import wide

        found = wide(raw)
        if found is not None:
            findings.append(found)
            return None
    return SourceFile(name, text.removeprefix("\ufeff"))


def read(source: SourceFile, findings: list[Finding]) -> Document | None:
    """The document in a source: one mapping of plain data, with `Int` and `Float` for numbers of unusual spelling.

    None if the text cannot be trusted to say what its author meant. Duplicate keys alone do not stop: the first one counts.
    """
    builder = Builder(source.text, findings)
    data = builder.build()
    if builder.failed:
        return None
    if not isinstance(data, dict):
        from .syntax import not_a_mapping

        findings.append(not_a_mapping(source.text, data))
        return None
    return Document(source, data)


def set_value(document: Document, assignment: str, findings: list[Finding], only_text: Callable[[Path], bool]) -> Document:
    """The document with one `--set KEY=VALUE` applied (see `overrides.apply`). What is wrong with it is reported in a file `--set`."""
    from .overrides import apply

    return apply(document, assignment, findings, only_text)


def include(document: Document, findings: list[Finding]) -> Document:
    """The document with what it names as files beside it (see `included.include`)."""
    from .included import include

    return include(document, findings)


class _TooManyProblems(Exception):
    """Reading stops."""


class Builder:
    """Builds the data of one text. `failed` tells whether something was wrong that makes the data useless."""

    def __init__(self, text: str, findings: list[Finding]) -> None:
        self.text = text
        self.failed = False
        self._findings = findings
        self._stack: list[tuple[Any, Any, Any]] = []  # an open collection, the key in it, the key once its part is read
        self._anchors: dict[str, tuple[Any, str | None]] = {}
        self._sizes: dict[str, tuple[int, int]] = {}
        self._expanded = 0
        self._duplicates = 0
        self._problems = 0
        self._last_duplicate: Finding | None = None
        self._dropped: list[dict[Any, Any]] = []

    def build(self) -> Any:
        """The data; None for an empty text. Never raises on a text."""
        text = self.text
        if not text.isascii() and any(character in text for character in _DOUBTFUL):
            self._refuse_characters()
            return None
        data = None
        try:
            data = self._build(_event_source(text))
        except _TooManyProblems:
            last = self._findings.pop()
            self._findings.append(replace(last, message=f"{last.message}; reading stops here, after {MOST_PROBLEMS} problems"))
        except (yaml.reader.ReaderError, UnicodeEncodeError):
            self._refuse_characters()
        except yaml.MarkedYAMLError as error:
            from .syntax import describe

            context = error.context_mark.index if error.context_mark else None
            self._fail(describe(text, error.problem or "", error.problem_mark.index if error.problem_mark else 0, context))
        for mapping in self._dropped:
            mapping.pop(_DROPPED, None)
        if self._duplicates > MOST_DUPLICATES and self._last_duplicate is not None:
            more = self._duplicates - MOST_DUPLICATES
            message = f"{more} more {'key is' if more == 1 else 'keys are'} given twice; this is the last one"
            self._findings.append(Finding("MLC102", message, self._last_duplicate.path, "key", span=self._last_duplicate.span))
        return data

    def _build(self, get: Callable[[], Any]) -> Any:
        scalar, map_start, list_start = yaml.ScalarEvent, yaml.MappingStartEvent, yaml.SequenceStartEvent
        map_end, list_end = yaml.MappingEndEvent, yaml.SequenceEndEvent
        stack = self._stack
        known: dict[str, Any] = {}
        top: list[Any] = []
        container: Any = top
        key: Any = None  # in a mapping: the key whose value comes next, None before a key
        in_map = False
        value: Any
        doubtful = any(sign in self.text for sign in _SIGNS)
        while True:
            event = get()
            kind = event.__class__
            if kind is scalar:
                written = event.value
                if doubtful and (event.anchor is not None or event.tag is not None or "\0" in written):
                    self._check_scalar(event, written)
                if in_map and key is None:
                    key = written
                    if written in container or written in _SUSPECT_KEYS:
                        key = self._check_key(event, written, container)
                    continue
                if event.style:
                    value = written
                else:
                    value = known.get(written, known)
                    if value is known:
                        value = known[written] = resolve(written)
                if in_map:
                    container[key] = value
                    key = None
                else:
                    container.append(value)
            elif kind is map_end or kind is list_end:
                container, _, key = stack.pop()
                in_map = container.__class__ is dict
            elif kind is map_start or kind is list_start:
                value = {} if kind is map_start else []
                if event.anchor is not None or event.tag is not None:
                    self._properties(event, value, None)
                if len(stack) >= DEEPEST:
                    self._report(event, "MLC105", f"this is nested more than {DEEPEST} levels deep", "keep the structure flat", width=1)
                    return None
                if in_map and key is None:
                    self._refuse_key(event, container)
                    stack.append((container, _DROPPED, _DROPPED))
                else:
                    if in_map:
                        container[key] = value
                    else:
                        container.append(value)
                    stack.append((container, key, None))
                container, key, in_map = value, None, kind is map_start
            elif kind is yaml.AliasEvent:
                as_key = in_map and key is None
                value = self._alias(event, container, as_key)
                if value is _DROPPED:
                    return None
                if as_key:
                    key = self._check_key(event, value, container) if value in container else value
                elif in_map:
                    container[key] = value
                    key = None
                else:
                    container.append(value)
            elif kind is yaml.DocumentStartEvent:
                if top:
                    message, help_ = "a second document starts here", "one file holds one project: remove the `---`, or split the file"
                    self._report(event, "MLC106", message, help_)
                    return None
            elif kind is yaml.StreamEndEvent:
                return top[0] if top else None

    def _check_scalar(self, event: Any, written: str) -> None:
        """Anchor, tag, and the one character that no text of a process, a path or an object can hold."""
        if event.anchor is not None or event.tag is not None:
            self._properties(event, written if event.style else resolve(written), written)
        if "\0" in written:
            from .syntax import NUL_HELP

            self._report(event, "MLC108", "the character U+0000 (NUL) cannot stand in a text", NUL_HELP)

    def _properties(self, event: Any, value: Any, written: str | None) -> None:
        """An anchor is remembered, a tag refused."""
        if event.anchor is not None:
            self._anchors[event.anchor] = value, written
            self._sizes.pop(event.anchor, None)
        if event.tag is not None:
            from .syntax import tag

            self._fail(tag(self.text, event))

    def _check_key(self, event: Any, written: str, container: dict[Any, Any]) -> Any:
        """The key to store under, of a key that is already there, empty or `<<`."""
        plain = not getattr(event, "style", None) and event.__class__ is yaml.ScalarEvent
        if plain and written == "<<":
            message = "merge keys `<<` are not read"
            self._report(event, "MLC104", message, "write what steps share under `defaults`, or repeat it", written)
        elif plain and not written:
            self._report(event, "MLC113", "a key is missing before this `:`", "write a key, such as `name:`", width=1)
        elif written in container:
            self._duplicates += 1
            path = self._path(written)
            related = (Related(path, "first defined here", "key"),)
            message = f"the key `{_short(written)}` is given twice"
            last = next(reversed(container))
            help_ = "remove one of the two"
            if last is not _DROPPED and container[last] is None and last != written:
                help_ += f", or indent it if it belongs to `{_short(last)}`"
            finding = Finding("MLC102", message, path, "key", None, "given again here", related, help_, _span(event))
            self._last_duplicate = finding
            if self._duplicates <= MOST_DUPLICATES:
                self._findings.append(finding)
        else:
            return written
        self._dropped.append(container)
        return _DROPPED

    def _refuse_key(self, event: Any, container: dict[Any, Any]) -> None:
        """A collection stands where a key should. Of those inside each other, the outermost is reported."""
        self._dropped.append(container)
        if any(part is _DROPPED for _, part, _ in self._stack):
            return
        from .syntax import braces

        found = braces(self.text, event.start_mark.index)
        if found is not None:
            self._fail(found)
        else:
            kind = "mapping" if event.__class__ is yaml.MappingStartEvent else "list"
            self._report(event, "MLC113", f"a {kind} cannot be a key", "write a text as the key", width=1)

    def _alias(self, event: Any, container: Any, as_key: bool) -> Any:
        """The value that an alias stands for; `_DROPPED` if reading must stop."""
        name = event.anchor
        if name not in self._anchors:
            help_ = f"put quotes around the text, or name a value `&{name}` further up"
            self._report(event, "MLC103", f"the alias `*{name}` refers to nothing above it", help_)
            return f"*{name}" if as_key else None
        value, written = self._anchors[name]
        if as_key:
            if written is None:
                self._report(event, "MLC113", "an alias of a list or mapping cannot be a key", "write a text as the key")
                return f"*{name}"
            return written
        if written is not None:
            size, height = 1, 0
        else:
            if value is container or any(value is outer for outer, _, _ in self._stack):
                message = f"the alias `*{name}` stands inside the value that it refers to"
                self._report(event, "MLC103", message, "write the inner value out")
                return None
            if name not in self._sizes:
                self._sizes[name] = _measure(value, LARGEST_EXPANSION)
            size, height = self._sizes[name]
        self._expanded += size
        if self._expanded > LARGEST_EXPANSION:
            message = f"the aliases up to here stand for more than {LARGEST_EXPANSION:,} values"
            self._report(event, "MLC103", message, "write less through aliases")
            return _DROPPED
        if len(self._stack) + height > DEEPEST:
            message = f"what `*{name}` stands for is nested more than {DEEPEST} levels deep here"
            self._report(event, "MLC105", message, "keep the structure flat")
            return None
        return value

    def _path(self, key: str | None = None) -> Path:
        """The path of a key of the open collection, or of that collection."""
        path: list[str | int] = []
        for outer, part, _ in self._stack[1:]:
            if part is _DROPPED:
                return tuple(path)
            path.append(len(outer) - 1 if isinstance(outer, list) else part)
        if key is not None:
            path.append(key)
        return tuple(path)

    def _report(self, event: Any, code: str, message: str, help_: str, key: str | None = None, width: int = 0) -> None:
        span = _span(event)
        if width:
            span = Span(span.line, span.column, span.line, span.column + width)
        self._fail(Finding(code, message, self._path(key), help=help_, span=span))

    def check_characters(self) -> None:
        """Refuse the characters that may not stand in a text, for a text that is not YAML otherwise."""
        if not self.text.isprintable():
            self._refuse_characters()

    def _refuse_characters(self) -> None:
        from .syntax import characters

        for finding in characters(self.text):
            self._fail(finding)

    def _fail(self, finding: Finding) -> None:
        self.failed = True
        self._findings.append(finding)
        self._problems += 1
        if self._problems == MOST_PROBLEMS:
            raise _TooManyProblems


def _event_source(text: str) -> Callable[[], Any]:
    """What gives one event after the other: libyaml, or the parser in Python, kept from making half a surrogate pair of an escape."""
    if hasattr(yaml, "CSafeLoader"):
        found: Callable[[], Any] = yaml.CSafeLoader(text).get_event
        return found
    loader: Any = yaml.SafeLoader(text)

    def checked() -> Any:
        event = loader.get_event()
        if event.__class__ is yaml.ScalarEvent and any("\ud800" <= character <= "\udfff" for character in event.value):
            mark: Any = event.start_mark
            raise yaml.MarkedYAMLError(None, mark, "found invalid Unicode character escape code", mark)
        return event

    return checked


def _span(event: Any) -> Span:
    start, end = event.start_mark, event.end_mark
    return Span(start.line + 1, start.column + 1, end.line + 1, end.column + 1)


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."


def _measure(value: Any, limit: int) -> tuple[int, int]:
    """How many values a finished value is made of, aliases in it counted each time, and how many levels; counting ends above `limit`."""
    size = height = 0
    nodes = [(value, 1)]
    while nodes and size <= limit:
        node, level = nodes.pop()
        size += 1
        if isinstance(node, (dict, list)):
            height = max(height, level)
            nodes.extend((child, level + 1) for child in (node.values() if isinstance(node, dict) else node))
    return size, height
