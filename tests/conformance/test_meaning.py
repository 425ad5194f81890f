"""Gates, conditions and run-time texts mean the same on every engine, and what the rules say (tests/conformance/meaning.py)."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.conformance import asked, asked_loops, meaning
from tests.conformance.asked import DECIDERS, PLAYERS, became, decided, play, played, project
from tests.conformance.engines import CONTROLLERS, KFP
from tests.conformance.meaning import (
    FAILS,
    FORMS,
    GIVEN,
    KEY,
    KFP_V1,
    LIMIT,
    NUMBER,
    OPERATORS,
    RUNS,
    SKIPPED,
    Form,
    Gate,
    Rules,
    When,
)  # fmt: skip
from tests.conformance.meaning_loops import LoopRules
from tests.conformance.meaning_loops_page import SECTIONS as OF_LOOPS
from tests.conformance.meaning_loops_page import LoopsPage
from tests.conformance.meaning_page import SECTIONS, Page
from tests.conformance.playing import Refused, compiled
from tests.test_hostile import fate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

RULES = Page(Rules(), LoopRules())
COUNTED = "meaning: {questions} questions, {decisions} decisions of engines, {differences} differences from the rules"


@pytest.fixture
def compare(counted: Callable[..., None]) -> Callable[..., None]:
    """Every engine says what the rules say, and the rules give every kind of answer at least so often."""

    def compare(
        questions: Sequence[Gate | When], params: Mapping[str, str] = GIVEN, ask: Callable[..., list[str]] = decided, least: int = 1
    ) -> None:
        expected = [question.means(params) for question in questions]
        assert all(expected.count(answer) >= least for answer in (RUNS, SKIPPED)), expected
        names = PLAYERS if ask is played else DECIDERS
        different = []
        for name in names:
            pairs = zip(questions, expected, ask(name, questions, params), strict=True)
            different += [f"{name}: {answer}, not {right}: {question}" for question, right, answer in pairs if answer != right]
        counted(COUNTED, questions=len(questions), decisions=len(questions) * len(names), differences=len(different))
        assert different == []

    return compare


# --- gates --------------------------------------------------------------------------------------------------------------------


def files(form: Form) -> list[str]:
    """Every file of the tables for a form."""
    inside = [form.holding(sample.text) for sample in (*meaning.NUMBERS, *meaning.NO_NUMBERS)]
    return [*inside, *(sample.text for sample in meaning.DOCUMENTS.get(form, ()))]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_gates(compare: Callable[..., None], form: Form) -> None:
    """Every operator, every form of a metric, every text: one decision."""
    compare([Gate(form, thresholds, text) for thresholds in OPERATORS for text in files(form)], least=20)


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_thresholds_from_parameters(compare: Callable[..., None], form: Form) -> None:
    """A threshold that a parameter gives decides as a constant does, whatever the parameter's type."""
    one: list[dict[str, float | str]] = [{operator: name} for operator in meaning.THRESHOLDS for name in ("f", "i")]
    two: list[dict[str, float | str]] = [{"min": "f", "max": "i"}, {"above": "f", "below": "i"}, {"min": "f", "below": 1}]
    compare([Gate(form, thresholds, text) for thresholds in (*one, *two) for text in files(form)], least=20)


BOUNDS = (0, -0.5, 1e-05, 0.1, 0.3, 1.5, 100, -7, 2**53, 2**53 + 1, 1e15, 1e21, 1e300, 5e-324, 0.1 + 0.2)


def near(bound: float) -> list[str]:
    """A bound as a text, and the numbers beside it."""
    return [repr(number) for number in (bound, math.nextafter(bound, math.inf), math.nextafter(bound, -math.inf))]


def test_at_the_bound(compare: Callable[..., None]) -> None:
    """Numbers are doubles: what is the bound as a double is equal to it, and the next one is not."""
    compare([Gate(NUMBER, {operator: bound}, text) for bound in BOUNDS for operator in meaning.THRESHOLDS for text in near(bound)])


@pytest.mark.parametrize(
    ("name", "given"), [("f", bound) for bound in ("8e-1", "0.80", "1e-5", "-1", "1E21", "0")] + [("i", "0"), ("i", "-7")]
)
def test_at_a_bound_from_a_parameter(compare: Callable[..., None], name: str, given: str) -> None:
    """The same for a bound that the run gives, however it is written."""
    questions = [Gate(KEY, {operator: name}, KEY.holding(text)) for operator in meaning.THRESHOLDS for text in near(float(given))]
    compare(questions, {**GIVEN, name: given})


