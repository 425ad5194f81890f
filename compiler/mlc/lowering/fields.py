"""Whether what patches have made of a manifest has the form of its engine's own types, as far as that can be said for any version.

A table names types, and for each the keys it has, separated by blanks: `key`, or `key:kind` with one of

- `text`, `bool`, `int`; `digits`, an int or a text of digits; `whole`, the same or a text with a tag (Kubernetes' IntOrString);
- `texts`, a mapping of names to texts;
- another type of the table, or `{Type}`, a mapping of names to it.

Where a key holds a list, its items have the kind. A key of a later version of the engine is unknown here and passes: refused is an
unknown one that looks like a known one with a typing error.
"""

from __future__ import annotations

from .patch import Unfit, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

_ALIKE = 0.83
"""Similarity, as `difflib` counts it, from which a key is a known one with a typing error: `lables`, but not `hostPID` for `hostIPC`."""

_LOOK = "see what `mlc compile` prints without the patch"

KINDS = {
    "text": ("a text", "write it in quotes"),
    "bool": ("`true` or `false`", "write it without quotes"),
    "int": ("a whole number", "write the digits alone, without quotes or a unit; times are seconds"),
    "digits": ("a whole number", "write the digits alone, without a unit; times are seconds"),
    "whole": ("a whole number", "write the digits alone, without a unit; times are seconds"),
    "texts": ("a mapping of texts", 'write `NAME: "text"`'),
}


def check(tree: Any, table: Mapping[str, str], start: str, *, snake: bool = False) -> None:
    """Raise `Unfit` for the first value of another kind, or key with a typing error, in `tree`, which is of type `start`.

    `snake`: keys may be written `like_this` too, as readers of protocol buffers take them.
    """
    parsed: dict[str, dict[str, str]] = {}
    open_nodes: list[tuple[Any, str, str]] = [(tree, start, "")]
    while open_nodes:
        node, kind, place = open_nodes.pop()
        if node is None or not kind:
            continue
        if isinstance(node, (list, tuple)) and kind != "texts":
            open_nodes += [(item, kind, f"{place}.{_called(item, index)}") for index, item in enumerate(node)]
        elif kind in KINDS:
            _value(node, kind, place)
        elif isinstance(node, dict):
            prefix = f"{place}." if place else ""
            if kind[0] == "{":
                open_nodes += [(value, kind[1:-1], f"{prefix}{key}") for key, value in node.items()]
                continue
            if kind not in parsed:
                parsed[kind] = {key: inner for key, _, inner in (word.partition(":") for word in table[kind].split())}
            known = parsed[kind]
            for key, value in node.items():
                name = key if key in known or not snake else _camel(key)
                if name in known:
                    open_nodes.append((value, known[name], prefix + key))
                elif help := _meant(key, known):
                    raise Unfit(f"`{prefix}{key}` is no key that the engine knows", help)
        else:
            raise Unfit(f"`{place}` is {shown(node)}, and has to be a mapping", _LOOK)


def _value(node: Any, kind: str, place: str) -> None:
    if kind == "texts" and isinstance(node, dict):
        for key, value in node.items():
            if value is not None:
                _value(value, "text", f"{place}.{key}")
        return
    number = isinstance(node, int) and not isinstance(node, bool)
    text = node if isinstance(node, str) else ""
    fits = {
        "text": isinstance(node, str),
        "bool": isinstance(node, bool),
        "int": number,
        "digits": number or (text.isascii() and text.removeprefix("-").isdigit()),
        "whole": number or (text.isascii() and text.removeprefix("-").isdigit()) or "{{" in text,
    }
    if not fits.get(kind, False):
        what, help = KINDS[kind]
        raise Unfit(f"`{place}` is {shown(node)}, and has to be {what}", help)


def _meant(key: str, known: Iterable[str]) -> str:
    """The help for a key with a typing error, "" for one that may be of a later version.

    Later versions add to a key that is there: `semaphores` to Argo's `semaphore`, `restartPolicyRules` to Kubernetes' `restartPolicy`. A
    first letter is rarely mistyped, but tells apart what is alike: `cpuLimit` and `gpuLimit`.
    """
    from ..diagnostics.suggest import did_you_mean

    near = [one for one in known if one[:1].casefold() == key[:1].casefold() and not key.startswith(one)]
    return did_you_mean(key, near, _ALIKE)


def _camel(key: str) -> str:
    first, *others = key.split("_")
    return first + "".join(word[:1].upper() + word[1:] for word in others)


def _called(item: Any, index: int) -> str:
    name = item.get("name") if isinstance(item, dict) else None
    return name if isinstance(name, str) else str(index)
