"""`--set KEY=VALUE`: one value of the document, from the command line."""

from __future__ import annotations

from .diagnostics.model import Finding, Span
from .reader import Builder
from .record import replace
from .scalars import Float, resolve, spelling
from .source import FLOW_STARTS, SET, Document, SourceFile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .diagnostics.model import Path

_DECLARATION = frozenset(("type", "default", "description", "choices", "min", "max"))
_EXAMPLE = "write `--set KEY=VALUE`, such as `--set params.epochs=3`"
_DECLARED = {
    "params": ("MLC303", "parameter"),
    "steps": ("MLC301", "step"),
    "finally": ("MLC301", "step"),
    "volumes": ("MLC316", "volume"),
    "images": ("MLC317", "image"),
}
"""Sections in which `--set` changes entries and adds none: a new one would be a misspelt one, and nothing would use it."""


def apply(document: Document, assignment: str, findings: list[Finding]) -> Document:
    """The document with `KEY=VALUE` applied.

    KEY is a path with dots; list items are numbers from 0, and a dot inside a key is written `\\.`. Mappings that do not exist are made,
    but no parameter, step, volume or image.
    VALUE is YAML if it starts with `[`, `{` or a quote, and else one unquoted scalar whatever is in it; nothing is an empty text.
    A declared parameter gets another default. A parameter keeps its type: text stays text, and what does not fit is MLC305.
    """
    line = sum(file.text.count("\n") + 1 for _, file in document.overrides)
    file = SourceFile(SET, assignment, line)
    failed = replace(document, overrides=(*document.overrides, ((SET,), file)))
    key, equals, text = assignment.partition("=")

    def refuse(message: str, help_: str, start: int = 0, end: int = len(key), code: str = "MLC101") -> Document:
        span = Span(line + 1, start + 1, line + 1, max(end, start + 1) + 1)
        findings.append(Finding(code, message, (SET,), help=help_, span=span))
        return failed

    parts = [part.replace("\0", ".") for part in key.replace("\\.", "\0").split(".")]
    if not equals:
        return refuse(f"the assignment {_shown(key)} has no `=`", _EXAMPLE)
    if not all(parts) or key != key.strip():
        return refuse(f"the key of the assignment {_shown(key + '=')} has an empty part or blanks around it", _EXAMPLE)
    unquoted = not text.startswith(FLOW_STARTS)
    found: list[Finding] = []
    builder = Builder("\n" * line + (assignment if unquoted else " " * (len(key) + 1) + text), found)
    value: Any
    if unquoted:
        value = resolve(text) if text else ""
        builder.check_characters()
    else:
        value = builder.build()
    findings.extend(replace(finding, message=f"{finding.message}, in the assignment of {_shown(key)}", path=(SET,)) for finding in found)
    if builder.failed:
        return failed

    path = _target(document.data, parts)
    if any(str(part).endswith("]") for part in path) and not _is_there(document.data, path):
        dotted = key.replace("[", ".").replace("]", "")
        return refuse(f"there is no {_shown(key)}", f"list items are numbers after a dot: {_shown(dotted)}")
    section = path[0]
    if section in _DECLARED:
        entries = document.data.get(section) or {}
        names = path[1:2] or tuple(value if isinstance(value, dict) else ())
        unknown = next((str(name) for name in names if name not in entries), None) if isinstance(entries, dict) else None
        if unknown is not None:
            from .diagnostics.suggest import did_you_mean

            code, entry = _DECLARED[section]
            help_ = did_you_mean(unknown, map(str, entries)) or f"declare it under `{section}` in the file: `--set` changes what is there"
            return refuse(f"there is no {entry} {_shown(unknown)}", help_, code=code)
    if path[:1] == ("params",) and len(path) in (2, 3):
        kind = _kind_of_param(document.data, path)
        value = _fitting(value, kind, unquoted)
        actual = _kind(value)
        if kind and actual != kind:
            help_ = f"give {_A[kind]}, or declare the parameter with its `type`"
            message = f"parameter `{parts[1]}` is {_A[kind]}, and this is {_A.get(actual, 'nothing')}"
            return refuse(message, help_, len(key) + 1, len(assignment), "MLC305")
    data, wrong = _stored(document.data, path, value)
    if wrong:
        return refuse(wrong, "check the path: parts are joined with dots, list items are numbers from 0")
    return Document(document.source, data, (*document.overrides, (path, file)))


def _target(data: Any, parts: list[str]) -> Path:
    """The path that an assignment means: numbers where the document has lists, the default of a declared parameter."""
    path: list[str | int] = []
    node = data
    for part in parts:
        if isinstance(node, list) and part.isascii() and part.isdigit() and len(part) < 10:
            path.append(int(part))
            node = node[int(part)] if int(part) < len(node) else None
        else:
            path.append(part)
            node = node.get(part) if isinstance(node, dict) else None
    if len(path) == 2 and path[0] == "params" and isinstance(node, dict) and node and _DECLARATION.issuperset(node):
        path.append("default")
    return tuple(path)


def _stored(data: Any, path: Path, value: Any) -> tuple[Any, str]:
    """A copy of the data with a value stored, sharing what is not on the way; or what is wrong with the way."""
    top: dict[Any, Any] = {"": data}
    node: Any = top
    at: Any = ""
    for depth, part in enumerate(path):
        child = node[at] if isinstance(node, list) else node.get(at)
        shown = ".".join(str(one) for one in path[:depth])
        if isinstance(child, list):
            if not isinstance(part, int) or part >= len(child):
                return None, f"`{shown}` is a list of {len(child)}, which has no item `{part}`"
            child = list(child)
        elif child is None or isinstance(child, dict):
            child = dict(child or {})
        else:
            return None, f"`{shown}` is a single value, which has no `{part}` in it"
        node[at] = child
        node, at = child, part
    node[at] = value
    return top[""], ""


def _is_there(data: Any, path: Path) -> bool:
    """Whether a path leads to something."""
    for part in path:
        keys = data if isinstance(data, dict) else range(len(data)) if isinstance(data, list) else ()
        if part not in keys:
            return False
        data = data[part]
    return True


def _shown(text: str) -> str:
    """A text of the user in backticks: printable, and not longer than a line can take."""
    plain = "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)
    return f"`{plain if len(plain) <= 60 else plain[:57] + '...'}`"


_A = {
    "string": "a string",
    "int": "an int",
    "float": "a float",
    "bool": "a bool",
    "list": "a list",
    "dict": "a dict",
}


def _kind(value: Any) -> str:
    """The parameter type of a value; "" for null."""
    if isinstance(value, bool):
        return "bool"
    for types, name in ((str, "string"), (int, "int"), (float, "float"), (list, "list"), (dict, "dict")):
        if isinstance(value, types):
            return name
    return ""


def _kind_of_param(data: dict[str, Any], path: Path) -> str:
    """The type that a parameter has before it is set; "" if it is new, null or of no known type."""
    params = data.get("params")
    param = params.get(path[1]) if isinstance(params, dict) else None
    if len(path) == 2:
        return _kind(param)
    if path[2] != "default" or not isinstance(param, dict):
        return ""
    declared = param.get("type")
    return declared if isinstance(declared, str) and declared in _A else _kind(param.get("default"))


def _fitting(value: Any, kind: str, unquoted: bool) -> Any:
    """A value as its parameter takes it: an unquoted word is text for a string, an integer is a number for a float."""
    if kind == "string" and unquoted:
        return spelling(value) if value is not None else "null"
    if kind == "float" and isinstance(value, int) and not isinstance(value, bool):
        number = Float(value)
        number.text = spelling(value)
        return number
    return value
