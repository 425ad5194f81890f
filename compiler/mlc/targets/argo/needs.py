"""What a manifest of Argo, or a repository of artifacts, expects to find in the namespace: read from the finished documents."""

from __future__ import annotations

from ...lowering.needs import Needs, mappings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def read(documents: Any) -> Needs:
    """The objects that documents name, by the keys of Kubernetes' and Argo's API under which names of objects stand."""
    needs = Needs()
    for key, value in mappings(documents):
        if isinstance(value, dict):
            _reference(needs, key, value)
        elif key == "image" and isinstance(value, str):
            needs.images[value] = None
        elif key == "serviceAccountName" and isinstance(value, str):
            needs.service_accounts[value] = None
        elif key == "storageClassName" and isinstance(value, str):
            needs.storage_classes[value] = None
        elif key == "imagePullSecrets":
            for item in value:
                needs.secret(item["name"])
                needs.pull_secrets[item["name"]] = None
    return needs


def _reference(needs: Needs, key: str, value: dict[str, Any]) -> None:
    if key == "persistentVolumeClaim" and "claimName" in value:
        needs.claims[value["claimName"]] = None
    elif key == "secret" and "secretName" in value:
        needs.secret(value["secretName"], *(item["key"] for item in value.get("items", ())))
    elif (key == "secretKeyRef" or key.endswith("Secret")) and value.keys() >= {"name", "key"}:  # of env; of artifacts
        needs.secret(value["name"], value["key"])
    elif key in ("secretRef", "configMapRef") and "name" in value:  # envFrom
        (needs.secret if key == "secretRef" else needs.config_map)(value["name"])
    elif key == "configMapKeyRef":
        needs.config_map(value["name"], value["key"])
    elif key == "configMap" and "name" in value:  # a volume, or what `memoize` keeps
        needs.config_map(value["name"], *(item["key"] for item in value.get("items", ())))
    elif key == "artifactRepositoryRef":
        needs.config_map(value["configMap"], value["key"])
