"""Diagnostics for programs: a versioned JSON document."""

from __future__ import annotations

import json

from .render import docs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from .model import Diagnostic, Span

VERSION = 1


def render_json(diagnostics: Sequence[Diagnostic]) -> str:
    """An envelope `{"version": 1, "diagnostics": [...]}`, also when there are none. Each diagnostic is an object with

    - `code`: such as `"MLC301"`; `severity`: `"error"`, `"warning"` or `"note"`; `message`: one sentence;
    - `path`: the place in the document, as a list of keys (text) and list indexes (numbers from 0), empty for the whole document;
    - `file`, `line`, `column`, `end_line`, `end_column`: numbers from 1, columns in code points, the end exclusive;
    - `label`: a few words about the marked text; `help`: what to do, possibly several lines; both may be `""`;
    - `docs`: the command that explains the code;
    - `related`: other places that explain it, objects with `label`, `file`, `line`, `column`, `end_line`, `end_column`.

    The version grows when a field changes its meaning or goes; new fields may come without that. The text is ASCII (other
    characters are escaped), so it survives any encoding and cannot control a terminal. Bytes of a file's name that are no text, which
    Python keeps as lone surrogates and many readers of JSON refuse, are written as text, `\\udcff`.
    """
    found = [
        {
            "code": diagnostic.code,
            "severity": diagnostic.severity,
            "message": _sound(diagnostic.message),
            "path": [_sound(key) if isinstance(key, str) else key for key in diagnostic.path],
            **_position(diagnostic.file, diagnostic.span),
            "label": _sound(diagnostic.label),
            "help": _sound(diagnostic.help),
            "docs": docs(diagnostic.code),
            "related": [{"label": _sound(note.label), **_position(note.file, note.span)} for note in diagnostic.notes],
        }
        for diagnostic in diagnostics
    ]
    text = json.dumps({"version": VERSION, "diagnostics": found}, indent=2, ensure_ascii=True)
    return text.replace("\x7f", "\\u007f") + "\n"  # DEL, the one control character that JSON does not escape


def _position(file: str, span: Span) -> dict[str, str | int]:
    return {
        "file": _sound(file),
        "line": span.line,
        "column": span.column,
        "end_line": span.end_line,
        "end_column": span.end_column,
    }


def _sound(text: str) -> str:
    """A text without lone surrogates."""
    return text.encode("utf-8", "backslashreplace").decode()
