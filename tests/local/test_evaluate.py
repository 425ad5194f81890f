"""Expressions and texts of a run, against the rules in plain Python that the engines are held against (tests/conformance/meaning.py)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from mlc.expr.evaluate import Facts, Unreadable, checked, fits, holds, items, shown, text
from mlc.ir import Group, loops_of
from mlc.local.conditions import decided, missed, thresholds
from mlc.local.nodes import used_columns
from mlc.local.params import filled, problems
from tests.conformance import meaning
from tests.local.scripted import resolved

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlc.ir import Pipeline, Step

EXPRESSIONS = (
    "steps.make.values.i > 5", "steps.make.values.i >= 7", "steps.make.values.f > 0.5", "steps.make.values.f in [0.93, 1]",
    "steps.make.values.b", "not steps.make.values.b", "steps.make.values.b == true", "steps.make.values.s == 'prod'",
    "steps.make.values.s in ['prod', '']", "steps.make.values.s not in ['prod', 'a']", "steps.make.metrics.m > 0.5",
    "steps.make.metrics.k > 0.5", "params.b and steps.make.values.b", "params.b or steps.make.values.b",
    "steps.make.values.b and steps.make.metrics.m < 0.5", "steps.make.values.b or steps.make.metrics.m < 0.5",
    "params.i < steps.make.values.i", "params.f == steps.make.metrics.m", "params.s == steps.make.values.s",
    "not (params.s != 'prod' or steps.make.values.i <= 3)",
)  # fmt: skip


def make(questions: Sequence[meaning.Gate | meaning.When]) -> Pipeline:
    """A project with a step `use<number>` for each question and a step `make<number>` for what it reads."""
    steps: dict[str, Any] = {}
    for number, question in enumerate(questions):
        steps[f"make{number}"], steps[f"use{number}"] = question.make, question.use(f"make{number}")
    return resolved({"params": meaning.PARAMS, "steps": steps})


def known(texts: Mapping[tuple[str, str], str], **more: Any) -> Facts:
    """Facts with these texts in files."""
    given: dict[str, Any] = {"params": meaning.GIVEN, "run": {"id": "i", "name": "n"}, "texts": texts, "lists": {}, "item": {}, **more}
    return Facts(**given)


def became(step: Step, files: Mapping[str, str | None], number: int) -> str:
    """What becomes of a step with conditions, in the words of the rules."""
    texts = {(f"make{number}", name): content.removesuffix("\n") for name, content in files.items() if content is not None}
    try:
        why = decided(step.conditions, known(texts))
    except Unreadable as unreadable:
        return meaning.FAILS if "\n" not in str(unreadable) else "says so in more than a line"
    return meaning.SKIPPED if why else meaning.RUNS


def compared(questions: Sequence[meaning.Gate | meaning.When]) -> None:
    pipeline = make(questions)
    steps = {step.name: step for step in pipeline.steps}
    for number, question in enumerate(questions):
        assert became(steps[f"use{number}"], question.files, number) == question.means(meaning.GIVEN), question


@pytest.mark.parametrize("form", meaning.FORMS, ids=lambda form: form.name)
def test_gates(form: meaning.Form) -> None:
    """Every form of a metric, every operator, every text: a gate is decided as on the engines."""
    samples = [sample.text for sample in (*meaning.NUMBERS, *meaning.NO_NUMBERS)]
    whole = [sample.text for sample in meaning.DOCUMENTS.get(form, ())]
    compared(
        [
            *(meaning.Gate(form, operators, form.holding(found)) for operators in meaning.OPERATORS for found in samples),
            *(meaning.Gate(form, operators, found) for operators in meaning.OPERATORS for found in whole),
            *(meaning.Gate(form, {"above": "f"}, form.holding(found)) for found in samples),
            meaning.Gate(form, {"min": 0.8}, form.holding(meaning.NUL.text)),
        ]
    )


def test_conditions() -> None:
    """Conditions over values, metrics and parameters, whatever is in the files."""
    texts = [sample.text for sample in (*meaning.NUMBERS, *meaning.NO_NUMBERS)] + [*meaning.TRUTHS, *meaning.TEXTS]
    questions = []
    for expression in EXPRESSIONS:
        for name in "ifbsmk":
            if f"values.{name}" in expression or f"metrics.{name}" in expression:
                questions += [meaning.When(expression, {name: meaning.KEY.holding(found) if name == "k" else found}) for found in texts]
    assert len(questions) > 1_000
    compared(questions)


@pytest.mark.parametrize("kind", meaning.WRITTEN)
def test_texts_from_files(kind: str) -> None:
    """What reaches a program of what is in a file, and what does not, is as on the engines.

    But for what no engine's template can carry (control characters), and for metrics that are not JSON: those pass nothing here.
    """
    entry = {"metrics": {"x": "/x"}} if kind == "metric" else {"values": {"x": {"path": "/x", "type": kind}}}
    reference = f"${{{{ steps.make.{next(iter(entry))}.x }}}}"
    pipeline = resolved(
        {"steps": {"make": {"image": "a:1", "command": ["m"], **entry}, "use": {"image": "a:1", "command": ["u", reference]}}}
    )
    [word] = next(step for step in pipeline.steps if step.name == "use").command[1:]  # type: ignore[index]
    arrived = 0
    for found in meaning.WRITTEN[kind]:
        held = found.removesuffix("\n")
        refused = "{{" in held or not meaning.allowed(held, kind) or (kind == "metric" and held in ("007", "1e999", "-1e999", "9" * 310))
        try:
            got = text(word, known({("make", "x"): held}), lambda port, name, path: path)
        except Unreadable:
            assert refused, found
            continue
        assert not refused, found
        arrived += 1
        if kind in ("list", "dict"):
            assert json.loads(got) == json.loads(held)
            assert got == json.dumps(json.loads(held), separators=(",", ":"), sort_keys=True, ensure_ascii=False)
        else:
            assert got == (held.strip(" \t\r\n") if kind == "metric" else held)
    assert arrived


PARAMS: dict[str, Any] = {
    "n": {"type": "int", "default": 3, "min": 1, "max": 9},
    "f": {"type": "float", "default": 0.5, "choices": [0.5, 1]},
    "s": {"type": "string", "default": "a", "choices": ["a", "b c"]},
    "b": True,
    "l": {"type": "list", "default": [1]},
    "d": {"type": "dict", "default": {"a": 1}},
    "must": {"type": "string"},
}


@pytest.mark.parametrize(
    "name, good, bad, limited",
    [
        ("n", ("1", "9", "007", "-0"), ("x", "1.0", "1e0", "", " 1", "9" * 400), ("0", "10", "-0")),
        ("f", ("0.5", "1", "1.0", "5e-1"), ("x", ".5", "NaN", "inf", "1e999"), ("2", "0")),
        ("s", ("a", "b c"), ("a\0",), ("c", "")),
        ("b", ("true", "false"), ("True", "1", ""), ()),
        ("l", ("[]", ' [1, "x"] '), ("{}", "[1", "[NaN]", "[" * 10_000), ()),
        ("d", ("{}", '{"b": 1}'), ("[]", "", "null"), ()),
    ],
)
def test_parameters(name: str, good: Sequence[str], bad: Sequence[str], limited: Sequence[str]) -> None:
    """A parameter must be of its type; what is outside its limits is told only where a person asks."""
    pipeline = resolved(
        {"params": PARAMS, "steps": {"a": {"image": "a:1", "command": ["a", f"${{{{ params.{name} }}}}", "${{ params.must }}"]}}}
    )
    for found in good:
        if found not in limited:
            assert not problems(pipeline, {name: found, "must": ""}), found
    for found in bad:
        [problem] = problems(pipeline, {name: found, "must": ""}, limits=False)
        assert f"`{name}` is of type {PARAMS[name]['type'] if isinstance(PARAMS[name], dict) else 'bool'}" in problem
    for found in limited:
        assert not problems(pipeline, {name: found, "must": ""}, limits=False)
        [problem] = problems(pipeline, {name: found, "must": ""})
        assert f"`params.{name}`" in problem


def test_parameters_of_a_run() -> None:
    """A parameter without default must be given, and there are no others than those of the project."""
    pipeline = resolved({"params": PARAMS, "steps": {"a": {"image": "a:1", "command": ["a", "${{ params.must }}"]}}})
    assert problems(pipeline, {"mist": "x"}) == [
        "the project has no parameter `mist` (did you mean `must`?)",
        "parameter `must` has no default: the run must give it",
    ]
    assert filled(pipeline, {"must": "x", "n": "4"}) == {
        "n": "4",
        "f": "0.5",
        "s": "a",
        "b": "true",
        "l": "[1]",
        "d": '{"a":1}',
        "must": "x",
    }
    params = {param.name: param for param in pipeline.params}
    with pytest.raises(Unreadable, match=r"`params.n` is `10`, and its `max` is 9"):
        checked(params["n"], "10")
    with pytest.raises(Unreadable, match=r"`params.s` is `x`, which is none of its choices: `a`, `b c`"):
        checked(params["s"], "x")
    assert fits("string", "{{x}}")  # it is refused where it would reach a program


def texts_of(pipeline: Pipeline, step: str, facts: Facts) -> list[str]:
    [found] = [one for one in pipeline.steps if one.name == step]
    return [text(word, facts, lambda port, name, path: f"<{port} {name} {path}>") for word in found.args]


def test_texts() -> None:
    """Parameters, the run, paths, and several of them in one text."""
    step = {
        "image": "a:1",
        "command": ["a"],
        "args": ["--x=${{ params.l }}:${{ run.name }}", "${{ outputs.o }}", "$HOME ${X} $$", "${{ params.s }}"],
        "outputs": {"o": "/out/o"},
    }
    pipeline = resolved({"params": {"l": {"type": "list", "default": []}, "s": "a"}, "steps": {"a": step}})
    facts = known({}, params={"l": '[ {"b": 1e-05, "a": 12345678901234567890}, "é", null, true ]', "s": "it's"})
    assert texts_of(pipeline, "a", facts) == [
        '--x=[{"a":12345678901234567890,"b":1e-05},"é",null,true]:n',
        "<outputs o /out/o>",
        "$HOME ${X} $$",
        "it's",
    ]
    with pytest.raises(Unreadable, match=r"`params.s` is a text with double braces, which an engine would expand: `a \{\{b`"):
        texts_of(pipeline, "a", known({}, params={"l": "[]", "s": "a {{b"}))


@pytest.mark.parametrize(
    "kind, written, expected",
    [
        ("int", ["12", "007", "-0", "-010"], "[12,7,-0,-10]"),
        ("float", ["0.50", "1e-05", "007.5", "-00.5"], "[0.50,1e-05,7.5,-0.5]"),
        ("bool", ["true", "false"], "[true,false]"),
        ("string", ['a "b"', "", "é\n"], '["a \\"b\\"","","é\\n"]'),
        ("list", ["[1, 2]", "[]"], "[[1,2],[]]"),
        ("dict", ['{"b": [], "a": 1}'], '[{"a":1,"b":[]}]'),
        ("int", [], "[]"),
        ("int", ["1", "x"], None),
        ("string", ["a", "{{b}}"], None),
        ("dict", ["[]"], None),
    ],
)
def test_values_of_a_loop(kind: str, written: list[str], expected: str | None) -> None:
    """A value of a loop is one JSON list in item order, its items of the value's type."""
    loop = {"foreach": {"x": [1]}, "args": ["${{ each.x }}"], "values": {"v": {"path": "/v", "type": kind}}}
    steps = {"train": loop, "report": {"args": ["${{ steps.train.values.v }}"]}}
    pipeline = resolved({"defaults": {"image": "a:1", "command": ["a"]}, "steps": steps})
    facts = known({}, lists={("train", "v"): written})
    if expected is None:
        with pytest.raises(Unreadable, match=r"`steps.train.values.v` is "):
            texts_of(pipeline, "report", facts)
    else:
        [got] = texts_of(pipeline, "report", facts)
        assert got == expected
        json.loads(got)


