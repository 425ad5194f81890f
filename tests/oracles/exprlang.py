"""What an expression in `{{= }}` is: its type, what it refers to, and what the engine (expr-lang, util/expr/env) would trip over.

Argo compiles these when a run gets there. A name that does not exist is then waited for, without an end; a type that does not fit
ends the run; a text that nobody looked at is expanded again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from .syntax import EXPR, Node, SyntaxFault, element, list_of, parse, path

Scope = Callable[[tuple[str, ...]], str]
"""The type of what a path names in its place, "" where it names nothing."""

_FUNCTIONS: dict[str, tuple[tuple[str, ...], str]] = {
    "fromJSON": (("string",), "any"),
    "toJson": (("any",), "string"),
    "asInt": (("string number",), "number"),
    "asFloat": (("string number",), "number"),
    "type": (("any",), "string"),
    "trim": (("string",), "string"),
    "replace": (("string", "string", "string"), "string"),
}
_PREDICATES = {"all": "bool", "any": "bool", "filter": "list", "map": "list"}
_ROOTS = ("workflow", "tasks", "inputs", "item")
_NAMED = re.compile(r"parameter ([-\w]+)|(?:value|metric) ([-\w]+) of step ([-\w]+)|run\.(id|name)")

RAISES = "never"
"""The type of what ends the run: a number asked of a sentence."""


class Expression:
    """One expression, read: `problems` (sentences), `type`, and its tree where it could be read."""

    def __init__(self, text: str, scope: Scope) -> None:
        self.problems: list[str] = []
        self.scope = scope
        self.tree: Node | None = None
        self.type = "any"
        if not (text.startswith("{{= ") and text.endswith(" }}")):
            self.problems.append(f"{text!r} is not one expression")
            return
        body = text[4:-3]
        if "{{" in body or "}}" in body:
            self.problems.append("has double braces inside")
            return
        try:
            self.tree = parse(body, EXPR)
        except SyntaxFault as fault:
            self.problems.append(str(fault))
            return
        self.type = self._type(self.tree, "")

    @property
    def references(self) -> list[tuple[str, ...]]:
        """Everything that it refers to, as paths, repeated ones too."""
        return references(self.tree) if self.tree else []

    def _fault(self, text: str) -> str:
        self.problems.append(text)
        return "any"

    def _type(self, node: Node, item: str) -> str:
        names = path(node)
        if names:
            if names in (("true",), ("false",)):
                return "bool"
            found = self.scope(names) if names[0] in _ROOTS else ""
            return found or self._fault(f"`{shown(names)}` does not exist")
        kind, parts = node.kind, node.parts
        if kind in ("string", "number"):
            return kind
        if kind == "item":
            return item or self._fault("has # outside a predicate")
        if kind == "list":
            return list_of({self._type(part, item) for part in parts})
        if kind == "map":
            return self._fault("has a map, which nothing here needs")
        if kind == "call":
            return self._call(node, item)
        types = [self._type(part, item) for part in parts]
        if kind == "member":
            return self._fault(f"asks for the member {node.text} of what is computed: write ['{node.text}']")
        if kind == "index":
            if not types[0].startswith(("any", "list")):
                return self._fault(f"looks into a {types[0]}")
            return "any"
        if kind == "unary":
            wanted = "number" if node.text == "-" else "bool"
            return wanted if types[0] in (wanted, "any") else self._fault(f"has `{node.text}` before a {types[0]}")
        if kind == "choice":
            if types[0] not in ("bool", "any"):
                self._fault(f"decides on a {types[0]}")
            self.problems += _guard(node)
            kinds = set(types[1:]) - {RAISES}
            if "any" in kinds:
                return "any"
            return kinds.pop() if len(kinds) == 1 else self._fault(f"gives a {types[1]} or a {types[2]}")
        return self._binary(node, *types)

    def _call(self, node: Node, item: str) -> str:
        name = node.parts[0].text if node.parts[0].kind == "name" else ""
        given = node.parts[1:]
        if name in _PREDICATES and len(given) == 2:
            inner = self._type(given[0], item)
            if not inner.startswith(("any", "list")):
                self._fault(f"gives {name} a {inner}")
            found = self._type(given[1], element(inner))
            if name != "map" and found not in ("bool", "any"):
                self._fault(f"has a {found} where {name} needs a boolean")
            return _PREDICATES[name]
        if name not in _FUNCTIONS or len(given) != len(_FUNCTIONS[name][0]):
            return self._fault(f"calls {shown(path(node.parts[0])) or 'something'} with {len(given)} arguments, which does not exist")
        for wanted, part in zip(_FUNCTIONS[name][0], given, strict=True):
            found = self._type(part, item)
            if found != "any" and wanted != "any" and found not in wanted.split():
                self._fault(f"gives {name} a {found}")
        if raises(node):
            return RAISES
        return _FUNCTIONS[name][1]

    def _binary(self, node: Node, left: str, right: str) -> str:
        sign, both = node.text, {left, right} - {"any"}
        if sign in ("and", "or"):
            return "bool" if both <= {"bool"} else self._fault(f"has `{sign}` between a {left} and a {right}")
        if sign in ("<", "<=", ">", ">="):
            if both not in (set(), {"number"}):
                self._fault(f"has `{sign}` between a {left} and a {right}")
            return "bool"
        if sign in ("==", "!="):
            if len(both) > 1:
                self._fault(f"has `{sign}` between a {left} and a {right}")
            return "bool"
        if sign == "in":
            if not right.startswith(("list", "any")) or ("any" not in (left, element(right)) and left != element(right)):
                self._fault(f"looks for a {left} in a {right}")
            return "bool"
        if sign in ("matches", "contains"):
            if not both <= {"string"}:
                self._fault(f"has `{sign}` between a {left} and a {right}")
            if sign == "matches":
                self.problems += _pattern(node.parts[1])
            return "bool"
        if sign == "+" and both == {"string"}:
            return "string"
        return "number" if both <= {"number"} else self._fault(f"has `{sign}` between a {left} and a {right}")


def _pattern(node: Node) -> Iterator[str]:
    try:
        re.compile(node.text)
    except re.error as error:
        yield f"matches a pattern that is none: {error}"
    if node.kind != "string" or not (node.text.startswith("^") and node.text.endswith("$")):
        yield "matches a pattern that is no constant, or has no beginning or end"


def raises(node: Node) -> bool:
    """Whether this ends the run with a sentence: the number of a text that is none."""
    if node.kind != "call" or path(node.parts[0]) not in (("asInt",), ("fromJSON",)) or len(node.parts) != 2:
        return False
    return node.parts[1].kind == "string" and " " in node.parts[1].text


_MISSED = re.compile(r"step ([-\w]+): metric ([-\w]+) missed its threshold")


def _guard(node: Node) -> Iterator[str]:
    """A choice that ends the run otherwise: it must look at what it lets pass, and name it."""
    condition, then, other = node.parts
    failing = [part for part in (then, other) if raises(part)]
    if not failing:
        return
    passing = other if raises(then) else then
    tested, passed = set(references(condition)), set(references(passing))
    if missed := _MISSED.fullmatch(failing[0].parts[1].text):  # lets nothing pass: it only asks
        if ("tasks", missed[1], "outputs", "parameters", missed[2]) not in tested or (passing.kind, passing.text) != ("string", "false"):
            yield f"says that {missed[2]} of {missed[1]} is missed, and tests {_all(tested)}"
        return
    if tested != passed:
        yield f"tests {_all(tested)} and lets {_all(passed)} pass"
    names = {found.groups() for found in _NAMED.finditer(failing[0].parts[1].text)}
    for name, output, step, run in names:
        named: tuple[str, ...] = ("workflow", "parameters", name) if name else ("tasks", step, "outputs", "parameters", output)
        if run:
            named = ("workflow", "uid" if run == "id" else "name")
        if named not in tested:
            yield f"says that {shown(named)} is wrong, and tests {_all(tested)}"
    if not names:
        yield "ends the run without saying why"


def _all(paths: set[tuple[str, ...]]) -> str:
    return ", ".join(sorted(map(shown, paths))) or "nothing"


def references(node: Node) -> list[tuple[str, ...]]:
    """The paths below the engine's roots in a tree, the longest of each chain."""
    names = path(node)
    if names:
        return [names] if names[0] in _ROOTS else []
    return [found for part in node.parts for found in references(part)]


