"""`targets.NAME.patch`: the project's own changes of finished documents, the last thing before they are printed.

A JSON patch is that of RFC 6902 (JSON pointers: RFC 6901). A merge lays mappings over mappings: `null` takes a key away, lists of
mappings that all have a `name` go by it, whatever else is given replaces what was there.
"""

from __future__ import annotations

import json

from ..diagnostics.model import Finding

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

    from ..ir import Patch

    Documents = tuple[dict[str, Any], ...]
    Read = Callable[[Documents, str], Any]
    Write = Callable[[Documents, str, Any, Iterable[str]], Documents]

MOST_NODES = 1_000_000
DEEPEST = 200
"""A few `copy` operations make more than any engine takes, or any memory holds: each can double what is there."""

_MOST_LISTED = 12
_LOOK = "see what `mlc compile` prints without the patch, and what the patches before this one change"


class Fault(Exception):
    """An operation that cannot be done: what is wrong, what to do, and which key of the operation is to blame."""

    def __init__(self, message: str, help: str = "", key: str = "path") -> None:
        super().__init__(message)
        self.help, self.key = help, key
        self.index = 0


class Unfit(Exception):
    """A result that the target cannot take: what is wrong, and what to do where that is not to leave something as it was."""

    def __init__(self, message: str, help: str = "") -> None:
        super().__init__(message)
        self.help = help


def apply(
    documents: Documents, patches: tuple[Patch, ...], read: Read, write: Write, steps: Iterable[str], findings: list[Finding]
) -> Documents:
    """The documents with all patches, one after another; what cannot be done is reported (MLC341, MLC422), and what does nothing (MLC505).

    `read` gives what the patches of a step (or, for "", of the whole manifest) are about, `write` puts it back and raises `Unfit`.
    """
    documents = copied(documents)
    for patch in patches:
        where = f"step `{patch.step}`" if patch.step else "the manifest"
        before = read(documents, patch.step)
        try:
            after = merged(before, patch.merge) if patch.merge is not None else patched(before, patch.json)
            documents = write(documents, patch.step, after, steps)
        except Fault as fault:
            place = (*patch.origin, "merge") if patch.merge is not None else (*patch.origin, "json", fault.index, fault.key)
            at = "value" if patch.merge is None else "key"
            findings.append(Finding("MLC341", f"the patch of {where} cannot be made: {fault}", place, at, help=fault.help or _LOOK))  # type: ignore[arg-type]
        except Unfit as unfit:
            help = unfit.help or "a patch may change what is there and add to it; what the project itself needs has to stay"
            findings.append(Finding("MLC422", f"after the patch of {where}, {unfit}", patch.origin, help=help))
        else:
            asserting = patch.json and all(operation["op"] == "test" for operation in patch.json)
            if not asserting and json.dumps(before) == json.dumps(after):
                message = f"the patch of {where} changes nothing: all that it says is there already"
                findings.append(Finding("MLC505", message, patch.origin, help="remove it"))
    return documents


def copied(node: Any) -> Any:
    """A copy that shares no mapping or list with the original."""
    if isinstance(node, dict):
        return {key: copied(value) for key, value in node.items()}
    if isinstance(node, list):
        return [copied(value) for value in node]
    return tuple(map(copied, node)) if isinstance(node, tuple) else node


# --- merges -------------------------------------------------------------------------------------------------------------------


def merged(base: Any, change: Any, place: str = "") -> Any:
    """What `change` makes of `base`, which stays as it is."""
    if isinstance(change, dict):
        found = dict(base) if isinstance(base, dict) else {}
        for key, value in change.items():
            if value is None:
                found.pop(key, None)
            else:
                found[key] = merged(found.get(key), value, f"{place}/{_escaped(key)}")
        return found
    if isinstance(change, list) and change:
        old, new = _named(base or []), _named(change)
        if old is not None and new is not None:
            for items, names in ((base or [], old), (change, new)):
                if len(names) < len(items):
                    raise Fault(f"items of `{place}` have the same name", "say which one is meant by its index, in a `json` patch")
            return list({**old, **{name: merged(old.get(name), item, f"{place}/{_escaped(name)}") for name, item in new.items()}}.values())
    return copied(change)


def _named(items: Any) -> dict[str, Any] | None:
    """The items of a list by their names; None unless all have one."""
    if not isinstance(items, list) or not all(isinstance(item, dict) and isinstance(item.get("name"), str) for item in items):
        return None
    return {item["name"]: item for item in items}


# --- RFC 6902 -----------------------------------------------------------------------------------------------------------------


