"""`node_selector`, `tolerations` and `affinity`, checked as the API server checks them: it would refuse the pod when the run is on its way.

Rules of k8s.io/kubernetes/pkg/apis/core/validation/validation.go: ValidateTolerations, ValidateNodeSelectorRequirement,
nodeFieldSelectorValidators, ValidatePreferredSchedulingTerms, validatePodAffinityTerm; and of apimachinery's ValidateLabelSelector.
"""

from __future__ import annotations

from ..scheduling import NodeTerm, PodTerm, Requirement, Scheduling, Selector, Toleration
from .names import check_label_key, check_label_value, check_namespace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from ..diagnostics.model import Path
    from .context import Context
    from .merge import Merged

_HEAVIEST = 100
_ON_NODES_ONLY = ("Gt", "Lt")


def resolve(context: Context, step: Merged) -> Scheduling:
    """What a step says about its nodes."""
    selector: dict[str, str] = step.get("node_selector") or {}
    for key, value in selector.items():
        path = step.where("node_selector", key)
        check_label_key(context, key, path)
        check_label_value(context, value, path)
    tolerations = tuple(
        _toleration(context, entry, step.where("tolerations", index)) for index, entry in enumerate(step.get("tolerations") or ())
    )
    affinity = step.get("affinity") or {}
    path = step.where("affinity")
    pods = [
        term
        for key in ("pod_affinity", "pod_anti_affinity")
        for term in _pods(context, affinity.get(key) or {}, (*path, key), anti=key == "pod_anti_affinity")
    ]
    nodes = _nodes(context, affinity.get("node_affinity") or {}, (*path, "node_affinity"))
    return Scheduling(selector, tolerations, nodes, tuple(pods), step.where("node_selector"), step.where("tolerations"), path)


def _toleration(context: Context, entry: Mapping[str, Any], path: Path) -> Toleration:
    key, operator, value = entry.get("key", ""), entry.get("operator", ""), entry.get("value", "")
    effect, seconds = entry.get("effect", ""), entry.get("toleration_seconds")
    if key:
        check_label_key(context, key, (*path, "key"), at="value")
    elif operator != "Exists":
        help = "add the `key` of the taint, or `operator: Exists` to put up with every taint"
        context.report("MLC329", "a toleration without `key` needs `operator: Exists`", path, help=help)
    if operator == "Exists" and value:
        help = "take out `value`, or write `operator: Equal`"
        context.report(
            "MLC329", "`operator: Exists` takes every value: `value` has no place beside it", (*path, "value"), at="key", help=help
        )
    else:
        check_label_value(context, value, (*path, "value"))
    if seconds is not None and effect != "NoExecute":
        help = "add `effect: NoExecute`, or take out `toleration_seconds`"
        message = "`toleration_seconds` needs `effect: NoExecute`: no other taint ends pods"
        context.report("MLC329", message, (*path, "toleration_seconds"), at="key", help=help)
    return Toleration(key, operator, value, effect, None if seconds is None else int(seconds))


def _nodes(context: Context, rules: Mapping[str, Any], path: Path) -> tuple[NodeTerm, ...]:
    found = [_node_term(context, entry, (*path, "required", index), 0) for index, entry in enumerate(rules.get("required") or ())]
    for index, entry in enumerate(rules.get("preferred") or ()):
        place = (*path, "preferred", index)
        found.append(_node_term(context, entry["preference"], (*place, "preference"), _weight(context, entry["weight"], place)))
    return tuple(found)


def _node_term(context: Context, entry: Mapping[str, Any], path: Path, weight: int) -> NodeTerm:
    expressions = _requirements(context, entry.get("match_expressions") or (), (*path, "match_expressions"))
    fields = []
    for index, field in enumerate(entry.get("match_fields") or ()):
        place = (*path, "match_fields", index)
        if field["key"] != "metadata.name" or field["operator"] not in ("In", "NotIn") or len(field.get("values") or ()) != 1:
            help = "write `{key: metadata.name, operator: In, values: [NODE]}`, or `NotIn`; labels go under `match_expressions`"
            context.report("MLC329", "the only field of a node is `metadata.name`, `In` or `NotIn` one value", place, help=help)
        fields.append(Requirement(field["key"], field["operator"], tuple(field.get("values") or ())))
    return NodeTerm(expressions, tuple(fields), weight)


