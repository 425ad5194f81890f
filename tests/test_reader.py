"""Reading: bytes to data, every refusal with its place, and bounded work on hostile texts."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from mlc.diagnostics.model import Finding
from mlc.overrides import TOP
from mlc.reader import DEEPEST, LARGEST_FILE, decode, read
from mlc.scalars import Float, Int, spelling
from mlc.schema import schema_text
from mlc.source import Document, SourceFile, locate
from tests.support import set_value


def reading(text: str) -> tuple[Any, list[str]]:
    """The data, and each problem as `CODE line:column-end`, in the order of the file."""
    findings: list[Finding] = []
    source = SourceFile("x.yaml", text)
    document = read(source, findings)
    shown = []
    for found in locate(document or Document(source, None), findings):
        end = found.span.end_column if found.span.end_line == found.span.line else f"{found.span.end_line}:{found.span.end_column}"
        shown.append(f"{found.code} {found.span.line}:{found.span.column}-{end}")
        assert found.message[0].islower() or found.message[0] in "`0123456789"
        assert not found.message.endswith(".")
    return document.data if document else None, shown


def problem(text: str) -> Finding:
    """The only finding of a text."""
    findings: list[Finding] = []
    read(SourceFile("x.yaml", text), findings)
    assert len(findings) == 1
    return findings[0]


@pytest.fixture(params=["libyaml", "python"])
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both parsers: libyaml, and the one in Python that is used where libyaml is missing."""
    if request.param == "python":
        monkeypatch.delattr(yaml, "CSafeLoader")
    return str(request.param)


class Work:
    """Counts the events that the reader asks for."""

    def __init__(self) -> None:
        self.events = 0


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Work:
    """Count what the reader reads."""
    counted = Work()

    class Counting(yaml.CSafeLoader):
        def get_event(self) -> Any:
            counted.events += 1
            return super().get_event()

    monkeypatch.setattr(yaml, "CSafeLoader", Counting)
    return counted


@pytest.mark.usefixtures("parser")
def test_data() -> None:
    """Block and flow style, every kind of scalar, keys as text."""
    text = (
        "a: {b: [1, x, 'y', \"z\\n\", ~, on], 2: two, null: n, true: t}\n? c\n: |\n  one\n  two\nd: >-\n  one\n  two\n"
        "e:\n- - 1\n  - []\n- {}\nf:\n'': empty\n1:30: 0400\n\"<<\": x\n"
    )
    assert reading(text) == (
        {
            "a": {"b": [1, "x", "y", "z\n", None, "on"], "2": "two", "null": "n", "true": "t"},
            "c": "one\ntwo\n",
            "d": "one two",
            "e": [[1, []], {}],
            "f": None,
            "": "empty",
            "1:30": "0400",
            "<<": "x",
        },
        [],
    )


@pytest.mark.usefixtures("parser")
def test_quoted_scalars_are_text() -> None:
    """Quotes and blocks make text of anything; unquoted numbers keep their spelling."""
    data, problems = reading("a: '1'\nb: \"true\"\nc: |-\n  1\nd: 1.50\ne: 0x1F\nf: -0\n")
    assert problems == []
    assert data == {"a": "1", "b": "true", "c": "1", "d": 1.5, "e": 31, "f": 0}
    assert [type(data[key]) for key in "abcdef"] == [str, str, str, Float, Int, Int]
    assert [spelling(data[key]) for key in "def"] == ["1.50", "0x1F", "-0"]


def test_expressions_in_block_style_need_no_quotes() -> None:
    """A plain scalar in block style may hold an expression."""
    assert reading("a: ${{ params.b }}\nb: x ${{ c }} y\n") == ({"a": "${{ params.b }}", "b": "x ${{ c }} y"}, [])


@pytest.mark.usefixtures("parser")
def test_aliases() -> None:
    """An alias is the same object; one may be a key; an anchor may be given again."""
    data, problems = reading("a: &x [1]\nb: *x\nc: &k key\n*k : 1\nd: &x 0x10\ne: *x\nf: &m {n: *x}\ng: *m\n")
    assert problems == []
    assert data == {"a": [1], "b": [1], "c": "key", "key": 1, "d": 16, "e": 16, "f": {"n": 16}, "g": {"n": 16}}
    assert data["a"] is data["b"]
    assert data["f"] is data["g"]


