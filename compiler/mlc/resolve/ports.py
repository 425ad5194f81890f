"""What steps read and write: inputs, outputs, values and metrics."""

from __future__ import annotations

from ..diagnostics.model import Related
from ..ir import About, Input, Literal, Metric, Output, Threshold, Value, type_of
from .names import check_alike, check_ports
from .params import LONGEST
from .paths import check_form

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any

    from ..diagnostics.model import Path
    from ..ir import ArtifactType, Expr, External, Order
    from .context import Context
    from .merge import Merged

CODE = "x-code"
"""The artifact, and the step, with the project's code."""
_OPS: dict[str, Order] = {"min": ">=", "above": ">", "max": "<=", "below": "<"}


class Ports:
    """The ports of one step; metrics without their thresholds until every step's ports are known."""

    def __init__(self, outputs: tuple[Output, ...], values: dict[str, Value], metrics: dict[str, Metric]) -> None:
        self.outputs, self.values, self.metrics = outputs, values, metrics


def artifact_types(context: Context, declared: Mapping[str, Any]) -> dict[str, ArtifactType]:
    """`artifacts` and `datasets`: the type of each declared name."""
    datasets = context.data.get("datasets") or ()
    if not datasets:
        check_alike(context, {name: ("artifacts", name) for name in declared})
    found: dict[str, Any] = {name: entry if isinstance(entry, str) else entry["type"] for name, entry in declared.items()}
    return {**found, **dict.fromkeys(datasets, "dataset")}


def about(context: Context, name: str) -> About | None:
    """`description` and `metadata` of an entry of `artifacts`."""
    entry = (context.data.get("artifacts") or {}).get(name)
    if not isinstance(entry, dict) or not (entry.get("description") or entry.get("metadata")):
        return None
    return About(entry.get("description", ""), entry.get("metadata") or {}, ("artifacts", name))


def named_paths(step: Merged, key: str) -> dict[str, tuple[str, Path]]:
    """`inputs` or `outputs`: a mapping of names to paths, or a list of names, which lie in `/mlc/inputs`, `/mlc/outputs`."""
    declared = step.get(key) or {}
    if isinstance(declared, list):
        return {name: (f"/mlc/{key}/{name}", step.where(key, index)) for index, name in enumerate(declared)}
    return {name: (entry if isinstance(entry, str) else entry["path"], step.where(key, name)) for name, entry in declared.items()}


def is_optional(step: Merged, name: str) -> bool:
    """Whether the step can do without this input of its."""
    declared = step.get("inputs") or {}
    entry = declared.get(name) if isinstance(declared, dict) else None
    return isinstance(entry, dict) and entry.get("optional", False)


def left_out(steps: Iterable[Merged]) -> frozenset[str]:
    """The artifacts that every step that reads them can do without."""
    optional: set[str] = set()
    needed: set[str] = set()
    for step in steps:
        for name in step.get("inputs") or ():
            (optional if is_optional(step, name) else needed).add(name)
    return frozenset(optional - needed)


def declare(context: Context, step: Merged, types: Mapping[str, ArtifactType], optional: frozenset[str]) -> Ports:
    """Outputs, values and metrics of a step. Those of its outputs that are among `optional` it need not write."""
    names: dict[str, Path] = {}
    outputs = tuple(
        Output(name, path, types.get(name, "artifact"), origin, about(context, name), name in optional)
        for name, (path, origin) in named_paths(step, "outputs").items()
    )
    for output in outputs:
        _form(context, step, "outputs", output.path, output.origin)
        names[output.name] = output.origin
    values: dict[str, Value] = {}
    for name, entry, origin in _small(context, step, "values", names):
        values[name] = Value(name, entry.get("type", "string"), entry["path"], origin)
    metrics: dict[str, Metric] = {}
    for name, entry, origin in _small(context, step, "metrics", names):
        key, form, on_miss = _key(context, entry, origin), entry.get("format", "json"), entry.get("on_miss", "skip")
        metrics[name] = Metric(name, entry["path"], key, form, (), origin, on_miss)
        if "on_miss" in entry and not _OPS.keys() & entry.keys():
            help = "give the metric a threshold (`min`, `max`, `above` or `below`), or leave `on_miss` out"
            context.report(
                "MLC209", "`on_miss` goes with a threshold, which this metric does not have", (*origin, "on_miss"), at="key", help=help
            )
    if names and not step.name.startswith("x-"):
        check_ports(context, names)
        check_alike(context, names)
    return Ports(outputs, values, metrics)


