"""What lies under a step: one flat view of its keys that remembers where each was written.

From the top: the step, its template, `defaults`, and for what all of them leave out the machine.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ..diagnostics.model import Path

    Layer = tuple[Path, Mapping[str, Any]]
    """Where some keys of a step stand, and what stands there."""

BY_KEY = ("env", "volumes", "labels", "annotations", "resources")
"""Keys of a step that merge by key, one level deep."""

PROGRAM = ("command", "run", "args", "shell", "packages")
"""Keys of a step that are one unit: whoever sets `command` or `run` inherits none of them."""

OF_RESOURCES = frozenset(
    "title description use needs gate when retry timeout labels annotations service_account node_selector tolerations affinity".split()
)
OF_RESOURCES |= {"resource"}
"""Keys of a step with a `resource`, which has no program."""

PORTS = ("needs", "inputs", "outputs", "values", "metrics", "gate", "when", "foreach", "each")
"""Keys of a step that only a template can hold for it."""


class Merged:
    """A step with what it inherits. Keys that a `null` removed are absent.

    `moved` says where the inherited keys stand, `lost` where keys of a program stand that a program higher up took away.
    `incomplete` says that there is something wrong with its template: what it lacks may be meant to be there.
    """

    def __init__(
        self, name: str, data: dict[str, Any], origin: Path, moved: dict[Path, Path], lost: dict[str, Path], *, incomplete: bool = False
    ) -> None:
        self.name, self.data, self.origin, self.moved, self.lost, self.incomplete = name, data, origin, moved, lost, incomplete

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


class Stack:
    """A step on its way to a `Merged`: lay the layers under it one by one, from the top down."""

    def __init__(self, name: str, step: Mapping[str, Any], origin: Path) -> None:
        self.name, self.origin = name, origin
        self.data: dict[str, Any] = dict(step)
        """The keys so far. A `null` stays until the end: it also hides what lower layers have."""
        self.moved: dict[Path, Path] = {}
        self.lost: dict[str, Path] = {}
        self.incomplete = False

    def lay_under(self, layer: Layer) -> None:
        """Fill what the layers above leave out.

        `env volumes labels annotations resources` merge by key, one level; `command args run shell packages` are one unit: where
        `command` or `run` is set above, none of them comes from here; where only `args` is, the program does. Other keys are whole.
        """
        path, inherited = layer
        program = "command" in self.data or "run" in self.data
        for key, value in inherited.items():
            if "resource" in self.data and key not in OF_RESOURCES:
                continue  # it has no program, so nothing about one
            if program and key in PROGRAM:
                if value is not None and key not in self.data:
                    self.lost.setdefault(key, (*path, key))
            elif key not in self.data:
                self.data[key] = value
                self.moved[(key,)] = (*path, key)
            elif key in BY_KEY and value is not None and self.data[key] is not None and same_form(key, self.data[key], value):
                self.moved.update({(key, entry): (*path, key, entry) for entry in value if entry not in self.data[key]})
                self.data[key] = {**value, **self.data[key]}

    def merged(self) -> Merged:
        """The step as it is with all its layers. `parallel` of a layer is for loops only."""
        if ("parallel",) in self.moved and self.data.get("foreach") is None:
            del self.data["parallel"], self.moved[("parallel",)]
        data = {key: without_nulls(value) if key in BY_KEY else value for key, value in self.data.items() if value is not None}
        return Merged(self.name, data, self.origin, self.moved, self.lost, incomplete=self.incomplete)


def same_form(key: str, own: Mapping[str, Any], inherited: Mapping[str, Any]) -> bool:
    """`resources` has two forms that do not mix: the form above replaces the other."""
    if key != "resources":
        return True
    apart = {"requests", "limits"}
    return bool(apart & own.keys()) == bool(apart & inherited.keys()) or not own or not inherited


def without_nulls(entries: Mapping[str, Any]) -> dict[str, Any]:
    """A mapping without the entries that a `null` removed."""
    return {key: value for key, value in entries.items() if value is not None}
