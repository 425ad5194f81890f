"""Positions: paths to spans, pieces of decoded scalars to columns, `--set`, and suppression comments."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from mlc.diagnostics.model import Diagnostic, Finding, Related, Span
from mlc.positions import find, inside
from mlc.reader import read
from mlc.source import SET, Document, SourceFile, events, locate, suppress
from tests.support import set_value

if TYPE_CHECKING:
    from mlc.diagnostics.model import Path

TEXT = """\
mlc: v1
name: example  # the project
steps:
  train:
    image: acme/train:1
    needs: [prepare, "check it"]
    env: {SEED: 1,
          MODE: fast}
    args:
    - --lr
    - {a: b}
    -
    - - x
      - y
    run: |-  # sh
      echo
    timeout:
    'key with quote': &anchor folded
      over lines
    alias: *anchor
  deploy: &d
    image: x
"""


@pytest.fixture(params=["libyaml", "python"])
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both parsers."""
    if request.param == "python":
        monkeypatch.delattr(yaml, "CSafeLoader")
    return str(request.param)


def texts(document: Document) -> dict[str, str]:
    """Every text that diagnostics of a document point into, by name: the command line has the assignments in its hands anyway."""
    found = {document.source.name: document.source.text}
    if document.overrides:
        found[SET] = "\n".join(file.text for _, file in document.overrides)
    return found


def document(text: str) -> Document:
    """A document that can be read."""
    found = read(SourceFile("x.yaml", text), [])
    assert found is not None
    return found


def underlined(doc: Document, diagnostic: Diagnostic) -> str:
    """The text under a span."""
    lines = re.split(r"\r\n|\n|\r", texts(doc)[diagnostic.file])
    span = diagnostic.span
    if span.line == span.end_line:
        return lines[span.line - 1][span.column - 1 : span.end_column - 1]
    middle = lines[span.line : span.end_line - 1]
    return "\n".join([lines[span.line - 1][span.column - 1 :], *middle, lines[span.end_line - 1][: span.end_column - 1]])


def place(doc: Document, path: Path, at: Any = "value", within: tuple[int, int] | None = None) -> str:
    """`line:text` of what is underlined for a path."""
    (found,) = locate(doc, [Finding("MLC201", "x", path, at, within)])
    return f"{found.span.line}:{underlined(doc, found)}"


@pytest.mark.usefixtures("parser")
@pytest.mark.parametrize(
    ("path", "key", "value"),
    [
        (("mlc",), "1:mlc", "1:v1"),
        (("name",), "2:name", "2:example"),
        (("steps",), "3:steps", "4:train"),
        (("steps", "train"), "4:train", "5:image: acme/train:1"),
        (("steps", "train", "image"), "5:image", "5:acme/train:1"),
        (("steps", "train", "needs"), "6:needs", '6:[prepare, "check it"]'),
        (("steps", "train", "needs", 0), "6:prepare", "6:prepare"),
        (("steps", "train", "needs", 1), '6:"check it"', '6:"check it"'),
        (("steps", "train", "env"), "7:env", "7:{SEED: 1,\n          MODE: fast}"),
        (("steps", "train", "env", "MODE"), "8:MODE", "8:fast"),
        (("steps", "train", "args"), "9:args", "10:- --lr"),
        (("steps", "train", "args", 1), "11:{a: b}", "11:{a: b}"),
        (("steps", "train", "args", 2), "12:-", "12:-"),
        (("steps", "train", "args", 3), "13:- x", "13:- x"),
        (("steps", "train", "args", 3, 1), "14:y", "14:y"),
        (("steps", "train", "run"), "15:run", "15:|-"),
        (("steps", "train", "timeout"), "17:timeout", "17:timeout"),
        (("steps", "train", "key with quote"), "18:'key with quote'", "18:&anchor folded\n      over lines"),
        (("steps", "train", "alias"), "20:alias", "20:*anchor"),
        (("steps", "deploy"), "21:deploy", "21:&d"),
        ((), "1:mlc: v1", "1:mlc: v1"),
    ],
)
def test_places(path: Path, key: str, value: str) -> None:
    """Keys and values of every kind; block collections and block scalars at their first line, empty values at their key."""
    doc = document(TEXT)
    assert place(doc, path, "key") == key
    assert place(doc, path) == value


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (("steps", "train", "volumes"), "4:train"),
        (("steps", "train", "env", "X", "y"), "7:env"),
        (("steps", "train", "needs", 5), "6:needs"),
        (("steps", "train", "args", 3, 9), "13:- x"),
        (("steps", "train", "alias", "below", "it"), "20:alias"),
        (("nothing",), "1:mlc: v1"),
        (("steps", 0), "3:steps"),
    ],
)
def test_missing_places(path: Path, expected: str) -> None:
    """What is not in the text is shown at the key of the nearest thing around it."""
    assert place(document(TEXT), path) == expected
    assert place(document(TEXT), path, "key") == expected


