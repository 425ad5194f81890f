"""What gates, conditions and run-time texts mean: the rules in plain Python, and the texts that engines are asked about.

The reference is written after the project's own documentation (docs/expressions.md) and knows nothing of any engine.
"""

from __future__ import annotations

import ast
import json
import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.test_hostile import VALUES

RUNS, SKIPPED, FAILS = "runs", "skipped", "fails the run"
"""What becomes of a step with a condition."""
NEVER = "does not run"
"""What becomes of a step that depends on one that failed."""
ARRIVES, REFUSED, WAITS = "arrives", "the run fails before the step starts", "the run never starts"
"""What becomes of a text that a step's arguments or variables hold."""

LIMIT = 32 * 1024
"""Bytes that a metric's or a value's file may have."""


class Unreadable(Exception):
    """A text that is not what a condition needs: no number, neither true nor false, too long."""


# --- the reference ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Form:
    """How a metric stands in its file: what the spec says, and a file with `%s` where the number is."""

    name: str
    entry: Mapping[str, object] = field(hash=False)
    file: str

    @property
    def spec(self) -> str:
        """What the spec says, beside the path."""
        return ", ".join(f"{key}: {entry if isinstance(entry, str) else json.dumps(entry)}" for key, entry in self.entry.items())

    def holding(self, text: str) -> str:
        """A file that has a text in the place of the number."""
        return self.file.replace("%s", text)

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys that lead to the number."""
        key = self.entry.get("key", ())
        return tuple(key.split(".")) if isinstance(key, str) else tuple(map(str, key))  # type: ignore[call-overload]


NUMBER = Form("one number", {}, "%s")
KEY = Form("a key", {"key": "acc"}, '{"loss": 3, "acc": %s}')
NESTED = Form("a nested key", {"key": "macro.f1"}, '{"f1": 3, "macro": {"f1": %s, "n": []}}')
KEYS = Form("a list of keys", {"key": ["macro avg", "f1.score"]}, '{"macro avg": {"f1": 3, "f1.score": %s}}')
KFP_V1 = Form(
    "kfp-v1",
    {"format": "kfp-v1"},
    '{"metrics": [{"name": "loss", "numberValue": 3}, {"numberValue": 4}, {"name": "m", "format": "RAW", "numberValue": %s}]}',
)
FORMS = (NUMBER, KEY, NESTED, KEYS, KFP_V1)


def document(text: str) -> Any:
    """A file as strict JSON of at most `LIMIT` bytes."""
    if len(text.encode()) > LIMIT:
        raise Unreadable("too long")
    try:
        return json.loads(text, parse_int=_finite, parse_float=_finite, parse_constant=_finite)
    except ValueError:
        raise Unreadable("no JSON") from None


def _finite(text: str) -> float:
    """A number as every engine holds it, a double. Python reads NaN and Infinity too, which are no JSON, and takes 1e999 for Infinity."""
    if not math.isfinite(float(text)):
        raise ValueError(text)
    return float(text)


def number(found: Any) -> float:
    """A number, and nothing else."""
    if not isinstance(found, float):
        raise Unreadable("no number")
    return found


def metric(text: str, form: Form) -> float:
    """The number that a metric's file holds."""
    found = document(text)
    try:
        if form is KFP_V1:
            named = [entry for entry in _is(list, found["metrics"]) if isinstance(entry, dict) and entry.get("name") == "m"]
            return number(named[0]["numberValue"])
        for key in form.keys:
            found = _is(dict, found)[key]
    except (KeyError, IndexError, TypeError):
        raise Unreadable("nothing there") from None
    return number(found)


def _is(kind: type, found: Any) -> Any:
    if not isinstance(found, kind):
        raise TypeError
    return found


THRESHOLDS: Mapping[str, Callable[[float, float], bool]] = {
    "min": operator.ge,
    "max": operator.le,
    "above": operator.gt,
    "below": operator.lt,
}


