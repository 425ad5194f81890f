"""Where the run-time texts of a task come from: each reference becomes one input parameter of the task's component."""

from __future__ import annotations

import json

from ...ir import (
    Claim,
    ConfigMapKey,
    ConfigMapVolume,
    EachRef,
    ListRef,
    MetricRef,
    OuterRef,
    Param,
    ParamRef,
    RunRef,
    SecretKey,
    SecretVolume,
    ValueRef,
    references,
)
from ...record import record
from .cel import legal, quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from ...ir import Metric, Ref, Step, Type

PARAMETER_TYPES: dict[Type, str] = {
    "string": "STRING",
    "int": "NUMBER_INTEGER",
    "float": "NUMBER_DOUBLE",
    "bool": "BOOLEAN",
    "list": "LIST",
    "dict": "STRUCT",
}

# Numbers that a step writes keep their text: the launcher prints NUMBER_* outputs anew and fails on what it cannot parse (converter.go).
VALUE_TYPES: dict[Type, str] = {**PARAMETER_TYPES, "int": "STRING", "float": "STRING", "bool": "STRING"}

# `pipeline_job_name` is the display name, a text that a person typed; the resource name is the workflow's (driver/resolve.go).
_RUN = {"id": "{{$.pipeline_job_uuid}}", "name": "{{$.pipeline_job_resource_name}}"}


@record
class Binding:
    """One input parameter: its name and KFP type in the component, and what the task binds it to.

    Names of the user hold no dot, so the names made here (`train.rows`) cannot meet those of params.
    """

    name: str
    type: str
    source: dict[str, Any]


def default(param: Param) -> Any:
    """The default of a parameter as plain data (`param.default` is its text, which must be there)."""
    text = param.default or ""
    return text if param.type == "string" else json.loads(text)


def operand(ref: Ref) -> Binding:
    """The input that carries a reference into a condition: what a step wrote is text, a list or dict its JSON (driver/resolve.go)."""
    match ref:
        case ParamRef(param=param):
            return Binding(param.name, PARAMETER_TYPES[param.type], {"componentInputParameter": param.name})
        case ValueRef(step=step, value=value):
            return Binding(f"{step}.{value.name}", "STRING", output(step, value.name))
        case MetricRef(step=step, metric=metric):
            return Binding(f"{step}.{metric.name}", "STRING", output(step, metric.name))
        case RunRef(name=name):
            return Binding(f"x-run.{name}", "STRING", {"runtimeValue": {"constant": _RUN[name]}})
        case EachRef() | ListRef() | OuterRef():
            from . import loops

            return loops.operand(ref)
    raise AssertionError(ref)  # a path is known when compiling and never bound


def piece(ref: Ref) -> Binding:
    """The input that carries a reference into a text: of a metric's document, the number alone."""
    binding = operand(ref)
    made = _made(ref)
    if isinstance(made, MetricRef) and (made.metric.key or made.metric.format == "kfp-v1"):
        selector = "parseJson(string_value)" + lookup(made.metric)
        return Binding(f"{binding.name}.number", "STRING", {**binding.source, "parameterExpressionSelector": selector})
    return binding


def lookup(metric: Metric) -> str:
    """What follows a parsed metric document in CEL to find its number."""
    if metric.format == "kfp-v1":
        # an entry that is no object has no name: to ask a list for it is an error
        return f".metrics.filter(m, type(m) == map && has(m.name) && m.name == {quoted(metric.name)})[0].numberValue"
    return "".join(f"[{quoted(key)}]" for key in metric.key)


def placeholder(binding: Binding) -> str:
    """What the driver or the launcher replaces by the input's text (driver/util.go, launcher_v2.go)."""
    return "{{$.inputs.parameters['" + binding.name + "']}}"


def output(step: str, name: str) -> dict[str, Any]:
    """The source of an input: what a task beside wrote."""
    return {"taskOutputParameter": {"producerTask": step, "outputParameterKey": name}}


def guarded(step: Step) -> tuple[tuple[Param, ...], tuple[Param, ...]]:
    """The params with `choices`, `min` or `max` that the step's conditions use, and those that only its texts use; each once."""
    asked = limited(ref for condition in step.conditions for ref in references(condition.expr))
    used = limited(ref for text in step.bound for ref in text.references)
    return tuple(asked.values()), tuple(param for name, param in used.items() if name not in asked)


def limited(refs: Iterable[Ref]) -> dict[str, Param]:
    """The params among the references that have `choices`, `min` or `max`, each once, by name."""
    params = [ref.param for ref in refs if isinstance(ref, ParamRef)]
    return {param.name: param for param in params if param.choices or param.minimum is not None or param.maximum is not None}


_FREE = ("string", "list", "dict")
"""Types of values that hold texts: a list of others is one of numbers or booleans, as the launcher sees to."""


def checked(step: Step) -> tuple[Ref, ...]:
    """What the step's texts take from files of other steps, or from a run-time list: each once, in order of use.

    Not metrics that a condition of the step reads: it errs on the same texts.
    """
    used = [ref for text in step.bound for ref in text.references]
    read = {operand(ref).name for condition in step.conditions for ref in references(condition.expr) if isinstance(_made(ref), MetricRef)}
    found: dict[str, Ref] = {}
    for ref in used:
        made = _made(ref)
        free = (isinstance(made, EachRef) and not made.texts) or (isinstance(made, ListRef) and made.value.type in _FREE)
        if free or isinstance(made, (MetricRef, ValueRef)):
            name = operand(ref).name
            if name not in read:
                found.setdefault(name, ref)
    return tuple(found.values())


def names(step: Step) -> list[str]:
    """The tests that what the step takes from its namespace by a param has a name that can be one.

    Volumes of the pod are called like that (driver/k8s.go). What is one of the param's `choices` has been seen when compiling.
    """
    given = {f"volume {mount.volume.name}": mount.volume for mount in step.mounts}
    found: dict[tuple[str, bool], str] = {}
    for what, one in {**given, **{f"env {env.name}": env.value for env in step.env}}.items():
        text = one.given if isinstance(one, (Claim, SecretVolume, ConfigMapVolume, SecretKey, ConfigMapKey)) else None
        ref = text.references[0] if text is not None else None
        if isinstance(ref, ParamRef) and not ref.param.choices:
            volume = isinstance(one, (Claim, SecretVolume, ConfigMapVolume))
            found.setdefault((ref.param.name, volume), legal(ref.param, what, volume=volume))
    return list(found.values())


def _made(ref: Ref) -> Ref:
    return ref.ref if isinstance(ref, OuterRef) else ref


def bindings(step: Step) -> tuple[Binding, ...]:
    """The input parameters of a step's component, sorted by name."""
    found = [piece(ref) for text in step.bound for ref in text.references]
    found.extend(operand(ref) for ref in checked(step))
    found.extend(operand(ref) for condition in step.conditions for ref in references(condition.expr))
    return tuple(sorted({binding.name: binding for binding in found}.values(), key=_name))


def _name(binding: Binding) -> str:
    return binding.name
