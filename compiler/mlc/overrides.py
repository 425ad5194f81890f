"""`--set KEY=VALUE`: one value of the document, from the command line."""

from __future__ import annotations

from .diagnostics.model import Finding, Span
from .kinds import A, fitting, kind_of, kind_of_param
from .reader import Builder
from .record import replace
from .scalars import resolve
from .source import FLOW_STARTS, SET, Document, SourceFile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
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
    "templates": ("MLC327", "template"),
    "machines": ("MLC328", "machine"),
    "datasets": ("MLC322", "dataset"),
}
"""Sections in which `--set` changes entries and adds none: a new one would be a misspelt one, and nothing would use it."""


TOP = frozenset("mlc name description labels annotations params images volumes store artifacts templates machines datasets".split())
TOP |= frozenset("code defaults steps finally schedule targets environments".split())
"""The keys of a project."""


def apply(document: Document, assignment: str, findings: list[Finding], only_text: Callable[[Path], bool]) -> Document:
    """The document with `KEY=VALUE` applied.

    KEY is a path with dots; list items are numbers from 0, and a dot inside a key is written `\\.`. Mappings that do not exist are made,
    but no entry of a section whose entries have names, and no container beside a step's own.
    VALUE is YAML if it starts with `[`, `{` or a quote, and else one unquoted scalar whatever is in it; nothing is an empty text.
    Where `only_text` says that no other scalar may stand, it is a text whatever it looks like.
    A declared parameter gets another default. A parameter keeps its type: text stays text, and what does not fit is MLC305.
    An image is its reference, whichever form it has, and `tag` after it is the tag in the reference.
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
    if section not in TOP and (meant := _section_of(document.data, str(section))):
        return refuse(f"a project has no key {_shown(str(section))}", f"write {_shown(f'--set {meant}.{assignment}')}", code="MLC201")
    if section == "environments":
        rest = key.partition(".")[2].partition(".")[2]
        help_ = f"write {_shown(f'{rest}={text}')}" if rest else "write what is different, such as `params.epochs=3`"
        return refuse("`--set` comes after `--env`: it changes the project, not one of its `environments`", help_)
    if section in _DECLARED:
        entries = document.data.get(section) or {}
        names = path[1:2] or tuple(value if isinstance(value, dict) else ())
        unknown = next((str(name) for name in names if name not in entries), None) if isinstance(entries, dict) else None
        if unknown is not None:
            from .diagnostics.suggest import did_you_mean

            code, entry = _DECLARED[section]
            help_ = did_you_mean(unknown, map(str, entries)) or f"declare it under `{section}` in the file: `--set` changes what is there"
            return refuse(f"there is no {entry} {_shown(unknown)}", help_, code=code)
    holder, beside = _beside(document.data, path)
    if len(path) > len(holder) > 0 and path[len(holder)] not in beside:
        from .diagnostics.suggest import did_you_mean

        kind = "sidecar" if holder[-1] == "sidecars" else "init container"
        place = ".".join(map(str, holder))
        help_ = did_you_mean(str(path[len(holder)]), map(str, beside))
        help_ = help_ or f"declare it in {_shown(place)} in the file: `--set` changes what is there"
        return refuse(f"there is no {kind} {_shown(str(path[len(holder)]))} in {_shown(place)}", help_)
    if path[:1] == ("params",) and len(path) in (2, 3):
        kind = kind_of_param(document.data, path)
        value = fitting(value, kind, unquoted)
        actual = kind_of(value)
        if kind and actual != kind:
            help_ = f"give {A[kind]}, or declare the parameter with its `type`"
            message = f"parameter `{parts[1]}` is {A[kind]}, and this is {A.get(actual, 'nothing')}"
            return refuse(message, help_, len(key) + 1, len(assignment), "MLC305")
    if unquoted and isinstance(value, (int, float)) and (_is_text(path) or only_text(path)):
        value = text
    data = document.data
    if section == "images" or path[-2:-1] == ("image",):
        from . import override_image

        data, path, value, problem = override_image.place(data, path, value)
        if problem is not None:
            start, end = (len(key) + 1, len(assignment)) if problem.at_value else (0, len(key))
            return refuse(problem.message, problem.help, start, end, "MLC317")
    data, wrong = _stored(data, path, value)
    if wrong:
        return refuse(wrong, "check the path: parts are joined with dots, list items are numbers from 0")
    return replace(document, data=data, overrides=(*document.overrides, (path, file)))


def _section_of(data: Any, name: str) -> str:
    """The section that has an entry of this name, "" if none has: who says `epochs=3` means `params.epochs=3`."""
    return next((section for section in _DECLARED if isinstance(data.get(section), dict) and name in data[section]), "")


def _beside(data: Any, path: Path) -> tuple[Path, Any]:
    """Where the containers beside a step's own stand that a path leads into, () if it does not, and what stands there.

    A step has its own or those of a lower layer, never both (`resolve.merge`), so one that is not there is none of them.
    """
    depth = 1 if path[0] == "defaults" else 2 if path[0] in ("steps", "finally", "templates") else len(path)
    if path[depth : depth + 1] not in (("init",), ("sidecars",)):
        return (), {}
    node = data
    for part in path[: depth + 1]:
        node = node.get(part) if isinstance(node, dict) else None
    return path[: depth + 1], node if isinstance(node, dict) else {}


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


def _is_text(path: Path) -> bool:
    """Whether a place takes texts only, by other rules than the schema's: the parts of an image (`1.10` is a tag) in whichever form it
    stands, and labels (`0123`) in an object of Kubernetes, too.
    """
    return (path[-1] in ("tag", "ref") and (path[0] == "images" or path[-2:-1] == ("image",))) or path[-2:-1] in (
        ("labels",),
        ("annotations",),
    )


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