def test_nothing_under_an_alias() -> None:
    """A place inside an aliased value is the alias, where it was used."""
    doc = document("a: &x {b: {c: 1}}\nd: {e: *x}\n")
    assert place(doc, ("d", "e")) == "2:*x"
    assert place(doc, ("d", "e", "b", "c")) == "2:e"
    assert place(doc, ("a", "b", "c")) == "1:1"


def test_first_of_two_keys() -> None:
    """Of two equal keys the first counts, as in the data."""
    assert place(document("a: {b: 1}\na: {c: 2}\n"), ("a", "b")) == "1:1"
    assert place(document("a: {b: 1}\na: {c: 2}\n"), ("a", "c")) == "1:a"


SCALARS = [
    ("a: x ${{ b }} y\n", "${{ b }}", "1:${{ b }}"),
    ("a: 'it''s ${{ b }}'\n", "s ${{", "1:s ${{"),
    ("a: 'it''s'\n", "'", "1:''"),
    ('a: "\\t\\x41\\u00e9 ${{ b }}\\n"\n', "${{ b }}", "1:${{ b }}"),
    ('a: "\\t\\x41\\u00e9 ${{ b }}\\n"\n', "é", "1:\\u00e9"),
    ('a: "한 😀 ${{ b }}"\n', "${{ b }}", "1:${{ b }}"),
    ('a: "one\n  two ${{ b }}\n\n  three"\n', "${{ b }}", "2:${{ b }}"),
    ('a: "one\n  two\n\n  three"\n', "three", "4:three"),
    ('a: "one\\\n  two\\\n\n  three"\n', "two", "2:two"),
    ('a: "one\\\n  two\\\n\n  three"\n', "three", "4:three"),
    ("a: one\n  two\n\n\n  three\n", "two", "2:two"),
    ("a: one\n  two\n\n\n  three\n", "three", "5:three"),
    ("a: 'one  \n  two'\n", "two", "2:two"),
    ("a: |\n  one\n  two ${{ b }}\n", "${{ b }}", "3:${{ b }}"),
    ("a: |2-\n    one\n\n   two\n", "two", "4:two"),
    ("a: | # comment\n\n\n  one\n   two\n", "two", "5:two"),
    ("a: |+\n  one\n\n  two\n\nb: 1\n", "two", "4:two"),
    ("a: >\n  one\n  two ${{ b }}\n", "${{ b }}", "3:${{ b }}"),
    ("a: >-\n  one\n  two\n\n  three\n    four\n  five\n", "three", "5:three"),
    ("a: >-\n  one\n  two\n\n  three\n    four\n  five\n", "four", "6:four"),
    ("a: >-\n  one\n  two\n\n  three\n    four\n  five\n", "five", "7:five"),
    ("a: &x 'y ${{ b }}'\n", "${{ b }}", "1:${{ b }}"),
    ("a: |\r\n  one\r\n  two\r\n", "two", "3:two"),
    ('a: "one\r\n  two\r\n\r\n  three"\r\n', "three", "4:three"),
    ("- |\n one\n two\n", "two", "3:two"),
]