def exposed(node: Node, in_pod: bool = True) -> list[tuple[str, ...]]:
    """What becomes part of the result as it is, without a guard that could end the run; `in_pod`: a kubelet reads the result."""
    names = path(node)
    if names:
        return [] if names[:2] in (("workflow", "uid"), ("workflow", "name")) or names[0] not in _ROOTS else [names]
    if node.kind == "choice":
        passing = [part for part in node.parts[1:] if not raises(part)]
        if len(passing) == 1:
            return _unescaped(node.parts[0], passing[0]) if in_pod else []
        return [found for part in passing for found in exposed(part, in_pod)]
    if node.kind == "call" and path(node.parts[0]) in (("trim",), ("replace",)):
        return exposed(node.parts[1], in_pod)
    if node.kind == "binary" and node.text == "+":
        return [found for part in node.parts for found in exposed(part, in_pod)]
    return []


def _unescaped(condition: Node, passing: Node) -> list[tuple[str, ...]]:
    """A text that is let pass because it has no braces still has its `$`: it must be doubled."""
    if condition.kind == "binary" and condition.text == "contains" and _joined(condition.parts[1]) == "{{":
        doubled = passing.kind == "call" and path(passing.parts[0]) == ("replace",)
        if not doubled or [_joined(part) for part in passing.parts[2:]] != ["$", "$$"]:
            return references(passing)
    return []


def _joined(node: Node) -> str:
    if node.kind == "binary" and node.text == "+":
        return _joined(node.parts[0]) + _joined(node.parts[1])
    return node.text if node.kind == "string" else ""


def selections(node: Node) -> Iterator[tuple[tuple[str, ...], str]]:
    """Each document that is looked into: the path of its text, and what is looked up, as `[key][key]` or ` (kfp-v1) NAME`."""
    keys = ""
    inner = node
    while inner.kind == "index" and inner.parts[1].kind in ("string", "binary") and not path(inner):
        keys = f"[{_joined(inner.parts[1])}]{keys}"
        inner = inner.parts[0]
    if inner.kind == "index" and inner.parts[0].kind == "call" and path(inner.parts[0].parts[0]) == ("filter",) and keys == "[numberValue]":
        listed, predicate = inner.parts[0].parts[1:]
        tests = [part.parts for part in predicate.walk() if part.kind == "binary" and part.text == "=="]
        wanted = [_joined(right) for left, right in tests if left.kind == "index" and left.parts[1].text == "name"]
        for names, found in selections(listed):
            yield names, f" (kfp-v1) {wanted[0] if wanted else ''}" if found == "[metrics]" else found
        return
    if inner.kind == "call" and path(inner.parts[0]) == ("fromJSON",) and (names := path(inner.parts[1])):
        yield names, keys
        return
    for part in inner.parts:
        yield from selections(part)


def shown(names: tuple[str, ...]) -> str:
    """A path as people write it."""
    return ".".join(names)
