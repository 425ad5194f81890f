"""Plain data to YAML text that every reader takes for the same data.

The output is read by YAML 1.1 (PyYAML, and the go-yaml v2 of Argo and Kubernetes) and by YAML 1.2 readers, which disagree on what an
unquoted word means. So a text is left unquoted only if it starts with a letter, `_` or `/`, is none of the words that some reader takes
for a boolean or null, and holds nothing that has a meaning to YAML. Text of several lines is a literal block where that holds it exactly.
No aliases, no folding, no tags; the order of keys is that of the data.
"""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_SIMPLE = re.compile(r"[A-Za-z_/][A-Za-z0-9_./-]*").fullmatch
# No colon before a blank or at the end, no `#` after a blank, no blank at the end.
_PLAIN = re.compile(r"[A-Za-z_/](?:[!-9;-~]|:(?=[!-~])| +(?=[^\s#]))*").fullmatch
_WORDS = frozenset(("true", "false", "yes", "no", "on", "off", "y", "n", "null"))
# A control character, a blank at a line's end, a tab at a line's start.
_NOT_LITERAL = re.compile("[^\t\n -~]|[ \t](?:\n|$)|(?:^|\n)\t").search
_ESCAPED = '[\x00-\x1f"\\\\\x7f-\xa0\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]'
_SHORT_ESCAPES = {"\n": "\\n", "\t": "\\t", "\r": "\\r", '"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f"}
_LONGEST_KEY = 1000
"""Bytes. YAML readers look for the colon of a key in the next 1,024 characters (libyaml) only."""


def to_yaml(documents: Sequence[object], header: str) -> str:
    """The documents as block YAML, parted by `---`, below a comment line that says `header` (if any).

    Takes dicts with string keys, lists, tuples, strings, numbers, booleans and None, and subclasses of them.
    """
    out: list[str] = []
    if header:
        out.append(f"# {header}\n")
    texts: dict[str, str] = {}
    for number, document in enumerate(documents):
        if number:
            out.append("---\n")
        if isinstance(document, dict) and document:
            _mapping(document, "", "", out, texts)
        elif isinstance(document, (list, tuple)) and document:
            _list(document, "", "", out, texts)
        else:
            out.append(_inline(document, texts) + "\n")
    return "".join(out)


def _mapping(value: dict[str, object], indent: str, first: str, out: list[str], texts: dict[str, str]) -> None:
    """A mapping whose keys stand at `indent`; before the first one, `first` is printed instead."""
    for key, child in value.items():
        name = texts.get(key)
        if name is None:
            name = _text(key)
            texts[key] = name
        start = f"{first}{name}:"
        if len(name) > _LONGEST_KEY // 4 and len(name.encode("utf-8", "replace")) > _LONGEST_KEY:
            start = f"{first}? {name}\n{indent}:"
        first = indent
        if isinstance(child, str):
            text = texts.get(child)
            out.append(f"{start} {_string(str(child), indent, texts) if text is None else text}\n")
        elif isinstance(child, dict) and child:
            out.append(f"{start}\n")
            _mapping(child, indent + "  ", indent + "  ", out, texts)
        elif isinstance(child, (list, tuple)) and child:
            out.append(f"{start}\n")
            _list(child, indent, indent, out, texts)
        else:
            out.append(f"{start} {_inline(child, texts)}\n")


def _list(value: Sequence[object], indent: str, first: str, out: list[str], texts: dict[str, str]) -> None:
    """A list whose dashes stand at `indent`; before the first one, `first` is printed instead."""
    inner = indent + "  "
    for child in value:
        start = f"{first}- "
        first = indent
        if isinstance(child, str):
            text = texts.get(child)
            out.append(f"{start}{_string(str(child), indent, texts) if text is None else text}\n")
        elif isinstance(child, dict) and child:
            _mapping(child, inner, start, out, texts)
        elif isinstance(child, (list, tuple)) and child:
            _list(child, inner, start, out, texts)
        else:
            out.append(f"{start}{_inline(child, texts)}\n")


def _string(value: str, indent: str, texts: dict[str, str]) -> str:
    """A text as a value inside a collection that stands at `indent`; what does not depend on the place is remembered."""
    if "\n" in value and not _NOT_LITERAL(_folded(value, str.isprintable)):
        body = value.strip("\n")
        if body:
            inner = indent + "  "
            end = len(value) - len(value.rstrip("\n"))
            header = "|2" if value.lstrip("\n").startswith(" ") else "|"
            header += "-" if end == 0 else "" if end == 1 else "+"
            lines = "\n".join([inner + line if line else "" for line in value[: -end or None].split("\n")])
            return f"{header}\n{lines}" + "\n" * (end - 1)
    text = _text(value)
    texts[value] = text
    return text


def _text(value: str) -> str:
    """A text on one line."""
    if _SIMPLE(value):
        if len(value) > 5 or value.lower() not in _WORDS:
            return value
    elif _PLAIN(_folded(value, str.isalpha)):
        return value
    if value.isprintable() and '"' not in value and "\\" not in value:
        return f'"{value}"'
    return '"' + re.sub(_ESCAPED, _escape, value) + '"'


def _folded(text: str, harmless: Callable[[str], bool]) -> str:
    """The text in ASCII: `a` for what is harmless beyond it, NUL for the rest. Patterns over Unicode ranges take longer to compile than
    a small project does. Letters and what is printable mean nothing to YAML, 1.1 or 1.2; line separators, U+0085 and U+FEFF are neither.
    """
    if text.isascii():
        return text
    return "".join(["a" if char >= "\x80" and harmless(char) else char if char < "\x80" else "\0" for char in text])


def _escape(match: re.Match[str]) -> str:
    character = match.group()
    return _SHORT_ESCAPES.get(character) or (f"\\x{ord(character):02x}" if character < "\x7f" else f"\\u{ord(character):04x}")


def _inline(value: object, texts: dict[str, str]) -> str:
    """A scalar or an empty collection. Dicts and lists that hold something never come here."""
    if isinstance(value, str):
        return _text(value)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return int.__repr__(value)
    if isinstance(value, float):
        return _float(value)
    return "{}" if isinstance(value, dict) else "[]"


def _float(value: float) -> str:
    """A float with a point and a signed exponent, which YAML 1.1 asks for: `1.0e-05`."""
    text = float.__repr__(value)
    if "e" in text and "." not in text:
        return text.replace("e", ".0e")
    return {"inf": ".inf", "-inf": "-.inf", "nan": ".nan"}.get(text, text)