def gate(text: str | None, form: Form, thresholds: Mapping[str, float]) -> str:
    """What becomes of a step that is gated by one metric. None is a file that was not written."""
    try:
        if text is None:
            raise Unreadable("missing")
        found = metric(text, form)
    except Unreadable:
        return FAILS
    return RUNS if all(THRESHOLDS[name](found, float(bound)) for name, bound in thresholds.items()) else SKIPPED


def value(text: str, kind: str) -> Any:
    """What a condition sees of a value's file or of a parameter's text."""
    if kind == "string":
        return text
    found = document(text)
    if kind == "bool":
        if not isinstance(found, bool):
            raise Unreadable("neither true nor false")
        return found
    return number(found)


_OPERATORS: Mapping[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda left, right: left in right,
    ast.NotIn: lambda left, right: left not in right,
}


def when(expression: str, names: Mapping[str, Any]) -> str:
    """What becomes of a step with a `when`. Python's own parser reads it; a name that holds an exception raises it.

    Strict: every operand is evaluated before `and` and `or` decide.
    """
    try:
        return RUNS if _evaluate(ast.parse(expression, mode="eval").body, names) else SKIPPED
    except Unreadable:
        return FAILS


def _evaluate(node: ast.expr, names: Mapping[str, Any]) -> Any:
    match node:
        case ast.Constant(value=int() | float() as constant) if not isinstance(constant, bool):
            return float(constant)
        case ast.Constant(value=constant):
            return constant
        case ast.Name(id="true" | "false" as word):
            return word == "true"
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_evaluate(operand, names)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return not _evaluate(operand, names)
        case ast.List(elts=elements):
            return [_evaluate(element, names) for element in elements]
        case ast.BoolOp(op=op, values=values):
            found = [_evaluate(each, names) for each in values]
            return all(found) if isinstance(op, ast.And) else any(found)
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            sides = _evaluate(left, names), _evaluate(right, names)
            return _OPERATORS[type(op)](*sides)
    found = names[ast.unparse(node)]
    if isinstance(found, Unreadable):
        raise found
    return found


# --- texts --------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sample:
    """A text, and how the page shows it."""

    text: str
    name: str = ""

    @property
    def shown(self) -> str:
        """A cell of a table in Markdown."""
        return self.name or code(self.text)


def code(text: str) -> str:
    """A text as code in a table's cell; what cannot be seen is escaped as in JSON."""
    if not text:
        return "(empty)"
    if len(text) > 120:
        return f"{code(text[:40])} and {len(text) - 40} characters more"
    escaped = json.dumps(text, ensure_ascii=not text.isprintable())[1:-1].replace('\\"', '"').replace("|", "\\|")
    fence = "``" if "`" in escaped else "`"
    return f"{fence} {escaped} {fence}" if escaped[0] in "` " or escaped[-1] in "` " else f"{fence}{escaped}{fence}"


BOUND = 0.8


def samples(*texts: str | Sample) -> tuple[Sample, ...]:
    """Texts, some of them with a name."""
    return tuple(text if isinstance(text, Sample) else Sample(text) for text in texts)


def _beside(bound: float, towards: float, where: str) -> Sample:
    text = repr(math.nextafter(bound, towards))
    return Sample(text, f"`{text}` (the next number {where} {bound:g})")


NUMBERS = samples(
    "0.93", "0.93\n", " 0.93\n", "\t0.93 \r\n", "9.3e-1", "0.930", "1", "1.0", "10e-1", "1E5", "1e+5", "0.8", "0.80", "8e-1",
    _beside(BOUND, 1, "above"), _beside(BOUND, 0, "below"), Sample("0.80000000000000004", "`0.80000000000000004` (0.8 as a double)"),
    _beside(1, 2, "above"), _beside(1, 0, "below"), "0.1", "1e-5", "0", "-0", "-0.0", "-1", "-1e5",
    Sample("9007199254740993", "`9007199254740993` (2^53 + 1)"), "1e308", Sample("1e-999", "`1e-999` (0 as a double)"),
    Sample("0." + "9" * 400, "`0.` and 400 nines (1 as a double)"), Sample("9" * 308, "308 nines"),
    Sample("0.93" + " " * 32_000, "`0.93` and 32,000 spaces"),
)  # fmt: skip
"""Texts that are numbers wherever one may stand."""

