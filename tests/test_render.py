"""Renderers: exact output of every format for hand-made diagnostics."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from mlc import __version__
from mlc.diagnostics.codes import CODES
from mlc.diagnostics.explain import explain
from mlc.diagnostics.model import Diagnostic, Note, Span
from mlc.diagnostics.render import FORMATS, render, visible

SPEC = """\
mlc: v1
name: churn
steps:
  prepare: {image: "python:3.12"}
  train:
    needs: [prepare-dta]
"""


def found(span: Span, **changes: object) -> Diagnostic:
    """A diagnostic about an unknown step, with the given changes."""
    fields: dict[str, object] = {
        "code": "MLC301",
        "severity": "error",
        "message": "step `train` needs `prepare-dta`, which does not exist",
        "file": "churn.yaml",
        "span": span,
        "path": ("steps", "train", "needs", 0),
        "label": "no step has this name",
        "notes": (),
        "help": "did you mean `prepare`?",
        **changes,
    }
    return Diagnostic(**fields)  # type: ignore[arg-type]


UNKNOWN = found(Span(6, 13, 6, 24))
DUPLICATE = found(
    Span(12, 3, 12, 8),
    code="MLC102",
    message="`train` is given twice",
    path=("steps", "train"),
    label="given again here",
    notes=(Note("churn.yaml", Span(5, 3, 5, 8), "first given here"), Note("elsewhere.yaml", Span(1, 1, 1, 4), "and there")),
    help="",
)


def text(diagnostic: Diagnostic, source: str, color: bool = False) -> str:
    """One diagnostic as text, without the docs line and the summary."""
    out = render("text", [diagnostic], {"churn.yaml": source}, color)
    head, _, tail = out.rpartition("  = docs: mlc explain ")
    assert tail == f"{diagnostic.code}\n\n1 {diagnostic.severity}\n"
    return head


def under(source: str, span: Span) -> tuple[str, str]:
    """The source line and the caret line of a diagnostic without label, after their gutters."""
    lines = text(found(span, label=""), source).splitlines()
    assert lines[2] == lines[5] == "  |"
    return lines[3].removeprefix(f"{span.line} | "), lines[4].removeprefix("  | ")


def test_text_has_the_documented_form() -> None:
    """Header, place, source line, caret with its label, help and docs; then the count."""
    assert render("text", [UNKNOWN], {"churn.yaml": SPEC}) == (
        "error[MLC301]: step `train` needs `prepare-dta`, which does not exist\n"
        " --> churn.yaml:6:13\n"
        "  |\n"
        "6 |     needs: [prepare-dta]\n"
        "  |             ^^^^^^^^^^^ no step has this name\n"
        "  |\n"
        "  = help: did you mean `prepare`?\n"
        "  = docs: mlc explain MLC301\n"
        "\n"
        "1 error\n"
    )


def test_gutter_is_as_wide_as_the_widest_number() -> None:
    """All line numbers of one diagnostic are right-aligned, those of related places too; a place without source is named only."""
    source = SPEC + "\n" * 5 + "  train:\n"
    assert render("text", [DUPLICATE], {"churn.yaml": source}) == (
        "error[MLC102]: `train` is given twice\n"
        "  --> churn.yaml:12:3\n"
        "   |\n"
        "12 |   train:\n"
        "   |   ^^^^^ given again here\n"
        "   |\n"
        "  ::: churn.yaml:5:3\n"
        "   |\n"
        " 5 |   train:\n"
        "   |   ----- first given here\n"
        "   |\n"
        "  ::: elsewhere.yaml:1:1\n"
        "   = note: and there\n"
        "   = docs: mlc explain MLC102\n"
        "\n"
        "1 error\n"
    )


def test_missing_source_is_reported_without_snippet() -> None:
    """A file whose text is not known, or that has fewer lines, still gives its place, the label and the help."""
    expected = (
        "error[MLC301]: step `train` needs `prepare-dta`, which does not exist\n"
        " --> churn.yaml:6:13\n"
        "  = note: no step has this name\n"
        "  = help: did you mean `prepare`?\n"
        "  = docs: mlc explain MLC301\n"
        "\n"
        "1 error\n"
    )
    assert render("text", [UNKNOWN], {}) == expected
    assert render("text", [UNKNOWN], {"churn.yaml": "mlc: v1\n"}) == expected


def test_summary_counts_each_severity() -> None:
    """Blocks are apart by a blank line; the last line counts, in singular and plural, and leaves out what there is none of."""
    error, warning, note = (found(Span(9, 1, 9, 1), severity=severity) for severity in ("error", "warning", "note"))
    out = render("text", [error, warning, error, note], {})
    assert out.endswith("\n\n2 errors, 1 warning, 1 note\n")
    assert out.count("\n\n") == 4
    assert render("text", [warning, warning], {}).endswith("\n\n2 warnings\n")
    assert "\nwarning[MLC301]: " in out
    assert "\nnote[MLC301]: " in out


def test_help_may_have_several_lines() -> None:
    """The lines after the first stand under its text, and keep their own indentation."""
    out = render("text", [found(Span(6, 13, 6, 24), help="write\nenv:\n  DAY: x\n\nthen")], {})
    assert "  = help: write\n          env:\n            DAY: x\n\n          then\n  = docs:" in out


def test_caret_stands_under_wide_characters() -> None:
    """Korean and full-width letters take two columns, accents that combine none."""
    assert under("title: 데이터 x\n", Span(1, 8, 1, 11)) == ("title: 데이터 x", "       ^^^^^^")
    assert under("title: 데이터 x\n", Span(1, 12, 1, 13)) == ("title: 데이터 x", " " * 14 + "^")
    assert under("ＡＢ: x\n", Span(1, 5, 1, 6)) == ("ＡＢ: x", "      ^")
    assert under("cafe\u0301: x\n", Span(1, 8, 1, 9)) == ("cafe\u0301: x", "      ^")


def test_caret_stands_under_decomposed_hangul() -> None:
    """A Hangul syllable in separate letters, as macOS writes file names, is as wide as one letter block."""
    assert under("\u1112\u1161\u11ab: x\n", Span(1, 6, 1, 7)) == ("\u1112\u1161\u11ab: x", "    ^")


def test_tabs_are_four_columns() -> None:
    """A tab has one width, wherever it stands, so the caret does not depend on the terminal."""
    assert under("\ta:\tb\n", Span(1, 5, 1, 6)) == ("    a:    b", " " * 10 + "^")
    assert under("\ta\n", Span(1, 1, 1, 2)) == ("    a", "^^^^")


@pytest.mark.parametrize("newline", ["\r\n", "\r", "\n"])
def test_line_ends_are_not_shown(newline: str) -> None:
    """All three line ends of YAML count as one, and none of them reaches the terminal."""
    assert under(newline.join(["mlc: v1", "name: x", "steps: y"]), Span(2, 7, 2, 8)) == ("name: x", "      ^")


def test_only_the_line_ends_of_yaml_end_a_line() -> None:
    """A form feed or a Unicode line separator does not move the lines after it."""
    assert under("a: \u2028\x0c\x1c\nb: x\n", Span(2, 4, 2, 5)) == ("b: x", "   ^")


def test_span_over_several_lines_is_cut_to_the_first() -> None:
    """The caret runs to the end of the first line, without the spaces after it."""
    assert under("steps: {a:  \n  b}\n", Span(1, 8, 2, 5)) == ("steps: {a:", "       ^^^")


def test_caret_is_never_empty_and_never_outside() -> None:
    """An empty span, a place at the end of a line, an empty line and a column behind the end each get one caret."""
    assert under("name:\n", Span(1, 1, 1, 1)) == ("name:", "^")
    assert under("name:\n", Span(1, 6, 1, 6)) == ("name:", "     ^")
    assert under("name:\n", Span(1, 60, 1, 70)) == ("name:", "     ^")
    assert text(found(Span(2, 1, 2, 1), label="here"), "name: x\n").splitlines()[2:5] == ["  |", "2 |", "  | ^ here"]


def test_long_line_is_cut_around_the_caret() -> None:
    """A line of a million characters is shown as 120 columns around the caret, with dots where something is left out."""
    line = "a" * 500_000 + "BAD" + "b" * 500_000
    shown, caret = under(line, Span(1, 500_001, 1, 500_004))
    assert shown == "..." + "a" * 40 + "BAD" + "b" * 77 + "..."
    assert caret == " " * 43 + "^^^"


def test_long_line_is_cut_at_one_side_only_near_its_ends() -> None:
    """Near the start and near the end of a long line there are dots at the other side only."""
    assert under("BAD" + "b" * 200, Span(1, 1, 1, 4)) == ("BAD" + "b" * 117 + "...", "^^^")
    assert under("a" * 200 + "BAD", Span(1, 201, 1, 204)) == ("..." + "a" * 117 + "BAD", " " * 120 + "^^^")
    assert under("a" * 120, Span(1, 120, 1, 121)) == ("a" * 120, " " * 119 + "^")


def test_long_line_of_wide_characters_is_cut_between_them() -> None:
    """The width that counts is the terminal's: half as many Korean letters fit."""
    shown, caret = under("가" * 300 + "나" + "다" * 300, Span(1, 301, 1, 302))
    assert shown == "..." + "가" * 20 + "나" + "다" * 39 + "..."
    assert caret == " " * 43 + "^^"


