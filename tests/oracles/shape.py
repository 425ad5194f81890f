"""Closed shapes of trees: what keys a manifest may have, which it must have, and what their values look like.

A shape is one of: a dict (a mapping with these keys and no others; `key?` may be absent; under the key `EXACTLY_ONE` stand groups of
such keys of which one must be there), a list of one shape (a list with at least one item), `Each` (a mapping whose keys are names), `By`
(one of two shapes), a function that says in a sentence what is wrong with a value ("" for nothing), or the one value that is right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

EXACTLY_ONE = "|"

Check = Callable[[Any], str]
Shape = Any


@dataclass(frozen=True)
class Each:
    """A mapping of any names that `key` finds no fault with; not an empty one."""

    key: Check
    value: Shape


@dataclass(frozen=True)
class By:
    """One shape for mappings that have a key, another for the others."""

    key: str
    there: Shape
    absent: Shape


def faults(value: Any, shape: Shape, place: str) -> Iterator[str]:
    """Everything about `value` that is not as `shape` says, each with its place."""
    if isinstance(shape, By):
        yield from faults(value, shape.there if isinstance(value, dict) and shape.key in value else shape.absent, place)
    elif isinstance(shape, dict):
        yield from _closed(value, shape, place)
    elif isinstance(shape, list):
        if not isinstance(value, list) or not value:
            yield f"{place}: is no list of something but {value!r}"
            return
        for index, item in enumerate(value):
            yield from faults(item, shape[0], at(place, index, item))
    elif isinstance(shape, Each):
        if not isinstance(value, dict) or not value:
            yield f"{place}: is no mapping of something but {value!r}"
            return
        for key, item in value.items():
            if problem := text(key) or shape.key(key):
                yield f"{place}: the key {key!r} {problem}"
            yield from faults(item, shape.value, under(place, key))
    elif callable(shape):
        if problem := shape(value):
            yield f"{place}: {value!r} {problem}"
    elif value != shape or type(value) is not type(shape):
        yield f"{place}: is {value!r}, not {shape!r}"


def _closed(value: Any, shape: dict[str, Shape], place: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{place or '.'}: is no mapping but {value!r}"
        return
    known = {key.removesuffix("?"): inner for key, inner in shape.items() if key != EXACTLY_ONE}
    place_of_keys = place or "."
    yield from (f"{place_of_keys}: the key {key} is unknown" for key in value if key not in known)
    wanted = [key for key in shape if not key.endswith("?") and key != EXACTLY_ONE]
    yield from (f"{place_of_keys}: the key {key} is missing" for key in wanted if key not in value)
    for group in shape.get(EXACTLY_ONE, ()):
        given = [key for key in group if key in value]
        if len(given) != 1:
            yield f"{place}: has {' and '.join(given) or 'none'} of {', '.join(group)}, not one"
    for key, item in value.items():
        if key in known:
            yield from faults(item, known[key], under(place, key))


def at(place: str, index: int, item: Any) -> str:
    """The place of a list's item: by its name where it has one."""
    name = item.get("name") if isinstance(item, dict) else None
    return f"{place}[{name if isinstance(name, str) else index}]"


def under(place: str, key: object) -> str:
    """The place of a mapping's value."""
    return f"{place}.{key}" if place else str(key)


def text(value: Any) -> str:
    """A text, perhaps an empty one."""
    return "" if isinstance(value, str) else "is no text"


def filled(value: Any) -> str:
    """A text that is not empty."""
    return "" if isinstance(value, str) and value else "is no text with something in it"


def positive(value: Any) -> str:
    """A whole number above 0."""
    return "" if type(value) is int and value > 0 else "is no whole number above 0"


def amount(value: Any) -> str:
    """A number that is not negative."""
    return "" if type(value) in (int, float) and value >= 0 else "is no number from 0"


def one_of(*options: Any) -> Check:
    """One of some values."""
    return lambda value: "" if any(value == option and type(value) is type(option) for option in options) else f"is none of {options}"


def anything(value: Any) -> str:
    """Whatever the engine takes as it is."""
    return ""


def twice(names: list[str], place: str, what: str) -> Iterator[str]:
    """Names that stand more than once in a list that must hold each once."""
    yield from (f"{place}: {what} {name} is there twice" for name in dict.fromkeys(names) if names.count(name) > 1)
