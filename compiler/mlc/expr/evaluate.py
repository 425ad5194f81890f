"""What bound expressions and texts are in a run: the one evaluator, by the rules of docs/expressions.md and docs/meaning.md.

Numbers are compared as doubles. Every operand is evaluated, whatever the others say. What is not what it must be raises `Unreadable`.
"""

from __future__ import annotations

import json
import math
import re

from ..ir import (
    Compare,
    EachRef,
    In,
    ListRef,
    Literal,
    Logic,
    MetricRef,
    Not,
    OuterRef,
    ParamRef,
    PathRef,
    RunRef,
    ValueRef,
)
from ..record import record
from .write import written

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any, NoReturn

    from ..ir import Expr, Loop, Metric, Param, Ref, Scalar, Text, Type

    Place = Callable[[str, str, str], str]
    """From `inputs`, `outputs`, `values` or `metrics`, a name and the path in the container to the path to write."""


class Unreadable(Exception):
    """Something that has to be decided, or that a program is to get, is not what it must be. The message is for a person."""


@record
class Facts:
    """What is known of a run at one place of it.

    `params` are the texts of all parameters, `run` those of `id`, `name` and, in `finally`, `status`. `texts` are those in the files of
    values and metrics, by step and name, without the line break at the end; of a loop's steps those of the item. `lists` are the texts
    of a loop's values, item by item. `item` has a text for each column of the loop.
    """

    params: Mapping[str, str]
    run: Mapping[str, str]
    texts: Mapping[tuple[str, str], str]
    lists: Mapping[tuple[str, str], Sequence[str]]
    item: Mapping[str, str]


class Number(float):
    """A number of a JSON document, which knows how it is written there."""

    text: str


# --- conditions ---------------------------------------------------------------------------------------------------------------


def holds(expr: Expr, facts: Facts) -> bool:
    """Whether a condition is true."""
    found = value(expr, facts)
    if not isinstance(found, bool):
        raise AssertionError(expr)  # its type was checked when it was bound
    return found


def value(expr: Expr, facts: Facts) -> str | float | bool:
    """What an expression of a condition is: a text, a double or a truth value."""
    match expr:
        case Literal(value=constant):
            return _plain(constant)
        case Compare(op=op, left=left, right=right):
            return _compare(op, value(left, facts), value(right, facts))
        case In(left=left, options=options):
            return value(left, facts) in [_plain(option.value) for option in options]
        case Not(operand=operand):
            return not value(operand, facts)
        case Logic(op=op, operands=operands):
            found = [value(operand, facts) for operand in operands]
            return all(found) if op == "and" else any(found)
        case OuterRef(ref=ref):
            return value(ref, facts)
        case ParamRef(param=param):
            return _typed(param.type, checked(param, facts.params[param.name]), expr)
        case ValueRef(step=step, value=one):
            return _typed(one.type, facts.texts[step, one.name], expr)
        case MetricRef(step=step, metric=metric):
            return number(metric, facts.texts[step, metric.name], expr)
        case EachRef(column=column, type=kind):
            return _typed(kind, facts.item[column], expr)
        case RunRef(name=name):
            return facts.run[name]
    raise AssertionError(expr)  # paths and lists stand in no condition


def _plain(constant: Scalar) -> str | float | bool:
    """A constant as it is compared: integers as doubles, too."""
    if isinstance(constant, (bool, str)):
        return constant
    try:
        return float(constant)
    except OverflowError:
        return math.inf if constant > 0 else -math.inf


def _compare(op: str, left: Any, right: Any) -> bool:
    found: bool
    match op:
        case "==":
            found = left == right
        case "!=":
            found = left != right
        case "<":
            found = left < right
        case "<=":
            found = left <= right
        case ">":
            found = left > right
        case _:
            found = left >= right
    return found


def _typed(kind: Type, text: str, ref: Expr) -> str | float | bool:
    """What a text is to a condition."""
    if kind == "string":
        return text
    found = document(text, ref)
    if kind == "bool" and isinstance(found, bool):
        return found
    if kind != "bool" and isinstance(found, Number):
        return found
    raise _wrong(ref, "neither true nor false" if kind == "bool" else "no number", text)