@pytest.mark.usefixtures("parser")
def test_leading_marks() -> None:
    """A document start, a directive, comments and a document end are no problem."""
    assert reading("# c\n%YAML 1.2\n---\na: 1 # d\n...\n# e\n") == ({"a": 1}, [])


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a: b: c\n", "1:5-6"),
        ("a: 1\n b: 2\n", "2:2-3"),
        ("a:\n\tb: 1\n", "2:1-2"),
        ("a: 1\n\tb: 2\n", "2:1-2"),
        ("a: @x\n", "1:4-5"),
        ("a: `x`\n", "1:4-5"),
        ("a: %x\n", "1:4-5"),
        ("a: 'x\nb: 1\n", "1:4-5"),
        ("a: [1, 2\nb: 3\n", "1:4-5"),
        ("a: {x: 1\nb: 3\n", "1:4-5"),
        ("a: [1}\n", "1:6-7"),
        ("a: ]\n", "1:4-5"),
        ("a: [,]\n", "1:5-6"),
        ("a: - b\n", "1:4-5"),
        ("a: 1\nfoo\nb: 2\n", "2:1-4"),
        ("a:1\nb: 2\n", "1:1-3"),
        ("a: 1\nb:1\nc: 2\n", "2:1-3"),
        ("a:\n  b:1 # c\n  d: 2\n", "2:3-5"),
        ("a: *.csv\n", "1:4-9"),
        ("a: &\n", "1:4-5"),
        ("a: |x\n  b\n", "1:4-6"),
        ('a: "\\d"\n', "1:5-7"),
        ('a: "x" y\n', "1:8-9"),
        ("a:\n  b: 1\n c: 2\n", "3:2-4"),
        ("a:\n - 1\n b: 2\n", "3:2-4"),
        ("- a\nb: 1\n", "2:1-3"),
        ("a: 1\n- b\n", "2:1-2"),
        ("[1] x\n", "1:5-6"),
        ("# c\n'x'\nmlc: v1\n", "3:1-5"),
        ("%YAML 3.0\n---\na: 1\n", "1:1-6"),
        ("a: 1\n<<<<<<< HEAD\nb: 2\n=======\nb: 3\n>>>>>>> x\n", "2:1-8"),
        (": x\n", "1:1-2"),
        ("한: 글: 😀\n", "1:5-6"),
        ("a: 1\r\nfoo\r\nb: 2\r\n", "2:1-4"),
        ("a:\n  \xa0b: 1\n    c: 2\n", "2:3-4"),
        ("a:\n  b: 1\n\xa0 c: 2\n\xa0 d: 2\n  e: 2\n", "3:1-2"),
        ("a:\n  b: 1\n\xa0 c\nd: 2\n", "3:1-2"),
    ],
)
def test_syntax(text: str, place: str) -> None:
    """Each fault of syntax is reported once, under the text that is at fault, with something to do."""
    assert reading(text) == (None, [f"MLC101 {place}"])
    assert problem(text).help


BRACES = "text with `{{` needs quotes here: YAML reads braces as a mapping"
ARGO = 'a tag of Argo means nothing here; an expression of mlc names what it refers to, as in `"${{ params.NAME }}"`'
NAMED = 'an expression of mlc names what it refers to, as in `"${{ params.NAME }}"`; put quotes around any other text with braces'
NO_BREAK = "a line is indented with U+00A0 (no-break space), which is text to YAML"
NUL = "remove it: no program can get it in an argument, a variable or a path"
UNQUOTED = "an expression needs quotes here: YAML takes some of its characters for its own"


@pytest.mark.parametrize(
    ("text", "message", "help_"),
    [
        ("a:\n\tb: 1\n", "a line is indented with a tab", "YAML allows only spaces: two for each level"),
        ("a: @x\n", "a text without quotes cannot start with `@`", "put quotes around the text"),
        ("a: *.csv\n", "a text without quotes cannot start with `*`, which starts an alias", "put quotes around the text"),
        ("a: b: c\n", "a second `: ` on one line", "put quotes around the whole value, or move the inner key to a line of its own"),
        ("a:1\nb: 2\n", "a space is missing after this `:`", "write `a: ` and then the value"),
        ('a: "x\n', "this quote is never closed", 'add the closing `"`'),
        ("a: [1\nb: 2\n", "this `[` is never closed", "add the closing `]`"),
        ("<<<<<<< x\na: 1\n", "a merge conflict is not resolved", "keep the lines that are right and delete the marker lines"),
        ("a: {b: ${{ c }}}\n", UNQUOTED, 'write it with quotes: `"${{ c }}"`'),
        ('a: [${{ b == "c" }}]\n', UNQUOTED, "write it with quotes: `'${{ b == \"c\" }}'`"),
        ("a: {b: {{ params.c }}}\n", UNQUOTED, 'write it with quotes: `"${{ params.c }}"`'),
        ("a: [{{ steps.s.metrics.m > 1 }}]\n", UNQUOTED, 'write it with quotes: `"${{ steps.s.metrics.m > 1 }}"`'),
        ("a: {{run.id}}\n", UNQUOTED, 'write it with quotes: `"${{run.id}}"`'),
        ("a: {{workflow.name}}\n", BRACES, "mlc writes this as `${{ run.name }}`, in quotes"),
        ("a: {{ workflow.uid }}\n", BRACES, "mlc writes this as `${{ run.id }}`, in quotes"),
        ("a: {{workflow.parameters.lr}}\n", BRACES, "mlc writes this as `${{ params.lr }}`, in quotes"),
        ("a: [{{inputs.parameters.lr}}]\n", BRACES, ARGO),
        ("a: [{{steps.s.outputs.result}}]\n", BRACES, ARGO),
        ("a: {b: {{ item }}}\n", BRACES, ARGO),
        ("a: {b: {{ .Values.x }}}\n", BRACES, NAMED),
        ("a:\n\xa0 b: 1\n  c: 2\n", NO_BREAK, "replace it with a space"),
        ("a:\n  b: 1\n\xa0 c: 2\n\xa0 d: 2\n  e: 2\n", NO_BREAK, "replace it with a space"),
        ("a:\n  b:\n  c: 1\n  d:\n  c: 2\n", "the key `c` is given twice", "remove one of the two, or indent it if it belongs to `d`"),
        ("c:\nc: 2\n", "the key `c` is given twice", "remove one of the two"),
        ("a: !!str 5\n", "the YAML tag `!!str` is not read", "put quotes around the value to make it text, and remove the tag"),
        ("<<: {}\n", "merge keys `<<` are not read", "write what steps share under `defaults`, or repeat it"),
        ("a: *b\n", "the alias `*b` refers to nothing above it", "put quotes around the text, or name a value `&b` further up"),
        ("a:b\n", "the document is one text, not a mapping: a space is missing after `:`", "write `a: ` and then the value"),
        ("a: \0\n", "the character U+0000 (NUL) cannot stand in a project file", NUL),
        ('a: "x\\0"\n', "the character U+0000 (NUL) cannot stand in a text", NUL),
        ('a: ["\\x00x"]\n', "the character U+0000 (NUL) cannot stand in a text", NUL),
        ('a: {"\\u0000": 1}\n', "the character U+0000 (NUL) cannot stand in a text", NUL),
        ('a: "\\U00000000"\n', "the character U+0000 (NUL) cannot stand in a text", NUL),
    ],
)
def test_messages(text: str, message: str, help_: str) -> None:
    """The common faults in our own words, and what to do about each."""
    found = problem(text)
    assert (found.message, found.help) == (message, help_)


