"""A resolved project as a table from places to texts, for `mlc diff`: every field of every record, in the words of the language.

What the records call otherwise than the language is named here; any other field has its own name, so that a field that the language gets
later is compared too.
"""

from __future__ import annotations

import json

from .expr.write import written
from .ir import (
    ArgoSettings,
    Best,
    Cache,
    Compare,
    Condition,
    Container,
    EmptyDir,
    Env,
    Ephemeral,
    External,
    FieldPath,
    Group,
    HostPath,
    Image,
    In,
    Input,
    KfpSettings,
    Literal,
    Logic,
    Loop,
    Memory,
    Metric,
    Mount,
    Nfs,
    Not,
    Output,
    Param,
    Patch,
    Pipeline,
    Resource,
    Retry,
    RunClaim,
    Schedule,
    Script,
    SecretVolume,
    Step,
    Store,
    Text,
    Threshold,
    Ttl,
)
from .record import replace
from .scheduling import NodeTerm, PodTerm, Scheduling, Selector, Toleration

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    Place = tuple[str, ...]

_UNSEEN = ("given", "given_labels", "merged", "environment", "run", "final", "store_name", "outer")
"""What follows from other fields, or is no matter of the project."""

_KEYS: dict[type, dict[str, tuple[str, ...]]] = {
    Pipeline: {"argo": ("targets", "argo"), "kfp": ("targets", "kfp")},
    Param: {"minimum": ("min",), "maximum": ("max",)},
    Step: {"script": (), "mounts": ("volumes",), "scheduling": ()},
    Container: {"script": (), "mounts": ("volumes",)},
    Script: {"text": ("run",)},
    Env: {"value": ()},
    FieldPath: {"path": ("field",)},
    Input: {"producer": ("from",)},
    External: {"about": ()},
    Metric: {"thresholds": ()},
    Cache: {"enabled": ()},
    Retry: {f"backoff_{name}": ("backoff", name) for name in ("duration", "factor", "max")},
    Toleration: {"seconds": ("toleration_seconds",)},
    Scheduling: {"node_terms": ("affinity",), "pod_terms": ("affinity",)},
    NodeTerm: {"expressions": ("match_expressions",), "fields": ("match_fields",)},
    PodTerm: {"pods": ("label_selector",)},
    Selector: {"labels": ("match_labels",), "expressions": ("match_expressions",)},
    Ttl: {"completion": ()},
    Memory: {"size": ("memory",)},
    EmptyDir: {"size": ("empty_dir", "size")},
    Ephemeral: {name: ("ephemeral", name) for name in ("size", "access_mode", "storage_class")},
    HostPath: {"path": ("host_path",)},
    Nfs: {"server": ("nfs", "server"), "path": ("nfs", "path")},
    Store: {"secret": ("secret", "name"), "access_key": ("secret", "access_key"), "secret_key": ("secret", "secret_key")},
}
"""Where the value of a field stands in the language, below the place of its record."""

_SECONDS: dict[type, tuple[str, ...]] = {
    Step: ("timeout",),
    Retry: ("backoff_duration", "backoff_max"),
    Schedule: ("starting_deadline",),
    Ttl: ("completion", "success", "failure"),
    ArgoSettings: ("deadline",),
    KfpSettings: ("deadline",),
}
_NONE_IS_ZERO: dict[type, tuple[str, ...]] = {**_SECONDS, ArgoSettings: ("deadline", "parallelism")}
"""Fields in which 0 means that nothing is said."""

_LIMITS = {">": "above", ">=": "min", "<": "below", "<=": "max"}


def table(pipeline: Pipeline) -> dict[Place, str]:
    """All that a project says."""
    return dict(_project(pipeline))


def _project(pipeline: Pipeline) -> Iterator[tuple[Place, str]]:
    yield from _fields(pipeline, ())
    for section, group in (("steps", pipeline.run), ("finally", pipeline.final)):
        if group is not None:
            yield from _group(group, section)