def loop_items(given: str, *uses: str) -> list[dict[str, str]]:
    """The items of a loop over a list of a run."""
    steps = {"train": {"foreach": {"x": "${{ params.l }}"}, "args": [f"${{{{ {use} }}}}" for use in uses]}}
    pipeline = resolved({"params": {"l": {"type": "list", "default": []}}, "defaults": {"image": "a:1", "command": ["a"]}, "steps": steps})
    [group] = loops_of(pipeline)
    assert isinstance(group, Group)
    assert group.loop is not None
    return items(group.loop, known({}, params={"l": given}), used_columns(group))


def test_items_of_a_run() -> None:
    """Items that only a run knows are texts, JSON for what is none, field by field where fields are used."""
    assert loop_items('["a", 1.50, true, null, [1, 2], {"b": 1}]', "each.x") == [
        {"x": one} for one in ("a", "1.50", "true", "null", "[1,2]", '{"b":1}')
    ]
    assert loop_items('[{"a": "p q", "b": 3, "c": 0}]', "each.x.a", "each.x.b") == [{"x.a": "p q", "x.b": "3"}]
    assert loop_items('["{{x}}", "b"]') == [{}, {}]
    assert loop_items("[]", "each.x") == []


@pytest.mark.parametrize(
    "given, use, why",
    [
        ('[{"a": 1}]', "each.x.b", r"item 0 of `params.l` has no `b`: `\{\"a\":1\}`"),
        ('["a", {"b": null}]', "each.x.b", r"item 0 of `params.l` has no `b`"),
        ('["a", "{{b}}"]', "each.x", r"item 1 of `params.l` holds double braces"),
        ('["a\\u0000"]', "each.x", r"item 0 of `params.l` holds a NUL"),
    ],
)
def test_items_that_cannot_be(given: str, use: str, why: str) -> None:
    """An item without a field that is used, or with what no program can get, fails the loop."""
    with pytest.raises(Unreadable, match=why):
        loop_items(given, use)