NO_NUMBERS = samples(
    "", " ", "\n", "NaN", "nan", "inf", "Inf", "Infinity", "-inf", "-Infinity", "1e999", "-1e999",
    Sample("9" * 310, "310 nines"),
    ".5", "+5", "5.", "007", "-", "1e", "0x10", "1_000", "0,93", "93%", "1 2", "1\n2", "0.93 # good", "1/2", "good", '"0.93"', "'0.93'",
    "null", "None", "true", "True", "[0.93]", "[]", "{}", '{"value": 0.93}', "\ufeff0.93", "\u00a00.93", "\x0b0.93", "\u22121", "\uff11",
    # what an engine expands, or takes for a sign of its own (util/template/replace.go, placeholder.go)
    "{{=1+1}}", "{{workflow.name}}", "a {{= b", "{{$}}", "$(HOME)", "$$", "'", '"', "a\nb", "-x", '{"IfPresent":1}',
    '"it is missing"', '"variable not in env"', "failed to resolve {{x}}", "__argo__internal__placeholder-1",
)  # fmt: skip
"""Texts that are no number, neither as a file nor inside a document."""

_OF_KEY = samples(
    '{"acc": 0.93}', ' {"acc":0.93}\n', '{"loss": 0.93}', '{"ACC": 0.93}', "{}", "[]", "0.93", "null", '"acc"', '["acc", 0.93]',
    '[{"acc": 0.93}]', '{"acc": null}', '{"acc": "0.93"}', '{"acc": [0.93]}', '{"acc": {"acc": 0.93}}', '{"acc": true}',
    '{"acc": 0.93, "acc": 0.1}', '{"acc": 0.1, "acc": 0.93}', '{"acc": 0.93} {"acc": 1}', '{"acc": 0.93}\n{"acc": 1}',
    '\ufeff{"acc": 0.93}', '{"acc": 0.93,}', "{'acc': 0.93}", "{acc: 0.93}", '// x\n{"acc": 0.93}', '{"a\\u0063c": 0.93}',
    '{"acc": 0.93, "x": NaN}', '{"acc": 0.93, "x": 1e999}', '{"acc": 0.93, "x": "\\ud800"}', '{"acc": 0.93, "x": "a\nb"}',
    '{"acc": 0.93, "x": "{{=1+1}} $(HOME)"}', '{"acc": 0.93, "x": "한국어 <&>"}',
    Sample('{"acc": 0.93, "x": ' + "[" * 500 + "]" * 500 + "}", "`0.93` under `acc` and 500 nested lists beside it"),
)  # fmt: skip
_OF_NESTED = samples(
    '{"macro": {"f1": 0.93}}', '{"macro": 0.93}', '{"macro": null}', '{"macro": "f1"}', '{"macro": ["f1", 0.93]}', '{"macro": {}}',
    '{"macro": {"f1": {"f1": 0.93}}}', '{"macro.f1": 0.93}', '{"macro": {"f1": 0.1}, "macro": {"f1": 0.93}}',
    '{"macro": {"f1": 0.93}, "macro": {}}',
)  # fmt: skip
_OF_KFP_V1 = samples(
    '{"metrics": [{"name": "m", "numberValue": 0.93}]}', '{"metrics": []}', '{"metrics": {}}', '{"metrics": null}', "{}", "[]",
    '{"metrics": "m"}', '{"metrics": ["m"]}', '{"metrics": [0.93]}', '{"metrics": [null]}', '{"metrics": [{"name": "m"}]}',
    '{"metrics": [{"name": "m", "numberValue": null}]}', '{"metrics": [{"name": "m", "numberValue": "0.93"}]}',
    '{"metrics": [{"name": "M", "numberValue": 0.93}]}', '[{"name": "m", "numberValue": 0.93}]',
    '{"metrics": {"m": {"name": "m", "numberValue": 0.93}}}',
    '{"metrics": [{"name": "m", "numberValue": 0.93}, {"name": "m", "numberValue": 0.1}]}',
    '{"metrics": [{"name": "m", "numberValue": 0.1}, {"name": "m", "numberValue": 0.93}]}',
    '{"metrics": [{"name": "m"}, {"name": "m", "numberValue": 0.93}]}',
    '{"metrics": [null, 3, "m", [], {}, {"name": 1}, {"name": ["m"]}, {"name": "m", "numberValue": 0.93}]}',
    '{"metrics": [{"name": "m", "numberValue": 0.93}, null, 3, "m", [], {}]}',
)  # fmt: skip
DOCUMENTS: Mapping[Form, tuple[Sample, ...]] = {KEY: _OF_KEY, NESTED: _OF_NESTED, KFP_V1: _OF_KFP_V1}
"""Whole files for one form each."""

