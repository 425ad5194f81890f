"""What schema errors say in words: places of the document, found values and examples."""

from __future__ import annotations

import json
import re

from .schema import kind

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from .diagnostics.model import Path

    Node = dict[str, Any]

_ENTRY = {
    "params": "parameter",
    "images": "image",
    "volumes": "volume",
    "artifacts": "artifact",
    "templates": "template",
    "machines": "machine",
    "datasets": "dataset",
    "environments": "environment",
    "steps": "step",
    "finally": "step",
    "labels": "label",
    "annotations": "annotation",
    "env": "variable",
    "inputs": "input",
    "outputs": "output",
    "values": "value",
    "metrics": "metric",
    "init": "init container",
    "sidecars": "sidecar",
}
_TOP_SECTIONS = frozenset({"params", "images", "volumes", "artifacts", "steps", "finally", "labels", "annotations"})
_TOP_SECTIONS |= {"templates", "machines", "datasets", "environments"}
_STEP_SECTIONS = frozenset({"labels", "annotations", "volumes", "env", "inputs", "outputs", "values", "metrics", "init", "sidecars"})

_KIND_WORDS = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "`true` or `false`",
    "array": "a list",
    "object": "a mapping",
}


def listed(words: Iterable[str], last: str = "or") -> str:
    """`a`, `b` or `c`, for words that are already in their quotes."""
    items = list(words)
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} {last} {items[-1]}"


def quoted(text: object) -> str:
    """A text of the user in backticks: printable, on one line, and not longer than a line can take."""
    plain = "".join(char if char.isprintable() else repr(char)[1:-1] for char in str(text))
    return f"`{plain if len(plain) <= 60 else plain[:57] + '...'}`"


def subject(path: Path) -> str:
    """What stands at a path, in words: "`timeout` of step `train`"."""
    if not path:
        return "the project"
    *parent, last = path
    if isinstance(last, int):
        return f"item {last + 1} of {subject(tuple(parent))}"
    overlay = _overlay(path)
    if overlay != path:
        return f"{subject(overlay)} of environment {quoted(path[1])}" if overlay else f"environment {quoted(path[1])}"
    section = _section(path)
    if section:
        outer = subject(tuple(parent[:-1])) if len(path) > 2 else ""
        return f"{_ENTRY[section]} {quoted(last)}" + (f" of {outer}" if outer else "")
    return quoted(last) if len(path) == 1 else f"{quoted(last)} of {subject(tuple(parent))}"


def _section(path: Path) -> str:
    """The section whose entry a path names: "steps" for `("steps", "train")`; "" for a path of anything else."""
    if len(path) < 2:
        return ""
    name = str(path[-2])
    holder = path[:-2]
    if not holder:
        return name if name in _TOP_SECTIONS else ""
    in_step = holder == ("defaults",) or (len(holder) == 2 and holder[0] in ("steps", "finally", "templates"))
    return name if in_step and name in _STEP_SECTIONS else ""


def _overlay(path: Path) -> Path:
    """The place of the project that a place of an environment is put over; any other place is its own."""
    return path[2:] if path[:1] == ("environments",) and len(path) > 1 else path


def scope(path: Path) -> str:
    """The kind of mapping at a path: `project`, `step` (also for `defaults`), an entry's kind such as `metric`, or its own key."""
    if not path:
        return "project"
    overlay = _overlay(path)
    if overlay != path:
        return scope(overlay) if overlay else "environment"
    if path == ("defaults",):
        return "step"
    section = _section(path)
    if section == "volumes" and len(path) > 2:
        return "mount"
    if section in ("init", "sidecars"):
        return "container"
    return "step" if section == "templates" else _ENTRY[section] if section else str(path[-1])


def found(value: object) -> str:
    """A value in words, for "not ..."."""
    name = kind(value)
    if name == "null":
        return "an empty value"
    if name == "string":
        return f"the text {quoted(value)}" if value else "an empty text"
    if name == "":
        return f"{quoted(source(value))}, which is not finite"
    if name in ("integer", "number"):
        return f"the number {quoted(source(value))}"
    return quoted(source(value)) if name == "boolean" else _KIND_WORDS[name]


def expected(kinds: Iterable[str]) -> str:
    """The kinds of value that may stand somewhere, in words."""
    return listed(_KIND_WORDS[name] for name in kinds if name != "null")


def source(value: object) -> str:
    """A scalar as it stands in the file, as far as that is known."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(getattr(value, "text", value))


_BARE = re.compile(r"[A-Za-z/][-A-Za-z0-9_./]*(?::[-A-Za-z0-9_.]+)*(?: [A-Za-z0-9_]+)*")


def flow(value: object) -> str:
    """An example as YAML in one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(flow, value)) + "]"
    if isinstance(value, str) and (_BARE.fullmatch(value) or re.fullmatch(r"[1-9][0-9]*[A-Za-z][A-Za-z0-9]*", value)):
        return value
    return json.dumps(value, ensure_ascii=False)


def example(key: object, node: Node) -> str:
    """A help text that shows how to write a key, or "" where the schema has no example for it."""
    if "examples" not in node:
        return ""
    value = flow(node["examples"][0])
    return f"for example `{quoted(key)[1:-1]}: {value}`" if isinstance(key, str) else f"for example `{value}`"


def resolved(node: Node, schema: Node) -> Node:
    """A schema with what its `$ref` refers to; its own keywords win."""
    if "$ref" not in node:
        return node
    return {**resolved(schema["$defs"][node["$ref"].rpartition("/")[2]], schema), **node}


def properties(node: Node, schema: Node) -> dict[str, Node]:
    """Every key that a mapping may have in any of its forms."""
    node = resolved(node, schema)
    every = dict(node.get("properties", {}))
    for form in node.get("anyOf", ()):
        every.update(properties(form, schema))
    return every
