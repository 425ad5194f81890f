"""Expression text -> syntax tree. Offsets count code points in the scalar that holds the expression.

    or      := and ("or" and)*
    and     := not ("and" not)*
    not     := "not" not | comparison
    comparison := operand [("==" | "!=" | "<" | "<=" | ">" | ">=") operand | ["not"] "in" "[" literal ("," literal)* "]"]
    operand := literal | name ("." name)* | "(" or ")"

`-` belongs to names, there is no arithmetic; strings are in single or double quotes, the quote itself is written twice.
"""

from __future__ import annotations

import re

from ..record import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..ir import Order, Scalar, Type

MAX_DEPTH = 40
"""Nested parentheses and `not`s beyond this are refused: nobody reads them, and the parser is recursive."""

OPENING = "${{"


@record
class Name:
    """A dotted reference."""

    parts: tuple[str, ...]
    start: int
    end: int


@record
class Constant:
    """A literal. `text` is the canonical text: numbers as JSON writes them."""

    value: Scalar
    type: Type
    text: str
    start: int
    end: int


@record
class Comparison:
    """`left OP right`"""

    op: Order
    left: Tree
    right: Tree
    start: int
    end: int


@record
class Membership:
    """`left in [...]`"""

    left: Tree
    options: tuple[Constant, ...]
    start: int
    end: int


@record
class Negation:
    """`not operand`"""

    operand: Tree
    start: int
    end: int


@record
class Junction:
    """`and` / `or` over two or more operands"""

    op: str
    operands: tuple[Tree, ...]
    start: int
    end: int


if TYPE_CHECKING:
    Tree = Name | Constant | Comparison | Membership | Negation | Junction


class ExpressionError(Exception):
    """What is wrong with an expression, where (offsets), and what to write instead."""

    def __init__(self, message: str, start: int, end: int, help: str = "") -> None:
        super().__init__(message)
        self.message, self.start, self.end, self.help = message, start, end, help


_TOKEN = re.compile(
    r"""\s*(?:
    (?P<number>-?(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?(?![\w.]))
  | (?P<name>[A-Za-z_][-\w]*(?:\s*\.\s*[A-Za-z_][-\w]*)*)
  | (?P<string>'(?:[^']|'')*'|"(?:[^"]|"")*")
  | (?P<op>==|!=|<=|>=|<|>|\(|\)|\[|\]|,)
    )""",
    re.VERBOSE | re.ASCII,
)
_ORDERS = ("==", "!=", "<", "<=", ">", ">=")
_OTHER_SPELLINGS = {
    "&&": "write `and`",
    "||": "write `or`",
    "!": "write `not`",
    "=": "compare with `==`",
    "+": "there is no arithmetic in expressions: compute the number in a step and declare it under `values`",
    "-": "there is no arithmetic in expressions: compute the number in a step and declare it under `values`",
    "*": "there is no arithmetic in expressions: compute the number in a step and declare it under `values`",
    "/": "there is no arithmetic in expressions: compute the number in a step and declare it under `values`",
}


def parse(text: str, start: int, end: int) -> Tree:
    """Read `text[start:end]` as one expression. Raises `ExpressionError`."""
    return _Parser(text, start, end).whole()


def pieces(text: str) -> list[str | tuple[int, int]]:
    """Split a text at its `${{ }}`: literal pieces, and the (start, end) of each expression's inside. Raises `ExpressionError`."""
    found: list[str | tuple[int, int]] = []
    position = 0
    while (opening := text.find(OPENING, position)) >= 0:
        if opening > position:
            found.append(text[position:opening])
        inside = opening + len(OPENING)
        end = closing(text, inside)
        if end < 0:
            raise ExpressionError("`${{` is never closed", opening, inside, "end the expression with `}}`")
        found.append((inside, end))
        position = end + 2
    if position < len(text) or not found:
        found.append(text[position:])
    return found


def closing(text: str, position: int) -> int:
    """The offset of the `}}` that ends the expression, whose inside starts at `position`; -1 if there is none. Quotes are skipped."""
    while position < len(text):
        char = text[position]
        if char in "'\"":
            quote = text.find(char, position + 1)
            if quote < 0:
                return -1
            position = quote + 1
        elif char == "}" and text.startswith("}}", position):
            return position
        else:
            position += 1
    return -1