def test_gates_of_whole_runs(compare: Callable[..., None]) -> None:
    """What the controllers and drivers make of gates when they play runs: every text, one operator and two forms of each."""
    questions = []
    for index, sample in enumerate((*meaning.NUMBERS, *meaning.NO_NUMBERS)):
        forms = (NUMBER, FORMS[1 + index % (len(FORMS) - 1)])
        questions += [Gate(form, OPERATORS[index % len(OPERATORS)], form.holding(sample.text)) for form in forms]
    for form, samples in meaning.DOCUMENTS.items():
        questions += [Gate(form, OPERATORS[0], sample.text) for sample in samples]
    compare([*questions, Gate(NUMBER, OPERATORS[0], None), Gate(NUMBER, OPERATORS[0], meaning.NUL.text)], ask=played)


@pytest.mark.parametrize("form", [NUMBER, KFP_V1], ids=lambda form: form.name)
def test_the_run_ends_as_its_gate_does(form: Form) -> None:
    """A gate that is missed leaves the run green; one that cannot be decided, for a metric that is none, makes it red."""
    for text in ("0.93", "0.1", "NaN", '"0.93"', None):
        gate = Gate(form, {"above": 0.8}, text if text is None else form.holding(text))
        decision = gate.means({})
        steps = {
            "make": gate.make,
            "use": gate.use("make"),
            "last": {"image": "a:1", "command": ["last"], "needs": "use"},
            "beside": {"image": "a:1", "command": ["beside"], "needs": "make"},
        }
        for name in PLAYERS:
            answer = play(name, project(steps), {"make": gate.files})
            assert became(answer, "use", "make") == decision, (name, text)
            assert answer["phase"] in (("Failed", "Error") if decision == FAILS else ("Succeeded",)), (name, text)
            assert became(answer, "beside", "make") == (FAILS if text is None else RUNS), (name, text)
            assert answer["steps"]["last"]["phase"] == ("Succeeded" if decision == RUNS else "Omitted"), (name, text)


def test_a_gate_on_two_steps() -> None:
    """All thresholds of all gating steps are looked at: one that cannot be decided fails the run, whatever the others say."""
    texts = {"0.93": True, "0.1": False, "NaN": None}
    steps: dict[str, Any] = {}
    written: dict[str, dict[str, str | None]] = {}
    expected: dict[str, str] = {}
    for index, (first, second) in enumerate((first, second) for first in texts for second in texts):
        for side, text in (("left", first), ("right", second)):
            steps[f"{side}-{index}"] = Gate(NUMBER, {"min": 0.8}, text).make
            written[f"{side}-{index}"] = {"m": text}
        steps[f"use-{index}"] = {"image": "a:1", "command": ["use"], "gate": [f"left-{index}", f"right-{index}"]}
        both = (texts[first], texts[second])
        expected[f"use-{index}"] = FAILS if None in both else RUNS if all(both) else SKIPPED
    for name in PLAYERS:
        answer = play(name, project(steps), written)
        assert {step: became(answer, step) for step in expected} == expected, name


def test_files_that_are_too_long() -> None:
    """Where engines differ: KFP cannot carry more than 32 KiB, and the step that wrote it fails. Argo reads on."""
    for name in PLAYERS:
        questions = [Gate(NUMBER, {"min": 0.8}, text) for text in (meaning.TOO_LONG.text, meaning.TOO_LONG.text[:LIMIT])]
        for ask in (decided, played):
            assert ask(name, questions) == [FAILS if name in KFP else RUNS, RUNS], (name, ask)


# --- when ---------------------------------------------------------------------------------------------------------------------

