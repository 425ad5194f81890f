"""Diagnostics as SARIF 2.1.0, the format in which code scanning services take the findings of a program."""

from __future__ import annotations

import json
from urllib.parse import quote

from .. import __version__
from .codes import CODES
from .explain import explain
from .render import docs, visible

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from .model import Diagnostic, Span

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

_GROUPS = {"1": "yaml", "2": "schema", "3": "references", "4": "targets", "5": "lint", "9": "mlc"}
"""The tag of a code, by its first digit."""


def render_sarif(diagnostics: Sequence[Diagnostic]) -> str:
    """One run with a result per diagnostic, and the rule, with its page, of every code among them. Also where there are none.

    Files are named as on the command line, as relative references: a service reads them from the root of the repository. The text is
    ASCII (other characters are escaped), so it survives any encoding.
    """
    codes = sorted({found.code for found in diagnostics})
    driver = {"name": "mlc", "semanticVersion": __version__, "rules": [_rule(code) for code in codes]}
    # Our columns count code points; a reader that is told nothing counts UTF-16 units (SARIF 2.1.0, 3.14.17).
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(found, codes.index(found.code)) for found in diagnostics],
    }
    text = json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=True)
    return text.replace("\x7f", "\\u007f") + "\n"


def _rule(code: str) -> dict[str, Any]:
    page = explain(code) or ""
    title, _, rest = page.partition("\n")
    finds = rest.partition("## What it finds\n")[2].partition("\n## ")[0].strip()
    return {
        "id": code,
        "shortDescription": {"text": CODES[code].summary},
        "fullDescription": {"text": finds or CODES[code].summary},
        "help": {"text": f"{title.lstrip('# ')}: `{docs(code)}`", "markdown": page},
        "defaultConfiguration": {"level": CODES[code].severity},
        "properties": {"tags": [_GROUPS[code[3]]]},
    }


def _result(found: Diagnostic, rule: int) -> dict[str, Any]:
    message = f"{found.message}\nhelp: {found.help}" if found.help else found.message
    result: dict[str, Any] = {
        "ruleId": found.code,
        "ruleIndex": rule,
        "level": found.severity,
        "message": {"text": _text(message)},
        "locations": [_location(found.file, found.span)],
    }
    if found.notes:
        result["relatedLocations"] = [
            {"id": number, **_location(note.file, note.span), "message": {"text": _text(note.label)}}
            for number, note in enumerate(found.notes, start=1)
        ]
    return result


def _location(file: str, span: Span) -> dict[str, Any]:
    name = file.replace("\\", "/").removeprefix("./")
    try:
        uri = quote(name, errors="surrogateescape")  # a file name can hold bytes that are no text: as such they stand in an address
    except UnicodeEncodeError:  # half of a pair, as names on Windows can have
        uri = quote(name, errors="surrogatepass")
    region = {"startLine": span.line, "startColumn": span.column, "endLine": span.end_line, "endColumn": span.end_column}
    return {"physicalLocation": {"artifactLocation": {"uri": f"file://{uri}" if uri.startswith("/") else uri}, "region": region}}


def _text(text: str) -> str:
    """A plain message: no `[text](link)` of a spec becomes a link (3.11.6), nothing in it can control a terminal or a page."""
    return "\n".join(visible(line) for line in text.split("\n")).replace("](", "] (")
