"""What the schema lets stand at a place of a document, for `--set`, whose values have no quotes to tell texts from numbers."""

from __future__ import annotations

import json

from .schema import schema_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .diagnostics.model import Path

    Node = dict[str, Any]

_SCALARS = frozenset(("string", "integer", "number", "boolean"))


def only_text(path: Path) -> bool:
    """Whether the only single values that may stand at a path are texts; mappings and lists may stand there beside them."""
    schema = json.loads(schema_text())
    return _scalars(schema, path, schema) == {"string"}


def _scalars(node: Node, path: Path, schema: Node) -> frozenset[str]:
    """The kinds of single values that a node lets stand at a path below it: all where it says nothing of it."""
    found = _own(node, path, schema)
    if "$ref" in node:
        found &= _scalars(schema["$defs"][node["$ref"].rpartition("/")[2]], path, schema)
    for part in node.get("allOf", ()):
        found &= _scalars(part, path, schema)
    if "anyOf" in node:
        found &= frozenset().union(*(_scalars(form, path, schema) for form in node["anyOf"]))
    return found


def _own(node: Node, path: Path, schema: Node) -> frozenset[str]:
    types = node.get("type", ("object", "array", *_SCALARS))
    kinds = frozenset((types,) if isinstance(types, str) else types)
    if not path:
        return kinds & _SCALARS
    part, rest = path[0], path[1:]
    if ("array" if isinstance(part, int) else "object") not in kinds:
        return frozenset()
    if isinstance(part, int):
        inner = node.get("items", True)
    else:
        inner = node.get("properties", {}).get(part, node.get("additionalProperties", True))
    return _scalars(inner, rest, schema) if isinstance(inner, dict) else _SCALARS if inner else frozenset()
