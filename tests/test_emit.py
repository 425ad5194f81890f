"""YAML that every reader takes for the same data: PyYAML's two readers (1.1), ruamel (1.2), and the word table of go-yaml v2."""

from __future__ import annotations

import io
import math
import re

import pytest
import ruamel.yaml
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from mlc.emit import to_yaml

TRAPS = "y Y n N 1e3 1E5 1e-5 0o17 0e1 1e+3 123e4 9e9 08 09 +.5 -.5 3e8"
OTHER_WORDS = """
yes No ON on off True FALSE null Null NULL ~ = << 0b1 0B1 1_0 1:30 1:30:00 190:20:30.15 2024-01-01 0x 0x1F 0X1F 0o7 0777 014
2001-12-14t21:59:43.10-05:00 .inf -.INF +.inf .nan .NaN . .. - -- --- ... ? : , [ ] { } # & * ! | > ' " % @ ` $ 1. .5 +1 -1 0
{{inputs.parameters.x}} {{$}} $(HOME) $$ -x --lr=1 a<< truest yes! no-op on/off nan inf NaN _ _1 / /a/b a/b a\\b x,y \\n
%x @x `x !x &x *x [x {x ]x }x ,x #x 'x "x x'y x"y a: :a |a a| {"IfPresent":1} 😀 é 한국어 é\xadb
"""
WITH_BLANKS = (
    """- x;? x;: x;a: b;a #b;a # b;--- a;<<: a;null x;{{= 1 }}; a;a ; a ;  ;... ;a 😀;한국어 모델;한국: 어;a\tb;\u3000a;a\u200bb;a\xa0"""
)
ENGINE_TRAPS = TRAPS.split()
LINES = [
    *["", "\n", "\n\n", "a\n", "a\nb", "\na", " a\nb", "a\n b\n", "a\n\nb\n\n", "a \nb", "a\t\nb", "\ta\nb", "a\n\tb", "a\n "],
    *["a\n  \nb", "\n a\n", "a\rb", "a\r\nb", "\0", "\x07", "\x1b[0m", "\x7f", "\x85", "a\x85b\n", "\xa0", "\u2028"],
    *["a\u2029b\nc", "\ufeff", "\ufeffa\nb", "\ufffe", "\uffff", "모델:\n학습\n", "---\na\n", "a\n---\n", "a\n...\n", "# c\n# d"],
    *["#!/bin/sh\nset -e\necho x # done\n", "- a\n- b", "key: |\n  x\n", "a" * 2000, "x " * 600, "!!str x\ny", "%YAML 1.2\n---"],
]
TRICKY = [*ENGINE_TRAPS, *OTHER_WORDS.split(), *WITH_BLANKS.split(";"), *LINES]

scalars = st.one_of(
    st.text(max_size=20),
    st.text(alphabet="ab \t\n\r:#-?|>'\"\\%@`{}[],&*!~=<0123456789.eExon_+yYN\x85\u2028\ufeff\0é", max_size=14),
    st.sampled_from(TRICKY),
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
)
keys = st.one_of(st.text(alphabet="ab: #-y\n'\"?0é", max_size=8), st.sampled_from(TRICKY))
trees = st.recursive(scalars, lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(keys, inner, max_size=4)), max_leaves=12)


