"""What a manifest expects to find in a cluster. Each target reads it from the documents that it wrote, so the two cannot differ.

A patch may have given them any form: what is no name is passed over, and so is what an engine fills in, which only a run knows.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, TypeGuard


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

    def secret(self, name: object, *keys: object, chosen: bool = False) -> None:
        """A Secret and the keys of it that are read. `chosen`: the run chooses the name, and this is what the project says of it."""
        _keyed(self.secrets, name, keys, chosen)

    def config_map(self, name: object, *keys: object, chosen: bool = False) -> None:
        """A ConfigMap and the keys of it that are read, and `chosen` as for a Secret."""
        _keyed(self.config_maps, name, keys, chosen)


def _known(name: object) -> TypeGuard[str]:
    return isinstance(name, str) and name != "" and "{{" not in name


def named(table: dict[str, None], name: object) -> None:
    """Note a name in one of the tables of a `Needs`."""
    if _known(name):
        table[name] = None


def items(node: object) -> list[dict[str, Any]]:
    """The mappings of a list."""
    return [item for item in node if isinstance(item, dict)] if isinstance(node, (list, tuple)) else []


def _keyed(table: dict[str, dict[str, None]], name: object, keys: tuple[object, ...], chosen: bool) -> None:
    if _known(name) or (chosen and isinstance(name, str)):
        table.setdefault(name, {}).update(dict.fromkeys(key for key in keys if isinstance(key, str)))


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
