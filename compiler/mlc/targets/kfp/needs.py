"""What a manifest of KFP, or a provider of its launcher, expects to find in the namespace: read from the finished documents."""

from __future__ import annotations

from ...lowering.needs import Needs, items, mappings, named

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
            named(needs.images, value)
        elif key == "pvcMount":
            for item in items(value):
                named(needs.claims, _name(item, "constant", "pvcNameParameter"))
        elif key in ("secretAsEnv", "secretAsVolume", "imagePullSecret"):
            for item in items(value):
                name = _name(item, "secretName", "secretNameParameter")
                needs.secret(name, *(pair.get("secretKey") for pair in items(item.get("keyToEnv"))))
                if key == "imagePullSecret":
                    named(needs.pull_secrets, name)
        elif key in ("configMapAsEnv", "configMapAsVolume"):
            for item in items(value):
                name = _name(item, "configMapName", "configMapNameParameter")
                needs.config_map(name, *(pair.get("configMapKey") for pair in items(item.get("keyToEnv"))))
        elif key == "storage_class_name" or key == "storageClassName":
            named(needs.storage_classes, value if isinstance(value, str) else _constant(value))
        elif key == "secretRef" and isinstance(value, dict):
            needs.secret(value.get("secretName"), *(text for field, text in value.items() if field.endswith("Key")))
    return needs


def _name(item: dict[str, Any], old: str, new: str) -> object:
    """A name that is written, in the old field or the new one; "" for one that is known only in the run."""
    return item.get(old) or _constant(item.get(new))


def _constant(source: object) -> object:
    value = source.get("runtimeValue") if isinstance(source, dict) else None
    return value.get("constant", "") if isinstance(value, dict) else ""