class _Parser:
    def __init__(self, text: str, start: int, end: int) -> None:
        self.tokens: list[tuple[str, str, int, int]] = []
        self.at, self.depth, self.start, self.end = 0, 0, start, end
        position = start
        while position < end:
            match = _TOKEN.match(text, position, end)
            if match is None or match.lastgroup is None:
                rest = text[position:end]
                if not rest.strip():
                    break
                position += len(rest) - len(rest.lstrip())
                raise _unreadable(text, position, end)
            self.tokens.append((match.lastgroup, match[match.lastgroup], match.start(match.lastgroup), match.end()))
            position = match.end()

    def whole(self) -> Tree:
        if not self.tokens:
            raise ExpressionError("the expression is empty", self.start, self.end, "write a reference such as `params.NAME`")
        tree = self.junction("or")
        if self.at < len(self.tokens):
            _, text, start, end = self.tokens[self.at]
            chained = text in _ORDERS
            if chained:
                help = "comparisons are not chained: join them with `and`"
            else:
                help = "there are no functions" if text == "(" else "join conditions with `and` or `or`"
            raise ExpressionError(f"`{text}` is not expected here", start, end, help)
        return tree

    def junction(self, op: str) -> Tree:
        def operand() -> Tree:
            return self.junction("and") if op == "or" else self.negation()

        operands = [operand()]
        while self.take(op):
            operands.append(operand())
        if len(operands) == 1:
            return operands[0]
        return Junction(op, tuple(operands), operands[0].start, operands[-1].end)

    def negation(self) -> Tree:
        start = self.peek()[2]
        if self.take("not"):
            self.deeper(start)
            operand = self.negation()
            self.depth -= 1
            return Negation(operand, start, operand.end)
        return self.comparison()

    def comparison(self) -> Tree:
        left = self.operand()
        kind, text, _, _ = self.peek()
        if kind == "op" and text in _ORDERS:
            self.at += 1
            right = self.operand()
            return Comparison(text, left, right, left.start, right.end)  # type: ignore[arg-type]
        negated = text == "not" and self.at + 1 < len(self.tokens) and self.tokens[self.at + 1][1] == "in"
        if negated:
            self.at += 1
        if not self.take("in"):
            return left
        options, end = self.options()
        member = Membership(left, options, left.start, end)
        return Negation(member, left.start, end) if negated else member

    def options(self) -> tuple[tuple[Constant, ...], int]:
        self.expect("[", "a list of constants such as `['a', 'b']` must follow `in`")
        found: list[Constant] = []
        while True:
            operand = self.operand()
            if not isinstance(operand, Constant):
                help = "compare with each reference: `a == b or a == c`"
                raise ExpressionError("only constants may stand in the list after `in`", operand.start, operand.end, help)
            found.append(operand)
            if not self.take(","):
                break
        return tuple(found), self.expect("]", "the list after `in` is not closed")

    def operand(self) -> Tree:
        kind, text, start, end = self.peek()
        self.at += 1
        if kind == "number":
            return _number(text, start, end)
        if kind == "string":
            quote = text[0]
            value = text[1:-1].replace(quote * 2, quote)
            return Constant(value, "string", value, start, end)
        if text in ("true", "false"):
            return Constant(text == "true", "bool", text, start, end)
        if text == "(":
            self.deeper(start)
            inner = self.junction("or")
            self.depth -= 1
            self.expect(")", "a parenthesis is not closed")
            return inner
        if kind == "name" and text not in ("and", "or", "in", "not"):
            return Name(tuple(part.strip() for part in text.split(".")), start, end)
        if kind == "end":
            raise ExpressionError("the expression ends too early", start, end, "a reference or a constant is missing at its end")
        raise ExpressionError(f"`{text}` is not expected here", start, end, "a reference or a constant must stand here")

    def peek(self) -> tuple[str, str, int, int]:
        return self.tokens[self.at] if self.at < len(self.tokens) else ("end", "", self.end, self.end)

    def take(self, text: str) -> bool:
        kind, found, _, _ = self.peek()
        if found == text and kind in ("op", "name"):
            self.at += 1
            return True
        return False

    def expect(self, text: str, problem: str) -> int:
        _, _, start, end = self.peek()
        if not self.take(text):
            raise ExpressionError(problem, start, end, f"`{text}` is missing here")
        return end

    def deeper(self, start: int) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise ExpressionError("the expression is nested too deeply", start, start + 1, f"nest at most {MAX_DEPTH} levels")


def _unreadable(text: str, position: int, end: int) -> ExpressionError:
    for spelling, help in _OTHER_SPELLINGS.items():
        if text.startswith(spelling, position):
            return ExpressionError(f"`{spelling}` is not an operator here", position, position + len(spelling), help)
    char = text[position]
    if char in "'\"":
        return ExpressionError("a text is never closed", position, end, f"end it with {char}; a quote inside it is written twice")
    if char.isdigit() or char in "-.":
        return ExpressionError("this is not a number", position, end, "numbers look like `3`, `-0.5` or `1e-3`")
    help = "expressions hold references, constants, comparisons, `and`, `or`, `not`, `in` and parentheses"
    return ExpressionError(f"`{char}` is not expected in an expression", position, position + 1, help)


def _number(text: str, start: int, end: int) -> Constant:
    digits = text.lstrip("-")
    if len(digits) > 1 and digits[0] == "0" and digits[1].isdigit():
        raise ExpressionError(f"`{text}` has a leading zero", start, end, "write the number without it, or put quotes around a text")
    canonical = text.replace(".", "0.", 1) if digits.startswith(".") else text
    if any(mark in digits for mark in ".eE"):
        value = float(text)
        if value in (float("inf"), float("-inf")):
            raise ExpressionError(f"`{text}` is too large for a number", start, end, "numbers go up to about 1e308")
        return Constant(value, "float", canonical, start, end)
    if len(digits) > 300:
        raise ExpressionError("the number is too large", start, end, "numbers have at most 300 digits")
    return Constant(int(text), "int", canonical, start, end)
