"""Unquoted words: YAML 1.2 core, with leading zeros kept as text, and the text of values."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlc.scalars import LONGEST_NUMBER, Float, Int, resolve, source_text, spelling

TEXTS = """
on off On no No yes y n Y N 014 0400 007 -07 +07 00 00.5 01e3 1_000 0b1 0o8 0x 0xG 1:30 1:30:00 2024-01-01 2024-01-01T00:00:00Z
nan inf .5. 1.2.3 1e 1e+ e3 - + . -. .e3 -.nan nULL tRUE = << 0O17 0X1F --1 +-1 1-1 v1 1Gi 4Mi ~~ ٣ -0x1F +0o7 1,5 1__0 0.1_0 _1
"""


@pytest.mark.parametrize("text", TEXTS.split())
def test_text(text: str) -> None:
    """What YAML 1.2 core does not take for something else is text, and so is a decimal number with a leading zero."""
    assert resolve(text) == text
    assert type(resolve(text)) is str


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("Null", None),
        ("NULL", None),
        ("true", True),
        ("True", True),
        ("TRUE", True),
        ("false", False),
        ("False", False),
        ("FALSE", False),
    ],
)
def test_words(text: str, value: bool | None) -> None:
    """The words of the core schema, in its three spellings."""
    assert resolve(text) is value


@pytest.mark.parametrize(
    ("text", "value", "canonical"),
    [
        ("0", 0, "0"),
        ("7", 7, "7"),
        ("-12", -12, "-12"),
        ("+5", 5, "5"),
        ("-0", 0, "-0"),
        ("0x1F", 31, "31"),
        ("0o17", 15, "15"),
        ("0x00ff", 255, "255"),
        ("123456789012345678901234567890", 123456789012345678901234567890, "123456789012345678901234567890"),
    ],
)
def test_int(text: str, value: int, canonical: str) -> None:
    """Integers in decimal, hexadecimal and octal; the source text is kept where it is a JSON number."""
    found = resolve(text)
    assert isinstance(found, int)
    assert found == value
    assert (type(found) is int) == (text == str(value))
    assert spelling(found) == text
    assert source_text(found) == canonical


@pytest.mark.parametrize(
    ("text", "value", "canonical"),
    [
        ("0.5", 0.5, "0.5"),
        (".5", 0.5, "0.5"),
        ("1.", 1.0, "1.0"),
        ("1.50", 1.5, "1.50"),
        ("1e-5", 1e-5, "1e-5"),
        ("1E5", 1e5, "1E5"),
        ("+1.5", 1.5, "1.5"),
        ("-.5e1", -5.0, "-5.0"),
        ("0e5", 0.0, "0e5"),
        ("1e+3", 1000.0, "1e+3"),
        ("1e999", math.inf, "1e999"),
        (".inf", math.inf, ".inf"),
        ("-.INF", -math.inf, "-.INF"),
        ("+.Inf", math.inf, "+.Inf"),
        ("12e03", 12000.0, "12e03"),
    ],
)
def test_float(text: str, value: float, canonical: str) -> None:
    """Numbers with a point or an exponent; the source text is kept where it is a JSON number."""
    found = resolve(text)
    assert isinstance(found, float)
    assert found == value
    assert (type(found) is float) == (text == repr(value))
    assert spelling(found) == text
    assert source_text(found) == canonical


def test_nan() -> None:
    """`.nan` is a number that is none; the schema refuses it."""
    found = resolve(".nan")
    assert isinstance(found, Float)
    assert math.isnan(found)
    assert source_text(found) == ".nan"


def test_long_numbers_are_text() -> None:
    """A number that Python could not print stays text, whatever its base."""
    for text in ("9" * (LONGEST_NUMBER + 1), "0x" + "f" * LONGEST_NUMBER, "1." + "0" * LONGEST_NUMBER):
        assert resolve(text) == text
    assert resolve("9" * LONGEST_NUMBER) == 10**LONGEST_NUMBER - 1


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("x y", "x y"),
        ("", ""),
        (True, "true"),
        (False, "false"),
        (None, "null"),
        (3, "3"),
        (0.1, "0.1"),
        (1e22, "1e+22"),
        ([1, "é", None, True], '[1,"é",null,true]'),
        ({"b": 1, "a": {"d": [], "c": 2.5}}, '{"a":{"c":2.5,"d":[]},"b":1}'),
    ],
)
def test_source_text(value: object, text: str) -> None:
    """Text is itself; lists and maps are compact JSON with sorted keys and letters as they are."""
    assert source_text(value) == text


def test_numbers_in_lists() -> None:
    """In JSON, numbers are written by value."""
    assert source_text([resolve("0x1F"), resolve("1.50"), resolve("+5")]) == "[31,1.5,5]"


@given(st.text(alphabet="0123456789+-.eExoOabinfIN_:~tru ", max_size=12))
def test_any_word(text: str) -> None:
    """Whatever it is taken for: its spelling is what was written, and finite numbers have a JSON text of the same value."""
    found = resolve(text)
    if isinstance(found, str):
        assert found == text
    elif isinstance(found, (int, float)) and not isinstance(found, bool):
        assert spelling(found) == text
        if math.isfinite(found):
            assert json.loads(source_text(found)) == found
    assert isinstance(found, (Int, Float)) or type(found) in (str, int, float, bool, type(None))