@pytest.mark.usefixtures("parser")
@pytest.mark.parametrize(
    "text",
    [
        "a: b: c",
        "a: @x",
        "a: 'x",
        "a: [1",
        "a: {b]",
        "a:\n  b: 1\n c: 2",
        "- 1\nb: 2",
        "a: ]",
        'a: "\\d"',
        "a: *",
        "a: |x",
        "%x",
        "a: !e!x y",
        "a\tb\n\tc: 1",
        "a: [${{ b }}]",
        "a: \x01",
        "",
        "[",
        "{",
        '"',
        "? ? ?",
        "- - [",
        "a: !<x",
        "&a",
        "*a",
        "---\n---",
        "a: \ud800",
        "%TAG ! x\n--- !y z",
        'a: "\\ud800"',
        "a: >\n\tx",
    ],
)
def test_both_parsers_refuse(text: str) -> None:
    """Neither parser lets a fault through or raises; each has a code and a place."""
    data, problems = reading(text)
    assert data is None
    assert problems


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("a: {b: ${{ c }}}", ["MLC112 1:8-16"]),
        ("a: {b: {c: ${{ d }}}}", ["MLC112 1:12-20"]),
        ("a: [x, --lr=${{ b }}, c]", ["MLC112 1:8-21"]),
        ("a: [{{ b }}]", ["MLC112 1:5-12"]),
        ("a: {b: {{ c }}}", ["MLC112 1:8-15"]),
        ("a: ${{ b == 'x: y' }}: z", ["MLC112 1:4-23"]),
        ("a: {b: '${{ c }}'", ["MLC101 1:4-5"]),
    ],
)
def test_expressions_without_quotes(text: str, problems: list[str]) -> None:
    """An expression that YAML takes apart has its own code; one in quotes is not blamed for another fault."""
    assert reading(text) == (None, problems)


@pytest.mark.usefixtures("parser")
@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("a: *x", ["MLC103 1:4-6"]),
        ("a: &x [*x]", ["MLC103 1:8-10"]),
        ("a: &x {b: [{c: *x}]}", ["MLC103 1:16-18"]),
        ("<<: {a: 1}", ["MLC104 1:1-3"]),
        ("a: 1\n--- # x\nb: 1", ["MLC106 2:1-4"]),
        ("a: 1\n---\n", ["MLC106 2:1-4"]),
        ("- 1\n- 2", ["MLC107 1:1-4"]),
        ("foo", ["MLC107 1:1-4"]),
        ("null", ["MLC107 1:1-5"]),
        ("a: !x y\nb: &c ! z\nd: !!set {e, f}\n", ["MLC110 1:4-6", "MLC110 2:7-8", "MLC110 3:4-9"]),
        ("", ["MLC111 1:1-1"]),
        (" \n# x\n", ["MLC111 1:1-1"]),
        ("---\n", ["MLC111 1:1-1"]),
        ("? [a]\n: b", ["MLC113 1:3-4"]),
        ("{{a: 1}: b}", ["MLC112 1:1-12"]),
        ("{ {a: 1}: b}", ["MLC113 1:3-4"]),
        ("? \n: x", ["MLC113 1:2-3"]),
        ("a: &x [1]\n*x : 2", ["MLC113 2:1-3"]),
        ("? [a, a: *z]\n: <<\n<<: x\n", ["MLC113 1:3-4", "MLC103 1:10-12", "MLC104 3:1-3"]),
    ],
)
def test_refused(text: str, problems: list[str]) -> None:
    """What YAML allows and a project file does not: everything that can be found at once is."""
    assert reading(text) == (None, problems)