def equal(one: object, other: object) -> bool:
    """Whether data is the same in value and type: `1`, `1.0` and `true` are three things, and -0.0 is not 0.0."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict) and isinstance(other, dict):
        return list(one) == list(other) and all(equal(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(equal, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return one == other and math.copysign(1, one) == math.copysign(1, other)
    return one == other


def encodable(value: object) -> bool:
    """Whether YAML can hold it: no text with half of a surrogate pair."""
    return not re.search("[\ud800-\udfff]", str(value)) and "\\ud" not in repr(value)


def check(tree: object) -> str:
    """Write and read back with all three readers."""
    text = to_yaml([tree], "")
    assert equal(yaml.load(text, Loader=yaml.CSafeLoader), tree)
    assert equal(yaml.load(text, Loader=yaml.SafeLoader), tree)
    assert equal(ruamel.yaml.YAML(typ="safe", pure=True).load(io.StringIO(text)), tree)
    return text


@pytest.mark.parametrize("text", TRICKY)
def test_tricky_text(text: str) -> None:
    """Every tricky string survives as a value, as a list item, as a key and alone."""
    check({"a": text, "b": [text, [text], {"c": text}]})
    check({text: text, "z": {text: [{text: 1}]}})
    check(text)


@settings(max_examples=100, deadline=None)
@given(trees.filter(encodable))
def test_any_tree(tree: object) -> None:
    """Any data comes back as it was, from every reader."""
    check(tree)


WORDS_OF_GO_YAML = {
    "y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON", "n", "N", "no", "No", "NO", "false", "False", "FALSE",
    "off", "Off", "OFF", "", "~", "null", "Null", "NULL", ".nan", ".NaN", ".NAN", ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF",
    "-.inf", "-.Inf", "-.INF", "<<",
}  # fmt: skip


def go_yaml_takes_for_text(text: str) -> bool:
    """What go-yaml v2 (the reader of Kubernetes and Argo) does with an unquoted scalar: only signs, digits and points start numbers.

    Numbers are then whatever Go's ParseInt with base 0 takes once underscores are out, a float, a binary number, or a date.
    """
    if text in WORDS_OF_GO_YAML:
        return False
    if text[0] == ".":
        return not re.fullmatch(r"\.[0-9_]+([eE][-+]?[0-9]+)?", text)
    if text[0] in "+-0123456789":
        bare = text.replace("_", "")
        number = r"[-+]?(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|[0-9]+|(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?)"
        return not re.fullmatch(number, bare) and not re.match(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}", text)
    return True


def plain(text: str) -> bool:
    """Whether the text is written without quotes."""
    return to_yaml([{"a": text}], "") == f"a: {text}\n"


@given(st.one_of(st.text(max_size=6), st.text(alphabet="yYnNoOfFeEsStTrRuUaAlL0123456789xob.+-_:~", max_size=6), st.sampled_from(TRICKY)))
def test_plain_text_is_text_to_go_yaml(text: str) -> None:
    """Nothing that is left unquoted is a boolean, a number, a date or null to the reader that Argo uses."""
    if plain(text):
        assert go_yaml_takes_for_text(text)


@pytest.mark.parametrize("word", [*ENGINE_TRAPS, "yes", "on", "null", "true", "~", "014", "1_0", "1:30", "2024-01-01", ".inf", "=", "<<"])
def test_words_are_quoted(word: str) -> None:
    """The words that broke manifests are quoted, as values and as keys."""
    assert to_yaml([{"a": word, word: ["x", word]}], "") == f'a: "{word}"\n"{word}":\n- x\n- "{word}"\n'


@pytest.mark.parametrize("text", ["acme/train:1.0", "argoproj.io/v1alpha1", "Train a model, then stop", "http://x:80/y?z=1#a", "it's"])
def test_plain_words_stay_readable(text: str) -> None:
    """Ordinary words need no quotes."""
    assert plain(text)


def test_layout() -> None:
    """Lists stand under their key without indentation, keys keep their order, empty collections stay on the line."""
    tree = {"b": {"x": [1, {"k": "v", "l": ["m"]}, ["p", ["o"]]], "e": {}, "f": []}, "a": None, "t": True, "u": 1.5}
    assert to_yaml([tree], "generated") == (
        "# generated\nb:\n  x:\n  - 1\n  - k: v\n    l:\n    - m\n  - - p\n    - - o\n  e: {}\n  f: []\na: null\nt: true\nu: 1.5\n"
    )


def test_literal_blocks() -> None:
    """Text of several lines is a literal block that keeps its last line feeds, with an indicator where it starts with a blank."""
    tree = {"a": "x\ny\n", "b": ["x\n\n y", {"c": " x\ny\n\n"}]}
    assert to_yaml([tree], "") == "a: |\n  x\n  y\nb:\n- |-\n  x\n\n   y\n- c: |2+\n     x\n    y\n\n"


def test_blanks_at_line_ends_are_quoted() -> None:
    """Editors and hooks remove blanks at line ends, so a text that has them is not a block."""
    assert to_yaml([{"a": "x \ny\n"}], "") == 'a: "x \\ny\\n"\n'


def test_documents() -> None:
    """Documents are parted by a line of dashes; the header comes first, once."""
    text = to_yaml([{"a": 1}, [2], {}, "x"], "generated by a test")
    assert text == "# generated by a test\na: 1\n---\n- 2\n---\n{}\n---\nx\n"
    assert list(yaml.safe_load_all(text)) == [{"a": 1}, [2], {}, "x"]


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (1e-5, "1.0e-05"),
        (1e22, "1.0e+22"),
        (1.5e300, "1.5e+300"),
        (5.0, "5.0"),
        (-0.0, "-0.0"),
        (10**30, "1" + "0" * 30),
        (0.1, "0.1"),
        (math.inf, ".inf"),
        (-math.inf, "-.inf"),
        (math.nan, ".nan"),
    ],
)
def test_numbers(number: float, text: str) -> None:
    """Floats have a point and a signed exponent, without which YAML 1.1 takes them for text."""
    assert to_yaml([{"a": number}], "") == f"a: {text}\n"


def test_long_keys() -> None:
    """A key longer than readers look for its colon is written in the explicit form."""
    tree = {"k" * 1500: {"키" * 400: ["x", 1]}}
    assert check(tree).startswith("? " + "k" * 1500 + "\n:\n  ? ")


def test_equal_parts_are_written_out() -> None:
    """The same object twice gives no alias."""
    part = {"x": [1]}
    assert to_yaml([{"a": part, "b": part}], "") == "a:\n  x:\n  - 1\nb:\n  x:\n  - 1\n"


def test_tuples_and_subclasses() -> None:
    """Tuples are lists; numbers and texts of a subclass are written by value."""

    class Text(str):
        __slots__ = ()

    class Number(int):
        pass

    assert to_yaml([{"a": (Text("y"), Number(3)), "b": Text("x\ny\n")}], "") == 'a:\n- "y"\n- 3\nb: |\n  x\n  y\n'


def test_half_surrogates_are_escaped() -> None:
    """Half a surrogate pair cannot be YAML; the output can still be encoded, and no reader takes it for something else."""
    text = to_yaml([{"a": "x\ud800"}], "")
    assert text.encode("utf-8") == b'a: "x\\ud800"\n'
