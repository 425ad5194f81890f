"""A valid spec as something that can be changed."""

from __future__ import annotations

import json
import re
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlc.reader import read
from mlc.source import SourceFile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

ROOT = Path(__file__).resolve().parents[2]

Where = tuple[str | int, ...]

RAW = "\ue000"
"""Stands around a word that goes into the text without quotes."""

_documents: dict[str, str] = {}


def specs() -> dict[str, str]:
    """The valid specs as JSON, by name; read once."""
    if not _documents:
        for file in sorted((ROOT / "specs").glob("*.yaml")):
            found = read(SourceFile(file.name, file.read_text(encoding="utf-8")), [])
            assert found is not None
            _documents[file.stem] = json.dumps(found.data, ensure_ascii=False)
    return _documents


def document(name: str) -> dict[str, Any]:
    """A fresh copy of a spec's data."""
    found: dict[str, Any] = json.loads(specs()[name])
    return found


class Draft:
    """A project under mutation."""

    def __init__(self, data: dict[str, Any], rng: Random) -> None:
        self.data, self.rng = data, rng

    def nodes(self) -> list[tuple[Where, Any, str | int]]:
        """Every place below the top: its path, what holds it, and under which key."""
        return list(_nodes(self.data, ()))

    def scalars(self, *kinds: type) -> list[tuple[Where, Any, str | int]]:
        """The places of scalars of these types."""
        return [(path, parent, key) for path, parent, key in self.nodes() if type(parent[key]) in kinds]

    def under(self, *names: str) -> list[tuple[Where, Any, str | int]]:
        """The places of texts and numbers below a key of one of these names."""
        return [(path, parent, key) for path, parent, key in self.scalars(str, int, float) if any(name in path for name in names)]

    def step(self, *, main: bool = False) -> tuple[str, dict[str, Any]]:
        """One of the steps; with `main`, none of `finally`."""
        last = self.data.get("finally") or {}
        group = last if last and not main and self.rng.random() < 0.25 else self.data["steps"]
        name = self.rng.choice(list(group))
        return name, group[name]

    def put(self, places: list[tuple[Where, Any, str | int]], values: Any) -> str:
        """One of the values at one of the places."""
        if not places:
            return ""
        path, parent, key = self.rng.choice(places)
        value = self.rng.choice(values)
        parent[key] = deepcopy(value)
        return f"{dotted(path)} = {short(value)}"

    def renamed(self, old: str, new: str) -> None:
        """Give a thing another name, wherever it is said: as a key, as a text, in expressions."""
        word = re.compile(rf"(?<![-_.A-Za-z0-9/]){re.escape(old)}(?![-_A-Za-z0-9])|(?<=[.]){re.escape(old)}(?![-_A-Za-z0-9])")

        def said(node: Any) -> Any:
            if isinstance(node, dict):
                return {new if key == old else key: said(child) for key, child in node.items()}
            if isinstance(node, list):
                return [said(child) for child in node]
            if isinstance(node, str):
                if node == old:
                    return new
                return word.sub(lambda _: new, node) if "${{" in node or "steps." in node or "params." in node else node
            return node

        self.data = said(self.data)

    def named(self) -> list[Where]:
        """The places where things get their names."""
        found: list[Where] = [
            (key, name)
            for key in ("params", "images", "volumes", "steps", "finally", "artifacts", "templates", "machines")
            for name in self.data.get(key) or ()
        ]
        for step, entries in self.data["steps"].items():
            for key in ("outputs", "values", "metrics"):
                if isinstance(entries.get(key), dict):
                    found += [("steps", step, key, name) for name in entries[key]]
        return found


def _nodes(node: Any, path: Where) -> Iterator[tuple[Where, Any, str | int]]:
    children = list(node.items()) if isinstance(node, dict) else list(enumerate(node)) if isinstance(node, list) else []
    for key, child in children:
        yield (*path, key), node, key
        yield from _nodes(child, (*path, key))


def dotted(path: Where) -> str:
    return ".".join(map(str, path))


def short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "..."
