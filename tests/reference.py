"""What the compiler does with every key: what `mlc explain` and `docs/reference.md` say of its support.

Nothing here says what a target can do. For each property of the schema and each target, a project of the repository that has the key is
compiled, and then once more with the key changed or taken out. What the two differ in is the support that the table shows.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlc import driver, infra
from mlc.keys import support as shipped
from mlc.keys.language import canonical, entry, keys, schema
from mlc.reader import read
from mlc.schema_hints import resolved
from mlc.source import SourceFile
from mlc.targets import TARGETS, VERSIONS
from tests import support

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mlc.keys.language import Pointer

ROOT = Path(__file__).resolve().parent.parent
SCHEMA = schema()
SPECS = [
    *sorted((ROOT / "specs").glob("*.yaml")),
    *(spec for spec in sorted((ROOT / "specs" / "invalid").glob("MLC4*.yaml")) if not spec.stem.startswith("MLC422")),
]
"""Valid projects; then those that a target refuses, for what no target takes. MLC422 refuses what a patch leaves, not a key."""

Where = tuple[str | int, ...]

_REFUSALS = ("MLC401", "MLC406")
"""What a target cannot do, whatever its version."""

_PATCHED = ("$defs", "patch", "properties", "step")
"""What names a step: another one fits there."""

_FILE = ("$defs", "resource", "properties", "file")
"""What names a file: another one fits there."""

_ATTEMPTS = 12
"""Uses of a key that are tried before it counts as one that does nothing."""


def used(node: dict[str, Any], data: Any, path: Where = (), pointer: Pointer = ()) -> Iterator[tuple[Pointer, Where]]:
    """The properties of the schema that a document has, each with its place in the document."""
    if "$ref" in node:
        name = node["$ref"].rpartition("/")[2]
        yield from used(SCHEMA["$defs"][name], data, path, ("$defs", name))
    for keyword in ("allOf", "anyOf"):
        for number, branch in enumerate(node.get(keyword, ())):
            if keyword == "allOf" or _fits(branch, data):
                yield from used(branch, data, path, (*pointer, keyword, str(number)))
    if isinstance(data, dict):
        for key, value in data.items():
            if key in node.get("properties", {}):
                yield (*pointer, "properties", key), (*path, key)
                yield from used(node["properties"][key], value, (*path, key), (*pointer, "properties", key))
            elif isinstance(node.get("additionalProperties"), dict):
                yield from used(node["additionalProperties"], value, (*path, key), (*pointer, "additionalProperties"))
    elif isinstance(data, list) and isinstance(node.get("items"), dict):
        for number, value in enumerate(data):
            yield from used(node["items"], value, (*path, number), (*pointer, "items"))


def _fits(branch: dict[str, Any], data: Any) -> bool:
    """Whether a branch of an `anyOf` is the one for the data, as far as its keys tell."""
    while "$ref" in branch:
        branch = SCHEMA["$defs"][branch["$ref"].rpartition("/")[2]]
    if not isinstance(data, dict):
        return True
    return set(branch.get("required", ())) <= data.keys() and (
        not branch.get("properties") or set(data) <= branch["properties"].keys() or isinstance(branch.get("additionalProperties"), dict)
    )


class Outcome:
    """What a target makes of a document: the manifest and what `mlc infra` prints, and errors and notes with their places."""

    def __init__(self, data: Any, target: str, environment: str) -> None:
        source = SourceFile("spec.yaml", json.dumps(data, ensure_ascii=False), beside=support.beside)
        result = driver.compile_source(source, (target,), (), environment)
        self.made: Any = None
        if result.outputs and result.pipeline is not None:
            self.made = (result.outputs[0].text, infra.manifests(result.pipeline, target.partition("@")[0]))
        self.codes = [(item.code, item.path) for item in result.diagnostics if item.code.startswith("MLC4")]

    def says(self, path: Where, *codes: str) -> str:
        """The code that is reported for the place or for what it lies in."""
        return next((code for code, place in self.codes if place and path[: len(place)] == place and (not codes or code in codes)), "")


class Support:
    """What each target does with each property: `checked` is what leaves no trace, and is an error where it is another."""

    def __init__(self) -> None:
        self.documents: dict[str, Any] = {}
        self.uses: dict[Pointer, list[tuple[str, Where]]] = {pointer: [] for pointer in keys()}
        self._outcomes: dict[tuple[str, str, str], Outcome] = {}
        for spec in SPECS:
            document = read(SourceFile(spec.name, spec.read_text(encoding="utf-8")), [])
            assert document is not None
            data = self.documents[spec.stem] = json.loads(json.dumps(document.data))
            for pointer, path in used(SCHEMA, data):
                self.uses[canonical(pointer)].append((spec.stem, path))

    def of(self, pointer: Pointer, target: str) -> str:
        """`lowered`, `handed over`, `refused (CODE)`, `checked`, `not for it` for another target's settings, or "" where nothing shows."""
        found = ""
        tried = self._tried(pointer)
        others = [("targets", other) for other in TARGETS if other != target]
        own = [use for use in tried if not any(use[1][number : number + 2] in others for number in range(len(use[1])))]
        if tried and not own:
            return "not for it"
        for name, path in own:
            base, data = self._possible(name, path, target)
            if base.says(path, "MLC405"):
                found = _stronger(found, "handed over")
            elif base.made is None:
                code = base.says(path)
                found = _stronger(found, f"refused ({code})" if code else "")
            else:
                words = data["steps"] if pointer == _PATCHED else resolved(entry(pointer), SCHEMA).get("enum", ())
                if pointer == _FILE:
                    words = [f"objects/{file.name}" for file in sorted((ROOT / "specs" / "objects").iterdir())]
                for edited in _edited(data, path, words):
                    outcome = Outcome(edited, target, _environment(data, path))
                    if outcome.made not in (base.made, None):
                        return "lowered"
                    code = outcome.says(path, *_REFUSALS)
                    found = _stronger(found, f"refused ({code})" if code else "checked" if outcome.made is None else "")
        return found

    def table(self) -> shipped.Table:
        """The support of every key."""
        since = self.since()
        return {
            pointer: {target: _support(self.of(pointer, target), since.get((pointer, target), "")) for target in TARGETS}
            for pointer in keys()
        }

    def since(self) -> dict[tuple[Pointer, str], str]:
        """From which version of a target a property works that does not work in all, at least in some use."""
        found: dict[tuple[Pointer, str], str] = {}
        for name, data in self.documents.items():
            places: dict[Where, list[Pointer]] = {}
            for pointer, path in used(SCHEMA, data):
                places.setdefault(path, []).append(canonical(pointer))
            for target in TARGETS:
                for version, newer in zip(VERSIONS[target], VERSIONS[target][1:], strict=False):
                    outcome = self._outcome(name, f"{target}@{version}", "")
                    for code, path in outcome.codes:
                        for pointer in places.get(path, ()) if code == "MLC413" else ():
                            found[pointer, target] = max(newer, found.get((pointer, target), ""), key=_parts)
        return found

    def _tried(self, pointer: Pointer) -> list[tuple[str, Where]]:
        """Uses from as many projects as possible, those first that every target takes."""
        by_spec: dict[str, list[Where]] = {}
        for name, path in self.uses[pointer]:
            by_spec.setdefault(name, []).append(path)
        rounds = [(name, path) for number in range(3) for name, paths in by_spec.items() for path in paths[number : number + 1]]
        return sorted(rounds, key=lambda use: use[0].startswith(TARGETS))[:_ATTEMPTS]

    def _outcome(self, name: str, target: str, environment: str) -> Outcome:
        key = (name, target, environment)
        if key not in self._outcomes:
            self._outcomes[key] = Outcome(self.documents[name], target, environment)
        return self._outcomes[key]

    def _possible(self, name: str, path: Where, target: str) -> tuple[Outcome, Any]:
        """A project with the key that the target takes: what it refuses elsewhere is taken out, where that is possible."""
        data = self.documents[name]
        outcome = self._outcome(name, target, _environment(data, path))
        for _ in range(8):
            if outcome.made is not None or outcome.says(path):
                break
            refused = [place for _, place in outcome.codes if place and path[: len(place)] != place and _at(data, place) is not None]
            if not refused:
                break
            data = _without(data, refused[0])
            outcome = Outcome(data, target, _environment(data, path))
        return outcome, data