def patched(document: Any, operations: Iterable[Mapping[str, Any]]) -> Any:
    """The document after all operations, in order; the one given stays as it is. Raises `Fault` with the `index` of the operation."""
    holder = {"": copied(document)}
    for index, operation in enumerate(operations):
        try:
            _operate(holder, operation)
        except Fault as fault:
            fault.index = index
            raise
    return holder[""]


def _operate(holder: dict[str, Any], operation: Mapping[str, Any]) -> None:
    kind, path = operation["op"], operation["path"]
    if kind == "test":
        found = _get(holder, path)
        if not same(found, operation["value"]):
            raise Fault(f"`{path}` is {shown(found)}", key="value")
        return
    if kind == "remove":
        _take(holder, path)
        return
    if kind in ("add", "replace"):
        value = copied(operation["value"])
    else:
        source = operation["from"]
        if kind == "move" and path.startswith(f"{source}/"):
            raise Fault(f"`{source}` cannot be moved into itself", key="from")
        try:
            value = copied(_get(holder, source)) if kind == "copy" else _take(holder, source)
        except Fault as fault:
            fault.key = "from"
            raise
    if kind == "replace":
        _get(holder, path)
    parent, key = _parent(holder, path)
    if isinstance(parent, dict):
        parent[key] = value
    elif kind == "replace":
        parent[int(key)] = value
    else:
        parent.insert(len(parent) if key == "-" else _index(parent, key, path, len(parent)), value)
    if kind == "copy":
        _measure(holder)


def _get(holder: dict[str, Any], path: str) -> Any:
    """The node at a JSON pointer."""
    node: Any = holder
    done = ""
    for number, word in enumerate(path.split("/")):
        key = word.replace("~1", "/").replace("~0", "~")
        done += f"/{word}" if number else ""
        if isinstance(node, dict):
            if key not in node:
                raise Fault(f"there is no `{done}`", _near(key, node))
            node = node[key]
        elif isinstance(node, list):
            node = node[_index(node, key, done, len(node) - 1)]
        else:
            raise Fault(f"there is no `{done}`: what it should lie in is {shown(node)}")
    return node


def _parent(holder: dict[str, Any], path: str) -> tuple[Any, str]:
    """What the last word of a pointer is a key or index of, and that word."""
    if not path:
        return holder, ""
    before, _, word = path.rpartition("/")
    node = _get(holder, before)
    if not isinstance(node, (dict, list)):
        raise Fault(f"there is no `{path}`: what it should lie in is {shown(node)}")
    return node, word.replace("~1", "/").replace("~0", "~")


def _take(holder: dict[str, Any], path: str) -> Any:
    if not path:
        raise Fault("nothing would be left")
    found = _get(holder, path)
    parent, key = _parent(holder, path)
    del parent[key if isinstance(parent, dict) else int(key)]
    return found


def _index(items: list[Any], key: str, path: str, last: int) -> int:
    """An index of a list, at most `last`: digits without a leading zero."""
    if not (key.isascii() and key.isdigit()) or (key[0] == "0" and key != "0"):
        raise Fault(f"`{path}` goes into a list, where `{key}` is no index")
    if len(key) > 9 or int(key) > last:
        raise Fault(f"there is no `{path}`: the list has {len(items)} item{'' if len(items) == 1 else 's'}")
    return int(key)


def same(one: Any, other: Any) -> bool:
    """Equality of JSON: numbers by value, `true` is no number, and the order of keys does not count."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def _measure(tree: Any) -> None:
    count, level, depth = 0, [tree], 0
    while level:
        count, depth = count + len(level), depth + 1
        if count > MOST_NODES or depth > DEEPEST:
            raise Fault("it makes the document too large", key="from")
        level = [child for node in level if isinstance(node, (dict, list)) for child in (node.values() if isinstance(node, dict) else node)]


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


def shown(value: Any) -> str:
    """A value in a message: texts and numbers as JSON, the first 57 characters of them."""
    if isinstance(value, (dict, list)):
        return "a mapping" if isinstance(value, dict) else "a list"
    text = json.dumps(value, ensure_ascii=False)
    return f"`{text if len(text) <= 60 else text[:57] + '...'}`"


def _near(key: str, node: dict[str, Any]) -> str:
    """What to write instead of a key that is not there."""
    from ..diagnostics.suggest import did_you_mean

    keys = list(node)
    listed = ""
    if 0 < len(keys) <= _MOST_LISTED:
        listed = f"what is there: {', '.join(f'`{_escaped(one)}`' for one in keys)}; a `merge` makes what is missing"
    return did_you_mean(_escaped(key), list(map(_escaped, keys))) or listed