def test_marked_text_that_is_longer_than_the_line_shown_is_cut() -> None:
    """The caret ends where the shown piece of the line ends."""
    shown, caret = under("x: " + "a" * 400, Span(1, 4, 1, 404))
    assert shown == "x: " + "a" * 117 + "..."
    assert caret == "   " + "^" * 117


def test_control_characters_of_the_source_are_escaped() -> None:
    """A spec cannot colour the terminal, move its cursor or turn the text around; the caret counts the escapes."""
    source = "name: \x1b[31m\x07\x9b\u202e \ud800\xa0x\n"
    assert under(source, Span(1, 18, 1, 19)) == ("name: \\x1b[31m\\x07\\x9b\\u202e \\ud800\\xa0x", " " * 39 + "^")
    assert under(source, Span(1, 7, 1, 8))[1] == "      ^^^^"


def test_control_characters_of_names_and_messages_are_escaped() -> None:
    """File names, messages, labels, related places and help are as untrusted as the source."""
    bad = "\x1b[2J\r\nx"
    diagnostic = found(Span(1, 1, 1, 2), file=bad, message=bad, label=bad, help=bad, notes=(Note(bad, Span(1, 1, 1, 2), bad),))
    shown = "\\x1b[2J\\r\\nx"
    assert render("text", [diagnostic], {bad: "x\n"}) == (
        f"error[MLC301]: {shown}\n"
        f" --> {shown}:1:1\n"
        "  |\n"
        "1 | x\n"
        f"  | ^ {shown}\n"
        "  |\n"
        f" ::: {shown}:1:1\n"
        "  |\n"
        "1 | x\n"
        f"  | - {shown}\n"
        "  |\n"
        "  = help: \\x1b[2J\\r\n"
        "          x\n"
        "  = docs: mlc explain MLC301\n"
        "\n"
        "1 error\n"
    )
    assert render("concise", [diagnostic], {}) == f"{shown}:1:1: error[MLC301]: {shown}\n"


