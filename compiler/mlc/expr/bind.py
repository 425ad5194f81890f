"""Syntax tree -> bound expression: every name gets the object that it means, every operator the types that it takes."""

from __future__ import annotations

from ..ir import Compare, EachRef, In, ListRef, Literal, Logic, MetricRef, Not, ParamRef, PathRef, RunRef, ValueRef, type_of
from ..record import replace
from .parse import Comparison, Constant, ExpressionError, Junction, Membership, Name, Negation

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..ir import Expr, Type
    from .parse import Tree
    from .scope import Scope

_NUMBERS = ("int", "float")


class BindError(ExpressionError):
    """A name without meaning, a reference that may not stand here, or types that do not fit; `code` says which."""

    def __init__(self, code: str, message: str, start: int, end: int, help: str = "") -> None:
        super().__init__(message, start, end, help)
        self.code = code


def bind(tree: Tree, scope: Scope) -> Expr:
    """Bind a whole expression. Raises `BindError` for the first problem."""
    match tree:
        case Name():
            return _name(tree, scope)
        case Constant(value=value, type=kind, text=text):
            return Literal(value, kind, text)
        case Negation(operand=operand):
            return Not(_truth(operand, scope, "not"))
        case Junction(op=op, operands=operands):
            return Logic(op, tuple(_truth(operand, scope, op) for operand in operands))  # type: ignore[arg-type]
        case Membership():
            return _membership(tree, scope)
    return _comparison(tree, scope)


def _truth(tree: Tree, scope: Scope, op: str) -> Expr:
    expr = used_as("bool", bind(tree, scope))
    kind = type_of(expr)
    if kind != "bool":
        raise BindError("MLC305", f"`{op}` takes conditions, this is {article(kind)}", tree.start, tree.end, "compare it with something")
    return expr


def used_as(kind: Type, expr: Expr) -> Expr:
    """The expression; if it is an item whose type only a run knows, one of the type that is needed."""
    if isinstance(expr, EachRef) and not expr.known and kind in ("bool", "int", "float"):
        return replace(expr, type="bool" if kind == "bool" else "float", known=True)
    return expr


def _comparison(tree: Comparison, scope: Scope) -> Expr:
    left, right = bind(tree.left, scope), bind(tree.right, scope)
    left, right = used_as(type_of(right), left), used_as(type_of(left), right)
    kinds = (type_of(left), type_of(right))
    if not alike(*kinds):
        quoted = _quoted_number(left, right)
        help = f"write the number without quotes: `{quoted}`" if quoted else "both sides must be of one type"
        raise BindError("MLC305", f"{article(kinds[0])} is compared with {article(kinds[1])}", tree.start, tree.end, help)
    if kinds[0] in ("list", "dict"):
        raise BindError(
            "MLC305", f"{article(kinds[0])} cannot be compared", tree.start, tree.end, "declare a value that says what you need"
        )
    if tree.op not in ("==", "!=") and kinds[0] not in _NUMBERS:
        raise BindError("MLC305", f"`{tree.op}` takes numbers, this is {article(kinds[0])}", tree.start, tree.end, "use `==`, `!=` or `in`")
    return Compare(tree.op, left, right)


def _quoted_number(left: Expr, right: Expr) -> str:
    for side, other in ((left, right), (right, left)):
        if isinstance(side, Literal) and side.type == "string" and type_of(other) in _NUMBERS:
            try:
                float(side.text)
            except ValueError:
                continue
            return side.text
    return ""


def _membership(tree: Membership, scope: Scope) -> Expr:
    left = used_as(tree.options[0].type, bind(tree.left, scope))
    kind = type_of(left)
    if kind in ("list", "dict"):
        help = "texts, numbers and conditions can"
        raise BindError("MLC305", f"{article(kind)} cannot be looked up in a list", tree.left.start, tree.left.end, help)
    for option in tree.options:
        if not alike(kind, option.type):
            message = f"{article(kind)} is looked up in a list that holds {article(option.type)}"
            raise BindError("MLC305", message, option.start, option.end, "the constants must be of the type that is looked up")
    return In(left, tuple(Literal(option.value, option.type, option.text) for option in tree.options))


def alike(left: Type, right: Type) -> bool:
    """Whether two types may be compared: int and float count as one."""
    return left == right or (left in _NUMBERS and right in _NUMBERS)


def article(kind: Type) -> str:
    """The type in words."""
    return {"string": "a text", "int": "a number", "float": "a number", "bool": "a condition", "list": "a list", "dict": "a dict"}[kind]


