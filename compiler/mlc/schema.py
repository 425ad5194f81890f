"""Checks a document against the JSON Schema of the language: `schemas/v1/project.schema.json`, the source of truth of its form.

The schema is compiled to nested closures that answer yes or no, which is all that a right project needs: importing a JSON Schema
library takes longer than compiling a small project. Only where the answer is no, `schema_wording` asks `jsonschema` what is wrong.
Two things are stricter here than in the standard: numbers are finite, and `integer` means written without a decimal point.
"""

from __future__ import annotations

import json
import os
import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .diagnostics.model import Finding, Path

    Check = Callable[[Any], bool]
    Node = dict[str, Any]

ANNOTATIONS = frozenset({"$schema", "$id", "$defs", "title", "description", "default", "examples"})
"""Keywords that say nothing about whether a value is right."""

_KINDS = {str: "string", bool: "boolean", int: "integer", float: "number", list: "array", dict: "object", type(None): "null"}
_ALL_KINDS = ("string", "boolean", "integer", "number", "array", "object", "null")

_checkers: list[Check] = []


def schema_text(what: str = "project") -> str:
    """The text of a schema file (`project` or `lock`): the one in the package, or in a checkout the one in its `schemas` folder."""
    here = os.path.dirname(os.path.abspath(__file__))
    checkout = os.path.dirname(os.path.dirname(here))
    place = os.path.join("schemas", "v1", f"{what}.schema.json")
    packaged = os.path.join(here, place)
    path = packaged if os.path.exists(packaged) else os.path.join(checkout, place)
    with open(path, encoding="utf-8") as file:
        return file.read()


def validate(document: object, findings: list[Finding]) -> bool:
    """Whether a document (plain data, keys are texts) has the form of the language; if not, every problem is added to `findings`."""
    if not _checkers:
        _checkers.append(compile_checker(json.loads(schema_text())))
    if _checkers[0](document):
        return True
    from .schema_wording import explain

    findings.extend(explain(document, json.loads(schema_text())))
    return False


def only_text(path: Path) -> bool:
    """Whether texts are the only single values that may stand at a path of a document."""
    from . import schema_places  # of `--set` alone

    return schema_places.only_text(path)


def kind(value: object) -> str:
    """The JSON type of a value: "" for what JSON cannot hold (NaN, the infinities), "integer" only for what Python calls int."""
    name = _KINDS.get(type(value))
    if name is None:  # numbers that remember their source text are subclasses
        name = next((name for base, name in _KINDS.items() if isinstance(value, base)), "")
    if name == "number" and value - value != 0:  # type: ignore[operator]
        return ""
    return name


def compile_checker(schema: Node) -> Check:
    """A function that says whether a value is valid. Raises ValueError for a keyword that it does not know."""
    definitions: Node = schema.get("$defs", {})
    compiled: dict[str, Check] = {}

    def reference(name: str) -> Check:
        def check(value: Any) -> bool:
            found = compiled.get(name)
            if found is None:  # compiled when first needed: a small project uses half of the schema, and definitions may be recursive
                found = compiled[name] = build(definitions[name])
            return found(value)

        return check

    def build(node: Node) -> Check:
        keywords = [keyword for keyword in node if keyword not in ANNOTATIONS]
        if keywords == ["$ref"]:
            return reference(_definition(node["$ref"]))
        general: list[Check] = []
        if "$ref" in node:
            general.append(reference(_definition(node["$ref"])))
        if "const" in node or "enum" in node:
            general.append(_one_of(node.get("enum", [node.get("const")])))
        general.extend(build(part) for part in node.get("allOf", ()))
        if "anyOf" in node:
            general.append(_any_of([build(part) for part in node["anyOf"]]))
        by_kind: dict[str, list[Check]] = {name: [] for name in _ALL_KINDS}
        by_kind["string"] = _text_checks(node)
        by_kind["integer"] = by_kind["number"] = _number_checks(node)
        by_kind["array"] = _list_checks(node, build)
        by_kind["object"] = _mapping_checks(node, build)
        unknown = set(keywords) - _KNOWN
        if unknown:
            raise ValueError(f"schema keywords without a check: {', '.join(sorted(unknown))}")
        return _dispatch({name: tuple(by_kind[name] + general) for name in _allowed(node)})

    return build(schema)