@pytest.mark.usefixtures("parser")
def test_duplicate_keys() -> None:
    """Each second key is reported with a pointer to the first; the first value counts, and reading goes on."""
    findings: list[Finding] = []
    source = SourceFile("x.yaml", "a: 1\nb: {c: 1, c: {d: 1, d: 2}}\na: [x]\n? b\n: 2\n'a': 3\n")
    document = read(source, findings)
    assert document is not None
    assert document.data == {"a": 1, "b": {"c": 1}}
    found = [(one.message, one.span.line, one.span.column, one.notes[0].span.line) for one in locate(document, findings)]
    assert found == [
        ("the key `c` is given twice", 2, 11, 2),
        ("the key `d` is given twice", 2, 21, 2),
        ("the key `a` is given twice", 3, 1, 1),
        ("the key `b` is given twice", 4, 3, 2),
        ("the key `a` is given twice", 6, 1, 1),
    ]


def test_many_duplicates_are_counted() -> None:
    """After twenty, the rest is one finding."""
    findings: list[Finding] = []
    document = read(SourceFile("x", "a: 1\n" * 1000), findings)
    assert document is not None
    assert len(findings) == 21
    assert findings[-1].message == "979 more keys are given twice; this is the last one"
    assert findings[-1].span is not None
    assert findings[-1].span.line == 1000


@pytest.mark.parametrize("item", ["!x y", "*x", "{<<: a}", "{[a]: b}"])
def test_many_problems(item: str, work: Work) -> None:
    """After a hundred problems reading stops, and the last one says so."""
    findings: list[Finding] = []
    assert read(SourceFile("x", "a: [" + f"{item}, " * 100_000 + "]"), findings) is None
    assert len(findings) == 100
    assert findings[-1].message == f"{findings[0].message}; reading stops here, after 100 problems"
    assert work.events < 1000


@pytest.mark.parametrize("character", ["\0", "\x01", "\x1b", "\x7f", "\x85", "\x9f", "\u2028", "\u2029", "\ufeff", "\ufffe", "\uffff"])
@pytest.mark.usefixtures("parser")
def test_characters(character: str) -> None:
    """Characters that YAML does not allow, or that its versions read differently, are refused where they stand."""
    assert reading(f"a: 1\nb: '한x{character}'\n") == (None, ["MLC108 2:7-8"])


def test_many_characters() -> None:
    """Ten of them are enough."""
    assert len(reading("a: " + "\x01" * 5000)[1]) == 10


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ("a: 모델\n".encode("cp949"), "the file is not UTF-8 but looks like EUC-KR: byte 0xB8"),
        ("a: modèle\n".encode("latin-1"), "the file is not UTF-8 but looks like Latin-1 or Windows-1252: byte 0xE8"),
        (b"a: \xff\x00\x01\n", "the file is not UTF-8: byte 0xFF"),
        ("a: b\nc: 한\n".encode("utf-16"), "the file is UTF-16, not UTF-8"),
        ("a: b\nc: dddddd\n".encode("utf-16-le"), "the file is UTF-16, not UTF-8"),
        ("a: b\nc: dddddd\n".encode("utf-16-be"), "the file is UTF-16, not UTF-8"),
        ("a: b\n".encode("utf-32"), "the file is UTF-32, not UTF-8"),
        ("a: b\n".encode("utf-32-be"), "the file is UTF-32, not UTF-8"),
    ],
)
def test_encodings(raw: bytes, message: str) -> None:
    """Other encodings are refused, by name where they show."""
    findings: list[Finding] = []
    assert decode("x", raw, findings) is None
    assert [(found.code, found.message) for found in findings] == [("MLC108", message)]


def test_bad_byte_has_a_position() -> None:
    """The first byte that is not UTF-8 is counted in characters."""
    findings: list[Finding] = []
    decode("x", "a: 1\n한글: ".encode() + b"\xe8\n", findings)
    assert findings[0].span is not None
    assert (findings[0].span.line, findings[0].span.column) == (2, 5)


def test_byte_order_mark() -> None:
    """A UTF-8 byte order mark is no part of the text."""
    source = decode("x", b"\xef\xbb\xbfa: 1\n", [])
    assert source == SourceFile("x", "a: 1\n")


def test_size() -> None:
    """4 MiB are read, a byte more is not."""
    findings: list[Finding] = []
    assert decode("x", b"#" * LARGEST_FILE, findings) is not None
    assert findings == []
    assert decode("x", b"#" * (LARGEST_FILE + 1), findings) is None
    assert [(found.code, found.message) for found in findings] == [
        ("MLC109", "the file has 4,194,305 bytes, and at most 4,194,304 (4 MiB) are read")
    ]


@pytest.mark.parametrize(
    ("opening", "problems"),
    [
        ("[", ["MLC105"]),
        ("{", ["MLC112", "MLC105"]),
        ("{a: ", ["MLC105"]),
        ("- ", ["MLC105"]),
        ("? ", ["MLC113", "MLC105"]),
        ("[[a: ", ["MLC105"]),
        ("- ? ", ["MLC113", "MLC105"]),
    ],
)
def test_deep_nesting(opening: str, problems: list[str], work: Work) -> None:
    """100,000 levels are refused after the first few, whatever opens them."""
    data, found = reading(opening * 100_000)
    assert data is None
    assert [one[:6] for one in found] == problems
    assert work.events < 5 * DEEPEST