@pytest.mark.parametrize("format", FORMATS)
def test_no_format_lets_a_terminal_escape_through(format: str) -> None:
    """Whatever is in a spec, no renderer writes a control character other than the line break, and all of it can be encoded."""
    bad = "".join(map(chr, range(256))) + "\u202e\u2028\ud800\x1b[0m"
    diagnostic = found(Span(1, 1, 1, 2), file=bad, message=bad, label=bad, help=bad, notes=(Note(bad, Span(1, 1, 1, 2), bad),), path=(bad,))
    out = render(format, [diagnostic], {bad: bad})
    out.encode("utf-8")
    assert out.replace("\n", "").isprintable()


def test_colour_only_adds_escapes() -> None:
    """With colour the text is the same once the colours are taken out; without it there are none."""
    plain = render("text", [UNKNOWN, DUPLICATE], {"churn.yaml": SPEC})
    colored = render("text", [UNKNOWN, DUPLICATE], {"churn.yaml": SPEC}, color=True)
    assert "\x1b" not in plain
    assert colored.startswith("\x1b[1;31merror[MLC301]\x1b[0m\x1b[1m: step `train` needs")
    assert "\x1b[1;34m  |\x1b[0m             \x1b[1;31m^^^^^^^^^^^ no step has this name\x1b[0m\n" in colored
    for style in ("1;31", "1;34", "0", "1"):
        colored = colored.replace(f"\x1b[{style}m", "")
    assert colored == plain