def _form(context: Context, step: Merged, key: str, path: str, origin: Path) -> None:
    declared = step.get(key)
    if isinstance(declared, dict):
        short = isinstance(declared[origin[-1]], str)
        check_form(context, path, origin if short else (*origin, "path"))


def _small(context: Context, step: Merged, key: str, names: dict[str, Path]) -> Iterator[tuple[str, Mapping[str, Any], Path]]:
    """`values` or `metrics`, the short form (a path) as the long one; paths and names are checked."""
    for name, entry in (step.get(key) or {}).items():
        origin = step.where(key, name)
        short = isinstance(entry, str)
        settings = {"path": entry} if short else entry
        check_form(context, settings["path"], origin if short else (*origin, "path"))
        _once(context, step, names, name, origin)
        yield name, settings, origin


def _once(context: Context, step: Merged, names: dict[str, Path], name: str, origin: Path) -> None:
    if name in names:
        related = (Related(names[name], "the other one", "key"),)
        help = "outputs, values and metrics of a step share one name space: rename one"
        context.report("MLC308", f"step `{step.name}` uses the name `{name}` twice", origin, at="key", related=related, help=help)
    names[name] = origin


def _key(context: Context, entry: Mapping[str, Any], origin: Path) -> tuple[str, ...]:
    key = entry.get("key")
    if key is None:
        return ()
    if entry.get("format") == "kfp-v1":
        help = "a `kfp-v1` file is searched by the metric's own name: leave `key` out"
        context.report("MLC209", "`key` and `format: kfp-v1` exclude each other", (*origin, "key"), at="key", help=help)
    parts = tuple(key.split(".")) if isinstance(key, str) else tuple(key)
    if not all(parts):
        context.report("MLC205", f"`{key}` has an empty part", (*origin, "key"), help="write object keys joined by dots, or a list of keys")
    return parts


def inputs(
    context: Context,
    step: Merged,
    producers: Mapping[str, tuple[str, Output]],
    externals: Mapping[str, External],
    limits: Mapping[str, Mapping[str, tuple[Threshold, ...]]],
) -> tuple[Input, ...]:
    """The inputs of a step, bound to the steps that produce them, or to where they come from."""
    found: list[Input] = []
    names: dict[str, Path] = {}
    datasets = context.data.get("datasets") or ()
    wanted = named_paths(step, "inputs")
    if step.get("code") and CODE in producers and producers[CODE][0] != step.name:
        wanted[CODE] = (step.get("workdir", ""), step.where("code"))
    for name, (path, origin) in wanted.items():
        if name != CODE:
            _form(context, step, "inputs", path, origin)
        names[name] = origin
        produced = producers.get(name)
        if is_optional(step, name) and produced is None and (name in externals or name in datasets):
            message = f"`{name}` is fetched before step `{step.name}` starts, and must be there"
            help = "`optional` is for artifacts that a step of the project may leave out"
            context.report("MLC337", message, step.where("inputs", name, "optional"), at="key", help=help)
        if is_optional(step, name) and produced is not None and (context.inside.get(step.name) or context.inside.get(produced[0])):
            message = f"`{name}` is made or read in a loop, where every item must have it"
            help = "write an empty file where there is nothing to hand on, and leave `optional` out"
            context.report("MLC337", message, step.where("inputs", name, "optional"), at="key", help=help)
        entry = step.get("inputs")
        settings = entry.get(name) if isinstance(entry, dict) else None
        best = settings.get("best") if isinstance(settings, dict) else None
        if best is not None and (name in externals or (produced is None and name in datasets)):
            why = "it comes from outside" if name in externals else "it is a dataset, which no step makes here"
            help = f"leave `best` out: `{name}: {path}`"
            context.report("MLC324", f"`{name}` has no best: {why}", (*origin, "best"), at="key", help=help)
        if name in externals:
            found.append(Input(name, path, externals[name].type, "", origin, externals[name]))
            continue
        if produced is None and name in datasets:
            found.append(Input(name, path, "dataset", "", origin))
            continue
        if produced is None:
            help = f"list it under the `outputs` of the step that makes it: `outputs: {{{name}: /path}}`"
            message = f"step `{step.name}` reads `{name}`, which no step produces"
            context.unknown("MLC322", message, origin, name, (*producers, *externals, *datasets), help, at="key")
            continue
        producer, output = produced
        if apart := context.apart(producer):
            context.report("MLC311", apart[0], origin, at="key", help=apart[1])
            continue
        if producer == step.name:
            related = (Related(output.origin, "its output", "key"),)
            help = "an artifact has one version: give the changed one a name of its own"
            message = f"step `{step.name}` has `{name}` among its inputs and its outputs"
            context.report("MLC308", message, origin, at="key", related=related, help=help)
            continue
        port = Input(name, path, output.type, producer, origin, optional=is_optional(step, name))
        if best is not None or context.inside:
            from .best import chosen

            port = chosen(context, step, port, best, limits)
        found.append(port)
    check_alike(context, names)
    return tuple(found)


