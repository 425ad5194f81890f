"""Expressions of the IR in Argo's language (expr-lang), as the controller evaluates them in `{{= }}`.

Three things make the printed forms longer than the source. Argo keeps every parameter as text, so numbers and booleans are read
as JSON, and what is none ends the run. Conditions are strict: `all([a, b], #)` evaluates both, `a && b` would not. And nothing in
an expression may hold `{{` or `}}`, which end the tag that it stands in.
"""

from __future__ import annotations

from ...ir import (
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
    type_of,
)
from ...lowering.params import bounds, limits
from ...patterns import lazy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...ir import Expr, Metric, Ref

_ESCAPES = {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_SPLIT = lazy(r"\{(?=\{)|\}(?=\})|\\(?=u00)| is(?= missing)|variable(?= not in env)")
_WHOLE = 1 << 53  # larger whole numbers are printed as floats: Argo reads JSON numbers as floats anyway


def quoted(text: str) -> str:
    """`text` as a string of expr-lang. Double braces are cut in two (`'{' + '{'`), for they would end the tag around it.

    A backslash before `u00` is cut off too: Argo undoes JSON's `\\u003c` in the whole tag before it parses it (util/json/fix.go). So
    are two phrases by which it tells an output that is yet to come (util/template/replace.go, IsMissingVariableErr): an error quotes
    the expression, and would be taken for one of those, and tried again for ever.
    """
    cuts = [found.end() for found in _SPLIT.finditer(text)]
    if not cuts:
        return _string(text)
    parts = (text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True))
    return "(" + " + ".join(_string(part) for part in parts) + ")"


def _string(text: str) -> str:
    return "'" + "".join(_ESCAPES.get(char) or (char if char >= " " else f"\\x{ord(char):02x}") for char in text) + "'"


def raw(ref: Ref) -> str:
    """The text behind a reference, as a DAG task sees it. Names stand in brackets: a dot would make a minus of their dashes."""
    match ref:
        case ParamRef(param=param):
            return f"workflow.parameters['{param.name}']"
        case ValueRef(step=step, value=value):
            return f"tasks['{step}'].outputs.parameters['{value.name}']"
        case MetricRef(step=step, metric=metric):
            return f"tasks['{step}'].outputs.parameters['{metric.name}']"
        case RunRef(name="status"):  # Succeeded, Failed or Error in an exit handler (controller/operator.go, operate)
            return "(workflow.status == 'Succeeded' ? 'Succeeded' : 'Failed')"
        case RunRef(name=name):
            return "workflow.uid" if name == "id" else "workflow.name"
        case EachRef() | ListRef() | OuterRef():
            from . import loops

            return loops.raw(ref)
        case PathRef(path=path):
            return quoted(path)


def number(ref: Ref) -> str:
    """What a numeric reference's JSON text holds: a number, or anything else (`strict_number` refuses that).

    A parameter outside its limits ends the run here too, as it does where a text of the step uses it.
    """
    if isinstance(ref, ParamRef) and bounds(ref.param):
        tests = " and ".join(f"fromJSON({raw(ref)}) {op} {constant(limit)}" for op, limit in bounds(ref.param))
        message = f"parameter {ref.param.name} is not {'an int' if ref.param.type == 'int' else 'a float'}{limits(ref.param)}"
        return f"({tests} ? fromJSON({raw(ref)}) : asInt({quoted(message)}))"
    made = ref.ref if isinstance(ref, OuterRef) else ref
    document = f"fromJSON({raw(ref)})"
    return found(document, made.metric) if isinstance(made, MetricRef) else document


def found(document: str, metric: Metric) -> str:
    """Where the number of a metric is in its document."""
    if metric.format == "kfp-v1":
        # an entry that is no object has no name: to ask for it would end the run here, and not on KFP
        return f"filter({document}['metrics'], type(#) == 'map' and #['name'] == {quoted(metric.name)})[0]['numberValue']"
    return document + "".join(f"[{quoted(key)}]" for key in metric.key)


def constant(text: str) -> str:
    """A constant, by its text. Whole numbers of expr-lang have 64 bits, larger ones are syntax errors: those are printed as floats."""
    return f"{text}.0" if len(text) > 15 and text.lstrip("-").isdigit() and abs(int(text)) > _WHOLE else text


def strict_number(ref: Ref) -> str:
    """A number, or the end of the run: text, null, booleans and documents cannot be added to 0, nor compared with a limit."""
    limited = isinstance(ref, ParamRef) and bounds(ref.param)
    return number(ref) if limited else f"({number(ref)} + 0)"


def condition(expr: Expr) -> str:
    """A condition as an expression that gives a boolean or ends the run; never null."""
    match expr:
        case Compare(op=op, left=left, right=right):
            return f"{_operand(left, _plain(op, right))} {op} {_operand(right, _plain(op, left))}"
        case In(left=left, options=options):
            choices = f"[{', '.join(_literal(option) for option in options)}]"
            if type_of(left) == "string":
                return f"{_operand(left, False)} in {choices}"
            # a closure, since `in` looks the value up in a set of one type where it can, and a float is in no set of integers
            return f"any({choices}, # == {_operand(left, False)})"
        case Not(operand=operand):
            return f"not {_operand(operand, False)}"
        case Logic(op="and", operands=operands):
            return every(operands)
        case Logic(operands=operands):
            return f"any([{', '.join(condition(operand) for operand in operands)}], #)"
    return _operand(expr, False)


def every(conditions: Sequence[Expr]) -> str:
    """All of the conditions, each evaluated whatever the others say."""
    if len(conditions) == 1:
        return condition(conditions[0])
    return f"all([{', '.join(condition(one) for one in conditions)}], #)"


def _plain(op: str, other: Expr) -> bool:
    """Whether the comparison itself refuses what is no number: `'x' > 0.8` is an error, `'x' == 0.8` and `'x' > 'y'` are not."""
    return isinstance(other, Literal) and op not in ("==", "!=")


def _operand(expr: Expr, plain: bool) -> str:
    match expr:
        case Literal():
            return _literal(expr)
        case ParamRef() | ValueRef() | MetricRef() | EachRef() | ListRef() | OuterRef() | PathRef() | RunRef():
            kind = type_of(expr)
            if kind in ("int", "float"):
                return number(expr) if plain else strict_number(expr)
            if kind == "bool":
                return f"(fromJSON({raw(expr)}) ? true : false)"
            return raw(expr) if kind == "string" else f"fromJSON({raw(expr)})"
    return f"({condition(expr)})"


def _literal(literal: Literal) -> str:
    if literal.type in ("string", "list", "dict"):
        return quoted(str(literal.value)) if literal.type == "string" else f"fromJSON({quoted(literal.text)})"
    return constant(literal.text)