@pytest.mark.usefixtures("parser")
@pytest.mark.parametrize(("text", "piece", "expected"), SCALARS)
def test_inside_scalars(text: str, piece: str, expected: str) -> None:
    """A piece of the decoded text is found in its source: escapes, folded lines, block scalars, CRLF, letters beyond ASCII."""
    source = SourceFile("x.yaml", text)
    doc = Document(source, None)
    path: Path = (0,) if text.startswith("-") else ("a",)
    value = find(events(text), text, [path])[path].text
    assert value is not None
    start = value.index(piece)
    assert place(doc, path, "value", (start, start + len(piece))) == expected


def test_an_empty_piece() -> None:
    """A place between two characters is a span without width."""
    doc = document('a: "x\\ty"\n')
    (found,) = locate(doc, [Finding("MLC310", "x", ("a",), within=(2, 2))])
    assert found.span == Span(1, 8, 1, 8)
    (found,) = locate(doc, [Finding("MLC310", "x", ("a",), within=(3, 3))])
    assert found.span == Span(1, 9, 1, 9)


@pytest.mark.parametrize("within", [(-1, 2), (2, 1), (0, 99)])
def test_impossible_pieces(within: tuple[int, int]) -> None:
    """Offsets outside the text give the whole scalar."""
    assert place(document("a: xyz\n"), ("a",), "value", within) == "1:xyz"


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(["", "'", '"', "|", "|+", ">", ">-", "|2"]),
    st.text(alphabet="ab \n'\"\\#:é😀\t", max_size=25),
    st.sampled_from(["\n", "\r\n"]),
)
def test_pieces_are_where_they_say(style: str, body: str, line_break: str) -> None:
    """For any scalar that can be read, each letter of the decoded text is found at that letter in the source."""
    if style[:1] in ("|", ">"):
        text = f"a: {style}\n" + "".join(f"  {line}\n" for line in body.split("\n"))
    else:
        text = f"a: {style}" + body.replace("\n", "\n   ") + f"{style}\n"
    text = text.replace("\n", line_break)
    found = find(events(text), text, [("a",)]).get(("a",))
    if found is None or not found.text:
        return
    lines = text.split(line_break)
    for offset, character in enumerate(found.text):
        span = inside(text, found, (offset, offset + 1))
        if span is not None and character in "abé😀#:":
            assert lines[span.line - 1][span.column - 1 : span.end_column - 1] == character
        if span is None:
            assert style[:1] in ("|", ">")


def test_order_and_duplicates() -> None:
    """Diagnostics come in the order of the text, and each once."""
    doc = document("a: 1\nb: 2\n")
    findings = [
        Finding("MLC301", "z", ("b",)),
        Finding("MLC203", "y", ("b",)),
        Finding("MLC203", "x", ("a",)),
        Finding("MLC301", "z", ("b",)),
    ]
    assert [(one.code, one.span.line) for one in locate(doc, findings)] == [("MLC203", 1), ("MLC203", 2), ("MLC301", 2)]


def test_everything_is_kept() -> None:
    """Severity comes from the table of codes; labels, help, path and related places are carried over."""
    doc = document("a: 1\nb: 2\n")
    finding = Finding(
        "MLC503", "x", ("b",), "key", None, "here", (Related(("a",), "there"), Related((), "span", span=Span(9, 1, 9, 2))), "help"
    )
    (found,) = locate(doc, [finding])
    assert (found.code, found.severity, found.message, found.file) == ("MLC503", "warning", "x", "x.yaml")
    assert (found.path, found.label, found.help, found.span) == (("b",), "here", "help", Span(2, 1, 2, 2))
    assert [(note.file, note.span, note.label) for note in found.notes] == [
        ("x.yaml", Span(1, 4, 1, 5), "there"),
        ("x.yaml", Span(9, 1, 9, 2), "span"),
    ]


