"""The types of parameters, told from values: what `--set` and environments must keep when they give a parameter another default."""

from __future__ import annotations

from .scalars import Float, spelling

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .diagnostics.model import Path

A = {
    "string": "a string",
    "int": "an int",
    "float": "a float",
    "bool": "a bool",
    "list": "a list",
    "dict": "a dict",
}


def kind_of(value: Any) -> str:
    """The parameter type of a value; "" for null."""
    if isinstance(value, bool):
        return "bool"
    for types, name in ((str, "string"), (int, "int"), (float, "float"), (list, "list"), (dict, "dict")):
        if isinstance(value, types):
            return name
    return ""


def kind_of_param(data: dict[str, Any], path: Path) -> str:
    """The type that a parameter has before it is set; "" if it is new, null or of no known type."""
    params = data.get("params")
    param = params.get(path[1]) if isinstance(params, dict) else None
    if len(path) == 2:
        return kind_of(param)
    if path[2] != "default" or not isinstance(param, dict):
        return ""
    declared = param.get("type")
    return declared if isinstance(declared, str) and declared in A else kind_of(param.get("default"))


def fitting(value: Any, kind: str, unquoted: bool) -> Any:
    """A value as its parameter takes it: an unquoted word is text for a string, an integer is a number for a float."""
    if kind == "string" and unquoted:
        return spelling(value) if value is not None else "null"
    if kind == "float" and isinstance(value, int) and not isinstance(value, bool):
        number = Float(value)
        number.text = spelling(value)
        return number
    return value