def test_depth_is_exact() -> None:
    """The document is level 1: 64 levels are read, 65 are not, also through an alias."""
    assert reading("a: " + "[" * (DEEPEST - 1) + "]" * (DEEPEST - 1))[1] == []
    assert reading("a: " + "[" * DEEPEST + "]" * DEEPEST)[1] == [f"MLC105 1:{3 + DEEPEST}-{4 + DEEPEST}"]
    half = "a: &x " + "[" * 40 + "]" * 40 + "\n"
    assert reading(half + "b: " + "[" * 23 + "*x" + "]" * 23)[1] == []
    assert reading(half + "b: " + "[" * 24 + "*x" + "]" * 24)[1] == ["MLC105 2:28-30"]


def test_alias_bomb(work: Work) -> None:
    """Aliases of aliases are refused as soon as they stand for too much, without being written out."""
    lines = ["l0: &l0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"l{level}: &l{level} [{', '.join([f'*l{level - 1}'] * 10)}]" for level in range(1, 30)]
    data, problems = reading("\n".join(lines))
    assert data is None
    assert problems == ["MLC103 5:45-48"]
    assert work.events < 100


def test_many_small_aliases() -> None:
    """Aliases in number are bounded as well as in size."""
    assert reading("a: &x 1\nb: [" + "*x, " * 100_000 + "]")[1] == []
    assert reading("a: &x 1\nb: [" + "*x, " * 100_001 + "]")[1] == ["MLC103 2:400005-400007"]


@pytest.mark.parametrize(
    ("text", "events"),
    [
        ("a" * LARGEST_FILE, 10),
        ("a: " + "b" * (LARGEST_FILE - 3), 10),
        ("'" * LARGEST_FILE, 10),
        (": " * (LARGEST_FILE // 2), 10),
        ("\t" * LARGEST_FILE, 10),
        ("%" * LARGEST_FILE, 10),
        (", " * (LARGEST_FILE // 2), 10),
        ("a: |\n" + " x\n" * (LARGEST_FILE // 3 - 2), 10),
        ("\n" * LARGEST_FILE, 10),
        ("${{" * (LARGEST_FILE // 3), 10),
        ("{a: ${{" + " x" * (LARGEST_FILE // 2 - 4), 10),
        ("<<<<<<< x\n" * (LARGEST_FILE // 10), 10),
    ],
)
def test_garbage(text: str, events: int, work: Work) -> None:
    """4 MiB of one thing, or on one line, is read or refused in a handful of events, and a finding's span stays on its line."""
    reading(text)
    assert work.events <= events


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=40), st.text(alphabet="ab:-?[]{},&*!|>'\"%@`# \n\t$\\1~<=\r\0\x85é", max_size=40)))
def test_any_text(text: str) -> None:
    """No text makes the reader raise; what it does not read has a code and a place inside the text."""
    findings: list[Finding] = []
    source = SourceFile("x", text)
    document = read(source, findings)
    assert (document is None) == any(found.code != "MLC102" for found in findings)
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for found in locate(document or Document(source, None), findings):
        assert 1 <= found.span.line <= found.span.end_line
        if not any(character in text for character in "\x85\u2028\u2029"):
            assert found.span.line <= len(lines)
            assert found.span.column <= len(lines[found.span.line - 1]) + 1


def setting(text: str, *assignments: str) -> tuple[Any, list[str]]:
    """The data after some `--set`, and each problem as `CODE file:line:column-end message`."""
    findings: list[Finding] = []
    document = read(SourceFile("x.yaml", text), findings)
    assert document is not None
    for assignment in assignments:
        document = set_value(document, assignment, findings)
    shown = []
    for found in locate(document, findings):
        shown.append(f"{found.code} {found.file}:{found.span.line}:{found.span.column}-{found.span.end_column} {found.message}")
    return document.data, shown


@pytest.mark.parametrize(
    ("assignment", "value"),
    [
        ("a=2", 2),
        ("a=x: y #z", "x: y #z"),
        ("a=", ""),
        ("a=null", None),
        ("a='null'", "null"),
        ("a=[1, {b: x}]", [1, {"b": "x"}]),
        ("a={b: 014}", {"b": "014"}),
        ('a="x\\n"', "x\n"),
        ("a=*.csv", "*.csv"),
        ("a=${{ params.b }}", "${{ params.b }}"),
        ("a=b=c", "b=c"),
        ("a=2024-01-01", "2024-01-01"),
        ("a=한국", "한국"),
    ],
)
def test_set(assignment: str, value: object) -> None:
    """The value is YAML if it starts like a collection or a quote, and else one unquoted scalar."""
    data, problems = setting("a: 1\nb: 2\n", assignment)
    assert problems == []
    assert data == {"a": value, "b": 2}
    assert type(data["a"]) is type(value)


def test_set_paths() -> None:
    """Mappings that do not exist are made, list items are numbers, a dot in a key is escaped, later assignments win."""
    text = "steps: {train: {args: [a, b], env: }}\n"
    data, problems = setting(text, "steps.train.args.1=c", "steps.train.env.SEED=1", "labels.a\\.b/c=d", "steps.train.args.1=e")
    assert problems == []
    assert data == {"steps": {"train": {"args": ["a", "e"], "env": {"SEED": 1}}}, "labels": {"a.b/c": "d"}}


def test_set_leaves_the_old_document() -> None:
    """The document before, and what aliases share with it, stay as they were."""
    document = read(SourceFile("x", "a: &x {b: 1}\nc: *x\n"), [])
    assert document is not None
    changed = set_value(document, "a.b=2", [])
    assert document.data == {"a": {"b": 1}, "c": {"b": 1}}
    assert changed.data == {"a": {"b": 2}, "c": {"b": 1}}


def test_set_params() -> None:
    """A declaration gets another default, a plain parameter another value; a string stays text and a float a number."""
    text = "params: {a: {type: int, default: 1}, tag: v1, lr: 0.5, b: {type: string}, c: 1}\n"
    data, problems = setting(text, "params.a=3", "params.tag=1.50", "params.lr=1", "params.b=014", "params.c=0x10")
    assert problems == []
    assert data == {
        "params": {
            "a": {"type": "int", "default": 3},
            "tag": "1.50",
            "lr": 1.0,
            "b": {"type": "string", "default": "014"},
            "c": 16,
        }
    }
    assert isinstance(data["params"]["lr"], float)


@pytest.mark.parametrize(
    ("assignment", "problem"),
    [
        ("a", "MLC101 --set:1:1-2 the assignment `a` has no `=`"),
        ("=1", "MLC101 --set:1:1-2 the key of the assignment `=` has an empty part or blanks around it"),
        ("a..b=1", "MLC101 --set:1:1-5 the key of the assignment `a..b=` has an empty part or blanks around it"),
        ("a.b=1", "MLC101 --set:1:1-4 `a` is a single value, which has no `b` in it"),
        ("l.2=1", "MLC101 --set:1:1-4 `l` is a list of 2, which has no item `2`"),
        ("l.x=1", "MLC101 --set:1:1-4 `l` is a list of 2, which has no item `x`"),
        ("a=[1", "MLC101 --set:1:3-4 this `[` is never closed, in the assignment of `a`"),
        ("l[0]=1", "MLC101 --set:1:1-5 there is no `l[0]`"),
        ("a={{ x }}", "MLC112 --set:1:3-10 text with `{{` needs quotes here: YAML reads braces as a mapping, in the assignment of `a`"),
        ("a=[!x y]", "MLC110 --set:1:4-6 the YAML tag `!x` is not read, in the assignment of `a`"),
        ("a=x\0", "MLC108 --set:1:4-5 the character U+0000 (NUL) cannot stand in a project file, in the assignment of `a`"),
        ("a=\udcff", "MLC108 --set:1:3-4 the character U+DCFF cannot stand in a project file, in the assignment of `a`"),
        ("params.n=x", "MLC305 --set:1:10-11 parameter `n` is an int, and this is a string"),
        ("params.n=1.5", "MLC305 --set:1:10-13 parameter `n` is an int, and this is a float"),
        ("params.n=null", "MLC305 --set:1:10-14 parameter `n` is an int, and this is nothing"),
    ],
)
def test_wrong_set(assignment: str, problem: str) -> None:
    """A wrong assignment changes nothing and is reported in a file of its own."""
    text = "a: 1\nl: [1, 2]\nparams: {n: 1}\n"
    data, problems = setting(text, assignment)
    assert problems == [problem]
    assert data == {"a": 1, "l": [1, 2], "params": {"n": 1}}
    assert setting(text, "a=7", assignment)[1] == [problem.replace("--set:1:", "--set:2:")]


DECLARED = (
    "params: {epochs: 1}\n"
    "steps: {train: {image: a, init: {ready: {image: b}}}}\nvolumes: {data: {claim: a}}\nimages: {base: a/b:1}\nl: [1]\n"
)


@pytest.mark.parametrize(
    ("assignment", "problem", "help_"),
    [
        ("params.epoch=3", "MLC303 there is no parameter `epoch`", "did you mean `epochs`?"),
        ("params.epoch.default=3", "MLC303 there is no parameter `epoch`", "did you mean `epochs`?"),
        ("steps.trian.image=x", "MLC301 there is no step `trian`", "did you mean `train`?"),
        ("volumes.date.claim=x", "MLC316 there is no volume `date`", "did you mean `data`?"),
        ("images.bass=x", "MLC317 there is no image `bass`", "did you mean `base`?"),
        ("params.other=3", "MLC303 there is no parameter `other`", "declare it under `params` in the file: `--set` changes what is there"),
        ("params={epochs: 1, epoch: 3}", "MLC303 there is no parameter `epoch`", "did you mean `epochs`?"),
        ("steps.train.init.redy.image=x", "MLC101 there is no init container `redy` in `steps.train.init`", "did you mean `ready`?"),
        (
            "steps.train.sidecars.ready.image=x",
            "MLC101 there is no sidecar `ready` in `steps.train.sidecars`",
            "declare it in `steps.train.sidecars` in the file: `--set` changes what is there",
        ),
        (
            "defaults.init.ready.image=x",
            "MLC101 there is no init container `ready` in `defaults.init`",
            "declare it in `defaults.init` in the file: `--set` changes what is there",
        ),
        ("l[0]=1", "MLC101 there is no `l[0]`", "list items are numbers after a dot: `l.0`"),
    ],
)
def test_set_declares_nothing(assignment: str, problem: str, help_: str) -> None:
    """An assignment to a parameter, step, volume or image that is not in the file is a misspelt one: it changes nothing."""
    document = read(SourceFile("x", DECLARED), [])
    assert document is not None
    findings: list[Finding] = []
    assert set_value(document, assignment, findings).data == document.data
    [found] = findings
    assert (f"{found.code} {found.message}", found.help) == (problem, help_)
    assert [item.file for item in locate(document, findings)] == ["--set"]


def test_set_without_the_section() -> None:
    """The same where the section itself is missing or empty; one that is no mapping is left to the schema's words."""
    assert setting("a: 1\n", "params.x=1") == ({"a": 1}, ["MLC303 --set:1:1-9 there is no parameter `x`"])
    assert setting("params:\n", "params.x=1") == ({"params": None}, ["MLC303 --set:1:1-9 there is no parameter `x`"])
    assert setting("steps: 5\n", "steps.x=1")[1] == ["MLC101 --set:1:1-8 `steps` is a single value, which has no `x` in it"]


def test_set_adds_inside_entries() -> None:
    """Keys inside an entry that exists, and keys of other sections, may be new."""
    data, problems = setting(DECLARED, "steps.train.timeout=1h", "labels.team=x", "params={epochs: 2}")
    assert problems == []
    assert (data["steps"], data["labels"], data["params"]) == (
        {"train": {"image": "a", "init": {"ready": {"image": "b"}}, "timeout": "1h"}},
        {"team": "x"},
        {"epochs": 2},
    )
    assert setting("d: {'a[0]': 1}\n", "d.a[0]=2") == ({"d": {"a[0]": 2}}, [])


IMAGES = """\
images:
  short: acme/a:1
  long: {ref: "reg:5000/acme/b@sha256:0000000000000000000000000000000000000000000000000000000000000000", pull_policy: Always}
  bare: reg:5000/acme/c
steps: {s: {image: acme/x:1}, t: {image: short}}
"""


@pytest.mark.parametrize(
    ("assignment", "expected"),
    [
        ("images.short=acme/n:2", {"short": "acme/n:2"}),
        ("images.short=1.10", {"short": "1.10"}),
        ("images.short.ref=acme/n:2", {"short": "acme/n:2"}),
        ("images.short.tag=1.10", {"short": "acme/a:1.10"}),
        ("images.short.tag=0123", {"short": "acme/a:0123"}),
        ("images.short.pull_policy=Never", {"short": {"ref": "acme/a:1", "pull_policy": "Never"}}),
        ("images.short={ref: 'acme/n:2', pull_policy: Never}", {"short": {"ref": "acme/n:2", "pull_policy": "Never"}}),
        ("images.long=acme/n:2", {"long": {"ref": "acme/n:2", "pull_policy": "Always"}}),
        ("images.long.tag=2", {"long": {"ref": "reg:5000/acme/b:2", "pull_policy": "Always"}}),
        ("images.bare.tag=2", {"bare": "reg:5000/acme/c:2"}),
    ],
)
def test_set_of_an_image(assignment: str, expected: dict[str, object]) -> None:
    """An image is its reference, in whichever form it stands; a tag takes the place of tag and digest."""
    document = read(SourceFile("x", IMAGES), [])
    assert document is not None
    findings: list[Finding] = []
    changed = set_value(document, assignment, findings).data["images"]
    assert findings == []
    assert changed == {**document.data["images"], **expected}


@pytest.mark.parametrize(
    ("assignment", "problem", "help"),
    [
        ("images.shrt.tag=2", "MLC317 --set:1:1-16 there is no image `shrt`", "did you mean `short`?"),
        ("images.short.tag=a b", "MLC317 --set:1:18-21 `a b` cannot be the tag of an image", "letters, digits, `_`, `.` and `-`"),
        ("images.short.tag=", "MLC317 --set:1:18-19 `` cannot be the tag of an image", "letters, digits, `_`, `.` and `-`"),
        ("images.short.tag=-x", "MLC317 --set:1:18-20 `-x` cannot be the tag of an image", "letters, digits, `_`, `.` and `-`"),
        ("steps.t.image.tag=2", "MLC317 --set:1:1-18 `steps.t.image` is the name `short`: its `tag`", "write `images.short.tag=...`"),
        ("machines.m.resources.gpu=1", "MLC328 --set:1:1-25 there is no machine `m`", "declare it under `machines`"),
        ("templates.m.image=x", "MLC327 --set:1:1-18 there is no template `m`", "declare it under `templates`"),
        ("datasets.d.tag=x", "MLC322 --set:1:1-15 there is no dataset `d`", "declare it under `datasets`"),
        ("short.tag=2", "MLC201 --set:1:1-10 a project has no key `short`", "write `--set images.short.tag=2`"),
        ("t.image=acme/n:2", "MLC201 --set:1:1-8 a project has no key `t`", "write `--set steps.t.image=acme/n:2`"),
        ("environments.dev.params.x=1", "MLC101 --set:1:1-26 `--set` comes after `--env`", "write `params.x=1`"),
    ],
)
def test_set_that_means_nothing(assignment: str, problem: str, help: str) -> None:
    """What is not declared, what is no tag, and what has its place elsewhere: each with the way out."""
    document = read(SourceFile("x", IMAGES), [])
    assert document is not None
    findings: list[Finding] = []
    changed = set_value(document, assignment, findings)
    (found,) = locate(changed, findings)
    span = found.span
    shown = f"{found.code} {found.file}:{span.line}:{span.column}-{span.end_column} {found.message}"
    assert shown.startswith(problem)
    assert found.help.startswith(help)
    assert changed.data == document.data


HELD = """\
images: {short: "acme/a:1"}
defaults: {image: "acme/base:1"}
templates: {t: {image: short}, u: {command: x}}
steps:
  own: {image: "acme/x:1", sidecars: {s: {image: "acme/s:1"}, n: {image: short}}}
  of-defaults: {use: u}
  of-template: {use: t}
  none:
finally: {last: {image: "acme/l:1"}}
"""


@pytest.mark.parametrize(
    ("key", "where"),
    [
        ("steps.own.image.tag", ("steps", "own")),
        ("finally.last.image.tag", ("finally", "last")),
        ("defaults.image.tag", ("defaults",)),
        ("steps.own.sidecars.s.image.tag", ("steps", "own", "sidecars", "s")),
    ],
)
def test_set_of_the_tag_of_a_reference(key: str, where: tuple[str, ...]) -> None:
    """Wherever a reference stands, its tag can be set."""
    document = read(SourceFile("x", HELD), [])
    assert document is not None
    findings: list[Finding] = []
    node = set_value(document, f"{key}=9", findings).data
    assert findings == []
    for part in where:
        node = node[part]
    assert node["image"].endswith(":9")


@pytest.mark.parametrize(
    ("key", "message", "help"),
    [
        ("templates.t.image.tag", "`templates.t.image` is the name `short`: its `tag` stands in `images`", "write `images.short.tag=...`"),
        ("steps.own.sidecars.n.image.ref", "`steps.own.sidecars.n.image` is the name `short`", "write `images.short.ref=...`"),
        ("steps.own.image.ref", "`steps.own.image` is a reference, which has no `ref`", "write `steps.own.image=...`"),
        ("steps.own.image.pull_policy", "`steps.own.image` is a reference", "give the image a name under `images` in the file"),
        ("steps.of-defaults.image.tag", "the step has the image of `defaults`", "write `defaults.image.tag=...`"),
        ("steps.of-template.image.tag", "the step has the image of `templates.t`", "write `images.short.tag=...`"),
        ("steps.none.image.tag", "the step has the image of `defaults`", "write `defaults.image.tag=...`"),
        ("templates.u.image.tag", "`templates.u.image` is not there", "write the whole reference, `templates.u.image=...`"),
    ],
)
def test_set_of_an_image_that_stands_elsewhere(key: str, message: str, help: str) -> None:
    """What to write instead is said: the place where the reference is."""
    document = read(SourceFile("x", HELD), [])
    assert document is not None
    findings: list[Finding] = []
    assert set_value(document, f"{key}=9", findings).data == document.data
    (found,) = findings
    assert found.code == "MLC317"
    assert message in found.message
    assert found.help.startswith(help)


def test_keys_of_a_project() -> None:
    """`--set` knows which they are, as the schema says them."""
    assert json.loads(schema_text())["properties"].keys() == TOP


@pytest.mark.parametrize(
    ("assignment", "value"),
    [
        ("labels.build=0123", "0123"),
        ("labels.on=true", "true"),
        ("labels.none=null", None),
        ("description=5", "5"),
        ("code.ref=0x1F", "0x1F"),
        ("images.i.tag=1.10", "acme/i:1.10"),
        ("images.i=7", "7"),
        ("datasets.d.tag=1e3", "1e3"),
        ("datasets.o.s3.version=12", "12"),
        ("volumes.v.claim=3", "3"),
        ("machines.big.node_selector.pool=7", "7"),
        ("machines.big.tolerations.0.value=2", "2"),
        ("machines.big.tolerations.0.toleration_seconds=2", 2),
        ("steps.s.title=5", "5"),
        ("steps.s.image.tag=1.10", "acme/x:1.10"),
        ("steps.s.timeout=5", "5"),
        ("steps.s.cache.key=2024", "2024"),
        ("steps.s.cache=true", True),
        ("steps.s.env.S.secret=5", "5"),
        ("steps.s.env.S=5", 5),
        ("steps.s.args.0=5", 5),
        ("steps.s.resources.cpu=2", 2),
        ("steps.s.metrics.m.min=0.5", 0.5),
        ("steps.s.resource.manifest.spec.version=5", 5),
        ("steps.s.resource.manifest.metadata.labels.a=5", "5"),
        ("targets.argo.namespace=5", "5"),
        ("targets.argo.parallelism=5", 5),
        ("params.tag=3", 3),
        ("params.version.description=3", "3"),
        ("steps.s.nothing=3", 3),
    ],
)
def test_set_keeps_texts(assignment: str, value: object) -> None:
    """Where only texts may stand, what looks like a number is one; where a number may stand, it stays a number."""
    text = (
        "params: {tag: 1, version: {type: int}}\nimages: {i: acme/i}\ndatasets: {d: {}, o: {s3: {}}}\nvolumes: {v: {}}\nlabels: {}\n"
        "machines: {big: {tolerations: [{value: a}]}}\nsteps: {s: {image: acme/x:1, args: [a]}}\n"
    )
    document = read(SourceFile("x", text), [])
    assert document is not None
    findings: list[Finding] = []
    changed = set_value(document, assignment, findings)
    assert findings == []
    node = changed.data
    for part in changed.overrides[-1][0]:
        node = node[part]
    assert (node, type(node)) == (value, type(value))
