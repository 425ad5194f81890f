"""Names and labels with parameters in them: a run knows its parameters, so whoever looks at names gets them as they are then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..ir import Container, Group, ParamRef, Step
from ..record import replace
from ..resolve.names import LABEL_RULE, OBJECT_RULE, is_label_value, is_object_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..ir import Env, Mount, Named, Pipeline, Text


def named(pipeline: Pipeline, params: Mapping[str, str]) -> Pipeline:
    """The project with parameters filled in where a claim, a secret, a config map is named, and in labels. `params` has all of them."""
    if not any(_open(step) for step in pipeline.steps):
        return pipeline
    final = pipeline.final
    return replace(pipeline, run=_group(pipeline.run, params), final=_group(final, params) if final else None)


def misnamed(pipeline: Pipeline, params: Mapping[str, str]) -> list[str]:
    """The names and labels that Kubernetes would not take with these parameters, in sentences: on a cluster such a step never starts."""
    found: dict[str, None] = {}
    for step in pipeline.steps:
        for one in step.named:
            if one.given is not None and not is_object_name(name := _filled(one.given, params)):
                kind = _field(one).replace("_", " ")
                found[f"step `{step.name}` uses the {kind} `{name}`, which can be no name: {OBJECT_RULE}"] = None
        for label in step.given_labels:
            if not is_label_value(value := _filled(label.text, params)):
                found[f"label `{label.name}` of step `{step.name}` is `{value}`, which can be no value of a label: {LABEL_RULE}"] = None
    return list(found)


def _open(step: Step) -> bool:
    return bool(step.given_labels) or any(one.given is not None for one in step.named)


def _filled(text: Text, params: Mapping[str, str]) -> str:
    return "".join(params[piece.param.name] if isinstance(piece, ParamRef) else str(piece) for piece in text.pieces)


def _group(group: Group, params: Mapping[str, str]) -> Group:
    children = tuple(_group(one, params) if isinstance(one, Group) else _step(one, params) for one in group.children)
    return replace(group, children=children)


def _step(step: Step, params: Mapping[str, str]) -> Step:
    if not _open(step):
        return step
    labels = {**step.labels, **{label.name: _filled(label.text, params) for label in step.given_labels}}
    return replace(
        step,
        mounts=_mounts(step.mounts, params),
        env=_env(step.env, params),
        init=tuple(_container(one, params) for one in step.init),
        sidecars=tuple(_container(one, params) for one in step.sidecars),
        labels=labels,
        given_labels=(),
    )


def _container(container: Container, params: Mapping[str, str]) -> Container:
    return replace(container, mounts=_mounts(container.mounts, params), env=_env(container.env, params))


def _mounts(mounts: tuple[Mount, ...], params: Mapping[str, str]) -> tuple[Mount, ...]:
    return tuple(replace(mount, volume=_one(mount.volume, params)) for mount in mounts)


def _env(env: tuple[Env, ...], params: Mapping[str, str]) -> tuple[Env, ...]:
    return tuple(replace(one, value=_one(one.value, params)) for one in env)


def _one(one: Any, params: Mapping[str, str]) -> Any:
    """A volume or the source of a variable, with the name that `given` makes."""
    given = getattr(one, "given", None)
    return one if given is None else replace(one, given=None, **{_field(one): _filled(given, params)})


def _field(one: Named) -> str:
    return next(name for name in ("claim", "secret", "config_map") if hasattr(one, name))
