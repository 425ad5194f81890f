"""What a condition or a selector in CEL is: its type, its operands, and what the driver (cel-go, expression.go) would trip over."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from .syntax import CEL, Node, SyntaxFault, element, list_of, parse, path

TYPES = {"STRING": "string", "NUMBER_INTEGER": "number", "NUMBER_DOUBLE": "number", "BOOLEAN": "bool", "LIST": "list", "STRUCT": "map"}
"""What a parameter of a KFP type is in CEL: numbers are doubles, as in JSON."""

_MACROS = {"all": "bool", "exists": "bool", "filter": "list"}
_CONSTANTS = {"true": "bool", "false": "bool", "double": "type", "bool": "type", "map": "type"}
_NAMED = re.compile(
    r"(?:(?:volume|env) [-\w]+: )?parameter (?P<param>[-\w]+) (?:is|makes)"
    r"|step (?P<step>[-\w]+): (?:metric|value) (?P<output>[-\w]+) |(?P<each>each\.[-\w.]+) |loop "
)
_OPERAND = ("inputs", "parameter_values")

RAISES = "never"
"""The type of what fails the run: a key that a map without keys does not have."""


class Expression:
    """One expression, read: `problems` (sentences), `type`, and its tree where it could be read.

    `names` are what stands alone (`string_value` in a selector); `operands` the types of the task's inputs, by name.
    """

    def __init__(self, text: str, operands: Mapping[str, str], names: Mapping[str, str] | None = None) -> None:
        self.problems: list[str] = []
        self.operands = operands
        self.filtering = False
        self.tree: Node | None = None
        self.type = "any"
        if "{{" in text:
            self.problems.append("has double braces, where Argo would look for a template")
        if "$" in text:
            # the driver gets it in an argument, which a kubelet reads
            self.problems.append("has a $ that a kubelet would read")
        try:
            self.tree = parse(text, CEL)
        except SyntaxFault as fault:
            self.problems.append(str(fault))
            return
        self.type = self._type(self.tree, dict(names or {}))

    @property
    def references(self) -> list[str]:
        """The inputs that it reads, repeated ones too."""
        return references(self.tree) if self.tree else []

    def _fault(self, text: str) -> str:
        self.problems.append(text)
        return "any"

    def _type(self, node: Node, names: dict[str, str]) -> str:
        found = path(node)
        if found and found[:2] == _OPERAND and len(found) == 3:
            return self.operands[found[2]] if found[2] in self.operands else self._fault(f"{found[2]} is no input of the task")
        kind, parts = node.kind, node.parts
        if kind == "name":
            if node.text in _CONSTANTS:
                return _CONSTANTS[node.text]
            return names[node.text] if node.text in names else self._fault(f"{node.text} does not exist")
        if kind in ("string", "number"):
            return kind
        if kind == "list":
            return list_of({self._type(part, names) for part in parts})
        if kind == "map":
            for part in parts:
                self._type(part, names)
            return "map"
        if kind == "call":
            return self._call(node, names)
        if kind == "index" and raises(node):
            return RAISES
        if (limited := _limited(node)) is not None:
            return "bool" if self._type(limited, names) in ("string", "any") else self._fault("limits the length of what is no text")
        types = [self._type(part, names) for part in parts]
        if kind in ("member", "index"):
            return "any" if types[0].startswith(("any", "map", "list")) else self._fault(f"looks into a {types[0]}")
        if kind == "unary":
            wanted = "number" if node.text == "-" else "bool"
            return wanted if types[0] in (wanted, "any") else self._fault(f"has `{node.text}` before a {types[0]}")
        if kind == "choice":
            if types[0] not in ("bool", "any"):
                self._fault(f"decides on a {types[0]}")
            self.problems += _guard(node)
            kinds = set(types[1:]) - {RAISES}
            return "any" if "any" in kinds else kinds.pop() if len(kinds) == 1 else self._fault(f"gives a {types[1]} or a {types[2]}")
        return self._binary(node, *types)

    def _call(self, node: Node, names: dict[str, str]) -> str:
        function, given = node.parts[0], node.parts[1:]
        if function.kind == "name":
            if function.text == "has" and len(given) == 1 and given[0].kind == "member":
                self._type(given[0], names)
                return "bool"
            types = [self._type(part, names) for part in given]
            if (function.text, len(given)) == ("type", 1):
                return "type"
            if (function.text, len(given)) == ("size", 1):
                return "count" if types[0].startswith("list") else self._fault(f"counts a {types[0]}")
            if (function.text, len(given)) == ("parseJson", 1):
                return "any" if types[0] in ("string", "any") else self._fault(f"parses a {types[0]}")
            return self._fault(f"calls {function.text} with {len(given)} arguments, which does not exist")
        inner = self._type(function.parts[0], names)
        if function.text in _MACROS and len(given) == 2 and given[0].kind == "name":
            if inner != "any" and not inner.startswith("list"):
                self._fault(f"asks for {function.text} of a {inner}")
            # in a filter an entry that has no such key is passed over: there the strictness of lists would be wrong
            outside, self.filtering = self.filtering, function.text == "filter"
            found = self._type(given[1], {**names, given[0].text: element(inner)})
            self.filtering = outside
            if found not in ("bool", "any"):
                self._fault(f"has a {found} where {function.text} needs a boolean")
            return _MACROS[function.text]
        types = [self._type(part, names) for part in given]
        if function.text in ("matches", "contains") and types == ["string"]:
            if inner not in ("string", "any"):
                self._fault(f"asks for {function.text} of a {inner}")
            if function.text == "matches":
                self.problems += _pattern(given[0])
            return "bool"
        return self._fault(f"calls {function.text} of a {inner}, which does not exist")

    def _binary(self, node: Node, left: str, right: str) -> str:
        sign, both = node.text, {left, right} - {"any"}
        if "type" in both:
            return "bool" if sign in ("==", "!=") and both == {"type"} else self._fault(f"has `{sign}` between a {left} and a {right}")
        if sign == "&&" and self.filtering:
            return "bool" if both <= {"bool"} else self._fault(f"has `&&` between a {left} and a {right}")
        if sign in ("&&", "||"):
            return self._fault(f"has `{sign}`, which takes an error for an answer where the other side decides")
        if sign == "in":
            if not right.startswith(("list", "any")) or ("any" not in (left, element(right)) and left != element(right)):
                self._fault(f"looks for a {left} in a {right}")
            return "bool"
        if "count" in both:  # an int, which no double can be compared with
            whole = sign in (">", "==") and node.parts[1] == Node("number", "0")
            return "bool" if whole else self._fault(f"has `{sign}` between a {left} and a {right}")
        for part in node.parts:
            if part.kind == "number" and not set(part.text) & set(".eE"):
                self._fault(f"compares with {part.text}, which is no double")
        if sign in ("==", "!="):
            if len(both) > 1:
                self._fault(f"has `{sign}` between a {left} and a {right}")
            return "bool"
        if sign in ("<", "<=", ">", ">="):
            if both not in (set(), {"number"}):
                self._fault(f"has `{sign}` between a {left} and a {right}")
            return "bool"
        return self._fault(f"has `{sign}`, which nothing here needs")


def _limited(node: Node) -> Node | None:
    """The text of which `size(TEXT) <= 63` limits the length (both are ints); None where this is something else."""
    if node.kind != "binary" or node.text != "<=" or node.parts[1].kind != "number" or not node.parts[1].text.isdigit():
        return None
    function, *given = node.parts[0].parts if node.parts[0].kind == "call" else (node,)
    return given[0] if path(function) == ("size",) and len(given) == 1 else None


def _pattern(node: Node) -> Iterator[str]:
    try:
        re.compile(node.text.replace("[[:space:]]", r"\s"))
    except re.error as error:
        yield f"matches a pattern that is none: {error}"
    if node.kind != "string" or not (node.text.startswith("^") and node.text.endswith("$")):
        yield "matches a pattern that is no constant, or has no beginning or end"


def raises(node: Node) -> bool:
    """Whether this fails the run with a sentence."""
    return node.kind == "index" and node.parts[0] == Node("map") and node.parts[1].kind == "string"


def asked(node: Node) -> list[Node]:
    """The conditions in a task's condition, without what only looks at limits and types (`T ? true : error`, what follows `C ?`)."""
    if node.kind == "choice" and node.parts[2] == Node("name", "false"):
        node = node.parts[0]
    parts = [node]
    if node.kind == "call" and node.parts[0].kind == "member" and node.parts[0].text == "all":
        parts = list(node.parts[0].parts[0].parts)
    return [part for part in parts if not (part.kind == "choice" and part.parts[1] == Node("name", "true"))]


