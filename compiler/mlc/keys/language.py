"""Every key of the language, found in the schema: where it may stand, and what the schema says of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from ..diagnostics.suggest import did_you_mean
from ..schema import schema_text
from ..schema_hints import resolved

Node = dict[str, Any]
Pointer = tuple[str, ...]
Place = tuple[str, ...]

ANY = "*"
"""In a place: a name that the project gives, or the number of an item."""

_SHARED = ("$defs", "step_settings")
_KINDS = {"object": "mapping", "array": "list", "string": "text", "integer": "whole number", "null": ""}


@cache
def schema() -> Node:
    """The schema of the language, read once."""
    found: Node = json.loads(schema_text())
    return found


@dataclass(frozen=True)
class Key:
    """A property of the schema.

    `path` is its shortest place without the names that a project gives, as in `steps.cache`; `places` are all of them, with a `*` for
    each such name. `node` is its schema, with what that refers to.
    """

    pointer: Pointer
    node: Node = field(repr=False)
    required: bool
    places: tuple[Place, ...] = field(repr=False)

    @property
    def path(self) -> str:
        """The key's name for people."""
        return plain(self.places[0])

    @property
    def paths(self) -> tuple[str, ...]:
        """Every place where it may stand, without names."""
        return tuple(dict.fromkeys(map(plain, self.places)))

    @property
    def description(self) -> str:
        """What it means."""
        return str(self.node["description"])

    @property
    def examples(self) -> list[Any]:
        """Values that it may have, at least one."""
        return list(self.node["examples"])

    @property
    def types(self) -> tuple[str, ...]:
        """What its value may be, in words; or each value that it may have, in backticks."""
        return _types(self.node)


def plain(place: Place) -> str:
    """A place without the names that a project gives."""
    return ".".join(word for word in place if word != ANY)


def canonical(pointer: Pointer) -> Pointer:
    """The place in the schema of a key: those that `defaults` share with a step count as those of a step."""
    shared = pointer[:2] == _SHARED and pointer[3] in schema()["$defs"]["step"]["properties"]
    return ("$defs", "step", *pointer[2:]) if shared else pointer


def entry(pointer: Pointer) -> Node:
    """What stands at a place in the schema."""
    node: Any = schema()
    for word in pointer:
        node = node[int(word)] if isinstance(node, list) else node[word]
    found: Node = node
    return found


@cache
def keys() -> dict[Pointer, Key]:
    """Every key, in the order in which a project would have them: what is in a key follows it."""
    places: dict[Pointer, list[Place]] = {}
    for pointer, place in _places(schema(), (), (), ()):
        places.setdefault(canonical(pointer), []).append(place)
    for found in places.values():
        found.sort(key=lambda place: (len(plain(place).split(".")), place[0] != "steps"))
    first = {(pointer, found[0]) for pointer, found in places.items()}
    order = dict.fromkeys(pair for pair in _places(schema(), (), (), ()) if pair in first)
    made = {}
    for pointer, _ in order:
        made[pointer] = Key(pointer, resolved(entry(pointer), schema()), _required(pointer), tuple(places[pointer]))
    return made


def _required(pointer: Pointer) -> bool:
    """Whether the mapping that has the key must have it. Of several forms of a mapping, as of a volume, none must be the one."""
    *outer, form, _ = pointer[:-2] if len(pointer) > 3 else ("", "")
    if form == "anyOf" and sum("properties" in resolved(part, schema()) for part in entry(tuple(outer))[form]) > 1:
        return False
    return pointer[-1] in entry(pointer[:-2]).get("required", ())


def _places(node: Node, place: Place, pointer: Pointer, inside: tuple[str, ...]) -> Iterator[tuple[Pointer, Place]]:
    """Each property below a schema, once for each place where it may stand; `inside` are the definitions around it."""
    if "$ref" in node:
        name = node["$ref"].rpartition("/")[2]
        if name not in inside:
            yield from _places(schema()["$defs"][name], place, ("$defs", name), (*inside, name))
    for keyword in ("allOf", "anyOf"):
        for number, part in enumerate(node.get(keyword, ())):
            yield from _places(part, place, (*pointer, keyword, str(number)), inside)
    for name, part in node.get("properties", {}).items():
        yield (*pointer, "properties", name), (*place, name)
        yield from _places(part, (*place, name), (*pointer, "properties", name), inside)
    for keyword in ("additionalProperties", "items"):
        if isinstance(node.get(keyword), dict):
            yield from _places(node[keyword], (*place, ANY), (*pointer, keyword), inside)


def find(word: str) -> list[Key]:
    """The keys that a word means: its path, with or without names (`steps.train.cache`), or the end of it (`cache`).

    Empty where there is none; several where the word does not say which.
    """
    words = tuple(part for part in re.split(r"[.\[\]\s]", word) if part not in ("", ANY))
    known = keys().values()
    wanted = ".".join(words)
    if exact := [key for key in known if wanted in key.paths]:
        return exact
    if named := [key for key in known if any(_fits(place, words) for place in key.places)]:
        return named
    ends = [key for key in known if words and key.path.endswith(f".{wanted}")]
    nearest = min((key.path.count(".") for key in ends), default=0)
    return [key for key in ends if key.path.count(".") == nearest]


def _fits(place: Place, words: Place) -> bool:
    """Whether words are a place; its names may be left out."""
    if not place or not words:
        return not words and set(place) <= {ANY}
    if place[0] == ANY:
        return _fits(place[1:], words[1:]) or _fits(place[1:], words)
    return place[0] == words[0] and _fits(place[1:], words[1:])


def suggestion(word: str) -> str:
    """A help text that names the key that a misspelt word probably means, or ""."""
    known = keys().values()
    return did_you_mean(word, [path for key in known for path in key.paths] if "." in word else [key.pointer[-1] for key in known])


def _types(node: Node) -> tuple[str, ...]:
    if "const" in node:
        return (f"`{node['const']}`",)
    if "enum" in node:
        return tuple(f"`{value}`" for value in node["enum"] if value is not None)
    kinds = node.get("type", [])
    found = [_KINDS.get(kind, kind) for kind in ([kinds] if isinstance(kinds, str) else kinds)]
    for branch in node.get("anyOf", ()) if not found else ():
        found += [word for word in _types(resolved(branch, schema())) if word not in found]
    return tuple(word for word in found if word)
