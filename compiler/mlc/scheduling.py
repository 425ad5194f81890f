"""Where a pod may run: the part of the resolved project that few projects have, apart so that others need not import it.

Keys and values have the form that the API server asks for (k8s.io/kubernetes/pkg/apis/core/validation).
"""

from __future__ import annotations

from .record import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal as Choice

    from .diagnostics.model import Path

    Operator = Choice["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"]


@record
class Toleration:
    """A taint that the pod puts up with. Texts are "" and `seconds` is None where nothing is said."""

    key: str
    operator: Choice["", "Exists", "Equal"]
    value: str
    effect: Choice["", "NoSchedule", "PreferNoSchedule", "NoExecute"]
    seconds: int | None


@record
class Requirement:
    """`key operator values`, about a label or a field."""

    key: str
    operator: Operator
    values: tuple[str, ...]


@record
class NodeTerm:
    """A node fits that meets all requirements. `weight` is 0 where one of such terms must fit, else 1 to 100."""

    expressions: tuple[Requirement, ...]
    fields: tuple[Requirement, ...]
    weight: int


@record
class Selector:
    """Labels that must be there, and requirements on labels."""

    labels: dict[str, str]
    expressions: tuple[Requirement, ...]


@record
class PodTerm:
    """Be where such pods are, or (`anti`) where they are not. `weight` is 0 where it must be so, else 1 to 100.

    `namespace_selector` is None where nothing is said: then `namespaces`, or without those the namespace of the run.
    """

    anti: bool
    topology_key: str
    pods: Selector
    namespaces: tuple[str, ...]
    namespace_selector: Selector | None
    weight: int


@record
class Scheduling:
    """What a step says about the nodes of its pod. Each origin is the path of the key, wherever it was inherited from."""

    node_selector: dict[str, str]
    tolerations: tuple[Toleration, ...]
    node_terms: tuple[NodeTerm, ...]
    pod_terms: tuple[PodTerm, ...]
    selector_origin: Path
    tolerations_origin: Path
    affinity_origin: Path
