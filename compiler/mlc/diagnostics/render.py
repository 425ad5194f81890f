"""Diagnostics as text: one renderer per output format, of which only the one asked for is imported.

Renderers are pure: they neither print nor look at the terminal or the environment. Whether to colour (`--color`, `NO_COLOR`,
a terminal) is decided by the command line.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .model import Diagnostic

FORMATS: tuple[str, ...] = ("text", "concise", "json", "sarif", "github")

DOCUMENTS = ("json", "sarif")
"""Formats of which the whole output is one document, also where nothing was found: nothing else may be printed beside it."""


def render(format: str, diagnostics: Sequence[Diagnostic], sources: Mapping[str, str], color: bool = False) -> str:
    """The diagnostics in one of `FORMATS`, in the order given.

    `sources` maps a file name to its text; a file that it lacks is reported without its source line. `color` adds ANSI colours to
    `text` and means nothing to the other formats. The result ends with a line break; without diagnostics it is empty, except in
    `DOCUMENTS`, where it is an empty envelope. Raises `ValueError` for an unknown format.
    """
    if format == "text":
        from .render_text import render_text

        return render_text(diagnostics, sources, color)
    if format == "concise":
        from .render_concise import render_concise

        return render_concise(diagnostics)
    if format == "json":
        from .render_json import render_json

        return render_json(diagnostics)
    if format == "sarif":
        from .render_sarif import render_sarif

        return render_sarif(diagnostics)
    if format == "github":
        from .render_github import render_github

        return render_github(diagnostics)
    raise ValueError(f"unknown format {format!r}, not one of {', '.join(FORMATS)}")


def visible(text: str) -> str:
    """The text with everything that does not show, or that a terminal would act on, written as an escape such as `\\x1b`.

    That is control characters, line breaks, bidirectional controls, lone surrogates, and spaces other than the ordinary one (a
    no-break space looks like a space and is none). What is left can be printed: a file name or a key cannot move the cursor.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else escape(char) for char in text)


def escape(char: str) -> str:
    """One character as an ASCII escape, as Python writes it."""
    return char.encode("unicode_escape").decode("ascii")


def docs(code: str) -> str:
    """The command that explains a code."""
    return f"mlc explain {code}"