def test_colour_tells_severities_apart() -> None:
    """Errors are red, warnings yellow, notes cyan."""
    out = render("text", [found(Span(6, 13, 6, 24), severity=severity) for severity in ("warning", "note")], {}, color=True)
    assert out.startswith("\x1b[1;33mwarning[MLC301]\x1b[0m")
    assert "\x1b[1;36mnote[MLC301]\x1b[0m" in out


def test_colour_is_for_text_only() -> None:
    """The formats that programs read have no colour."""
    for format in ("concise", "json", "sarif", "github"):
        assert render(format, [UNKNOWN], {}, color=True) == render(format, [UNKNOWN], {})


def test_concise_is_one_line_each() -> None:
    """Place, severity, code and message, in the order given."""
    warning = found(Span(1, 2, 3, 4), severity="warning", code="MLC503", message="`mlc` is not the first key", file="a b.yaml")
    assert render("concise", [UNKNOWN, warning], {"churn.yaml": SPEC}) == (
        "churn.yaml:6:13: error[MLC301]: step `train` needs `prepare-dta`, which does not exist\n"
        "a b.yaml:1:2: warning[MLC503]: `mlc` is not the first key\n"
    )


def test_json_has_the_documented_fields() -> None:
    """The envelope has a version; every diagnostic has every field, in one order, also where it is empty."""
    out = render("json", [UNKNOWN, DUPLICATE], {"churn.yaml": SPEC})
    assert out == json.dumps(json.loads(out), indent=2) + "\n"
    assert json.loads(out) == {
        "version": 1,
        "diagnostics": [
            {
                "code": "MLC301",
                "severity": "error",
                "message": "step `train` needs `prepare-dta`, which does not exist",
                "path": ["steps", "train", "needs", 0],
                "file": "churn.yaml",
                "line": 6,
                "column": 13,
                "end_line": 6,
                "end_column": 24,
                "label": "no step has this name",
                "help": "did you mean `prepare`?",
                "docs": "mlc explain MLC301",
                "related": [],
            },
            {
                "code": "MLC102",
                "severity": "error",
                "message": "`train` is given twice",
                "path": ["steps", "train"],
                "file": "churn.yaml",
                "line": 12,
                "column": 3,
                "end_line": 12,
                "end_column": 8,
                "label": "given again here",
                "help": "",
                "docs": "mlc explain MLC102",
                "related": [
                    {"label": "first given here", "file": "churn.yaml", "line": 5, "column": 3, "end_line": 5, "end_column": 8},
                    {"label": "and there", "file": "elsewhere.yaml", "line": 1, "column": 1, "end_line": 1, "end_column": 4},
                ],
            },
        ],
    }


def test_json_is_ascii_and_keeps_every_character() -> None:
    """Any text comes back as it was, control characters included."""
    message = "데이터 \x1b[31m\x7f\x9b \u2028 \U0001f600"
    out = render("json", [found(Span(1, 1, 1, 1), message=message)], {})
    assert out.isascii()
    assert "\x7f" not in out
    assert json.loads(out)["diagnostics"][0]["message"] == message


@pytest.mark.parametrize("half", ["dcff", "d800"])
@pytest.mark.parametrize("format", ["text", "concise", "json", "sarif", "github"])
def test_halves_of_pairs(format: str, half: str) -> None:
    """Bytes that are no text, in a file name or anywhere, neither stop a report nor make it one that readers refuse."""
    half = chr(int(half, 16))
    bad = f"a{half}b"
    span = Span(1, 1, 1, 2)
    note = Note(bad, span, bad)
    one = found(span, message=bad, file=bad, help=bad, label=bad, notes=(note,), path=("steps", bad))
    out = render(format, [one], {bad: f"mlc{half}: v1\n"})
    assert out.encode()
    if format in ("json", "sarif"):
        open_nodes, texts = [json.loads(out)], []
        while open_nodes:
            node = open_nodes.pop()
            open_nodes.extend(node.values() if isinstance(node, dict) else node if isinstance(node, list) else ())
            texts += [node] if isinstance(node, str) else []
        assert "".join(texts).encode()
        assert any(half.encode("unicode_escape").decode() in text for text in texts)


