"""What the objects of `resource` steps hold, for the rules that look at texts. Objects of files stand in the place of a `manifest`."""

from __future__ import annotations

from ..ir import Text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from ..ir import Pipeline


def secrets(pipeline: Pipeline) -> Iterator[tuple[str, Text]]:
    """The texts in `data` and `stringData` of each Secret, also of one in a list of objects, with their keys."""
    for node in _nodes(pipeline):
        if isinstance(node, dict) and isinstance(node.get("kind"), Text) and node["kind"].constant == "Secret":
            for section in ("data", "stringData"):
                values = node.get(section)
                for key, value in values.items() if isinstance(values, dict) else ():
                    if isinstance(value, Text):
                        yield key, value


def variables(pipeline: Pipeline) -> Iterator[tuple[str, Text]]:
    """The entries of `name` and `value`, as containers have them in `env`."""
    for node in _nodes(pipeline):
        if isinstance(node, dict):
            name, value = node.get("name"), node.get("value")
            if isinstance(name, Text) and isinstance(value, Text) and name.constant:
                yield name.constant, value


def words(pipeline: Pipeline) -> Iterator[tuple[Text, ...]]:
    """The lists of texts, such as `args`."""
    for node in _nodes(pipeline):
        if isinstance(node, tuple) and all(isinstance(item, Text) for item in node):
            yield node


def _nodes(pipeline: Pipeline) -> Iterator[Any]:
    open_nodes: list[Any] = [step.resource.manifest for step in pipeline.steps if step.resource is not None]
    while open_nodes:
        node = open_nodes.pop()
        yield node
        if isinstance(node, (dict, tuple)):
            open_nodes += node.values() if isinstance(node, dict) else node