TOO_LONG = Sample("0.93" + " " * LIMIT, "`0.93` and 32,768 spaces")
NUL = Sample("0.93\0", "`0.93` and a NUL")

TRUTHS = (
    "true", "false", "true\n", " false \n", "True", "TRUE", "1", "0", "", "yes", "null", '"true"', "[true]", "tru", "{{=true}}",
)  # fmt: skip
"""Texts of a value of type bool."""

TEXTS = (*VALUES.values(), "prod", "prod\n", "prod\n\n", "prod\r\n", "Prod", "$(A) $$(A)", "\\u003c \\", "it is missing", "nil", "<&>")
"""Texts of a value of type string."""

OPERATORS: tuple[dict[str, float | str], ...] = (
    {"min": BOUND}, {"max": BOUND}, {"above": BOUND}, {"below": BOUND}, {"min": BOUND, "max": 1}, {"above": BOUND, "below": 1},
)  # fmt: skip
"""Thresholds: each operator, and two of them combined."""


# --- questions ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Gate:
    """The step `use` is gated by the step `make`: the form of its metric, the thresholds (a number, or a parameter's name), and the file.

    None is a file that is not written.
    """

    form: Form
    thresholds: Mapping[str, float | str]
    text: str | None

    @property
    def make(self) -> dict[str, Any]:
        """The step `make`."""
        thresholds = {key: f"${{{{ params.{bound} }}}}" if isinstance(bound, str) else bound for key, bound in self.thresholds.items()}
        return {"image": "a:1", "command": ["make"], "metrics": {"m": {"path": "/tmp/m", **self.form.entry, **thresholds}}}

    def use(self, make: str) -> dict[str, Any]:
        """The step `use`, where `make` has this name."""
        return {"image": "a:1", "command": ["use"], "gate": make}

    @property
    def files(self) -> dict[str, str | None]:
        """What `make` writes."""
        return {"m": self.text}

    def means(self, params: Mapping[str, str]) -> str:
        """What becomes of `use`, by the rules."""
        bounds = {name: float(params[bound] if isinstance(bound, str) else bound) for name, bound in self.thresholds.items()}
        return gate(self.text, self.form, bounds)


KINDS = {"i": "int", "f": "float", "b": "bool", "s": "string"}
"""Parameters of a run, and values of the step `make`, by name."""
PARAMS = {name: {"type": kind} for name, kind in KINDS.items()}
GIVEN = {"i": "1", "f": "0.8", "b": "true", "s": "prod"}
"""Parameters of a run, where a test gives no others."""
SOUND = {**GIVEN, "m": "0.93", "k": KEY.holding("0.93")}
"""What `make` writes where a question does not say."""


