"""The reference of the language, `docs/reference.md`: made from the schema, and from what the compiler does with every key.

Nothing here says what a target can do. For each property of the schema and each target, a project of the repository that has the key is
compiled, and then once more with the key changed or taken out. What the two differ in is the support that the table shows.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlc import driver, infra
from mlc.reader import read
from mlc.source import SourceFile
from mlc.targets import TARGETS, VERSIONS
from tests import support

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ROOT = Path(__file__).resolve().parent.parent
SCHEMA: dict[str, Any] = json.loads((ROOT / "schemas" / "v1" / "project.schema.json").read_text(encoding="utf-8"))
SPECS = [
    *sorted((ROOT / "specs").glob("*.yaml")),
    *(spec for spec in sorted((ROOT / "specs" / "invalid").glob("MLC4*.yaml")) if not spec.stem.startswith("MLC422")),
]
"""Valid projects; then those that a target refuses, for what no target takes. MLC422 refuses what a patch leaves, not a key."""

Pointer = tuple[str, ...]
Where = tuple[str | int, ...]

_REFUSALS = ("MLC401", "MLC406")
"""What a target cannot do, whatever its version."""

_PATCHED = ("$defs", "patch", "properties", "step")
"""What names a step: another one fits there."""

_FILE = ("$defs", "resource", "properties", "file")
"""What names a file: another one fits there."""

_ATTEMPTS = 12
"""Uses of a key that are tried before it counts as one that does nothing."""


def properties() -> Iterator[tuple[Pointer, dict[str, Any]]]:
    """Every property of the schema, with its place in the schema; keys that `defaults` share with a step count as those of a step."""
    return ((pointer, entry) for pointer, entry in _properties(SCHEMA, ()) if pointer[:2] != _SHARED or _canonical(pointer) == pointer)


_SHARED = ("$defs", "step_settings")


def _canonical(pointer: Pointer) -> Pointer:
    shared = pointer[:2] == _SHARED and pointer[3] in SCHEMA["$defs"]["step"]["properties"]
    return ("$defs", "step", *pointer[2:]) if shared else pointer


def _properties(node: Any, pointer: Pointer) -> Iterator[tuple[Pointer, dict[str, Any]]]:
    if isinstance(node, dict):
        for key, child in node.items():
            if key in ("examples", "enum", "const"):
                continue
            if key == "properties":
                for name, entry in child.items():
                    yield (*pointer, key, name), entry
                    yield from _properties(entry, (*pointer, key, name))
            elif key == "$defs":
                for name, entry in child.items():
                    yield from _properties(entry, (key, name))
            else:
                yield from _properties(child, (*pointer, key))
    elif isinstance(node, list):
        for number, child in enumerate(node):
            yield from _properties(child, (*pointer, str(number)))


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
        self.uses: dict[Pointer, list[tuple[str, Where]]] = {pointer: [] for pointer, _ in properties()}
        self._outcomes: dict[tuple[str, str, str], Outcome] = {}
        for spec in SPECS:
            document = read(SourceFile(spec.name, spec.read_text(encoding="utf-8")), [])
            assert document is not None
            data = self.documents[spec.stem] = json.loads(json.dumps(document.data))
            for pointer, path in used(SCHEMA, data):
                self.uses[_canonical(pointer)].append((spec.stem, path))

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
            if code := base.says(path, "MLC405"):
                found = found or "handed over"
            elif base.made is None:
                code = base.says(path)
                found = found or (f"refused ({code})" if code else "")
            else:
                words = data["steps"] if pointer == _PATCHED else _resolved(_entry(pointer)).get("enum", ())
                if pointer == _FILE:
                    words = [f"objects/{file.name}" for file in sorted((ROOT / "specs" / "objects").iterdir())]
                for edited in _edited(data, path, words):
                    outcome = Outcome(edited, target, _environment(data, path))
                    if outcome.made not in (base.made, None):
                        return "lowered"
                    if code := outcome.says(path, *_REFUSALS):
                        found = f"refused ({code})"
                    found = found or ("checked" if outcome.made is None else "")
        return found

    def since(self) -> dict[tuple[Pointer, str], str]:
        """From which version of a target a property works that does not work in all, at least in some use."""
        found: dict[tuple[Pointer, str], str] = {}
        for name, data in self.documents.items():
            places: dict[Where, list[Pointer]] = {}
            for pointer, path in used(SCHEMA, data):
                places.setdefault(path, []).append(_canonical(pointer))
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


# --- the page -----------------------------------------------------------------------------------------------------------------

TITLES = {"": "The project"}
HEAD = (
    "# Reference\n\n"
    "Every key of the language, generated from [the schema](../schemas/v1/project.schema.json) and from what the compiler does with it: "
    "`make golden` writes this page, and a test fails where it is not true any more.\n"
    "What the keys mean together is told in [language.md](language.md); what differs between the targets, and why, in "
    "[targets.md](targets.md).\n\n"
    "A key is *lowered* (it is in the manifest), *handed over* to another command with a note, or *refused* with a code; *checked* is a "
    "version, which leaves no trace. Where a number stands, some uses of the key need that version of the engine or a newer one: "
    "`mlc describe` says which.\n"
)


def page(support: Support) -> str:
    """The text of docs/reference.md."""
    since = support.since()
    sections: dict[str, list[str]] = {}
    for pointer, entry in properties():
        resolved = _resolved(entry)
        owner = ".".join(_words(pointer[:-2]))
        cells = [
            f"`{pointer[-1]}`{' (required)' if _required(pointer) else ''}",
            _text(entry.get("description") or resolved.get("description", "")),
            _type(resolved),
            _default({**resolved, **entry}),
            _example(entry.get("examples") or resolved.get("examples") or [""]),
            *(f"{support.of(pointer, target)}{_from(since.get((pointer, target)))}" for target in TARGETS),
        ]
        sections.setdefault(owner, []).append("| " + " | ".join(cells) + " |")
    lines = [HEAD]
    for owner, rows in sections.items():
        lines += [f"## {TITLES.get(owner) or f'`{owner}`'}", ""]
        lines += [
            f"| key | meaning | type | default | example | {' | '.join(f'`{target}`' for target in TARGETS)} |",
            "|" + "---|" * (5 + len(TARGETS)),
        ]
        lines += [*rows, ""]
    return "\n".join(lines).rstrip("\n") + "\n"


def _words(pointer: Pointer) -> list[str]:
    """The names in a place of the schema: of definitions and of keys, `*` for any name."""
    words: list[str] = []
    for word, inner in zip(("", *pointer), (*pointer, ""), strict=True):
        if inner == "additionalProperties":
            words.append("*")
        elif word in ("$defs", "properties") and inner:
            words.append(inner)
        elif inner == "items":
            words.append("[]")
    return words


def _resolved(entry: dict[str, Any]) -> dict[str, Any]:
    return SCHEMA["$defs"][entry["$ref"].rpartition("/")[2]] if "$ref" in entry else entry


def _entry(pointer: Pointer) -> dict[str, Any]:
    node: Any = SCHEMA
    for key in pointer:
        node = node[int(key)] if isinstance(node, list) else node[key]
    found: dict[str, Any] = node
    return found


def _required(pointer: Pointer) -> bool:
    return pointer[-1] in _entry(pointer[:-2]).get("required", ())


def _type(entry: dict[str, Any]) -> str:
    if "enum" in entry:
        return " ".join(f"`{json.dumps(value) if not isinstance(value, str) else value}`" for value in entry["enum"] if value is not None)
    kinds = entry.get("type", [])
    names = {"object": "mapping", "array": "list", "string": "text", "integer": "whole number", "null": ""}
    found = [names.get(kind, kind) for kind in ([kinds] if isinstance(kinds, str) else kinds)]
    for branch in entry.get("anyOf", ()) if not found else ():
        found += [word for word in _type(_resolved(branch)).split(" or ") if word not in found]
    return " or ".join(word for word in found if word)


def _default(entry: dict[str, Any]) -> str:
    return f"`{_text(json.dumps(entry['default']).strip(chr(34)))}`" if "default" in entry else ""


def _example(examples: list[Any]) -> str:
    shown = json.dumps(examples[0], ensure_ascii=False)
    return f"`{_text(shown)}`" if examples[0] != "" else ""


def _text(text: str) -> str:
    return text.replace("\n", " ").replace("|", "\\|")


def _from(version: str | None) -> str:
    return f", {version}" if version else ""