def test_sarif_names_the_bytes_of_a_file() -> None:
    """An address of a file holds its bytes, whether they are text or not."""
    (result,) = json.loads(render("sarif", [found(Span(1, 1, 1, 1), file="a\udcff é.yaml")], {}))["runs"][0]["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"] == {"uri": "a%FF%20%C3%A9.yaml"}


def test_github_marks_the_columns() -> None:
    """One annotation per diagnostic; the last column is inclusive, the help follows the message, a note is a notice."""
    note = found(Span(1, 7, 1, 7), severity="note", code="MLC405", message="done elsewhere", help="")
    assert render("github", [UNKNOWN, note], {"churn.yaml": SPEC}) == (
        "::error file=churn.yaml,line=6,col=13,endColumn=23,title=MLC301%3A an unknown step"
        "::step `train` needs `prepare-dta`, which does not exist%0Ahelp: did you mean `prepare`?\n"
        "::notice file=churn.yaml,line=1,col=7,endColumn=7,title=MLC405%3A a field that is handed over to another command::done elsewhere\n"
    )


def test_github_has_no_columns_for_several_lines() -> None:
    """GitHub refuses columns where the annotation ends on another line."""
    warning = found(Span(2, 3, 5, 1), severity="warning", message="m", help="")
    assert render("github", [warning], {}) == "::warning file=churn.yaml,line=2,endLine=5,title=MLC301%3A an unknown step::m\n"


def test_github_escapes_what_its_runner_would_interpret() -> None:
    """`%`, line breaks and, in properties, `:` and `,` cannot end the message or start another command."""
    hostile = "a%0A,b:c\r\n::error::x"
    assert render("github", [found(Span(1, 1, 1, 2), file=hostile, message=hostile, help="")], {}) == (
        "::error file=a%250A%2Cb%3Ac%0D%0A%3A%3Aerror%3A%3Ax,line=1,col=1,endColumn=1,title=MLC301%3A an unknown step"
        "::a%250A,b:c%0D%0A::error::x\n"
    )


def test_sarif() -> None:
    """One result each, with its rule, level, region and related places; each code that was found is a rule with its page."""
    note = found(Span(1, 7, 1, 7), severity="note", code="MLC405", message="done elsewhere", help="", file="./a b/c.yaml")
    log = json.loads(render("sarif", [UNKNOWN, DUPLICATE, note, UNKNOWN], {"churn.yaml": SPEC}))
    assert log.keys() == {"$schema", "version", "runs"}
    assert (log["version"], log["$schema"].rpartition("/")[2]) == ("2.1.0", "sarif-schema-2.1.0.json")
    (run,) = log["runs"]
    assert run.keys() == {"tool", "columnKind", "results"}
    assert run["columnKind"] == "unicodeCodePoints"
    driver = run["tool"]["driver"]
    assert (driver["name"], driver["semanticVersion"]) == ("mlc", __version__)
    assert [rule["id"] for rule in driver["rules"]] == ["MLC102", "MLC301", "MLC405"]
    assert [result["ruleIndex"] for result in run["results"]] == [1, 0, 2, 1]
    assert driver["rules"][1] == {
        "id": "MLC301",
        "shortDescription": {"text": "an unknown step"},
        "fullDescription": {"text": (explain("MLC301") or "").split("## What it finds\n\n")[1].split("\n\n## ")[0]},
        "help": {"text": "MLC301: an unknown step: `mlc explain MLC301`", "markdown": explain("MLC301")},
        "defaultConfiguration": {"level": "error"},
        "properties": {"tags": ["references"]},
    }
    assert run["results"][0] == {
        "ruleId": "MLC301",
        "ruleIndex": 1,
        "level": "error",
        "message": {"text": "step `train` needs `prepare-dta`, which does not exist\nhelp: did you mean `prepare`?"},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": "churn.yaml"},
                    "region": {"startLine": 6, "startColumn": 13, "endLine": 6, "endColumn": 24},
                }
            }
        ],
    }
    assert [(place["id"], place["message"]["text"]) for place in run["results"][1]["relatedLocations"]] == [
        (1, "first given here"),
        (2, "and there"),
    ]
    assert run["results"][2]["locations"][0]["physicalLocation"]["artifactLocation"] == {"uri": "a%20b/c.yaml"}