def _group(group: Group, section: str) -> Iterator[tuple[Place, str]]:
    for child in group.children:
        if isinstance(child, Group):
            yield from _group(child, section)
            continue
        place = (section, child.name)
        yield place, ""
        if group.loop is not None and child.name == group.name:  # a loop is called like its first step, which says what it runs over
            after = tuple(dict.fromkeys((*group.after, *child.after)))
            child = replace(child, after=after, conditions=(*group.conditions, *child.conditions))
            yield from _loop(group.loop, place)
        yield from _fields(child, place)


def _loop(loop: Loop, place: Place) -> Iterator[tuple[Place, str]]:
    names = [column.column for column in loop.columns]
    if loop.parallel:
        yield (*place, "parallel"), str(loop.parallel)
    if loop.source is not None:
        yield (*place, "foreach", *[name.partition(".")[0] for name in names[:1]]), f"${{{{ {written(loop.source)} }}}}"
    for number, row in enumerate(loop.rows or (), start=1):
        item = {name: text for name, text in zip(names, row, strict=True) if name.rpartition(".")[0] not in names}
        yield (*place, "foreach", str(number)), json.dumps(item, ensure_ascii=False)


def _fields(node: Any, place: Place) -> Iterator[tuple[Place, str]]:
    keys, seconds, zero = _KEYS.get(type(node), {}), _SECONDS.get(type(node), ()), _NONE_IS_ZERO.get(type(node), ())
    for name in node.__slots__:
        value = getattr(node, name)
        if name.endswith("origin") or name in _UNSEEN or (name == "name" and place) or (name in zero and not value):
            continue
        inner = (*place, *keys.get(name, (name,)))
        if name == "args" and isinstance(node, Step) and node.made:
            for key, _, text in (_source(word).partition("=") for word in node.args):
                yield (*place, "args", key), text
        elif name in seconds:
            yield inner, f"{value}s"
        else:
            yield from _value(value, inner)


def _value(value: Any, place: Place) -> Iterator[tuple[Place, str]]:
    if value is None or value is False or value == "" or value == () or value == {}:
        return  # what is not said
    if isinstance(value, Text):
        yield place, _source(value)
    elif isinstance(value, (Literal, Compare, In, Not, Logic)) or type(value).__name__.endswith("Ref"):
        yield place, written(value)
    elif type(value) in _OWN_WAY:
        yield from _OWN_WAY[type(value)](value, place)
    elif hasattr(value, "__slots__") and not isinstance(value, (str, int, float)):
        yield from _fields(value, place)
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _value(inner, (*place, str(key)))
    elif isinstance(value, tuple):
        yield from _items(value, place)
    else:
        yield place, str(value) if not isinstance(value, bool) else "true"


def _items(items: tuple[Any, ...], place: Place) -> Iterator[tuple[Place, str]]:
    """A sequence: under the names of its items, sorted where it is a set (`after`), in order elsewhere."""
    if isinstance(items[0], (Mount, Threshold, Resource, Condition, NodeTerm, PodTerm)):
        yield from _together(items, place)
    elif all(hasattr(item, "name") for item in items):
        if place[-1] == "init":  # these run one after the other
            yield place, json.dumps([item.name for item in items], ensure_ascii=False)
        for item in items:
            yield (*place, item.name), ""
            yield from _value(item, (*place, item.name))
    elif all(isinstance(item, str) for item in items):
        yield place, json.dumps(sorted(items) if place[-1] == "after" else list(items), ensure_ascii=False)
    elif all(isinstance(item, Text) for item in items):
        yield place, json.dumps([_source(item) for item in items], ensure_ascii=False)
    else:
        for number, item in enumerate(items, start=1):
            yield from _value(item, (*place, str(number)))


