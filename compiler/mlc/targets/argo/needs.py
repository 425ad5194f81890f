"""What a manifest of Argo, or a repository of artifacts, expects to find in the namespace: read from the finished documents."""

from __future__ import annotations

from ...lowering.needs import Needs, items, mappings, named

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def read(documents: Any) -> Needs:
    """The objects that documents name, by the keys of Kubernetes' and Argo's API under which names of objects stand."""
    needs = Needs()
    tables = {"image": needs.images, "serviceAccountName": needs.service_accounts, "storageClassName": needs.storage_classes}
    for key, value in mappings(documents):
        if isinstance(value, dict):
            _reference(needs, key, value)
        elif key in tables:
            named(tables[key], value)
        elif key == "imagePullSecrets":
            for item in items(value):
                needs.secret(item.get("name"))
                named(needs.pull_secrets, item.get("name"))
    return needs


def _reference(needs: Needs, key: str, value: dict[str, Any]) -> None:
    if key == "persistentVolumeClaim":
        named(needs.claims, value.get("claimName"))
    elif key == "secret" and "secretName" in value:
        needs.secret(value["secretName"], *(item.get("key") for item in items(value.get("items"))))
    elif (key == "secretKeyRef" or key.endswith("Secret")) and value.keys() >= {"name", "key"}:  # of env; of artifacts
        needs.secret(value["name"], value["key"])
    elif key in ("secretRef", "configMapRef") and "name" in value:  # envFrom
        (needs.secret if key == "secretRef" else needs.config_map)(value["name"])
    elif key == "configMapKeyRef":
        needs.config_map(value.get("name"), value.get("key"))
    elif key == "configMap" and "name" in value:  # a volume, or what `memoize` keeps
        needs.config_map(value["name"], *(item.get("key") for item in items(value.get("items"))))
    elif key == "artifactRepositoryRef":
        needs.config_map(value.get("configMap"), value.get("key"))
