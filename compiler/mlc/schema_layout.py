"""Mistakes in the layout of a whole file, which error by error would only confuse: keys at the wrong level, files of other tools."""

from __future__ import annotations

from .diagnostics.model import Finding, Related
from .schema_hints import listed, quoted, resolved, subject

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from .diagnostics.model import Path

    Node = dict[str, Any]

_MOST_NAMED = 4
"""Keys at the wrong level that one help text names."""


def other_file(document: object) -> Finding | None:
    """The one finding for a file that is no project at all but a manifest, such as one that mlc wrote."""
    if not isinstance(document, dict) or "steps" in document:
        return None
    help = "mlc makes such files from a project, which starts with `mlc: v1`, `name:` and `steps:`; `mlc init` writes a first one"
    if {"apiVersion", "kind"} <= document.keys():
        message = f"this is a Kubernetes manifest of kind {quoted(document['kind'])}, not a project"
        return Finding("MLC201", message, ("apiVersion",), "key", label="no key of a project", help=help)
    if {"pipelineInfo", "deploymentSpec"} <= document.keys():
        message = "this is a compiled pipeline of Kubeflow Pipelines, not a project"
        return Finding("MLC201", message, ("pipelineInfo",), "key", label="no key of a project", help=help)
    return None


def indented(document: Any, schema: Node, findings: list[Finding]) -> Any:
    """The document with the keys moved out of the way that stand beside an empty section or step instead of in it.

    One finding is added for each such section or step, in place of one for each of its keys. The keys themselves are not checked: a
    finding in them would name a place that the file does not have.
    """
    if not isinstance(document, dict):
        return document
    top: Node = schema["properties"]
    sections = {name: node for name, node in top.items() if "propertyNames" in node}
    document = _moved(document, (), sections.__contains__, lambda key, _: key not in top, lambda name: top[name]["examples"][0], findings)
    keys: Node = schema["$defs"]["step"]["properties"]

    def is_key_of_step(key: object, value: object) -> bool:
        return key in keys and (not isinstance(value, dict) or "object" in resolved(keys[key], schema)["type"])

    for section in ("steps", "finally"):
        steps = document.get(section)
        if isinstance(steps, dict):
            steps = _moved(steps, (section,), lambda _: True, is_key_of_step, lambda _: {}, findings)
            document = {**document, section: steps}
    return document


def _moved(
    mapping: dict[Any, Any],
    path: Path,
    may_hold: Callable[[Any], bool],
    belongs: Callable[[Any, Any], bool],
    stand_in: Callable[[Any], Any],
    findings: list[Finding],
) -> dict[Any, Any]:
    """The mapping without the keys that belong into the empty entry before them, which gets something right instead."""
    kept: dict[Any, Any] = {}
    for holder, keys in _runs(mapping, may_hold, belongs):
        kept[holder] = mapping[holder]
        if not keys:
            continue
        kept[holder] = stand_in(holder)
        place = (*path, holder)
        named = listed([*map(quoted, keys[:_MOST_NAMED]), *(["what follows"] if len(keys) > _MOST_NAMED else [])], "and")
        message = f"{subject(place)} is empty, and what belongs to it follows at the same level"
        related = (Related((*path, keys[0]), "this stands beside it", "key"),)
        findings.append(Finding("MLC203", message, place, "key", related=related, help=f"indent {named} under {quoted(holder)}"))
    return kept


def _runs(mapping: dict[Any, Any], may_hold: Callable[[Any], bool], belongs: Callable[[Any, Any], bool]) -> Iterator[tuple[Any, list[Any]]]:
    """Each key of a mapping with the keys after it that belong into it, which are not given again."""
    holder: Any = None
    keys: list[Any] = []
    for key, value in mapping.items():
        if holder is not None and mapping[holder] is None and may_hold(holder) and belongs(key, value):
            keys.append(key)
            continue
        if holder is not None:
            yield holder, keys
        holder, keys = key, []
    if holder is not None:
        yield holder, keys