GATED: dict[str, Any] = {
    "params": {"floor": 0.5, "go": True},
    "defaults": {"image": "a:1", "command": ["a"]},
    "steps": {
        "old": {"metrics": {"m": "/m"}},
        "new": {
            "metrics": {
                "m": {"path": "/m", "min": "${{ params.floor }}", "below": 1},
                "n": {"path": "/n", "above": "${{ steps.old.metrics.m }}", "on_miss": "fail"},
                "k": {"path": "/k", "key": "a.b"},
            },
            "values": {"rows": {"path": "/rows", "type": "int"}},
        },
        "gated": {"gate": "new"},
        "asked": {"when": "params.go and steps.new.values.rows >= 10"},
        "plain": {"when": "params.go"},
    },
}


def test_words() -> None:
    """A person is told why a step was skipped, with the numbers; how thresholds stand; and what failed the run."""
    pipeline = resolved(GATED)
    steps = {step.name: step for step in pipeline.steps}
    texts = {("new", "m"): " 0.40 ", ("new", "n"): "0.7", ("new", "k"): '{"a": {"b": 3}}', ("new", "rows"): "9", ("old", "m"): "0.70"}
    facts = known(texts, params={"floor": "0.5", "go": "false"})
    assert decided(steps["gated"].conditions, facts) == "new: m 0.40 is below 0.5; new: n 0.7 is not above 0.70"
    assert decided(steps["plain"].conditions, facts) == "`params.go` is false"
    assert decided(steps["asked"].conditions, facts) == (
        "`params.go and (steps.new.values.rows >= 10)` does not hold: params.go is false, steps.new.values.rows is 9"
    )
    m, n, k = steps["new"].metrics
    assert thresholds("new", m, facts, {"new"}) == ("0.40", (("min 0.5", False), ("below 1", True)))
    assert thresholds("new", n, facts, {"new"}) == ("0.7", (("above steps.old.metrics.m", None),))
    assert thresholds("new", n, facts, {"new", "old"}) == ("0.7", (("above 0.70", False),))
    assert thresholds("new", k, facts, {"new"}) == ("3", ())
    assert missed(steps["new"], facts, {"new", "old"}) == ("new: n 0.7 is not above 0.70 (on_miss: fail)",)
    assert missed(steps["new"], facts, {"new"}) == ()
    nan = known({**texts, ("new", "n"): "NaN"}, params=facts.params)
    assert thresholds("new", n, nan, {"new", "old"}) == ("", (("above 0.70", None),))
    assert missed(steps["new"], nan, {"new", "old"}) == (
        "`steps.new.metrics.n` is no JSON document with finite numbers: `NaN` (on_miss: fail)",
    )


def test_every_operand_is_asked() -> None:
    """A condition with a part that cannot be decided is none that is false, whatever the other parts say."""
    pipeline = resolved(GATED)
    [asked] = [step for step in pipeline.steps if step.name == "asked"]
    for go in ("true", "false"):
        with pytest.raises(Unreadable, match=r"`steps.new.values.rows` is no number: `\"9\"`"):
            holds(asked.conditions[0].expr, known({("new", "rows"): '"9"'}, params={"floor": "0", "go": go}))


@pytest.mark.parametrize(
    "found, expected",
    [("", "an empty text"), ("a", "`a`"), ("a\nb", "`a\\nb`"), ("é", "`é`"), ("x" * 70, f"`{'x' * 60}...`"), ("\u200b", "`\\u200b`")],
)
def test_shown(found: str, expected: str) -> None:
    """A text of a file stands in a message in one line, and is not too long."""
    assert shown(found) == expected