def _weight(context: Context, weight: int, path: Path) -> int:
    if weight > _HEAVIEST:
        context.report("MLC206", f"`weight` is above {_HEAVIEST}", (*path, "weight"), help="use 1 to 100")
    return int(weight)


def _requirements(context: Context, entries: Sequence[Mapping[str, Any]], path: Path, *, of_nodes: bool = True) -> tuple[Requirement, ...]:
    return tuple(_requirement(context, entry, (*path, index), of_nodes) for index, entry in enumerate(entries))


def _requirement(context: Context, entry: Mapping[str, Any], path: Path, of_nodes: bool) -> Requirement:
    operator, values = entry["operator"], tuple(entry.get("values") or ())
    check_label_key(context, entry["key"], (*path, "key"), at="value")
    if operator in _ON_NODES_ONLY and not of_nodes:
        help = "use `In`, `NotIn`, `Exists` or `DoesNotExist`"
        context.report("MLC329", f"`{operator}` compares labels of nodes only", (*path, "operator"), help=help)
    elif operator in ("In", "NotIn"):
        if not values:
            context.report("MLC329", f"`{operator}` needs `values`", path, help="list the values, or use `Exists` or `DoesNotExist`")
        for index, value in enumerate(values):
            check_label_value(context, value, (*path, "values", index))
    elif operator in ("Exists", "DoesNotExist"):
        if values:
            help = "take out `values`, or use `In` or `NotIn`"
            context.report("MLC329", f"`{operator}` takes no `values`", (*path, "values"), at="key", help=help)
    elif len(values) != 1 or not (values[0].isascii() and values[0].isdecimal()):
        help = f'write `values: ["8"]`: the label is a number {"above" if operator == "Gt" else "below"} it'
        context.report("MLC329", f"`{operator}` needs one whole number from 0 in `values`", path, help=help)
    return Requirement(entry["key"], operator, values)


def _pods(context: Context, rules: Mapping[str, Any], path: Path, *, anti: bool) -> list[PodTerm]:
    found = [_pod_term(context, entry, (*path, "required", index), anti, 0) for index, entry in enumerate(rules.get("required") or ())]
    for index, entry in enumerate(rules.get("preferred") or ()):
        place = (*path, "preferred", index)
        term = entry["pod_affinity_term"]
        found.append(_pod_term(context, term, (*place, "pod_affinity_term"), anti, _weight(context, entry["weight"], place)))
    return found


def _pod_term(context: Context, entry: Mapping[str, Any], path: Path, anti: bool, weight: int) -> PodTerm:
    check_label_key(context, entry["topology_key"], (*path, "topology_key"), at="value")
    for index, name in enumerate(entry.get("namespaces") or ()):
        check_namespace(context, name, (*path, "namespaces", index))
    selector = entry.get("namespace_selector")
    return PodTerm(
        anti,
        entry["topology_key"],
        _selector(context, entry["label_selector"], (*path, "label_selector")),
        tuple(entry.get("namespaces") or ()),
        None if selector is None else _selector(context, selector, (*path, "namespace_selector")),
        weight,
    )


def _selector(context: Context, entry: Mapping[str, Any], path: Path) -> Selector:
    labels: dict[str, str] = entry.get("match_labels") or {}
    for key, value in labels.items():
        check_label_key(context, key, (*path, "match_labels", key))
        check_label_value(context, value, (*path, "match_labels", key))
    expressions = _requirements(context, entry.get("match_expressions") or (), (*path, "match_expressions"), of_nodes=False)
    return Selector(labels, expressions)
