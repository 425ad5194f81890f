"""`defaults` under every step: one flat view of a step's keys that remembers where each was written."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ..diagnostics.model import Path

_BY_KEY = ("env", "volumes", "labels", "annotations", "resources")
_PROGRAM = ("command", "run", "args", "shell", "packages")


class Merged:
    """A step with its defaults. Keys that a `null` removed are absent."""

    def __init__(self, name: str, data: dict[str, Any], origin: Path, moved: dict[Path, Path]) -> None:
        self.name, self.data, self.origin, self.moved = name, data, origin, moved

    def get(self, key: str, default: Any = None) -> Any:
        """The value of a key."""
        return self.data.get(key, default)

    def where(self, *key: str | int) -> Path:
        """The path at which a key, or an entry of it, was written."""
        for length in range(len(key), 0, -1):
            origin = self.moved.get(key[:length])
            if origin is not None:
                return (*origin, *key[length:])
        return (*self.origin, *key)


def merge(section: str, name: str, step: Mapping[str, Any], defaults: Mapping[str, Any]) -> Merged:
    """Lay a step of `steps` or `finally` over the defaults.

    `env volumes labels annotations resources` merge by key, one level; `command args run shell packages` are one unit: a step that
    sets `command` or `run` inherits none of them, one that sets only `args` keeps the inherited program. `null` removes.
    """
    origin: Path = (section, name)
    own = {key: value for key, value in step.items() if value is not None}
    if not defaults:
        return Merged(name, {key: _without_nulls(value) if key in _BY_KEY else value for key, value in own.items()}, origin, {})
    moved: dict[Path, Path] = {}
    program = "command" in step or "run" in step
    for key, inherited in defaults.items():
        if inherited is None or (program and key in _PROGRAM):
            continue
        if key not in step:
            own[key] = inherited
            moved[(key,)] = ("defaults", key)
        elif key in _BY_KEY and step[key] is not None and _same_form(key, step[key], inherited):
            own[key] = {**inherited, **step[key]}
            moved.update({(key, entry): ("defaults", key, entry) for entry in inherited if entry not in step[key]})
    for key in _BY_KEY:
        if key in own:
            own[key] = _without_nulls(own[key])
    return Merged(name, own, origin, moved)


def _same_form(key: str, own: Mapping[str, Any], inherited: Mapping[str, Any]) -> bool:
    """`resources` has two forms that do not mix: a step's form replaces the other."""
    if key != "resources":
        return True
    apart = {"requests", "limits"}
    return bool(apart & own.keys()) == bool(apart & inherited.keys()) or not own or not inherited


def _without_nulls(entries: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in entries.items() if value is not None}