@dataclass(frozen=True)
class When:
    """The step `use` has a `when`, over parameters and over what the step `make` wrote."""

    expression: str
    written: Mapping[str, str] = field(default_factory=dict)

    @property
    def make(self) -> dict[str, Any]:
        """The step `make`."""
        values = {name: {"path": f"/tmp/{name}", "type": kind} for name, kind in KINDS.items()}
        return {"image": "a:1", "command": ["make"], "values": values, "metrics": {"m": "/tmp/m", "k": {"path": "/tmp/k", **KEY.entry}}}

    def use(self, make: str) -> dict[str, Any]:
        """The step `use`, where `make` has this name."""
        return {"image": "a:1", "command": ["use"], "when": self.expression.replace("steps.make.", f"steps.{make}."), "needs": make}

    @property
    def files(self) -> dict[str, str | None]:
        """What `make` writes."""
        return {**SOUND, **self.written}

    def means(self, params: Mapping[str, str]) -> str:
        """What becomes of `use`, by the rules."""
        files = {**SOUND, **self.written}
        names = {f"params.{name}": _or_unreadable(value, params[name], kind) for name, kind in KINDS.items()}
        for name, kind in KINDS.items():  # one line break at the end of a file does not count
            names[f"steps.make.values.{name}"] = _or_unreadable(value, files[name].removesuffix("\n"), kind)
        names["steps.make.metrics.m"] = _or_unreadable(metric, files["m"], NUMBER)
        names["steps.make.metrics.k"] = _or_unreadable(metric, files["k"], KEY)
        return when(self.expression, names)


def _or_unreadable(read: Callable[..., Any], *arguments: object) -> Any:
    try:
        return read(*arguments)
    except Unreadable as unreadable:
        return unreadable


# --- texts in arguments and env -----------------------------------------------------------------------------------------------

_FORMS_OF_TEXT = {
    "int": r"-?[0-9]+",
    "float": r"-?[0-9]+([.][0-9]+)?([eE][-+]?[0-9]+)?",
    "metric": r"[ \t\r\n]*-?[0-9]+([.][0-9]+)?([eE][-+]?[0-9]+)?[ \t\r\n]*",
    "bool": "true|false",
}


def allowed(text: str, kind: str) -> bool:
    """Whether a text may reach a program, as what it is declared to be: no engine can carry double braces."""
    if kind in _FORMS_OF_TEXT:
        return re.fullmatch(_FORMS_OF_TEXT[kind], text) is not None
    if kind in ("list", "dict"):
        try:
            if not isinstance(document(text), {"list": list, "dict": dict}[kind]):
                return False
        except Unreadable:
            return False
    return "{{" not in text


def carried(of: str, text: str) -> bool:
    """Whether the template engine of Argo, which KFP uses too, can put a text into another.

    It quotes as Go does and reads JSON, which differ in some characters (util/template/template.go). What KFP hands over is JSON already,
    in which those below a space are written out.
    """
    return not any(char == "\x7f" or _far_and_hidden(char) or (of == "argo" and char < " " and char not in "\b\f\n\r\t") for char in text)


def _far_and_hidden(char: str) -> bool:
    return char > "\uffff" and not char.isprintable()


WRITTEN: Mapping[str, tuple[str, ...]] = {
    "string": TEXTS,
    "int": ("7", "-7", "-0", "007", "12345678901234567890", "7\n", "+7", " 7", "7.0", "1e3", "abc", "", "NaN", "{{=1}}", "$(A)"),
    "float": ("0.1", "1e-05", "1E5", "-1", "1e21", "007.5", "0.1\n", ".5", "5.", "+1", " 1", "inf", "NaN", "abc", "", "0x10", "{{=1}}"),
    "bool": ("true", "false", "true\n", "True", "1", "", " true", "yes", "{{=true}}"),
    "list": (
        "[1,2]",
        "[ 1, 2 ]",
        "[]",
        '["a","é 🙂","<&>","it\'s"]',
        '["$HOME","a$"]',
        '["{{x}}"]',
        '["$$"]',
        '["$(A)"]',
        "{}",
        "null",
        "abc",
        "",
    ),
    "dict": ('{"a":1}', '{"b":1, "a":{"c":[]}}', "{}", '{"a":"it\'s <&>"}', '{"a":"{{=1}}"}', '{"$$":1}', "[]", "null", "abc", ""),
    "metric": tuple(sample.text for sample in (*NUMBERS, *NO_NUMBERS)),
}
"""By type: texts of parameters, values and metrics."""