def test_no_findings_no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without findings the text is not read again."""
    monkeypatch.setattr(yaml, "parse", None)
    assert locate(Document(SourceFile("x", "a: ["), None), []) == []


def test_text_that_cannot_be_read() -> None:
    """Places in a text with an error are found up to the error."""
    doc = Document(SourceFile("x", "a: 1\nb: [\n"), None)
    assert place(doc, ("a",)) == "1:1"
    assert place(Document(SourceFile("x", "["), None), ("a", 0)) == "1:["
    assert place(Document(SourceFile("x", ""), None), ("a", 0)) == "1:"


def test_overrides() -> None:
    """What `--set` gave is shown in the assignment: its key, its value, and pieces of it."""
    doc = document(TEXT)
    for assignment in ("steps.train.image=acme/x:${{ y }}", "steps.train.env={SEED: [1, two]}", 'name="a\\tb c"', "new.part.below=1"):
        doc = set_value(doc, assignment, [])
    assert texts(doc)[SET].count("\n") == 3
    assert place(doc, ("steps", "train", "image"), "key") == "1:steps.train.image"
    assert place(doc, ("steps", "train", "image")) == "1:acme/x:${{ y }}"
    assert place(doc, ("steps", "train", "image"), "value", (7, 15)) == "1:${{ y }}"
    assert place(doc, ("steps", "train", "env")) == "2:{SEED: [1, two]}"
    assert place(doc, ("steps", "train", "env", "SEED", 1)) == "2:two"
    assert place(doc, ("steps", "train", "env", "SEED"), "key") == "2:SEED"
    assert place(doc, ("steps", "train", "env", "MODE")) == "2:steps.train.env"
    assert place(doc, ("name",), "value", (4, 5)) == "3:c"
    assert place(doc, ("new", "part", "below")) == "4:1"
    assert place(doc, ("new", "part")) == "4:new.part.below"
    assert place(doc, ("steps", "train", "needs", 0)) == "6:prepare"
    (found,) = locate(doc, [Finding("MLC201", "x", ("steps", "train", "image"))])
    assert found.file == SET


def test_overrides_of_overrides() -> None:
    """The last assignment that covers a path is the one to show; an empty value is shown at its key."""
    doc = document("a: 1\n")
    for assignment in ("b.c=1", "b.c=2", "b={c: 3}", "a="):
        doc = set_value(doc, assignment, [])
    assert doc.data == {"a": "", "b": {"c": 3}}
    assert place(doc, ("b", "c")) == "3:3"
    assert place(doc, ("a",)) == "4:a"


SPEC = """\
mlc: v1
steps:
  train:
    command: ls *.csv  # mlc: ignore MLC502 -- the program expands it
    # mlc: ignore MLC501, MLC502 -- both are
    #   examples

    env: {TOKEN: abc, GLOB: "*"}
    run: |  # mlc: ignore MLC501 -- not a real one
      TOKEN=abc # mlc: ignore MLC502 -- this is the script
      echo
    title: "# mlc: ignore MLC502 -- this is a text"
    description: a#mlc:ignore MLC502 -- text
