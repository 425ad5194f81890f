"""Conditions and arguments for Argo, exactly as printed. The forms were run through its engine (expr-lang 1.15.3, 1.16.9, 1.17.8)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from mlc.ir import Compare, In, Literal, Logic, Metric, MetricRef, Not, Param, ParamRef, RunRef, Text, Value, ValueRef
from mlc.targets.argo.arguments import Arguments, argument
from mlc.targets.argo.expressions import condition, every, quoted

from .support import manifests

if TYPE_CHECKING:
    from mlc.ir import Expr, Type


def param(name: str = "x", kind: Type = "string", **limits: Any) -> ParamRef:
    """A reference to a parameter."""
    found = {"choices": (), "minimum": None, "maximum": None} | limits
    return ParamRef(Param(name, kind, None, "", found["choices"], found["minimum"], found["maximum"], ()))


def value(name: str = "v", kind: Type = "string") -> ValueRef:
    """A reference to a value of the step `a-b`."""
    return ValueRef("a-b", Value(name, kind, "/v", ()))


def metric(*key: str, kfp: bool = False) -> MetricRef:
    """A reference to the metric `m` of the step `a-b`."""
    return MetricRef("a-b", Metric("m", "/m", key, "kfp-v1" if kfp else "json", (), ()))


def literal(value: str | float | bool) -> Literal:
    """A constant."""
    if isinstance(value, bool):
        return Literal(value, "bool", "true" if value else "false")
    if isinstance(value, str):
        return Literal(value, "string", value)
    return Literal(value, "int" if isinstance(value, int) else "float", repr(value))


# --- expressions --------------------------------------------------------------------------------------------------------------

INT = "'^-?[0-9]+$'"
M = "tasks['a-b'].outputs.parameters['m']"
V = "tasks['a-b'].outputs.parameters['v']"
X = "workflow.parameters['x']"
LISTED = f"filter(fromJSON({M})['metrics'], type(#) == 'map' and #['name'] == 'm')[0]['numberValue']"


@pytest.mark.parametrize(
    ("expr", "printed"),
    [
        (Compare(">", metric(), literal(0.8)), f"fromJSON({M}) > 0.8"),
        (Compare(">=", metric("macro", "f1"), literal(1)), f"fromJSON({M})['macro']['f1'] >= 1"),
        (Compare("<", metric(kfp=True), literal(-1e-05)), f"{LISTED} < -1e-05"),
        (Compare("==", metric(), literal(1)), f"(fromJSON({M}) + 0) == 1"),
        (Compare("!=", literal(1), metric("k")), f"1 != (fromJSON({M})['k'] + 0)"),
        (Compare(">", metric(), param("x", "float")), f"(fromJSON({M}) + 0) > (fromJSON({X}) + 0)"),
        (Compare("==", value(), literal("prod")), f"{V} == 'prod'"),
        (Compare("!=", param(), value()), f"{X} != {V}"),
        (Compare("==", RunRef("name"), literal("n")), "workflow.name == 'n'"),
        (Compare("==", param("x", "bool"), literal(True)), f"(fromJSON({X}) ? true : false) == true"),
        (Compare("==", Compare(">", metric(), literal(1)), literal(False)), f"(fromJSON({M}) > 1) == false"),
        (Compare(">", metric(), literal(2**60)), f"fromJSON({M}) > 1152921504606846976.0"),
        (In(param(), (literal("a"), literal("b"))), f"{X} in ['a', 'b']"),
        (In(metric(), (literal(1), literal(2.5))), f"any([1, 2.5], # == (fromJSON({M}) + 0))"),
        (param("x", "bool"), f"(fromJSON({X}) ? true : false)"),
        (Not(value("v", "bool")), f"not (fromJSON({V}) ? true : false)"),
        (Not(Compare("==", param(), literal("a"))), f"not ({X} == 'a')"),
        (literal(False), "false"),
        (
            Logic("and", (param("x", "bool"), Compare(">", metric(), literal(0.5)))),
            f"all([(fromJSON({X}) ? true : false), fromJSON({M}) > 0.5], #)",
        ),
        (
            Logic("or", (Logic("and", (literal(True), literal(False))), Not(Logic("or", (literal(True), literal(True)))))),
            "any([all([true, false], #), not (any([true, true], #))], #)",
        ),
    ],
)
def test_conditions(expr: Expr, printed: str) -> None:
    """Numbers and booleans are read strictly, `and` and `or` evaluate every operand, names stand in brackets."""
    assert condition(expr) == printed


def test_several_conditions_must_all_hold() -> None:
    """A gate with two thresholds, or a gate and a `when`, is one strict list."""
    first, second = Compare(">", metric(), literal(0.5)), Compare("<", metric(), literal(1))
    assert every([first]) == f"fromJSON({M}) > 0.5"
    assert every([first, second]) == f"all([fromJSON({M}) > 0.5, fromJSON({M}) < 1], #)"


HOSTILE = [
    ("{{=1+1}}", "('{' + '{=1+1}' + '}')"),
    ("{{workflow.name}}", "('{' + '{workflow.name}' + '}')"),
    ("a {{= b", "('a {' + '{= b')"),
    ("{{$}}", "('{' + '{$}' + '}')"),
    ("{{{", "('{' + '{' + '{')"),
    ("a}}}b", "('a}' + '}' + '}b')"),
    ("$(HOME)", "'$(HOME)'"),
    ("$$", "'$$'"),
    ("'", r"'\''"),
    ('"', "'\"'"),
    ("\\", r"'\\'"),
    ("\\'", r"'\\\''"),
    ("\\u003c", r"('\\' + 'u003c')"),
    ("a\nb\r\t", r"'a\nb\r\t'"),
    ("\x01", r"'\x01'"),
    ("-x", "'-x'"),
    ("", "''"),
    ('{"IfPresent":1}', "'{\"IfPresent\":1}'"),
    ("é😀", "'é😀'"),
    ("it is missing", "('it is' + ' missing')"),
    ("variable not in env", "('variable' + ' not in env')"),
]


@pytest.mark.parametrize(("text", "printed"), HOSTILE)
def test_strings_in_expressions(text: str, printed: str) -> None:
    """A hostile literal stays a string: it neither ends the tag, nor the string, nor looks like a missing output in an error."""
    assert quoted(text) == printed
    assert "{{" not in printed
    assert "}}" not in printed


@pytest.mark.parametrize("name", ["in", "not", "and", "matches", "let", "nil", "true", "root", "on", "y", "class", "null", "size"])
def test_names_that_are_words_elsewhere(name: str) -> None:
    """Names stand in brackets and quotes, so no keyword of expr-lang, CEL, Python or YAML is special."""
    assert condition(Compare("==", param(name), literal("a"))) == f"workflow.parameters['{name}'] == 'a'"


# --- arguments ----------------------------------------------------------------------------------------------------------------

BRACES = "contains ('{' + '{')"
METRIC = r"'^[ \t\r\n]*-?[0-9]+([.][0-9]+)?([eE][-+]?[0-9]+)?[ \t\r\n]*$'"
FLOAT = "'^-?[0-9]+([.][0-9]+)?([eE][-+]?[0-9]+)?$'"


@pytest.mark.parametrize(
    ("pieces", "printed"),
    [
        ((param(),), f"{X} {BRACES} ? asInt('parameter x contains double braces') : replace({X}, '$', '$$')"),
        (
            (param("x", "list"),),
            f"{X} {BRACES}"
            " ? asInt('parameter x contains double braces')"
            f" : replace((type(fromJSON({X})) == 'array' ? {X} : asInt('parameter x is not a list')), '$', '$$')",
        ),
        (
            (value("v", "dict"),),
            f"{V} {BRACES}"
            " ? asInt('value v of step a-b contains double braces')"
            f" : replace((type(fromJSON({V})) == 'map' ? {V} : asInt('value v of step a-b is not a dict')), '$', '$$')",
        ),
        (
            ("--n=$1 }}", value(), param("y")),
            f"(('--n=$1 }}' + '}}') + {V} + workflow.parameters['y']) {BRACES}"
            " ? asInt('value v of step a-b or parameter y contains double braces')"
            f" : replace(('--n=$1 }}' + '}}') + {V} + workflow.parameters['y'], '$', '$$')",
        ),
        ((param("x", "int"),), f"({X} matches '^-?[0-9]+$' ? {X} : asInt('parameter x is not an int'))"),
        (("--lr=$", param("x", "float")), f"'--lr=$$' + ({X} matches {FLOAT} ? {X} : asInt('parameter x is not a float'))"),
        (
            (param("x", "int", minimum="1", maximum="10"),),
            f"({X} matches '^-?[0-9]+$' and asFloat({X}) >= 1 and asFloat({X}) <= 10"
            f" ? {X} : asInt('parameter x is not an int from 1 to 10'))",
        ),
        ((param("x", "string", choices=("a", "b")),), f"({X} in ['a', 'b'] ? {X} : asInt('parameter x is not one of its choices'))"),
        (
            (param("x", "string", choices=("a$", "b")),),
            f"replace(({X} in ['a$', 'b'] ? {X} : asInt('parameter x is not one of its choices')), '$', '$$')",
        ),
        ((param("x", "bool"),), f"({X} in ['true', 'false'] ? {X} : asInt('parameter x is not a bool'))"),
        ((value("v", "int"),), f"({V} matches '^-?[0-9]+$' ? {V} : asInt('value v of step a-b is not an int'))"),
        ((metric(),), f"({M} matches {METRIC} ? trim({M}) : asInt('metric m of step a-b is not a number'))"),
        ((metric("a", "b.c"),), f"toJson(fromJSON({M})['a']['b.c'] + 0)"),
        ((metric(kfp=True),), f"toJson({LISTED} + 0)"),
        ((RunRef("id"),), "workflow.uid"),
        (("r-$", RunRef("name")), "'r-$$' + workflow.name"),
        (
            ("$", param("x", "int"), param("y")),
            f"('$' + {X} + workflow.parameters['y']) {BRACES}"
            " ? asInt('parameter y contains double braces')"
            f" : replace('$' + ({X} matches {INT} ? {X} : asInt('parameter x is not an int')) + workflow.parameters['y'], '$', '$$')",
        ),
    ],
)
def test_arguments(pieces: tuple[Any, ...], printed: str) -> None:
    """A run-time text is guarded as a whole: `{{` and what is no number end the run, every `$` is doubled once."""
    assert argument(Text(pieces, ())) == printed


def test_parameters_are_named_after_what_they_carry() -> None:
    """A text that is one reference takes its name; others take their place; equal texts share one; names stay unique."""
    arguments = Arguments()
    lr = Text((param("lr", "float"),), ())
    assert arguments.use(lr, "arg-1") == "{{inputs.parameters.lr}}"
    assert arguments.use(Text((param("lr", "float"),), ("elsewhere",)), "arg-2") == "{{inputs.parameters.lr}}"
    assert arguments.use(Text(("--lr=", param("lr", "float")), ()), "arg-3") == "{{inputs.parameters.arg-3}}"
    assert arguments.use(Text(("x", param("lr", "float")), ()), "env-A.B") == "{{inputs.parameters.env-A-B}}"
    assert arguments.use(Text((value("lr"),), ()), "arg-4") == "{{inputs.parameters.a-b-lr}}"
    assert arguments.use(Text(("y", value("lr")), ()), "arg-3") == "{{inputs.parameters.arg-3-2}}"
    assert arguments.use(Text((RunRef("id"),), ()), "arg-5") == "{{inputs.parameters.run-id}}"
    assert arguments.use(Text(("costs $5 ${x}",), ()), "arg-6") == "costs $$5 $${x}"
    assert list(arguments.values) == ["lr", "arg-3", "env-A-B", "a-b-lr", "arg-3-2", "run-id"]


def test_limits_hold_in_conditions_too() -> None:
    """A parameter outside its limits ends the run where only a gate uses it, as it does on KFP and in arguments."""
    body = """
        params: {floor: {type: float, default: 0.5, min: 0, max: 1}}
        steps:
          a: {image: acme/a:1, command: [run], metrics: {acc: {path: /acc, min: "${{ params.floor }}"}}}
          b: {image: acme/a:1, command: [run], gate: a}
        """
    (workflow,) = manifests(body, "argo")
    assert workflow["spec"]["templates"][0]["dag"]["tasks"][1]["when"] == (
        "{{= (fromJSON(tasks['a'].outputs.parameters['acc']) + 0) >= (fromJSON(workflow.parameters['floor']) >= 0 and "
        "fromJSON(workflow.parameters['floor']) <= 1 ? fromJSON(workflow.parameters['floor']) : "
        "asInt('parameter floor is not a float from 0 to 1')) }}"
    )


def test_large_numbers_are_floats() -> None:
    """A whole number beyond 64 bits is a syntax error in expr-lang: limits and constants are printed as floats, wherever they stand."""
    body = """
        params: {a: {type: float, default: 1, max: 9223372036854775808}}
        steps:
          s: {image: acme/a:1, command: [run, "${{ params.a }}"], when: params.a < -9223372036854775809 or 9007199254740992 < params.a}
        """
    (workflow,) = manifests(body, "argo")
    task = workflow["spec"]["templates"][0]["dag"]["tasks"][0]
    read, asked = "fromJSON(workflow.parameters['a'])", "asFloat(workflow.parameters['a'])"
    assert f"({read} <= 9223372036854775808.0 ? " in task["when"]
    assert f"and {asked} <= 9223372036854775808.0 ? " in task["arguments"]["parameters"][0]["value"]
    assert ") < -9223372036854775809.0, 9007199254740992 < (" in task["when"]
