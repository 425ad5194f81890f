"""What patches (`targets.NAME.patch`) put into a manifest, for the rules that look at texts and images."""

from __future__ import annotations

from ..ir import Image, Text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from ..diagnostics.model import Path
    from ..ir import Pipeline

_KEY_OF = "secretKey"
"""KFP's word for the name of a key in a Secret (`keyToEnv`), which is no secret itself."""


def texts(pipeline: Pipeline) -> Iterator[tuple[str, str, Path]]:
    """Each text with what it is given to, and where it is written: its key, or of an entry of `name` and `value` the name."""
    for key, node, path in _nodes(pipeline):
        if isinstance(node, dict) and isinstance(node.get("name"), str) and isinstance(node.get("value"), str):
            yield node["name"], node["value"], (*path, "value")
        elif isinstance(node, str) and key != _KEY_OF:
            yield key, node, path


def words(pipeline: Pipeline) -> Iterator[tuple[Text, ...]]:
    """The lists of texts, such as `args`; of an operation that puts one text into a list, that one."""
    for key, node, path in _nodes(pipeline):
        if isinstance(node, list) and all(isinstance(item, str) for item in node):
            yield tuple(Text((item,), (*path, index)) for index, item in enumerate(node))
        elif isinstance(node, str) and (key == "-" or key.isdigit()):
            yield (Text((node,), path),)


def images(pipeline: Pipeline) -> Iterator[Image]:
    """The references of images that a patch writes, where no engine fills them in."""
    for key, node, path in _nodes(pipeline):
        if key == "image" and isinstance(node, str) and node and "{{" not in node:
            yield Image(node, "", "", path)


def _nodes(pipeline: Pipeline) -> Iterator[tuple[str, Any, Path]]:
    """Every node that patches bring, with the key that it stands under there ("" in a list) and its place in the document."""
    for patch in (*pipeline.argo.patch, *pipeline.kfp.patch):
        found: list[tuple[str, Any, Path]] = [("", patch.merge, (*patch.origin, "merge"))] if patch.merge is not None else []
        for index, operation in enumerate(patch.json):
            if operation["op"] in ("add", "replace"):
                key = operation["path"].rpartition("/")[2].replace("~1", "/").replace("~0", "~")
                found.append((key, operation["value"], (*patch.origin, "json", index, "value")))
        while found:
            key, node, path = found.pop()
            yield key, node, path
            if isinstance(node, dict):
                found += [(inner, value, (*path, inner)) for inner, value in node.items()]
            elif isinstance(node, list):
                found += [("", value, (*path, index)) for index, value in enumerate(node)]
