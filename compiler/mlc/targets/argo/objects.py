"""A step with a `resource` as a resource template, which the executor hands to `kubectl`.

The manifest is JSON, which is YAML too. Every text of it is a JSON string, so no value of a run can become a part of the object's
structure: what is known only at run time is written as JSON by the expression of the argument, and stands without quotes in the manifest.
`$` and double braces are written as escapes: the executor gets its template in a variable, whose `$$` a kubelet makes `$`
(controller/workflowpod.go, ARGO_TEMPLATE), and the controller would replace tags.
"""

from __future__ import annotations

import json

from ...ir import MetricRef, Text, type_of
from .arguments import piece, pieces
from .expressions import quoted, strict_number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ...ir import Applied
    from .arguments import Arguments


def body(applied: Applied, arguments: Arguments) -> dict[str, Any]:
    """The part of the step's template that says what it does."""
    parts = (
        ("action", applied.action),
        ("manifest", _written(applied.manifest, "manifest", "", arguments) + "\n"),
        ("successCondition", applied.success),
        ("failureCondition", applied.failure),
    )
    return {"resource": {key: text for key, text in parts if text}}


def _written(node: object, place: str, indent: str, arguments: Arguments) -> str:
    """A part of the manifest as JSON; `place` is what a parameter is called that holds a text of it."""
    inner = indent + "  "
    if isinstance(node, dict) and node:
        items = [f"{inner}{_string(key)}: {_written(value, f'manifest-{key}', inner, arguments)}" for key, value in node.items()]
        return "{\n" + ",\n".join(items) + f"\n{indent}}}"
    if isinstance(node, tuple) and node:
        items = [f"{inner}{_written(value, f'{place}-{index}', inner, arguments)}" for index, value in enumerate(node, 1)]
        return "[\n" + ",\n".join(items) + f"\n{indent}]"
    if isinstance(node, Text):
        constant = node.constant
        return arguments.put(node, place, _argument) if constant is None else _string(constant)
    return json.dumps(node, allow_nan=False)  # an empty tuple is an empty list


def _string(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("$", "\\u0024").replace("{{", "\\u007b\\u007b").replace("\x7f", "\\u007f")


def _argument(text: Text) -> str:
    """A run-time text as an expression that gives JSON: the value of its type where an expression is all of it, else a string."""
    if len(text.pieces) > 1:
        return _escaped(" + ".join(pieces(text, True, piece)))
    (ref,) = text.references
    if isinstance(ref, MetricRef):
        return f"toJson({strict_number(ref)})"
    match type_of(ref):
        case "int":
            return f"toJson(asInt({piece(ref, True)}))"
        case "float":
            return f"toJson(asFloat({piece(ref, True)}))"
        case "bool":
            return piece(ref, True)
        case "list" | "dict":
            return _escaped(f"fromJSON({piece(ref, True)})")
    return _escaped(piece(ref, True))


def _escaped(value: str) -> str:
    # two braces in a row stand in strings only: in JSON a quote, a bracket or a number follows one that opens a mapping
    dollar, braces = quoted("\\u0024"), quoted("\\u007b") + " + " + quoted("\\u007b")
    return f"replace(replace(toJson({value}), '$', {dollar}), {quoted('{{')}, {braces})"
