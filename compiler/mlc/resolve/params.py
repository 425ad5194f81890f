"""`params`: types, defaults and their limits."""

from __future__ import annotations

from ..ir import Param
from ..scalars import source_text
from .names import check_alike

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ..diagnostics.model import Path
    from ..ir import Type
    from .context import Context

LONGEST = 300
"""Digits of a whole number: engines compare numbers as doubles, which end at 309 digits."""
_WORDS = {"string": "a text", "int": "a whole number", "float": "a number", "bool": "true or false", "list": "a list", "dict": "a mapping"}


def resolve(context: Context, declared: Mapping[str, Any]) -> None:
    """Fill `context.params`."""
    check_alike(context, {name: ("params", name) for name in declared})
    for name, entry in declared.items():
        path: Path = ("params", name)
        declaration = entry if isinstance(entry, dict) else {"default": entry}
        context.params[name] = _param(context, name, declaration, path, long=isinstance(entry, dict))


def _param(context: Context, name: str, entry: Mapping[str, Any], path: Path, *, long: bool) -> Param:
    default = entry.get("default")
    kind: Type = entry.get("type") or type_of_value(default)
    checked = _Checked(context, kind, name)
    text = checked.text(default, (*path, "default") if long else path, "default") if default is not None else None
    choices = tuple(
        choice
        for index, value in enumerate(entry.get("choices", ()))
        if (choice := checked.text(value, (*path, "choices", index), "choice")) is not None
    )
    if text is not None:
        text = _spelled(text, choices, kind)
    if "choices" in entry and kind in ("bool", "list", "dict"):
        context.report(
            "MLC305", f"a {kind} parameter has no `choices`", (*path, "choices"), at="key", help="`choices` go with texts and numbers"
        )
    minimum = checked.limit(entry, "min", path)
    maximum = checked.limit(entry, "max", path)
    if minimum is not None and maximum is not None and float(minimum) > float(maximum):
        context.report("MLC314", f"`min` of parameter `{name}` is above its `max`", (*path, "min"), help="swap them")
    elif text is not None:
        checked.allowed(text, (*path, "default") if long else path, choices, minimum, maximum)
    return Param(name, kind, text, entry.get("description", ""), choices, minimum, maximum, path)


class _Checked:
    """Checks values against a parameter's type."""

    def __init__(self, context: Context, kind: Type, name: str) -> None:
        self.context, self.kind, self.name = context, kind, name

    def text(self, value: Any, path: Path, what: str) -> str | None:
        """The canonical text of a value; None (and a finding) if it does not fit the type."""
        found = type_of_value(value)
        number = self.kind == "float" and found == "int"
        scalar = self.kind == "string" and found not in ("list", "dict")
        if found == self.kind or number or scalar:
            text = source_text(value)
            if self.kind != "string" and len(text) > LONGEST and _too_large(value):
                self.context.report("MLC206", "the number is too large", path, help=f"numbers have at most {LONGEST} digits")
                return None
            return text
        words = f"{_WORDS[self.kind]}, this is {_WORDS[found]}"
        help = (
            f"write {source_text(value)} without quotes"
            if found == "string" and self.kind in ("int", "float", "bool")
            else "change it, or `type`"
        )
        self.context.report("MLC305", f"the {what} of {self.kind} parameter `{self.name}` must be {words}", path, help=help)
        return None

    def limit(self, entry: Mapping[str, Any], key: str, path: Path) -> str | None:
        """`min` or `max`."""
        if key not in entry:
            return None
        if self.kind not in ("int", "float"):
            help = "`min` and `max` go with numbers"
            self.context.report("MLC305", f"a {self.kind} parameter has no `{key}`", (*path, key), at="key", help=help)
            return None
        return self.text(entry[key], (*path, key), f"`{key}`")

    def allowed(self, text: str, path: Path, choices: tuple[str, ...], minimum: str | None, maximum: str | None) -> None:
        """Whether a default is one that the parameter itself allows."""
        report = self.context.report
        if choices and text not in choices:
            listed = ", ".join(f"`{choice}`" for choice in choices)
            report("MLC314", f"the default of parameter `{self.name}` is not one of its `choices`", path, help=f"choose one of {listed}")
        if minimum is not None and float(text) < float(minimum):
            report("MLC314", f"the default of parameter `{self.name}` is below its `min`", path, help=f"choose at least {minimum}")
        if maximum is not None and float(text) > float(maximum):
            report("MLC314", f"the default of parameter `{self.name}` is above its `max`", path, help=f"choose at most {maximum}")


def _too_large(value: Any) -> bool:
    """Whether a value is, or holds, a whole number of too many digits."""
    if isinstance(value, (list, dict)):
        return any(_too_large(item) for item in (value.values() if isinstance(value, dict) else value))
    return isinstance(value, int) and len(source_text(value).lstrip("-")) > LONGEST


def _spelled(text: str, choices: tuple[str, ...], kind: Type) -> str:
    """A default as its choice spells it: `1` is `1.0` to a reader, but engines that list choices compare texts."""
    if kind in ("int", "float"):
        return next((choice for choice in choices if float(choice) == float(text)), text)
    return text


def type_of_value(value: Any) -> Type:
    """The type that a value in the document has."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "int"
    if isinstance(value, float):
        return "float"
    if isinstance(value, str):
        return "string"
    return "list" if isinstance(value, list) else "dict"