ORDERS = ("==", "!=", "<", "<=", ">", ">=")
NUMERIC = ("params.i", "params.f", "steps.make.values.i", "steps.make.values.f", "steps.make.metrics.m", "steps.make.metrics.k")
OF_NUMBERS = tuple(
    shape.format(ref)
    for ref in NUMERIC
    for shape in (*(f"{{}} {order} 1" for order in ORDERS), "0.8 < {}", "0.8 == {}", "{} in [1, 0.8]", "{} not in [1]", "{} > -1e-5")
)
OF_TWO = tuple(f"{left} {order} {right}" for left, right in zip(NUMERIC, NUMERIC[1:] + NUMERIC[:1], strict=True) for order in ORDERS)
OF_CONDITIONS = tuple(
    shape.format(ref)
    for ref in ("params.b", "steps.make.values.b")
    for shape in (
        "{}",
        "not {}",
        "{} == true",
        "{} != true",
        "{} == false",
        "{} in [true]",
        "{} not in [true, false]",
        "{} == (params.i > 0)",
    )
) + ("params.b == steps.make.values.b", "params.b != steps.make.values.b")
OF_TEXTS = tuple(
    shape.format(ref)
    for ref in ("params.s", "steps.make.values.s")
    for shape in (
        "{} == 'prod'",
        "{} != 'prod'",
        "'prod' == {}",
        "{} in ['dev', 'prod']",
        "{} not in ['dev', 'prod']",
        "{} == ''",
        "{} in ['']",
    )
) + ("params.s == steps.make.values.s", "params.s != steps.make.values.s")
JOINED = (
    "params.b and steps.make.values.b or params.i > 5",
    "params.b or steps.make.values.b and params.i > 5",
    "(params.b or steps.make.values.b) and params.i > 5",
    "not params.b and steps.make.values.b",
    "not (params.b and steps.make.values.b)",
    "not params.b or not steps.make.values.b",
    "not params.i > 5 and params.s == 'prod'",
    "not not params.b",
    "params.b and (params.s == 'prod' or params.f < 0) and not steps.make.metrics.m <= 0.5",
    "params.i >= 1 and params.f <= 1 and steps.make.values.i < 10 and steps.make.values.f > 0",
)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"i": "0", "f": "-1e-5"},
        {"i": "-7", "f": "1", "b": "false", "s": ""},
        {"i": "6", "f": "1E21", "s": "dev"},
        {"f": "1e-7", "s": "Prod"},
        {"s": "{{=1+1}} $(A) it's"},
    ],
    ids=str,
)
def test_conditions_over_parameters(compare: Callable[..., None], given: dict[str, str]) -> None:
    """Every operator over parameters of every type, beside what a step wrote, alone and joined."""
    compare([When(expression) for expression in (*OF_NUMBERS, *OF_TWO, *OF_CONDITIONS, *OF_TEXTS, *JOINED)], {**GIVEN, **given})


@pytest.mark.parametrize("port", ["values.i", "values.f", "metrics.m", "metrics.k"])
def test_conditions_over_numbers_of_files(compare: Callable[..., None], port: str) -> None:
    """Every operator over values and metrics that hold a number, or none."""
    name = port.partition(".")[2]
    texts = [sample.text for sample in (*meaning.NUMBERS, *meaning.NO_NUMBERS)]
    about = [expression for expression in (*OF_NUMBERS, *OF_TWO) if re.search(rf"\b{re.escape(port)}\b", expression)]
    assert len(about) > 10
    compare([When(expression, {name: KEY.holding(text) if name == "k" else text}) for text in texts for expression in about], least=20)


def test_conditions_over_truth_values_of_files(compare: Callable[..., None]) -> None:
    """A value of type bool is `true` or `false`, with white space around it or not, and nothing else."""
    about = [expression for expression in OF_CONDITIONS if "values.b" in expression]
    compare([When(expression, {"b": text}) for text in meaning.TRUTHS for expression in about])


def test_conditions_over_texts_of_files(compare: Callable[..., None]) -> None:
    """A text is compared as it is, but for one line break at its end; nothing in it is expanded."""
    about = [expression for expression in OF_TEXTS if "values.s" in expression]
    compare([When(expression, {"s": text}) for text in meaning.TEXTS for expression in about])


def test_texts_are_compared_with_hostile_constants() -> None:
    """A constant in a condition is that text and no other, whatever an engine would make of it."""
    texts = [text for text in meaning.TEXTS if "\x7f" not in text]  # no project file can hold that character
    kept = [text for text in texts if all(fate("when", text, target) == "kept" for target in ("argo", "kfp"))]
    assert len(kept) > 20
    questions, expected = [], []
    for text in kept:
        constant = "'" + text.replace("'", "''") + "'"
        for other in (text, text + "x", ""):
            tests = (f"== {constant}", f"!= {constant}", f"in ['y z', {constant}]")
            questions += [When(f"steps.make.values.s {test}", {"s": other + "\n"}) for test in tests]
            expected += [RUNS, SKIPPED, RUNS] if other == text else [SKIPPED, RUNS, SKIPPED]
    for name in PLAYERS:
        found = decided(name, questions)
        assert [question for question, right, answer in zip(questions, expected, found, strict=True) if answer != right] == [], name