def _name(tree: Name, scope: Scope) -> Expr:
    parts = tree.parts
    match parts:
        case ("params", name):
            if name in scope.params:
                return ParamRef(scope.params[name])
            raise _unknown("MLC303", f"there is no parameter `{name}`", tree, scope, name, scope.params, "declare it under `params`")
        case ("steps", step, ("values" | "metrics") as port, name):
            return _of_step(tree, scope, step, port, name)
        case ("each", name, *fields) if len(fields) <= 1:
            return _each(tree, scope, name, *fields)
        case (("inputs" | "outputs" | "values" | "metrics") as port, name):
            if scope.own is None:
                values = port in ("values", "metrics")
                help = (
                    f"to read what a step wrote, write `steps.STEP.{port}.{name}`"
                    if values
                    else "paths go into `command`, `args`, `env` and `run`"
                )
                raise BindError("MLC311", f"the path `{'.'.join(parts)}` may not be used in {scope.place}", tree.start, tree.end, help)
            own = scope.own[port]
            if name in own:
                return PathRef(port, name, own[name])
            raise _unknown(
                "MLC304", f"this step has no `{name}` under `{port}`", tree, scope, name, own, f"declare it under the step's `{port}`"
            )
        case ("run", ("id" | "name") as name):
            return RunRef(name)
        case ("run", "status"):
            if scope.final:
                return RunRef("status")
            help = "move the step to `finally`, where `run.status` is `Succeeded` or `Failed`"
            raise BindError("MLC311", "`run.status` is known only in `finally`", tree.start, tree.end, help)
        case ("run", name):
            known = ("id", "name", "status") if scope.final else ("id", "name")
            raise _unknown("MLC304", f"there is no `run.{name}`", tree, scope, name, known, "`run.id` and `run.name` exist")
    raise BindError("MLC310", f"`{'.'.join(parts)}` refers to nothing", tree.start, tree.end, _forms(parts, scope))


def _of_step(tree: Name, scope: Scope, step: str, port: str, name: str) -> Expr:
    if step not in scope.values:
        if apart := scope.apart(step):
            raise BindError("MLC311", apart[0], tree.start, tree.end, apart[1])
        raise _unknown("MLC301", f"there is no step `{step}`", tree, scope, step, scope.values, "name a step of this project")
    declared: Mapping[str, object] = scope.values[step] if port == "values" else scope.metrics[step]
    if name not in declared:
        other = "metrics" if port == "values" else "values"
        there = scope.metrics[step] if port == "values" else scope.values[step]
        help = f"it is one of its {other}: write `steps.{step}.{other}.{name}`" if name in there else f"declare it under its `{port}`"
        raise _unknown("MLC304", f"step `{step}` has no `{name}` under `{port}`", tree, scope, name, declared, help)
    loop = scope.inside.get(step, "")
    if loop and loop != scope.loop:
        if port == "values":
            return ListRef(loop, step, scope.values[step][name])
        help = f"let a step ride along, `each: {loop}`, or have `{step}` write the number under its `values`, which arrive as a list"
        message = f"metric `{name}` belongs to the items of loop `{loop}`, and this is outside of it"
        raise BindError("MLC324", message, tree.start, tree.end, help)
    if port == "values":
        return ValueRef(step, scope.values[step][name])
    return MetricRef(step, scope.metrics[step][name])


def _each(tree: Name, scope: Scope, name: str, field: str = "") -> Expr:
    written = ".".join(tree.parts)
    if scope.once:
        help = "put the condition on a step that rides along, `each: STEP`, or leave the item out of the list"
        message = f"`{written}` may not be used in {scope.place} of the loop's own step, which is evaluated once, before the items"
        raise BindError("MLC311", message, tree.start, tree.end, help)
    if scope.items is None:
        help = "give the step a `foreach`, or let it ride along a loop: `each: STEP`"
        raise BindError("MLC326", f"`{written}` is part of an item, and this step is in no loop", tree.start, tree.end, help)
    if name not in scope.items:
        raise _unknown("MLC326", f"the loop's `foreach` has no `{name}`", tree, scope, name, scope.items, "declare it under `foreach`")
    fields = scope.items[name]
    if fields is None:
        return EachRef(f"{name}.{field}" if field else name, "string", (), known=False)
    if field not in fields:
        known = [one for one in fields if one]
        help = f"items of `{name}` have no fields: write `each.{name}`"
        if known:
            help = f"items of `{name}` have {', '.join(f'`{one}`' for one in known)}"
        raise _unknown("MLC326", f"no item of `{name}` has a field `{field}`", tree, scope, field, known, help)
    return fields[field]


def _unknown(code: str, message: str, tree: Name, scope: Scope, word: str, candidates: Iterable[str], help: str) -> BindError:
    return BindError(code, message, tree.start, tree.end, scope.suggest(word, candidates) or help)


def _forms(parts: tuple[str, ...], scope: Scope) -> str:
    name = parts[-1]
    if len(parts) == 1 and name in scope.params:
        return f"write `params.{name}`"
    if len(parts) == 1:
        return "a text is written in quotes; references look like `params.NAME` or `steps.STEP.values.NAME`"
    match parts:
        case ("steps", step, "outputs", name):
            return f"list `{name}` under the step's `inputs` and write `inputs.{name}`: that is its path, and the edge to `{step}` follows"
    if parts[0] == "steps":
        return "write `steps.STEP.values.NAME` or `steps.STEP.metrics.NAME`"
    forms = ("params.NAME", "steps.STEP.values.NAME", "steps.STEP.metrics.NAME", "each.NAME", "inputs.NAME", "run.id")
    return f"references look like {', '.join(f'`{form}`' for form in forms)}"