def _together(items: Sequence[Any], place: Place) -> Iterator[tuple[Place, str]]:
    """Records that stand under the keys of the language that they are, not under a name or a number of their own."""
    counted: dict[Place, list[Any]] = {}
    for item in items:
        match item:
            case Mount(dataset=dataset, path=path, volume=volume) if dataset:
                yield (*place[:-1], "inputs", dataset, "path"), path
                yield (*place[:-1], "inputs", dataset, "into"), volume.name
            case Mount(volume=volume, path=path, sub_path=sub_path, read_only=read_only):
                for key, value in (("mount", path), ("sub_path", sub_path), ("read_only", read_only)):
                    yield from _value(value, (*place, volume.name, key))
            case Threshold(op=op, bound=bound):
                counted.setdefault((*place, _LIMITS[op]), []).append(bound)
            case Resource(name=name, request=request, limit=limit):
                yield from _value(request, (*place, "requests", name))
                yield from _value(limit, (*place, "limits", name))
            case Condition(kind=kind, expr=expr):
                counted.setdefault((*place[:-1], kind), []).append(expr)
            case NodeTerm(weight=weight) | PodTerm(weight=weight):
                rule = "node_affinity" if isinstance(item, NodeTerm) else "pod_anti_affinity" if item.anti else "pod_affinity"
                counted.setdefault((*place, rule, "preferred" if weight else "required"), []).append(item)
    for at, found in counted.items():
        for number, item in enumerate(found, start=1):
            yield from _value(item, at if number == 1 and not isinstance(item, (NodeTerm, PodTerm)) else (*at, str(number)))


def _patch(patch: Patch, place: Place) -> Iterator[tuple[Place, str]]:
    """`null`, `false` and empty texts say something here, too."""
    if patch.step:
        yield (*place, "step"), patch.step
    made = patch.merge if patch.merge is not None else list(patch.json)
    yield (*place, "json" if patch.merge is None else "merge"), json.dumps(made, ensure_ascii=False)


def _best(best: Best, place: Place) -> Iterator[tuple[Place, str]]:
    yield place, f"{'highest' if best.highest else 'lowest'} {best.metric.step}.{best.metric.metric.name}"


def _image(image: Image, place: Place) -> Iterator[tuple[Place, str]]:
    """The reference is the text, where that holds parameters."""
    yield from _fields(image if image.text is None else replace(image, ref=_source(image.text), text=None), place)


def _term(term: NodeTerm | PodTerm, place: Place) -> Iterator[tuple[Place, str]]:
    for at, text in _fields(term, place):
        if at[-1] != "anti" and (at, text) != ((*place, "weight"), "0"):
            yield at, text


def _artifact(one: Input | Output | External, place: Place) -> Iterator[tuple[Place, str]]:
    """What is said of an artifact stands in one place for all steps; nothing is said of one that is just an `artifact`."""
    of_all = ("artifacts", one.name)
    for at, text in _fields(one, of_all if isinstance(one, External) else place):
        rest = at[len(place) :]
        if rest[:1] in (("about",), ("type",)) and not isinstance(one, External):
            at = (*of_all, *rest[rest[0] == "about" :])
        if (at, text) != ((*of_all, "type"), "artifact"):
            yield at, text


def _store(store: Store, place: Place) -> Iterator[tuple[Place, str]]:
    names: dict[Place, Place] = {("bucket",): ("container",)} if store.kind == "azure" else {}
    if store.kind in ("gcs", "azure"):
        names[("secret", "secret_key")] = ("secret", "key")
    for at, text in _fields(store, place):
        rest = at[len(place) :]
        if rest != ("kind",):
            yield (*place, store.kind, *names.get(rest, rest)), text


def _run_claim(volume: RunClaim, place: Place) -> Iterator[tuple[Place, str]]:
    """Whether it is the workspace is said by `targets.kfp`."""
    yield from _fields(replace(volume, workspace=False), place)


def _empty_dir(volume: EmptyDir, place: Place) -> Iterator[tuple[Place, str]]:
    yield (*place, "empty_dir"), "" if volume.size else "{}"
    yield from _fields(volume, place)


def _secret_volume(volume: SecretVolume, place: Place) -> Iterator[tuple[Place, str]]:
    for at, text in _fields(volume, place):
        yield at, f"{volume.mode:04o}" if at == (*place, "mode") else text


_OWN_WAY: dict[type, Any] = {
    Patch: _patch,
    Best: _best,
    Image: _image,
    Input: _artifact,
    Output: _artifact,
    External: _artifact,
    NodeTerm: _term,
    PodTerm: _term,
    Store: _store,
    RunClaim: _run_claim,
    EmptyDir: _empty_dir,
    SecretVolume: _secret_volume,
}


def _source(text: Text) -> str:
    """A text as the language writes it."""
    return "".join(piece if isinstance(piece, str) else f"${{{{ {written(piece)} }}}}" for piece in text.pieces)
