"""What a manifest of KFP, or a provider of its launcher, expects to find in the namespace: read from the finished documents."""

from __future__ import annotations

from ...lowering.needs import Needs, mappings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_MADE_UP = "argostub/"
"""Images of tasks that the backend does itself: nothing is pulled (argocompiler/container.go)."""


def read(documents: Any) -> Needs:
    """The objects that documents name, by the fields of `KubernetesExecutorConfig` and of the launcher's providers."""
    needs = Needs()
    for key, value in mappings(documents):
        if key == "image" and isinstance(value, str) and not value.startswith(_MADE_UP):
            needs.images[value] = None
        elif key == "pvcMount":
            needs.claims.update({name: None for mount in value if (name := _name(mount, "constant", "pvcNameParameter"))})
        elif key in ("secretAsEnv", "secretAsVolume", "imagePullSecret"):
            for item in value:
                name = _name(item, "secretName", "secretNameParameter")
                needs.secret(name, *(pair["secretKey"] for pair in item.get("keyToEnv", ())))
                if key == "imagePullSecret":
                    needs.pull_secrets[name] = None
        elif key in ("configMapAsEnv", "configMapAsVolume"):
            for item in value:
                needs.config_map(
                    _name(item, "configMapName", "configMapNameParameter"), *(pair["configMapKey"] for pair in item.get("keyToEnv", ()))
                )
        elif key == "storage_class_name" or key == "storageClassName":
            name = value if isinstance(value, str) else (value.get("runtimeValue") or {}).get("constant", "")
            if name:
                needs.storage_classes[name] = None
        elif key == "secretRef" and isinstance(value, dict):
            needs.secret(value["secretName"], *(text for field, text in value.items() if field.endswith("Key")))
    return needs


def _name(item: dict[str, Any], old: str, new: str) -> str:
    """A name that is written, in the old field or the new one; "" for one that is known only in the run."""
    source = item.get(new) or {}
    found: str = item.get(old) or (source.get("runtimeValue") or {}).get("constant", "")
    parameter = source.get("componentInputParameter", "")
    return found or ("" if parameter.startswith("x-") else parameter and f"${{{{ params.{parameter} }}}}")
