"""`mlc infra --skeletons`: the objects that a project names and somebody has to fill, as manifests without values.

A Secret or ConfigMap stands there without data, only with the names of its keys in an annotation. `kubectl apply` then leaves the data of
one that exists as it is. Pull secrets are left out: the API server takes none without its data.
"""

from __future__ import annotations

from .describe import writable_mode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .ir import Pipeline

KEYS = "mlc/keys"

_RULES = [{"apiGroups": ["argoproj.io"], "resources": ["workflowtaskresults"], "verbs": ["create", "patch"]}]
"""What Argo's executor does as the pod's account (docs/workflow-rbac.md)."""


def manifests(pipeline: Pipeline, needs: dict[str, Any], claim_size: str) -> tuple[dict[str, Any], ...]:
    """The objects of one target, as `describe` names them, without those whose name a run chooses.

    Claims only where a size for them is given, which no project says.

    A claim that is made here is empty: where steps only read it, somebody has to write it first, so it is never `ReadOnlyMany`.
    """
    found: list[dict[str, Any]] = []
    for name in needs["service_accounts"]:
        found += _account(name)
    claims, secrets, config_maps = ([one for one in needs[key] if not chosen(one)] for key in ("claims", "secrets", "config_maps"))
    if claim_size:
        found += [_claim(claim["name"], claim_size, writable_mode(pipeline, claim["name"])) for claim in claims]
    found += [_keyed("Secret", one) for one in secrets if one["name"] not in needs["pull_secrets"]]
    found += [_keyed("ConfigMap", one) for one in config_maps if not one["made_by"]]
    if needs["namespace"]:
        for document in found:
            document["metadata"]["namespace"] = needs["namespace"]
    return tuple(found)


def chosen(one: dict[str, Any]) -> bool:
    """Whether only a run knows the name of an object that `describe` lists."""
    return "${{" in one["name"]


def _keyed(kind: str, one: dict[str, Any]) -> dict[str, Any]:
    notes = {"annotations": {KEYS: ", ".join(one["keys"])}} if one["keys"] else {}
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": one["name"], **notes}}


def _claim(name: str, size: str, mode: str) -> dict[str, Any]:
    spec = {"accessModes": [mode], "resources": {"requests": {"storage": size}}}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name}, "spec": spec}


def _account(name: str) -> list[dict[str, Any]]:
    api, role = "rbac.authorization.k8s.io", f"{name}-executor"
    subject: dict[str, str] = {"kind": "ServiceAccount", "name": name}
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}},
        {"apiVersion": f"{api}/v1", "kind": "Role", "metadata": {"name": role}, "rules": _RULES},
        {
            "apiVersion": f"{api}/v1",
            "kind": "RoleBinding",
            "metadata": {"name": role},
            "subjects": [subject],
            "roleRef": {"apiGroup": api, "kind": "Role", "name": role},
        },
    ]