def formed(node: Node | None) -> Iterator[str]:
    """The operands whose form is tested: by a pattern, or by a list of what there is."""
    for part in node.walk() if node else ():
        call = part.kind == "call" and part.parts[0].kind == "member" and part.parts[0].text == "matches"
        if call or (part.kind == "binary" and part.text == "in"):
            names = path(part.parts[0].parts[0] if call else part.parts[0])
            if names[:2] == _OPERAND:
                yield names[2]


def references(node: Node) -> list[str]:
    """The operands in a tree, by name."""
    names = path(node)
    if names[:2] == _OPERAND and len(names) == 3:
        return [names[2]]
    return [found for part in node.parts for found in references(part)]


def _guard(node: Node) -> Iterator[str]:
    """A choice that fails the run otherwise: what it lets pass is what it looked at, and what its sentence names."""
    condition, then, other = node.parts
    if not raises(other):
        if raises(then):
            yield "fails the run where the test holds"
        return
    tested = set(references(condition))
    passed = set(references(then))
    if passed and passed != tested:
        yield f"tests {', '.join(sorted(tested))} and lets {', '.join(sorted(passed))} pass"
    message = other.parts[1].text
    found = _NAMED.match(message)
    named = ""
    if found:
        named = found["param"] or found["each"] or (f"{found['step']}.{found['output']}" if found["step"] else "x-list")
    if named not in tested:
        yield f"says {message!r}, and tests {', '.join(sorted(tested)) or 'nothing'}"


def selections(node: Node) -> Iterator[tuple[str, str]]:
    """Each document that is looked into: the input, and what is looked up, as `[key][key]` or ` (kfp-v1) NAME`."""
    keys = ""
    inner = node
    while True:
        if inner.kind == "index" and inner.parts[1].kind == "string" and path(inner)[:2] != _OPERAND:
            keys = f"[{inner.parts[1].text}]{keys}"
        elif inner.kind == "member":
            keys = f"[{inner.text}]{keys}"
        else:
            break
        inner = inner.parts[0]
    if inner.kind == "index" and inner.parts[0].kind == "call" and keys == "[numberValue]" and inner.parts[0].parts[0].text == "filter":
        call = inner.parts[0]
        tests = [part.parts for part in call.parts[2].walk() if part.kind == "binary" and part.text == "=="]
        wanted = [right.text for left, right in tests if left.kind == "member" and left.text == "name"]
        for name, found in selections(call.parts[0].parts[0]):
            yield name, f" (kfp-v1) {wanted[0] if wanted else ''}" if found == "[metrics]" else found
        return
    if inner.kind == "call" and path(inner.parts[0]) == ("parseJson",):
        names = path(inner.parts[1])
        yield names[-1] if names else "", keys
        return
    for part in inner.parts:
        yield from selections(part)
