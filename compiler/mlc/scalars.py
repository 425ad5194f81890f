"""YAML 1.2 core scalars: what an unquoted word means, and the text of a value.

Differences from the core schema, both in favour of text: a decimal number with a leading zero (`014`, `-07`, `00.5`) stays text, so
that file modes and identifiers survive, and so does a number of more than `LONGEST_NUMBER` characters. What only YAML 1.1 knows (`on`,
`no`, `1_000`, `1:30`, dates) is text.
"""

from __future__ import annotations

import json
import re

from .patterns import lazy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LONGEST_NUMBER = 400
"""Characters. Python refuses to print an integer of more than 4,300 digits, and nobody means one."""


class Int(int):
    """An integer whose source text is not what Python prints: `0x1F`, `+5`, `-0`."""

    text: str


class Float(float):
    """A number whose source text is not what Python prints: `1e-5`, `1.50`, `.5`, `1e999`, `.nan`."""

    text: str


_WORDS: dict[str, bool | None] = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}
_FIRST = frozenset("~nNtTfF0123456789+-.")
_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_BASED = lazy(r"0x[0-9a-fA-F]+|0o[0-7]+")
_SPECIAL = lazy(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_JSON_NUMBER = lazy(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")


def resolve(text: str) -> str | int | float | bool | None:
    """The value of an unquoted scalar."""
    if text[:1] not in _FIRST and text:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if len(text) > LONGEST_NUMBER:
        return text
    if _INT.fullmatch(text):
        return _int(int(text), text)
    if _FLOAT.fullmatch(text):
        return _float(float(text), text)
    if _BASED.fullmatch(text):
        return _int(int(text[2:], 16 if text[1] == "x" else 8), text)
    if _SPECIAL.fullmatch(text):
        return _float(float(text.replace(".", "")), text)
    return text


def _int(value: int, text: str) -> int:
    if str(value) == text:
        return value
    number = Int(value)
    number.text = text
    return number


def _float(value: float, text: str) -> float:
    if repr(value) == text:
        return value
    number = Float(value)
    number.text = text
    return number


def spelling(value: object) -> str:
    """A scalar as it was written, for a place that takes any unquoted text: `0x1F` stays `0x1F` (`source_text` says `31`)."""
    return value.text if isinstance(value, (Int, Float)) else source_text(value)


def source_text(value: Any) -> str:
    """The text of a value, as a constant in the spec reaches a program.

    Text is itself, booleans are `true` and `false`, a number is its source text where that is a JSON number and else the JSON number of
    its value (`0x1F` is `31`, `.5` is `0.5`), lists and maps are compact JSON with sorted keys. What has no JSON number (`.inf`, `.nan`)
    keeps its source text; the schema refuses it.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, Int):
        return value.text if _JSON_NUMBER.fullmatch(value.text) else int.__repr__(value)
    if isinstance(value, Float):
        if _JSON_NUMBER.fullmatch(value.text):
            return value.text
        text = float.__repr__(value)
        return text if _JSON_NUMBER.fullmatch(text) else value.text
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
