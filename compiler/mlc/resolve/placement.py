"""Where `${{ }}` may stand. Everywhere else it would be taken literally, so it is refused, and so is one that lacks its `$`."""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..diagnostics.model import Path
    from .context import Context

_STEP_KEYS = frozenset(("command", "args", "run", "when", "image"))
_CONTAINER_KEYS = frozenset(("command", "args", "run", "env", "image"))
_NAMED = ("claim", "secret", "config_map")
_BOUNDS = frozenset(("min", "max", "above", "below"))
_NO_DOLLAR = (
    r"(?<!\$)\{\{\s*((?:params|inputs|outputs|values|metrics|run)\.[A-Za-z][\w-]*|each\.[A-Za-z][\w-]*(?:\.[\w-]+)?"
    r"|steps\.[\w-]+\.(?:values|metrics)\.[\w-]+)\s*\}\}"
)
"""What reads as a reference of ours, in the braces of other tools. A text that is meant so is written `${{ '{{ params.x }}' }}`."""
_HELP = (
    "expressions may stand in `command`, `args`, `env`, `when`, `foreach`, `image`, thresholds, labels of steps, names of claims, secrets "
    "and config maps, and the `tag` of a dataset, paths also in `run`"
)
_PATCH = "a patch is printed as it is: write what the engine fills in itself, such as `{{workflow.parameters.epochs}}` on Argo"


def check_placement(context: Context) -> None:
    """Report every text with `${{` in a place that takes no expression."""
    open_nodes: list[tuple[Any, Path]] = [(context.data, ())]
    while open_nodes:
        node, path = open_nodes.pop()
        if _allowed(path, node):
            _check_dollars(context, node, path)
            continue
        if isinstance(node, dict):
            for key, value in reversed(node.items()):
                if "${{" in key:
                    context.report("MLC311", "an expression may not stand in a key", (*path, key), at="key", help=_help(path))
                open_nodes.append((value, (*path, key)))
        elif isinstance(node, list):
            open_nodes.extend((value, (*path, index)) for index, value in reversed(list(enumerate(node))))
        elif isinstance(node, str) and "${{" in node:
            start = node.index("${{")
            end = node.find("}}", start)
            within = (start, end + 2 if end >= 0 else len(node))
            context.report("MLC311", "an expression may not stand here", path, within=within, help=_help(path))


def _help(path: Path) -> str:
    return _PATCH if "patch" in path and "targets" in path[:3] else _HELP


def _check_dollars(context: Context, node: Any, path: Path) -> None:
    if path[-1] == "run":
        return  # a script may hold a template of its own; there a value could not stand anyway
    if isinstance(node, list):
        for index, item in enumerate(node):
            _check_dollars(context, item, (*path, index))
    elif isinstance(node, str) and node.count("{{") > node.count("${{") and (found := re.search(_NO_DOLLAR, _outside(node))):
        help = f"write `${found[0]}`"
        context.report("MLC310", f"`{found[0]}` lacks the `$` of an expression", path, within=found.span(), help=help)


def _outside(text: str) -> str:
    """The text with its expressions blanked out, as long as before."""
    if "${{" not in text:
        return text
    from ..expr.parse import ExpressionError, pieces

    try:
        parts = pieces(text)
    except ExpressionError:
        return ""  # reported where the text is read
    return "".join(part if isinstance(part, str) else " " * (part[1] - part[0] + len("${{}}")) for part in parts)


def _allowed(path: Path, node: Any) -> bool:
    if path[:1] == ("environments",):
        path = path[2:]
    if path[:1] == ("images",):
        return (len(path) == 2 and isinstance(node, str)) or path[2:] == ("ref",)
    if path[:1] == ("volumes",):
        return len(path) == 3 and path[2] in _NAMED and isinstance(node, str)
    if path[:1] in (("datasets",), ("artifacts",)):
        return len(path) == 3 and path[2] == ("tag" if path[0] == "datasets" else "uri")
    if len(path) < 2 or path[0] not in ("steps", "finally", "templates", "defaults"):
        return False
    key = path[1:] if path[0] == "defaults" else path[2:]
    if not key:
        return False
    if key[0] in ("init", "sidecars") and len(key) > 2 and key[2] in _CONTAINER_KEYS:
        key = key[2:]
    if key[0] in _STEP_KEYS:
        return True
    if key[:2] == ("resource", "manifest"):
        return isinstance(node, str)
    if key[0] in ("env", "foreach", "labels"):
        return isinstance(node, str) and (len(key) == 2 or (len(key) == 3 and key[0] == "env" and key[2] in _NAMED))
    return key[0] == "metrics" and len(key) == 3 and key[2] in _BOUNDS