def number(metric: Metric, text: str, ref: Expr) -> Number:
    """The number that a metric's file holds."""
    found = document(text, ref)
    where = ""
    if metric.format == "kfp-v1":
        where = f" named {metric.name}"
        entries = found.get("metrics") if isinstance(found, dict) else None
        listed = entries if isinstance(entries, list) else []
        found = next((entry.get("numberValue") for entry in listed if isinstance(entry, dict) and entry.get("name") == metric.name), None)
    else:
        for key in metric.key:
            found = found.get(key) if isinstance(found, dict) else None
        where = f" under {'.'.join(metric.key)}" if metric.key else ""
    if not isinstance(found, Number):
        raise _wrong(ref, f"no number{where}", text)
    return found


def document(text: str, ref: Expr) -> Any:
    """A text as strict JSON: no NaN, nothing that is no finite double. Numbers are `Number`s."""
    try:
        return json.loads(text, parse_int=_number, parse_float=_number, parse_constant=_constant)
    except (ValueError, RecursionError):
        raise _wrong(ref, "no JSON document with finite numbers", text) from None


def _number(text: str) -> Number:
    found = Number(text)
    if not math.isfinite(found):
        raise ValueError(text)
    found.text = text
    return found


def _constant(word: str) -> NoReturn:
    raise ValueError(word)


# --- parameters ---------------------------------------------------------------------------------------------------------------


def fits(kind: Type, text: str) -> bool:
    """Whether a text may be given for a parameter of a type."""
    if kind in _FORMS:
        return _FORMS[kind].fullmatch(text) is not None and (kind == "bool" or math.isfinite(float(text)))
    if kind == "string":
        return "\0" not in text
    try:
        return isinstance(json.loads(text, parse_int=_number, parse_float=_number, parse_constant=_constant), _NESTED[kind])
    except (ValueError, RecursionError):
        return False


def checked(param: Param, text: str) -> str:
    """The text of a parameter, if it keeps to its type, `min`, `max` and `choices`."""
    name = f"`params.{param.name}`"
    if not fits(param.type, text):
        raise Unreadable(f"{name} is no {param.type}: {shown(text)}")
    for limit, word, wrong in ((param.minimum, "min", -1), (param.maximum, "max", 1)):
        if limit is not None and (float(text) - float(limit)) * wrong > 0:
            raise Unreadable(f"{name} is {shown(text)}, and its `{word}` is {limit}")
    if param.choices and not any(_same(param.type, text, choice) for choice in param.choices):
        raise Unreadable(f"{name} is {shown(text)}, which is none of its choices: {', '.join(map(shown, param.choices))}")
    return text


def _same(kind: Type, left: str, right: str) -> bool:
    if kind in ("int", "float"):
        return float(left) == float(right)
    return json.loads(left) == json.loads(right) if kind in _NESTED else left == right


# --- texts --------------------------------------------------------------------------------------------------------------------

_FORMS = {
    "int": re.compile(r"-?[0-9]+"),
    "float": re.compile(r"-?[0-9]+([.][0-9]+)?([eE][-+]?[0-9]+)?"),
    "bool": re.compile("true|false"),
}
_NESTED: dict[str, type] = {"list": list, "dict": dict}
BRACES = "{{"
"""What no engine can carry: it would be expanded again. Refused here too, so that a run here is no promise that a cluster breaks."""


def text(given: Text, facts: Facts, place: Place) -> str:
    """The text that a program gets."""
    pieces = given.pieces
    if len(pieces) == 1 and isinstance(pieces[0], str):  # as most are
        return pieces[0]
    return "".join(piece if isinstance(piece, str) else _text(piece, facts, place) for piece in pieces)


def _text(ref: Ref, facts: Facts, place: Place) -> str:
    match ref:
        case PathRef(port=port, name=name, path=path):
            return place(port, name, path)
        case OuterRef(ref=inner):
            return _text(inner, facts, place)
        case ParamRef(param=param):
            return _carried(param.type, checked(param, facts.params[param.name]), ref)
        case ValueRef(step=step, value=one):
            return _carried(one.type, facts.texts[step, one.name], ref)
        case MetricRef(step=step, metric=metric):
            found = facts.texts[step, metric.name]
            return _carried("float", number(metric, found, ref).text, ref)
        case ListRef(step=step, value=one):
            return f"[{','.join(_element(one.type, item, ref) for item in facts.lists[step, one.name])}]"
        case EachRef(column=column):
            return facts.item[column]
        case RunRef(name=name):
            return facts.run[name]