# --- what every engine must say -----------------------------------------------------------------------------------------------

LONG_ON_ARGO = {TOO_LONG.text: RUNS}
"""Nothing of Argo measures a file. On KFP the wrapper of the step does."""

EXPANDED_BY_KFP = {
    "{{=1+1}}": "arrives as `2`",
    "{{workflow.name}}": "arrives as the run's name",
    "{{ inputs.parameters.x }}": REFUSED,
    "$$": "arrives as `$`",
    "$(A) $$(A)": "arrives as `$(A) $(A)`",
}
"""Parameters are in the commands of KFP's own pods, and nothing in a pipeline can guard those: `mlc` cannot either."""


def target(name: str) -> str:
    """The target whose manifests an engine takes."""
    return name.partition("-")[0]


class Rules:
    """Answers like an engine's (asked.Engines), by the rules above. Where no compiler can make engines agree, they say how they differ."""

    def decided(self, name: str, questions: Sequence[Gate | When], params: Mapping[str, str] = GIVEN) -> list[str]:
        """What becomes of the step `use` of each question."""
        known = LONG_ON_ARGO if target(name) == "argo" else {}
        return [known.get(getattr(question, "text", None) or "") or question.means(params) for question in questions]

    def fates_of_files(self, name: str, kind: str, texts: Sequence[str]) -> list[str]:
        """What becomes of texts in the files of values, or of metrics (`kind` is "metric")."""
        marks = {"argo": ("{{",), "kfp": ("{{", "$$", "$(")}[target(name)]
        held = [text.removesuffix("\n") for text in texts]  # the line break at the end of a file
        return [
            ARRIVES if allowed(text, kind) and carried(target(name), text) and not any(mark in text for mark in marks) else REFUSED
            for text in held
        ]

    def fates_of_parameters(self, name: str, kind: str, texts: Sequence[str]) -> list[str]:
        """What becomes of texts that the run is given as a parameter. The newer controllers of Argo wait for the end of a `{{=`."""
        if target(name) == "kfp":
            return [EXPANDED_BY_KFP.get(text, ARRIVES if carried("kfp", text) else REFUSED) for text in texts]
        return [
            WAITS if text == "a {{= b" and name >= "argo-3.7" else ARRIVES if allowed(text, kind) and carried("argo", text) else REFUSED
            for text in texts
        ]

    def ends(self, name: str) -> dict[str, dict[str, str]]:
        """By how the step before ended: what becomes of steps that use what it wrote, and of the run."""
        return {end: dict.fromkeys(USERS, became) | {"the run": run} for end, (became, run) in ENDINGS.items()}


USERS: Mapping[str, Mapping[str, Any]] = {
    "`gate: make`": {"gate": "make"},
    "`when: steps.make.metrics.m > 0.5`": {"when": "steps.make.metrics.m > 0.5"},
    "`when: steps.make.values.s == 'prod'`": {"when": "steps.make.values.s == 'prod'"},
    "`when: params.b or steps.make.values.b`": {"when": "params.b or steps.make.values.b"},
    '`args: ["${{ steps.make.metrics.m }}"]`': {"args": ["${{ steps.make.metrics.m }}"]},
    "`needs: make`": {"needs": "make"},
}
"""Steps that depend on the step `make`, by what the page calls them."""

ENDINGS = {
    "it wrote 0.93, `prod` and `true`": (RUNS, "green"),
    "it was skipped": (SKIPPED, "green"),
    "its program failed": (NEVER, "red"),
    "it ended well, and wrote no file of them": (NEVER, "red"),
}
"""How the step `make` may end, what becomes then of every one of them, and how the run ends."""