def test_conditions_of_whole_runs(compare: Callable[..., None]) -> None:
    """What the controllers and drivers make of `when` when they play runs: operators, types, strictness, odd texts in files."""
    questions = [When(expression) for expression in (*OF_TWO[::5], *OF_CONDITIONS[::3], *JOINED)]
    questions += [When("steps.make.values.b or params.i > 5", {"b": text}) for text in meaning.TRUTHS]
    texts = [text for text in meaning.TEXTS if meaning.carried("argo", text)]
    questions += [When("params.b and steps.make.values.s != 'prod'", {"s": text}) for text in texts]
    sides = ("0.93", "0.1", "NaN")
    for word in ("and", "or"):
        expression = f"steps.make.values.f > 0.5 {word} steps.make.metrics.m > 0.5"
        questions += [When(expression, {"f": left, "m": right}) for left in sides for right in sides]
    compare(questions, ask=played)


@pytest.mark.parametrize("kind", ["list", "dict"])
def test_lists_and_dicts_are_not_compared(kind: str) -> None:
    """There is no condition over a list or a dict for an engine to decide, be it a parameter or a value."""
    make = {"image": "a:1", "command": ["make"], "values": {"v": {"path": "/tmp/v", "type": kind}}}
    for reference in ("params.p", "steps.make.values.v"):
        for shape in ("{}", "{} == 'a'", "{} != 1", "{} > 1", "'a' in [{}]", "{} == {}"):
            use = {"image": "a:1", "command": ["use"], "when": shape.format(*[reference] * 2)}
            for of in ("argo", "kfp"):
                with pytest.raises(Refused):
                    compiled(project({"make": make, "use": use}, {"p": {"type": kind}}), of)


# --- texts in arguments and env -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PLAYERS)
@pytest.mark.parametrize("kind", meaning.WRITTEN)
def test_texts_of_files(kind: str, name: str, counted: Callable[..., None]) -> None:
    """A text from a file reaches a program as it is, or the run fails before the step starts; on every engine."""
    texts = meaning.WRITTEN[kind]
    compare_fates(texts, Rules().fates_of_files(name, kind, texts), asked.fates_of_files(name, kind, texts), counted)


@pytest.mark.parametrize(("name", "kind"), [(name, kind) for name in CONTROLLERS for kind in meaning.WRITTEN if kind != "metric"])
def test_texts_of_parameters_on_argo(kind: str, name: str, counted: Callable[..., None]) -> None:
    """The same for the texts of a run's parameters. One with an unclosed `{{=` stops newer controllers before anything starts."""
    texts = meaning.WRITTEN[kind]
    compare_fates(texts, Rules().fates_of_parameters(name, kind, texts), asked.fates_of_parameters(name, kind, texts), counted)


@pytest.mark.parametrize("name", KFP)
def test_texts_of_parameters_on_kfp(name: str, counted: Callable[..., None]) -> None:
    """A parameter of KFP is part of its engine's own commands: some `{{`, `$$` and `$(` in it are not kept. All other texts arrive."""
    texts = meaning.WRITTEN["string"]
    compare_fates(texts, Rules().fates_of_parameters(name, "string", texts), asked.fates_of_parameters(name, "string", texts), counted)


def compare_fates(texts: Sequence[str], expected: Sequence[str], found: Sequence[str], counted: Callable[..., None]) -> None:
    """The engine says what the rules say of every text."""
    different = [triple for triple in zip(texts, found, expected, strict=True) if triple[1] != triple[2]]
    counted(COUNTED, questions=len(texts), decisions=len(texts), differences=len(different))
    assert different == []


# --- the page -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("section", [section for section in SECTIONS if section != "texts"])
def test_the_page(section: str) -> None:
    """Every table of docs/meaning.md, which the rules write, is what the engines say; that of texts is part of the tests above."""
    assert Page(asked, asked_loops).section(section) == RULES.section(section)


@pytest.mark.parametrize("section", OF_LOOPS)
def test_the_page_of_loops(section: str) -> None:
    """The same for the tables of loops."""
    assert LoopsPage(asked_loops).section(section) == RULES.loops.section(section)
