"""Where a pod runs, as far as the backend reads it (driver/k8s.go): node selector, tolerations, and from 2.14 on node affinity.

The platform spec has a message for affinity to other pods, which no backend reads up to 2.17.
"""

from __future__ import annotations

from ...diagnostics.model import Finding
from ...lowering.scheduling import node_term, toleration

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ...ir import Step
    from ...scheduling import NodeTerm, Scheduling, Toleration


def check(step: Step, scheduling: Scheduling, findings: list[Finding]) -> None:
    """Refuse what the backend would drop without a word."""
    for key, anti in (("pod_affinity", False), ("pod_anti_affinity", True)):
        if any(term.anti == anti for term in scheduling.pod_terms):
            message = f"`{key}` of step `{step.name}` is not possible on KFP, whose driver does not read it"
            help = "use `node_affinity` or `node_selector`, or compile for `argo`"
            findings.append(Finding("MLC401", message, (*scheduling.affinity_origin, key), "key", help=help))


def settings(scheduling: Scheduling) -> dict[str, Any]:
    """The settings of a step's executor (`KubernetesExecutorConfig`)."""
    made: dict[str, Any] = {}
    if scheduling.node_selector:
        made["nodeSelector"] = {"labels": dict(scheduling.node_selector)}
    if scheduling.tolerations:
        made["tolerations"] = [_toleration(one) for one in scheduling.tolerations]
    if scheduling.node_terms:
        made["nodeAffinity"] = [_term(term) for term in scheduling.node_terms]
    return made


def _toleration(one: Toleration) -> dict[str, Any]:
    made = toleration(one)
    return made if one.seconds is None else {**made, "tolerationSeconds": str(one.seconds)}  # an int64 is a text in JSON


def _term(term: NodeTerm) -> dict[str, Any]:
    return {**node_term(term), "weight": term.weight} if term.weight else node_term(term)
