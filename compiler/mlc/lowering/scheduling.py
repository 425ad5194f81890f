"""`nodeSelector`, `tolerations` and `affinity` of a pod in the API's own words."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ..scheduling import NodeTerm, PodTerm, Requirement, Scheduling, Selector, Toleration

REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


def pod(scheduling: Scheduling) -> dict[str, Any]:
    """The three fields of a pod's spec, each left out where it would be empty."""
    anti = [term for term in scheduling.pod_terms if term.anti]
    near = [term for term in scheduling.pod_terms if not term.anti]
    affinity = filled(("nodeAffinity", _nodes(scheduling.node_terms)), ("podAffinity", _pods(near)), ("podAntiAffinity", _pods(anti)))
    tolerations = [toleration(one) for one in scheduling.tolerations]
    return filled(("nodeSelector", dict(scheduling.node_selector)), ("tolerations", tolerations), ("affinity", affinity))


def toleration(one: Toleration) -> dict[str, Any]:
    """A toleration (core/v1 `Toleration`)."""
    made = filled(("key", one.key), ("operator", one.operator), ("value", one.value), ("effect", one.effect))
    return made if one.seconds is None else {**made, "tolerationSeconds": one.seconds}


def node_term(term: NodeTerm) -> dict[str, Any]:
    """Requirements on a node (core/v1 `NodeSelectorTerm`)."""
    return filled(("matchExpressions", requirements(term.expressions)), ("matchFields", requirements(term.fields)))


def requirements(given: Sequence[Requirement]) -> list[dict[str, Any]]:
    """Requirements on labels or fields."""
    return [{"key": one.key, "operator": one.operator, **filled(("values", list(one.values)))} for one in given]


def filled(*parts: tuple[str, Any]) -> dict[str, Any]:
    """A mapping of the parts that are not empty."""
    return {key: value for key, value in parts if value}


def _nodes(terms: Sequence[NodeTerm]) -> dict[str, Any]:
    required = [node_term(term) for term in terms if not term.weight]
    preferred = [{"weight": term.weight, "preference": node_term(term)} for term in terms if term.weight]
    return filled((REQUIRED, {"nodeSelectorTerms": required} if required else {}), (PREFERRED, preferred))


def _pods(terms: Sequence[PodTerm]) -> dict[str, Any]:
    required = [_pod_term(term) for term in terms if not term.weight]
    preferred = [{"weight": term.weight, "podAffinityTerm": _pod_term(term)} for term in terms if term.weight]
    return filled((REQUIRED, required), (PREFERRED, preferred))


def _pod_term(term: PodTerm) -> dict[str, Any]:
    made: dict[str, Any] = {"topologyKey": term.topology_key, "labelSelector": _selector(term.pods)}
    made.update(filled(("namespaces", list(term.namespaces))))
    if term.namespace_selector is not None:  # an empty one means all namespaces
        made["namespaceSelector"] = _selector(term.namespace_selector)
    return made


def _selector(selector: Selector) -> dict[str, Any]:
    return filled(("matchLabels", dict(selector.labels)), ("matchExpressions", requirements(selector.expressions)))