_STRENGTH = ("", "checked", "refused", "handed over")


def _stronger(one: str, other: str) -> str:
    """What says more of a key: that a target can do something with it counts more than that it refuses some values."""
    return max(one, other, key=lambda found: _STRENGTH.index(found.partition(" (")[0]))


def _support(found: str, since: str) -> shipped.Support:
    how, _, code = found.rstrip(")").partition(" (")
    return shipped.Support(how, code, since)


def _parts(version: str) -> list[int]:
    return [int(part) for part in version.split(".") if part]


def _environment(data: Any, path: Where) -> str:
    """The environment in which a place of the document counts."""
    if path[0] != "environments":
        return ""
    return str(path[1]) if len(path) > 1 else next(iter(data["environments"]))


def _at(data: Any, path: Where) -> Any:
    for key in path:
        try:
            data = data[key]
        except (KeyError, IndexError, TypeError):
            return None
    return data


def _without(data: Any, path: Where) -> Any:
    copy = json.loads(json.dumps(data))
    parent = _at(copy, path[:-1])
    del parent[path[-1]]
    return copy


def _edited(data: Any, path: Where, enum: Iterable[Any]) -> Iterator[Any]:
    """The document without the key, and with other values of it or in it."""
    if _at(data, path[:-1]) is None:
        return
    yield _without(data, path)
    scalars = [(path, _at(data, path)), *_scalars(_at(data, path), path)][:_ATTEMPTS]
    for place, value in scalars:
        for other in (*_others(value), *(enum if place == path else ())):
            copy = json.loads(json.dumps(data))
            _at(copy, place[:-1])[place[-1]] = other
            yield copy
        if place != path:
            yield _without(data, place)


def _scalars(node: Any, path: Where) -> Iterator[tuple[Where, Any]]:
    for key, child in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        if isinstance(child, (dict, list)):
            yield from _scalars(child, (*path, key))
        else:
            yield (*path, key), child


def _others(value: Any) -> list[Any]:
    """Other values that may stand in its place."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, (int, float)):
        return [value + 1]
    if not isinstance(value, str):
        return []
    next_digit = re.sub(r"\d", lambda digit: str((int(digit[0]) + 1) % 10), value, count=1)
    return [f"{value}x", f"1{value}", next_digit, *_WORDS.get(value, ())]


_WORDS = {"metadata.name": ("metadata.namespace",), "In": ("NotIn",), "string": ("int",), "accuracy": ("latency",)}
