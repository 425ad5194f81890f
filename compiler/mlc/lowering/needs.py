"""What a manifest expects to find in a cluster. Each target reads it from the documents that it wrote, so the two cannot differ."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any


class Needs:
    """Names of objects that must exist, in the order found. Keys of a Secret or ConfigMap are those that are named; it may have others."""

    def __init__(self) -> None:
        self.claims: dict[str, None] = {}
        self.secrets: dict[str, dict[str, None]] = {}
        self.config_maps: dict[str, dict[str, None]] = {}
        self.service_accounts: dict[str, None] = {}
        self.images: dict[str, None] = {}
        self.storage_classes: dict[str, None] = {}
        self.pull_secrets: dict[str, None] = {}

    def secret(self, name: str, *keys: str) -> None:
        """A Secret and the keys of it that are read."""
        self.secrets.setdefault(name, {}).update(dict.fromkeys(keys))

    def config_map(self, name: str, *keys: str) -> None:
        """A ConfigMap and the keys of it that are read."""
        self.config_maps.setdefault(name, {}).update(dict.fromkeys(keys))


def mappings(tree: Any) -> Iterator[tuple[str, Any]]:
    """Every key of every mapping of a tree with its value, from the top down, in order."""
    stack = [tree]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            yield from node.items()
            stack.extend(reversed(list(node.values())))
        elif isinstance(node, (list, tuple)):
            stack.extend(reversed(node))
