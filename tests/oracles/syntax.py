"""A reader of the two expression languages below us, expr-lang (Argo) and CEL (KFP), into one kind of tree.

Of each language only what a compiler has a use for is read, with the engines' own precedences (expr-lang parser/operator, cel-spec
langdef.md); everything else is a syntax error. So what is read here is an expression of the language, not the other way round.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True)
class Node:
    """One node. By `kind`: its `text` (a name, an operator, a literal's value), its `parts`.

    string, number, name, item (`#`, `#acc`) | member, optional (object; the name is `text`), index (object, key),
    call (function, arguments), unary, binary, choice (condition, then, else), list, map (key, value, key, value ...)
    """

    kind: str
    text: str = ""
    parts: tuple[Node, ...] = ()

    def walk(self) -> Iterator[Node]:
        """This node and all below it."""
        yield self
        for part in self.parts:
            yield from part.walk()


@dataclass(frozen=True, eq=False)
class Language:
    """Operators and how strongly they bind (more is stronger); `words` are those that are names, `item` says whether there is `#`."""

    binary: dict[str, int]
    unary: dict[str, int]
    item: bool
    words: frozenset[str]


EXPR = Language(
    binary={"or": 10, "and": 15, "==": 20, "!=": 20, "<": 20, ">": 20, "<=": 20, ">=": 20, "in": 20, "matches": 20, "contains": 20}
    | {"+": 30, "-": 30, "*": 60, "/": 60, "%": 60, "??": 500},
    unary={"not": 50, "!": 50, "-": 90},
    item=True,
    words=frozenset(("or", "and", "not", "in", "matches", "contains")),
)
CEL = Language(
    binary={"||": 10, "&&": 15, "==": 20, "!=": 20, "<": 20, ">": 20, "<=": 20, ">=": 20, "in": 20}
    | {"+": 30, "-": 30, "*": 60, "/": 60, "%": 60},
    unary={"!": 90, "-": 90},
    item=False,
    words=frozenset(("in",)),
)

_TOKEN = re.compile(
    r"(?P<space>\s+)|(?P<number>[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?)|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<string>'(?:[^'\\\n\r]|\\.)*'|\"(?:[^\"\\\n\r]|\\.)*\")|(?P<sign>\|\||&&|==|!=|<=|>=|\?\?|\?\.|#acc|[-+*/%<>!?:.,()\[\]{}#])",
    re.DOTALL,
)
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)", re.DOTALL)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\", "'": "'", '"': '"'}


class SyntaxFault(Exception):
    """What is wrong with an expression, in a few words."""


@lru_cache(maxsize=1000)  # the manifests of many changed specs have most of their expressions in common
def parse(text: str, language: Language) -> Node:
    """The expression as a tree, or a SyntaxFault."""
    parser = _Parser(text, language)
    node = parser.expression()
    if parser.tokens[parser.next][1]:
        raise SyntaxFault(f"has {parser.tokens[parser.next][1]!r} where nothing follows")
    return node


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise SyntaxFault(f"cannot be read at {text[at : at + 20]!r}")
        if found.lastgroup != "space":
            yield found.lastgroup or "", found.group()
        at = found.end()
    yield "end", ""


def _unescaped(match: re.Match[str]) -> str:
    code = match[1]
    if code in _ESCAPES:
        return _ESCAPES[code]
    if len(code) == 1:
        raise SyntaxFault(f"has the escape \\{code}, which does not exist")
    return chr(int(code[1:], 16))


class _Parser:
    """Reads by precedence."""

    def __init__(self, text: str, language: Language) -> None:
        self.language = language
        self.tokens = list(_tokens(text))
        self.next = 0

    def peek(self) -> str:
        """The sign or word that comes, "" for a literal or the end."""
        kind, text = self.tokens[self.next]
        return text if kind in ("sign", "name") else ""

    def take(self, sign: str) -> bool:
        """Step over a sign, if it comes."""
        kind, text = self.tokens[self.next]
        if kind == "sign" and text == sign:
            self.next += 1
            return True
        return False

    def want(self, sign: str) -> None:
        """Step over a sign that must come."""
        if not self.take(sign):
            raise SyntaxFault(f"has {self.tokens[self.next][1] or 'its end'!r} where {sign!r} is needed")

    def expression(self) -> Node:
        """A choice, or what stands without one."""
        condition = self.operators(0)
        if not self.take("?"):
            return condition
        then = self.expression()
        self.want(":")
        return Node("choice", "?", (condition, then, self.expression()))

    def operators(self, least: int) -> Node:
        """Operators that bind at least so strongly, and their operands."""
        left = self.operand()
        while True:
            sign = self.peek()
            strength = self.language.binary.get(sign, -1)
            if strength < least:
                return left
            self.next += 1
            left = Node("binary", sign, (left, self.operators(strength + 1)))

    def operand(self) -> Node:
        """An operand with what stands before it."""
        sign = self.peek()
        if sign in self.language.unary:
            self.next += 1
            return Node("unary", sign, (self.operators(self.language.unary[sign]),))
        return self.behind(self.primary())

    def behind(self, node: Node) -> Node:
        """Members, indexes and calls."""
        while True:
            dot = self.peek()
            if self.take(".") or (self.language.item and self.take("?.")):
                kind, text = self.tokens[self.next]
                if kind != "name":
                    raise SyntaxFault(f"has {text or 'its end'!r} after a dot")
                self.next += 1
                node = Node("member" if dot == "." else "optional", text, (node,))
            elif self.take("["):
                key = self.expression()
                self.want("]")
                node = Node("index", "", (node, key))
            elif node.kind in ("name", "member") and self.take("("):
                node = Node("call", "", (node, *self.items(")")))
            else:
                return node

    def primary(self) -> Node:
        """A literal, a name, or something in brackets."""
        kind, text = self.tokens[self.next]
        if kind == "end":
            raise SyntaxFault("ends too early")
        self.next += 1
        if kind == "string":
            return Node("string", _ESCAPE.sub(_unescaped, text[1:-1]))
        if kind == "number" or (kind == "name" and text not in self.language.words):
            return Node(kind, text)
        if text in ("#", "#acc") and self.language.item:
            return Node("item", text)
        if text == "(":
            node = self.expression()
            self.want(")")
            return node
        if text == "[":
            return Node("list", "", self.items("]"))
        if text == "{":
            return Node("map", "", self.pairs())
        raise SyntaxFault(f"has {text!r} where a value is needed")

    def items(self, end: str) -> tuple[Node, ...]:
        """Expressions with commas between them, up to `end`."""
        found: list[Node] = []
        while not self.take(end):
            if found:
                self.want(",")
            found.append(self.expression())
        return tuple(found)

    def pairs(self) -> tuple[Node, ...]:
        """The keys and values of a map."""
        found: list[Node] = []
        while not self.take("}"):
            if found:
                self.want(",")
            found.append(self.expression())
            self.want(":")
            found.append(self.expression())
        return tuple(found)


def path(node: Node) -> tuple[str, ...]:
    """What a chain of names and literal keys names (`a.b['c']` is a, b, c); () for what is no such chain."""
    if node.kind == "name":
        return (node.text,)
    if node.kind == "member" and (before := path(node.parts[0])):
        return (*before, node.text)
    if node.kind == "index" and node.parts[1].kind == "string" and (before := path(node.parts[0])):
        return (*before, node.parts[1].text)
    return ()


def list_of(types: set[str]) -> str:
    """The type of a list whose items have these types, `any` where nobody knows."""
    known = sorted(types - {"any", "never"})
    return f"list of {' and '.join(known)}" if known else "list"


def element(kind: str) -> str:
    """The type of a list's items, `any` where nobody knows."""
    return kind.removeprefix("list of ") if kind.startswith("list of ") else "any"