def thresholds(context: Context, step: Merged, metric: Metric) -> tuple[Threshold, ...]:
    """The thresholds of a metric; at most one from below and one from above, and some number must meet them."""
    entry = step.get("metrics")[metric.name]
    if isinstance(entry, str):
        return ()
    found: dict[str, Threshold] = {}
    for key, op in _OPS.items():
        if key in entry:
            bound = _bound(context, entry[key], (*metric.origin, key))
            if bound is not None:
                found[key] = Threshold(op, bound, (*metric.origin, key))
    for first, second in (("min", "above"), ("max", "below")):
        if first in entry and second in entry:
            help = f"keep `{first}` (the number itself is good) or `{second}` (it is not)"
            context.report("MLC209", f"`{first}` and `{second}` exclude each other", (*metric.origin, second), at="key", help=help)
            return ()
    low, high = found.get("min") or found.get("above"), found.get("max") or found.get("below")
    if low and high and isinstance(low.bound, Literal) and isinstance(high.bound, Literal):
        bottom, top = float(low.bound.value), float(high.bound.value)
        if bottom > top or (bottom == top and (low.op, high.op) != (">=", "<=")):
            message = f"no number is {low.op} {low.bound.text} and {high.op} {high.bound.text}"
            related = (Related(low.origin, "the other bound"),)
            context.report("MLC313", message, high.origin, related=related, help="swap the bounds, or leave one out")
    return tuple(found.values())


def _bound(context: Context, value: Any, path: Path) -> Expr | None:
    from ..scalars import source_text

    if not isinstance(value, str):
        text = source_text(value)
        if isinstance(value, int) and len(text.lstrip("-")) > LONGEST:
            context.report("MLC206", "the number is too large", path, help=f"numbers have at most {LONGEST} digits")
            return None
        return Literal(value, "int" if isinstance(value, int) else "float", text)
    stripped = value.strip()
    if not (stripped.startswith("${{") and stripped.endswith("}}")):
        if _is_number(stripped):
            help = f"write it without quotes: {stripped}"
        elif stripped.endswith("%") and _is_number(stripped[:-1]):
            help = f"write the share: {float(stripped[:-1]) / 100:g}"
        else:
            help = f'write a number, or an expression: "${{{{ {stripped} }}}}"'
        context.report("MLC305", "a threshold must be a number", path, help=help)
        return None
    start = value.index("${{") + 3
    expr = context.expression(value, (start, value.rindex("}}")), path, context.scope("a threshold"))
    if expr is not None and type_of(expr) not in ("int", "float"):
        from ..expr.bind import used_as

        expr = used_as("float", expr)
    if expr is not None and type_of(expr) not in ("int", "float"):
        context.report("MLC305", "a threshold must be a number", path, help="refer to a parameter, value or metric of type int or float")
        return None
    return expr


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