def _carried(kind: Type, found: str, ref: Expr) -> str:
    """A text of a type as it reaches a program."""
    if kind in _FORMS:
        if not _FORMS[kind].fullmatch(found):
            raise _wrong(ref, f"no {kind}", found)
        return found
    if kind in _NESTED:
        nested = document(found, ref)
        if not isinstance(nested, _NESTED[kind]):
            raise _wrong(ref, f"no {kind}", found)
        found = compact(nested)
    if BRACES in found:
        raise _wrong(ref, "a text with double braces, which an engine would expand", found)
    return found


def _element(kind: Type, found: str, ref: Expr) -> str:
    """What an item wrote, in the list of what all wrote."""
    carried = _carried(kind, found, ref)
    if kind == "string":
        return json.dumps(carried, ensure_ascii=False)
    if kind in ("int", "float"):  # a JSON number starts with no zero, a text may
        sign, digits = ("-", carried[1:]) if carried[0] == "-" else ("", carried)
        bare = digits.lstrip("0")
        return sign + (bare if bare[:1].isdigit() else "0" + bare)
    return carried


def compact(found: Any) -> str:
    """A JSON document with sorted keys and without spaces, numbers as they were written."""
    if isinstance(found, Number):
        return found.text
    if isinstance(found, dict):
        return "{" + ",".join(f"{json.dumps(key, ensure_ascii=False)}:{compact(found[key])}" for key in sorted(found)) + "}"
    if isinstance(found, list):
        return f"[{','.join(map(compact, found))}]"
    return json.dumps(found, ensure_ascii=False)


# --- items of loops -----------------------------------------------------------------------------------------------------------


def items(loop: Loop, facts: Facts, used: frozenset[str]) -> list[dict[str, str]]:
    """The items of a loop, each a text for every column; `used` are the columns that its steps use."""
    names = [column.column for column in loop.columns]
    if loop.rows is not None:
        return [dict(zip(names, row, strict=True)) for row in loop.rows]
    source = loop.source
    if source is None:
        raise AssertionError(loop)  # one of the two is there
    wanted = [name for name in names if name in used]
    return [{name: _column(item, name, index, source) for name in wanted} for index, item in enumerate(_listed(source, facts))]


def _listed(source: Ref, facts: Facts) -> list[Any]:
    match source:
        case ParamRef(param=param):
            found = document(checked(param, facts.params[param.name]), source)
        case ValueRef(step=step, value=one):
            found = document(facts.texts[step, one.name], source)
        case ListRef(step=step, value=one):
            texts = facts.lists[step, one.name]
            return list(texts) if one.type == "string" else [document(text, source) for text in texts]
        case _:
            raise AssertionError(source)
    if not isinstance(found, list):
        raise _wrong(source, "no list", compact(found))
    return found


def _column(item: Any, column: str, index: int, source: Ref) -> str:
    found = item
    for field in column.split(".")[1:]:
        found = found.get(field) if isinstance(found, dict) else None
        if found is None:
            raise Unreadable(f"item {index} of `{written(source)}` has no `{field}`: {shown(compact(item))}")
    text = found if isinstance(found, str) else compact(found)
    if BRACES in text:
        raise Unreadable(f"item {index} of `{written(source)}` holds double braces, which an engine would expand: {shown(text)}")
    if "\0" in text:
        raise Unreadable(f"item {index} of `{written(source)}` holds a NUL, which no argument can")
    return text


# --- messages -----------------------------------------------------------------------------------------------------------------

_SHOWN = 60


def shown(found: str) -> str:
    """A text as messages show it, in one line and not too long."""
    if not found:
        return "an empty text"
    line = found if found.isprintable() else json.dumps(found, ensure_ascii=not found.replace("\n", "").isprintable())[1:-1]
    return f"`{line if len(line) <= _SHOWN else line[:_SHOWN] + '...'}`"


def _wrong(ref: Expr, what: str, found: str) -> Unreadable:
    return Unreadable(f"`{written(ref)}` is {what}: {shown(found)}")
