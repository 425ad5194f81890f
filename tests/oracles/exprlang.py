"""What an expression in `{{= }}` is: its type, what it refers to, and what the engine (expr-lang, util/expr/env) would trip over.

Argo compiles these when a run gets there. A name that does not exist is then waited for, without an end; a type that does not fit
ends the run; a text that nobody looked at is expanded again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterator, Mapping

from .syntax import EXPR, Node, SyntaxFault, element, list_of, parse, path

Scope = Callable[[tuple[str, ...]], str]
"""The type of what a path names in its place, "" where it names nothing. All outputs of a loop are `items of LOOP`, and one of an item
is asked for as (#, LOOP, NAME).
"""

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
_OF_RUN = (("workflow", "uid"), ("workflow", "name"))
"""What the engine itself calls a run: plain letters, digits and `-`."""

_ROOTS = ("workflow", "tasks", "inputs", "item")
_NAMED = re.compile(
    r"parameter (?P<param>[-\w]+)|(?:value|metric) (?P<output>[-\w]+) of step (?P<step>[-\w]+)|run\.(?P<run>id|name)"
    r"|each\.(?P<column>[-\w.]+)|item of [-\w]+ has no field (?P<field>[-\w]+)|loop (?P<loop>[-\w]+) had no items"
)

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
            self.tree = inlined(parse(body, EXPR))
        except SyntaxFault as fault:
            self.problems.append(str(fault))
            return
        self.type = self._type(self.tree, {})

    @property
    def references(self) -> list[tuple[str, ...]]:
        """Everything that it refers to, as paths, repeated ones too."""
        return references(self.tree) if self.tree else []

    def _fault(self, text: str) -> str:
        self.problems.append(text)
        return "any"

    def exposed(self, node: Node | None = None, single: bool = False, in_pod: bool = True) -> list[tuple[str, ...]]:
        """What becomes part of a container's text as it is, without a guard that could end the run; `single`: with its `$` as they are.

        `in_pod`: a kubelet reads the result.
        """
        node = node or self.tree
        if node is None:
            return []
        names = path(node)
        if names:
            return [] if names[:2] in _OF_RUN or names[0] not in _ROOTS else [names]
        if node.kind == "choice":
            passing = [part for part in node.parts[1:] if not raises(part)]
            bare = [found for part in passing for found in self.exposed(part, single, in_pod)]
            if len(passing) == 1:
                return _guarded(node.parts[0], passing[0], bare) if in_pod else []
            return bare
        function = path(node.parts[0]) if node.kind == "call" else ()
        if _escaping(node):
            return []
        if function in (("trim",), ("replace",)):
            return [] if single and doubling(node) else self.exposed(node.parts[1], single, in_pod)
        if function == ("toJson",):
            plain = self._type(node.parts[1], {}).removeprefix("list of ") in ("number", "bool")
            return [] if plain else [names for names in references(node) if names[:2] not in _OF_RUN]
        if decoded(node):
            return references(node)
        if node.kind == "binary" and node.text == "+":
            return [found for part in node.parts for found in self.exposed(part, single, in_pod)]
        return []

    def _type(self, node: Node, item: Mapping[str, str]) -> str:
        names = path(node)
        if names:
            if names in (("true",), ("false",)):
                return "bool"
            if names == ("nil",):
                return "nil"
            found = self.scope(names) if names[0] in _ROOTS else ""
            return found or self._fault(f"`{shown(names)}` does not exist")
        kind, parts = node.kind, node.parts
        if kind in ("string", "number"):
            return kind
        if kind == "item":
            return item.get(node.text) or self._fault(f"has {node.text} outside a predicate")
        if kind == "list":
            return list_of({self._type(part, item) for part in parts})
        if kind == "map":
            return self._fault("has a map, which nothing here needs")
        if kind == "call":
            return self._call(node, item)
        if (limited := _limited(node)) is not None:
            return "bool" if self._type(limited, item) in ("string", "any") else self._fault("limits the length of what is no text")
        types = [self._type(part, item) for part in parts]
        if kind == "member":
            return self._fault(f"asks for the member {node.text} of what is computed: write ['{node.text}']")
        if kind == "optional":
            return "any" if types[0] == "any" else self._fault(f"asks for a member of a {types[0]}")
        if kind == "index":
            if types[0].startswith("item of "):
                loop = types[0].removeprefix("item of ")
                return self.scope(("#", loop, parts[1].text)) or self._fault(
                    f"asks an item of {loop} for {parts[1].text}, which it has not"
                )
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
            if parts[0] == Node("binary", "==", (Node("call", "", (Node("name", "type"), parts[1])), Node("string", "string"))):
                types[1] = "string"  # so it is
            kinds = set(types[1:]) - {RAISES}
            if "any" in kinds:
                return "any"
            return kinds.pop() if len(kinds) == 1 else self._fault(f"gives a {types[1]} or a {types[2]}")
        return self._binary(node, *types)

    def _call(self, node: Node, item: Mapping[str, str]) -> str:
        name = node.parts[0].text if node.parts[0].kind == "name" else ""
        given = node.parts[1:]
        if name in (*_PREDICATES, "reduce") and len(given) == 2:
            return self._predicate(name, *given, item)
        if name == "len" and len(given) == 1:
            inner = self._type(given[0], item)
            return "number" if inner.startswith(("any", "list")) else self._fault(f"counts a {inner}")
        if name not in _FUNCTIONS or len(given) != len(_FUNCTIONS[name][0]):
            return self._fault(f"calls {shown(path(node.parts[0])) or 'something'} with {len(given)} arguments, which does not exist")
        for wanted, part in zip(_FUNCTIONS[name][0], given, strict=True):
            found = self._type(part, item)
            if name == "fromJSON" and found.startswith("items of "):
                return f"list of item of {found.removeprefix('items of ')}"
            if found != "any" and wanted != "any" and found not in wanted.split():
                self._fault(f"gives {name} a {found}")
        if raises(node):
            return RAISES
        return "string" if decoded(node) else _FUNCTIONS[name][1]

    def _predicate(self, name: str, listed: Node, body: Node, item: Mapping[str, str]) -> str:
        inner = self._type(listed, item)
        if not inner.startswith(("any", "list")):
            self._fault(f"gives {name} a {inner}")
        names = {"#": element(inner), "#acc": element(inner)} if name == "reduce" else {"#": element(inner)}
        if name == "map" and body.kind == "map":
            for value in body.parts[1::2]:
                if (found := self._type(value, names)) != "string":
                    self._fault(f"makes an item of a {found}, not of texts")
            return "list of map"
        found = self._type(body, names)
        if name == "map":
            return list_of({found})
        if name == "reduce":
            return found
        if found not in ("bool", "any"):
            self._fault(f"has a {found} where {name} needs a boolean")
        return _PREDICATES[name]

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


def _limited(node: Node) -> Node | None:
    """The text of which `len(TEXT) <= 63` limits the length; None where this is something else."""
    if node.kind != "binary" or node.text != "<=" or node.parts[1].kind != "number" or node.parts[0].kind != "call":
        return None
    function, *given = node.parts[0].parts
    return given[0] if path(function) == ("len",) and len(given) == 1 else None


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
    tested, passed = set(_asked(condition)), set(_asked(passing))
    if missed := _MISSED.fullmatch(failing[0].parts[1].text):  # lets nothing pass: it only asks
        wanted = _named({"output": missed[2], "step": missed[1]})
        if not wanted & tested or (passing.kind, passing.text) != ("string", "false"):
            yield f"says that {missed[2]} of {missed[1]} is missed, and tests {_all(tested)}"
        return
    found = list(_NAMED.finditer(failing[0].parts[1].text))
    if tested != passed and not any(one["loop"] for one in found):
        yield f"tests {_all(tested)} and lets {_all(passed)} pass"
    for named in dict.fromkeys(frozenset(_named(one.groupdict())) for one in found):
        if not named & tested:
            yield f"says that {' or '.join(sorted(map(shown, named)))} is wrong, and tests {_all(tested)}"
    if not found:
        yield "ends the run without saying why"


def _named(found: Mapping[str, str | None]) -> set[tuple[str, ...]]:
    """What a sentence is about: outside a loop, among what its items give, or handed into it."""
    match {key: text for key, text in found.items() if text}:
        case {"param": param}:
            return {("workflow", "parameters", param)}
        case {"run": run}:
            return {("workflow", "uid" if run == "id" else "name")}
        case {"column": column}:
            return {("inputs", "parameters", column.replace(".", "-"))}
        case {"field": field}:
            return {("#", field)}
        case {"loop": loop}:
            return {("tasks", loop, "outputs", "parameters", "x-items")}
        case {"step": step, "output": output}:
            name = f"{step}_{output}"
            return {("tasks", step, "outputs", "parameters", output), ("#", name), ("inputs", "parameters", f"x-{name}")}
    return set()


def _all(paths: set[tuple[str, ...]]) -> str:
    return ", ".join(sorted(map(shown, paths))) or "nothing"


def formed(node: Node) -> Iterator[tuple[str, ...]]:
    """The references whose form is tested: by a pattern, or by a list of what there is."""
    for part in node.walk():
        if part.kind == "binary" and part.text in ("matches", "in"):
            yield from references(part.parts[0])


def references(node: Node) -> list[tuple[str, ...]]:
    """The paths below the engine's roots in a tree, the longest of each chain."""
    names = path(node)
    if names:
        return [names] if names[0] in _ROOTS else []
    return [found for part in node.parts for found in references(part)]


def _asked(node: Node) -> list[tuple[str, ...]]:
    """What a guard looks at, or lets pass: references, and what an item of a list has."""
    if node.kind == "item":
        return [("#",)]
    if node.kind == "index" and node.parts[0].kind == "item" and node.parts[1].kind == "string":
        return [("#", node.parts[1].text)]
    names = path(node)
    if names:
        return [names] if names[0] in _ROOTS else []
    return [found for part in node.parts for found in _asked(part)]


def inlined(node: Node) -> Node:
    """The tree with `map([X], ... # ...)[0]` as what it stands for: X in the place of each #."""
    if (
        node.kind == "index"
        and node.parts[1] == Node("number", "0")
        and node.parts[0].kind == "call"
        and path(node.parts[0].parts[0]) == ("map",)
        and len(node.parts[0].parts) == 3
        and node.parts[0].parts[1].kind == "list"
        and len(node.parts[0].parts[1].parts) == 1
    ):
        _, (listed), body = node.parts[0].parts
        return _filled(body, inlined(listed.parts[0]))
    return Node(node.kind, node.text, tuple(map(inlined, node.parts)))


def _filled(node: Node, item: Node) -> Node:
    if node == Node("item", "#"):
        return item
    return Node(node.kind, node.text, tuple(_filled(part, item) for part in node.parts))


def decoded(node: Node) -> bool:
    """Whether this is a text that stood inside a JSON string: `fromJSON('"' + X + '"')`."""
    if node.kind != "call" or path(node.parts[0]) != ("fromJSON",) or len(node.parts) != 2 or node.parts[1].kind != "binary":
        return False
    before, end = node.parts[1].parts
    quote = Node("string", '"')
    return node.parts[1].text == "+" and end == quote and before.kind == "binary" and before.text == "+" and before.parts[0] == quote


def undecoded(node: Node, among: Container[tuple[str, ...]]) -> Iterator[tuple[str, ...]]:
    """The references among these that are read as they are."""
    if not decoded(node):
        names = path(node)
        if names:
            yield from (names for _ in range(names in among))
        else:
            yield from (found for part in node.parts for found in undecoded(part, among))


def flowing(node: Node) -> Iterator[tuple[str, ...]]:
    """What becomes part of the result as it is: not decoded, and whatever its text is, apart from braces and `$`."""
    names = path(node)
    if names:
        yield from (names for _ in range(names[0] in _ROOTS))
    elif node.kind == "choice":
        condition, then, other = node.parts
        if not (raises(then) or raises(other)) or (condition.kind, condition.text) == ("binary", "contains"):
            yield from (found for part in (then, other) for found in flowing(part))
    elif node.kind == "call" and path(node.parts[0]) in (("trim",), ("replace",)):
        yield from flowing(node.parts[1])
    elif node.kind == "binary" and node.text == "+":
        yield from (found for part in node.parts for found in flowing(part))


def doubling(node: Node) -> bool:
    """Whether this doubles each `$` of a text."""
    return node.kind == "call" and path(node.parts[0]) == ("replace",) and [_joined(part) for part in node.parts[2:]] == ["$", "$$"]


def _escaping(node: Node) -> bool:
    """Whether this writes the `{{` and `$` of a JSON text as JSON's own escapes, which nobody but its reader reads."""
    wanted = (("{{", "u007bu007b"), ("$", "u0024"))
    for plain, escape in wanted:
        if node.kind != "call" or path(node.parts[0]) != ("replace",):
            return False
        if (_joined(node.parts[2]), _joined(node.parts[3]).replace("\\", "")) != (plain, escape):
            return False
        node = node.parts[1]
    return node.kind == "call" and path(node.parts[0]) == ("toJson",)


def _guarded(condition: Node, passing: Node, bare: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """A text that is let pass because it has no braces still has its `$`: it must be doubled."""
    braces = condition.kind == "binary" and condition.text == "contains" and _joined(condition.parts[1]) == "{{"
    return bare if braces and not doubling(passing) else []


def best(node: Node) -> tuple[str, str] | None:
    """Of `reduce(map(ITEMS, [NUMBER, #[NAME]]), #[0] > #acc[0] ? # : #acc)[1]` the sign and the name; None where it is none."""
    item, kept = Node("item", "#"), Node("item", "#acc")
    first = (Node("number", "0"),)
    for part in node.walk():
        if part.kind != "call" or path(part.parts[0]) != ("reduce",) or len(part.parts) != 3:
            continue
        pairs, choice = part.parts[1:]
        there = node.kind == "choice" and node.parts[2] == Node("index", "", (part, Node("number", "1")))
        shape = choice.kind == "choice" and choice.parts[1:] == (item, kept) and choice.parts[0].kind == "binary"
        if not there or not shape or choice.parts[0].parts != (Node("index", "", (item, *first)), Node("index", "", (kept, *first))):
            return None
        pair = pairs.parts[2] if pairs.kind == "call" and len(pairs.parts) == 3 else pairs
        if len(pair.parts) != 2 or pair.parts[1].kind != "index" or pair.parts[1].parts[0] != item:
            return None
        return choice.parts[0].text, pair.parts[1].parts[1].text
    return None


def stored(node: Node) -> tuple[set[tuple[str, ...]], set[tuple[str, str]], str]:
    """Of an expression that looks for the key of an artifact: the artifacts, kinds of stores with their fields, what it says at last."""
    if node.kind == "binary" and node.text == "??":
        paths, kinds, message = stored(node.parts[0])
        others, more, end = stored(node.parts[1])
        return paths | others, kinds | more, message + end
    if node.kind == "optional" and node.parts[0].kind == "index":
        document, kind = node.parts[0].parts
        if document.kind == "call" and document.parts[1].kind == "call":
            return {path(document.parts[1].parts[1])}, {(kind.text, node.text)}, ""
    return set(), set(), node.parts[1].text if raises(node) else "?"


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
    if inner.kind == "call" and path(inner.parts[0]) == ("fromJSON",) and (names := output(inner.parts[1])):
        yield names, keys
        return
    for part in inner.parts:
        yield from selections(part)


def output(node: Node) -> tuple[str, ...]:
    """What a path names; of what an item of a loop gives, or was handed into one, the step and its output."""
    if node.kind == "index" and node.parts[0].kind == "item":
        return handed(("inputs", "parameters", f"x-{node.parts[1].text}"))
    return handed(path(node))


def handed(names: tuple[str, ...]) -> tuple[str, ...]:
    """The output of a step that an input of a loop carries in; another path as it is."""
    step, _, output = names[2].removeprefix("x-").partition("_") if names[:2] == ("inputs", "parameters") else ("", "", "")
    return ("tasks", step, "outputs", "parameters", output) if output and names[2].startswith("x-") else names


def shown(names: tuple[str, ...]) -> str:
    """A path as people write it."""
    return ".".join(names)