_KNOWN = frozenset({"$ref", "const", "enum", "allOf", "anyOf", "type"})
_KNOWN |= {"pattern", "minLength", "maxLength", "minimum", "items", "minItems", "uniqueItems"}
_KNOWN |= {"properties", "additionalProperties", "propertyNames", "required", "minProperties", "maxProperties"}


def _definition(reference: str) -> str:
    prefix = "#/$defs/"
    if not reference.startswith(prefix):
        raise ValueError(f"schema reference outside $defs: {reference}")
    return reference[len(prefix) :]


def _allowed(node: Node) -> tuple[str, ...]:
    """The kinds that `type` lets through; every integer is a number."""
    types = node.get("type", _ALL_KINDS)
    names = (types,) if isinstance(types, str) else tuple(types)
    return (*names, "integer") if "number" in names and "integer" not in names else names


def _dispatch(tests: dict[str, tuple[Check, ...]]) -> Check:
    """Look up the checks for a value's kind and run them."""
    if set(tests) == {"string"}:
        texts = tests["string"]
        if not texts:
            return lambda value: type(value) is str
        if len(texts) == 1:
            only = texts[0]
            return lambda value: type(value) is str and only(value)
    by_class = {base: tests[name] for base, name in _KINDS.items() if name in tests and base is not float}

    def check(value: Any) -> bool:
        found = by_class.get(type(value))
        if found is None:  # a float, which may not be finite; a subclass; or a kind that is not allowed
            found = tests.get(kind(value))
            if found is None:
                return False
        for test in found:  # noqa: SIM110 - twice as fast as `all`
            if not test(value):
                return False
        return True

    return check


def _one_of(values: list[Any]) -> Check:
    """`const` and `enum`; the language has them for texts and null only, which compare without surprises."""
    if not all(value is None or isinstance(value, str) for value in values):
        raise ValueError("const and enum are for texts and null")
    return lambda value: (value is None or type(value) is str) and value in values


def _any_of(parts: list[Check]) -> Check:
    def check(value: Any) -> bool:
        for part in parts:  # noqa: SIM110 - twice as fast as `any`
            if part(value):
                return True
        return False

    return check


def _text_checks(node: Node) -> list[Check]:
    checks: list[Check] = []
    if "minLength" in node:
        shortest: int = node["minLength"]
        checks.append(lambda value: len(value) >= shortest)
    if "maxLength" in node:
        longest: int = node["maxLength"]
        checks.append(lambda value: len(value) <= longest)
    if "pattern" in node:
        match = re.compile(node["pattern"]).fullmatch  # `$` alone would let a trailing newline through
        checks.append(lambda value: match(value) is not None)
    return checks


def _number_checks(node: Node) -> list[Check]:
    if "minimum" not in node:
        return []
    smallest: float = node["minimum"]
    return [lambda value: bool(value >= smallest)]


def _list_checks(node: Node, build: Callable[[Node], Check]) -> list[Check]:
    checks: list[Check] = []
    if "minItems" in node:
        shortest: int = node["minItems"]
        checks.append(lambda value: len(value) >= shortest)
    if "items" in node:
        item = build(node["items"])
        checks.append(lambda value: all(map(item, value)))
    if node.get("uniqueItems"):  # after `items`, which allows texts only
        checks.append(lambda value: len(set(value)) == len(value))
    return checks


def _mapping_checks(node: Node, build: Callable[[Node], Check]) -> list[Check]:
    checks: list[Check] = []
    if "required" in node:
        required = frozenset(node["required"])
        checks.append(lambda value: required <= value.keys())
    if "minProperties" in node:
        fewest: int = node["minProperties"]
        checks.append(lambda value: len(value) >= fewest)
    if "maxProperties" in node:
        most: int = node["maxProperties"]
        checks.append(lambda value: len(value) <= most)
    if "propertyNames" in node:
        name = build(node["propertyNames"])
        checks.append(lambda value: all(map(name, value)))
    properties = {key: build(part) for key, part in node.get("properties", {}).items()}
    others = node.get("additionalProperties", True)
    if properties or others is not True:
        checks.append(_entries(properties, build(others) if isinstance(others, dict) else None, others is not False))
    return checks


def _entries(properties: dict[str, Check], other: Check | None, is_open: bool) -> Check:
    """`properties` and `additionalProperties`: `other` checks the keys that are not listed, where there is such a check."""

    def check(value: Any) -> bool:
        for key, item in value.items():
            test = properties.get(key, other)
            if test is None:
                if not is_open:
                    return False
            elif not test(item):
                return False
        return True

    return check