def test_sarif_of_hostile_texts() -> None:
    """A message is plain text: no link, no control character; a file name is a reference, whatever is in it."""
    bad = "[x](http://e.invalid) \x1b[31m\udc80é?#%"
    log = json.loads(render("sarif", [found(Span(1, 1, 1, 1), message=bad, file=bad, help="")], {}))
    (result,) = log["runs"][0]["results"]
    assert result["message"]["text"] == "[x] (http://e.invalid) \\x1b[31m\\udc80é?#%"
    uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert uri.isascii()
    assert not set(uri) & set(" #?[]()\x1b")
    absolute = json.loads(render("sarif", [found(Span(1, 1, 1, 1), file="/a/b.yaml")], {}))["runs"][0]["results"][0]
    assert absolute["locations"][0]["physicalLocation"]["artifactLocation"] == {"uri": "file:///a/b.yaml"}


@pytest.mark.parametrize("code", CODES)
def test_sarif_has_every_page(code: str) -> None:
    """Each code becomes a rule whose texts are those of its page."""
    (rule,) = json.loads(render("sarif", [found(Span(1, 1, 1, 1), code=code)], {}))["runs"][0]["tool"]["driver"]["rules"]
    assert rule["help"]["markdown"].startswith(f"# {code}")
    assert rule["fullDescription"]["text"] in rule["help"]["markdown"]
    assert "\n## " not in rule["fullDescription"]["text"]


def test_sarif_of_nothing_is_a_run() -> None:
    """A service that gets no results closes what it had open."""
    log = json.loads(render("sarif", [], {}))
    assert [run["results"] for run in log["runs"]] == [[]]


@pytest.mark.parametrize("format", ["text", "concise", "github"])
def test_nothing_found_is_nothing_said(format: str) -> None:
    """Without diagnostics the formats for people are silent."""
    assert render(format, [], {}) == ""


def test_nothing_found_is_an_empty_envelope_in_json() -> None:
    """A program can always parse what it gets."""
    assert json.loads(render("json", [], {})) == {"version": 1, "diagnostics": []}


def test_unknown_format_is_refused() -> None:
    """The command line checks the name; a caller that does not gets an exception, not another format."""
    with pytest.raises(ValueError, match="unknown format 'xml', not one of text, concise, json, sarif, github"):
        render("xml", [], {})


def test_visible_keeps_what_can_be_printed() -> None:
    """Letters of any script and the ordinary space stay; backslashes are no escapes and stay, too."""
    assert visible("데이터 café \\n") == "데이터 café \\n"
    assert visible("a\tb\x00\u200b\U000e0001") == "a\\tb\\x00\\u200b\\U000e0001"


def test_only_the_renderer_that_is_needed_is_imported() -> None:
    """Start-up time: `text` imports neither json nor, for an ASCII line, the Unicode tables."""
    code = (
        "import sys\n"
        "from mlc.diagnostics.model import Diagnostic, Span\n"
        "from mlc.diagnostics.render import render\n"
        "render('text', [Diagnostic('MLC301', 'error', 'm', 'f', Span(1, 1, 1, 2), (), '', (), '')], {'f': 'abc'}, False)\n"
        "print(sorted({'json', 'unicodedata', 'mlc.diagnostics.render_json', 'mlc.diagnostics.codes'} & sys.modules.keys()))\n"
    )
    out = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path[:] = {sys.path!r}\n{code}"], capture_output=True, text=True, check=True
    )
    assert out.stdout == "[]\n"