"""


def suppressed(text: str, *findings: Finding) -> list[str]:
    """What is left, as `CODE line`."""
    doc = document(text)
    return [f"{one.code} {one.span.line}" for one in suppress(doc, locate(doc, findings))]


def test_suppress() -> None:
    """On the line, on the line above, at the header of a block scalar; not in text, and not for other lines."""
    train = ("steps", "train")
    assert (
        suppressed(
            SPEC,
            Finding("MLC502", "x", (*train, "command")),
            Finding("MLC501", "x", (*train, "env", "TOKEN")),
            Finding("MLC502", "x", (*train, "env", "GLOB")),
            Finding("MLC501", "x", (*train, "run"), within=(6, 9)),
        )
        == []
    )
    assert suppressed(SPEC, Finding("MLC502", "x", (*train, "title"))) == ["MLC504 4", "MLC504 5", "MLC504 5", "MLC504 9", "MLC502 12"]


def test_errors_stay() -> None:
    """Errors are not suppressed, and with errors nobody is told that a comment has no effect."""
    assert suppressed(SPEC, Finding("MLC301", "x", ("steps", "train", "command"))) == ["MLC301 4"]


def test_other_files_stay() -> None:
    """A comment says nothing about `--set`."""
    doc = set_value(document("a: 1\nb: 2 # mlc: ignore MLC502 -- x\n"), "b=3", [])
    doc = set_value(doc, "b=4", [])
    left = suppress(doc, locate(doc, [Finding("MLC502", "x", ("b",))]))
    assert [(one.code, one.file) for one in left] == [("MLC502", SET), ("MLC504", "x.yaml")]


@pytest.mark.parametrize(
    ("comment", "expected"),
    [
        ("# mlc: ignore", ["MLC114 1 a suppression comment needs a code and a reason", "MLC502 1 x"]),
        ("# mlc: ignore MLC502", ["MLC114 1 a suppression comment needs a code and a reason", "MLC502 1 x"]),
        ("# mlc: ignore MLC502 --", ["MLC114 1 a suppression comment needs a code and a reason", "MLC502 1 x"]),
        ("# mlc: ignore MLC502 - x", ["MLC114 1 a suppression comment needs a code and a reason", "MLC502 1 x"]),
        ("# mlc: ignore -- x", ["MLC114 1 a suppression comment needs a code and a reason", "MLC502 1 x"]),
        ("# mlc: ignore MLC599 -- x", ["MLC114 1 `MLC599` is not a code", "MLC502 1 x"]),
        ("# mlc: ignore MLC502 MLC503 -- x", ["MLC114 1 `MLC502 MLC503` is not a code", "MLC502 1 x"]),
        ("# mlc: ignore MLC502, MLC301 -- x", ["MLC114 1 `MLC301` is an error, which no comment takes away"]),
        ("#mlc:ignore MLC502 -- x", []),
        ("# text # mlc: ignore MLC502 -- x -- y", []),
        ("# mlc: ignore MLC502, MLC404 -- x", []),
        ("# mlc: ignore MLC502, MLC504, MLC503 -- x", []),
        ("# mlc: ignore MLC502, MLC503 -- x", ["MLC504 1 nothing on this line is reported as `MLC503`"]),
        ("# mlc: ignored -- x", ["MLC502 1 x"]),
        ("# mlc: ignore-next MLC502 -- x", ["MLC502 1 x"]),
    ],
)
def test_comments(comment: str, expected: list[str]) -> None:
    """A comment needs known codes and a reason. One for a target's code may be there for another target."""
    doc = document(f"a: 1 {comment}\n")
    left = suppress(doc, locate(doc, [Finding("MLC502", "x", ("a",))]))
    assert sorted(f"{one.code} {one.span.line} {one.message}" for one in left) == expected


def test_crlf_comments() -> None:
    """Lines that end with CRLF are lines."""
    assert suppressed("a: 1\r\n# mlc: ignore MLC502 -- x\r\nb: 2\r\n", Finding("MLC502", "x", ("b",))) == []


def test_nothing_to_suppress_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A text without such a comment is not read again."""
    monkeypatch.setattr(yaml, "parse", None)
    assert suppress(Document(SourceFile("x", "a: 1 # mlc\n"), {"a": 1}), []) == []


def test_many_comments() -> None:
    """Each of many comments above one line counts for that line, and finding it does not take a look at all the others."""
    count = 20_000
    doc = document("# mlc: ignore MLC502 -- x\n" * count + "a: 1\n")
    assert suppress(doc, locate(doc, [Finding("MLC502", "x", ("a",))])) == []
    left = suppress(doc, locate(doc, [Finding("MLC503", "x", ("a",))]))
    assert len(left) == count + 1
