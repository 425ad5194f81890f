"""Damaged specs: whatever a user types, there is a code and a position, never a traceback.

`MLC_FUZZ=20000 pytest tests/test_fuzz.py` runs longer than the test run does.
"""

from __future__ import annotations

import json
import os
from copy import deepcopy
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlc import driver
from mlc.diagnostics.codes import CODES
from mlc.reader import read
from mlc.source import SourceFile
from mlc.targets import TARGETS
from tests import support

SPECS = [path.read_text(encoding="utf-8") for path in sorted((Path(__file__).parents[1] / "specs").glob("*.yaml"))]
RUNS = int(os.environ.get("MLC_FUZZ", "1000"))

NASTY: list[Any] = [
    None,
    True,
    0,
    -1,
    1.5,
    10**30,
    1e300,
    "",
    " ",
    "x",
    "-x",
    "é",
    "日本語",
    "\x00",
    "\n",
    "a\nb",
    "a b",
    "'",
    '"',
    "\\",
    "$",
    "$$",
    "$(HOME)",
    "{{",
    "}}",
    "{{=1+1}}",
    "{{workflow.name}}",
    "a {{= b",
    "{{$}}",
    "${{",
    "${{ }}",
    "${{ params.x }}",
    "${{ run.id }}",
    "${{ 'a' }}",
    "${{ steps.train.values.x }}",
    '{"IfPresent":1}',
    "in",
    "not",
    "null",
    "yes",
    "0400",
    "1e5",
    "../x",
    "/x",
    "/x/../y",
    "x" * 300,
    [],
    {},
    [[]],
    [None],
    {"": 1},
    {"a": {"b": {"c": [1]}}},
    {"path": "/x"},
    {"secret": "s", "key": "k"},
    ["a", 1, True],
    "/mlc/inputs/x",
    "10Gi",
    "1h",
]
KEYS = [
    "params",
    "image",
    "run",
    "command",
    "args",
    "needs",
    "gate",
    "when",
    "inputs",
    "outputs",
    "metrics",
    "values",
    "x",
    "",
    "in",
    "é",
    "a b",
]
SNIPPETS = [
    "\t",
    "\n",
    "  ",
    "- ",
    ": ",
    ":",
    "{",
    "}",
    "[",
    "]",
    "&a ",
    "*a",
    "<<: *a\n",
    "!!str ",
    "!x",
    "|\n",
    ">\n",
    "# ",
    "'",
    '"',
    "---\n",
    "...\n",
    "${{ ",
    " }}",
    "\x00",
    "\x85",
    "\ufeff",
    "\u2028",
    "%YAML 1.1\n",
    "? ",
    "@",
    "`",
    "# mlc: ignore MLC502 -- why\n",
    "# mlc: ignore",
    "=",
    "~",
]


def documents() -> list[Any]:
    """The data of every valid spec."""
    return [found.data for text in SPECS if (found := read(SourceFile("spec.yaml", text), [])) is not None]


DOCUMENTS = [json.dumps(data) for data in documents()]
"""As JSON, so that every run starts from a fresh copy."""


def sound(text: str) -> None:
    """Compile, in every environment that the specs have; check what comes back."""
    source = SourceFile("spec.yaml", text, beside=support.beside)
    chosen = ("", "dev", "prod") if "environments" in text else ("",)
    results = [driver.compile_source(source, TARGETS, (), name) for name in chosen]
    checked = [driver.check_environments(source, TARGETS)] if len(chosen) > 1 else []
    lines = text.split("\n")
    for diagnostic in (item for result in (*results, *checked) for item in result.diagnostics):
        assert diagnostic.code in CODES
        assert diagnostic.code != "MLC901", diagnostic.message
        assert diagnostic.message
        assert "Traceback" not in diagnostic.message + diagnostic.help
        span = diagnostic.span
        assert 1 <= span.line <= len(text.splitlines()) + len(lines), diagnostic
        assert (span.line, span.column) <= (span.end_line, span.end_column)
        assert span.column >= 1
    for result in results:
        failed = any(diagnostic.severity == "error" for diagnostic in result.diagnostics)
        assert failed == (not result.outputs) or result.usage
        assert support.unsound(result) == []


def _nodes(node: Any, found: list[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    children = list(node.items()) if isinstance(node, dict) else list(enumerate(node)) if isinstance(node, list) else []
    for key, child in children:
        found.append((node, key))
        _nodes(child, found)
    return found


@settings(max_examples=RUNS, deadline=None, suppress_health_check=list(HealthCheck), derandomize=RUNS == 1000)
@given(data=st.data())
def test_damaged_data(data: st.DataObject) -> None:
    """Nodes replaced by nasty values, taken out, renamed or copied to other places."""
    document = json.loads(data.draw(st.sampled_from(DOCUMENTS)))
    for _ in range(data.draw(st.integers(1, 3))):
        nodes = _nodes(document, [])
        if not nodes:
            break
        parent, key = nodes[data.draw(st.integers(0, len(nodes) - 1))]
        action = data.draw(st.sampled_from(("replace", "replace", "remove", "rename", "copy")))
        if action == "replace":
            parent[key] = deepcopy(data.draw(st.sampled_from(NASTY)))
        elif action == "remove":
            del parent[key]
        elif action == "rename" and isinstance(parent, dict):
            parent[data.draw(st.sampled_from(KEYS))] = parent.pop(key)
        else:
            other, place = nodes[data.draw(st.integers(0, len(nodes) - 1))]
            other[place] = json.loads(json.dumps(parent[key]))
    sound(json.dumps(document, ensure_ascii=data.draw(st.booleans())))


@settings(max_examples=RUNS, deadline=None, suppress_health_check=list(HealthCheck), derandomize=RUNS == 1000)
@given(data=st.data())
def test_damaged_text(data: st.DataObject) -> None:
    """Characters cut out, snippets put in, lines swapped or doubled."""
    text = data.draw(st.sampled_from(SPECS))
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        end = start + data.draw(st.sampled_from((0, 0, 1, 2, 10, 100)))
        text = text[:start] + data.draw(st.sampled_from(("", *SNIPPETS)) | st.text(max_size=3)) + text[end:]
        if data.draw(st.booleans()):
            lines = text.split("\n")
            first, second = (data.draw(st.integers(0, len(lines) - 1)) for _ in range(2))
            lines[first], lines[second] = lines[second], lines[first]
            text = "\n".join(lines)
    sound(text)
