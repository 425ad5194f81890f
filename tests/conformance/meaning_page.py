"""docs/meaning.md: answers to the questions of tests/conformance/meaning.py in tables, whoever is asked: the rules, or the engines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from tests.conformance.engines import ARGO, CONTROLLERS, KFP
from tests.conformance.meaning import (
    DOCUMENTS,
    FORMS,
    NO_NUMBERS,
    NUL,
    NUMBER,
    NUMBERS,
    OPERATORS,
    TOO_LONG,
    USERS,
    WRITTEN,
    Gate,
    When,
    code,
)  # fmt: skip
from tests.conformance.meaning_loops_page import SECTIONS as OF_LOOPS
from tests.conformance.meaning_loops_page import AskedLoops, LoopsPage
from tests.conformance.tables import grouped, listed, said, table, version

_HEAD = """\
# What gates, conditions and loops mean

Whether a step runs is decided by the engine, from what is in a file. These tables say how: by Argo Workflows {argo} and
Kubeflow Pipelines {kfp}, whose own code was asked about the conditions in the manifests that `mlc` writes. A cell holds one
answer where they all give it, which is nearly everywhere, and names them where they differ. `runs` and `skipped` say what becomes of the
step that has the condition: the run stays green. `fails the run`: the step does not run, and the run is red.

[expressions.md](expressions.md) explains gates and expressions, [language.md](language.md) loops. This page is written by `make golden`
from the rules in plain Python, `tests/conformance/meaning.py` and `meaning_loops.py`. `make conformance` asks the engines, also about more
texts, operators and forms than fit here, plays whole runs, and fails where one of them says something else.
"""

_NUMBERS = """\
## A metric that is a number

What becomes of a step with a `gate` on another step, by the text in the file of that step's metric and by the metric's threshold. Numbers
are compared as doubles, however they are written; white space around them does not count. It makes no difference whether the threshold is
written in the spec or is a parameter of the run.

"""

_NO_NUMBERS = """\
## A metric that is no number

It passes no gate, whatever the threshold, and wherever it stands: as the whole file, under `key`, or in a file of `format: kfp-v1`.

"""

_DOCUMENTS = """\
## A number in a document

The document is strict JSON. A key that is there twice counts as it does last; in a file of `kfp-v1` the first entry of the name counts.
"""

_STRICTNESS = """\
## `when` is strict

Both sides of `and` and `or` are evaluated. A comparison with what is no number fails the run, whatever the other side says.
"""

_TYPES = """\
## `when` over values

What a condition makes of the file of a value, by the value's type. One line break at the end of a file does not count. Lists and dicts
cannot be compared: `mlc` refuses the project.
"""

_ENDS = """\
## When the step before wrote nothing

The step before, `make`, has the metric `m` with `min: 0.5`, and the values `s` and `b`; the parameter `b` is `true`. A column says how
`make` ended, a row what becomes of a step that uses it.

"""

_TEXTS = """\
## Texts in arguments and variables

What becomes of a text from a value's or a metric's file, or from a parameter, where a step has `${{ ... }}` in `args` or `env`, alone or
with text around it. It arrives as it is, but for one line break at the end of a file and for the notation of numbers, lists and dicts.
What an engine would expand again stops the run instead. Only KFP's parameters cannot be guarded: do not take them from people you do not
trust.
"""


class Asked(Protocol):
    """Who gives the answers: `meaning.Rules`, or the engines (`asked`)."""

    def decided(self, name: str, questions: Sequence[Gate | When]) -> list[str]:
        """For each question, what becomes of the step `use`."""

    def fates_of_files(self, name: str, kind: str, texts: Sequence[str]) -> list[str]:
        """For each text, what becomes of it in the file of a value, or of a metric."""

    def fates_of_parameters(self, name: str, kind: str, texts: Sequence[str]) -> list[str]:
        """For each text, what becomes of it as a parameter."""

    def ends(self, name: str) -> Mapping[str, Mapping[str, str]]:
        """By how the step before ended, and by how another uses what it wrote: what becomes of that."""


class Page:
    """The page, by those who are asked."""

    def __init__(self, asked: Asked, loops: AskedLoops) -> None:
        self.asked, self.loops = asked, LoopsPage(loops)

    def text(self) -> str:
        """docs/meaning.md."""
        head = _HEAD.format(argo=listed(sorted(version(name) for name in ARGO)), kfp=listed([version(name) for name in KFP]))
        return "\n".join([head, *(self.section(name) for name in SECTIONS), *(self.loops.section(name) for name in OF_LOOPS)])

    def section(self, name: str) -> str:
        """One of `SECTIONS`."""
        text: str = getattr(self, name)()
        return text

    def decided(self, questions: Sequence[Gate | When]) -> list[str]:
        """What becomes of the step in each question."""
        return said((*ARGO, *KFP), lambda name: self.asked.decided(name, questions))

    def numbers(self) -> str:
        """Numbers, each by every operator."""
        columns = [self.decided([Gate(NUMBER, thresholds, sample.text) for sample in NUMBERS]) for thresholds in OPERATORS]
        heads = [f"`{', '.join(f'{key}: {bound}' for key, bound in thresholds.items())}`" for thresholds in OPERATORS]
        return _NUMBERS + table(["the file holds", *heads], zip([sample.shown for sample in NUMBERS], *columns, strict=True))

    def no_numbers(self) -> str:
        """What is no number, in every form of a metric."""
        columns = [self.decided([Gate(form, OPERATORS[0], form.holding(sample.text)) for sample in NO_NUMBERS]) for form in FORMS]
        shown = [sample.shown for sample in NO_NUMBERS]
        if all(column == columns[0] for column in columns):
            return _NO_NUMBERS + grouped(["in every form", "the text"], shown, columns[0])
        heads = [*(f"`{form.spec}`" if form.spec else "the whole file" for form in FORMS), "the text"]
        return _NO_NUMBERS + grouped(heads, shown, *columns)

    def documents(self) -> str:
        """Whole files, by one operator."""
        parts = [_DOCUMENTS]
        for form, samples in DOCUMENTS.items():
            answers = self.decided([Gate(form, OPERATORS[0], sample.text) for sample in samples])
            parts.append(grouped(["`min: 0.8`", f"`{form.spec}`: the file holds"], [sample.shown for sample in samples], answers))
        samples = (TOO_LONG, NUL)
        answers = self.decided([Gate(NUMBER, OPERATORS[0], text) for text in (*(sample.text for sample in samples), None)])
        names = [*(sample.shown for sample in samples), "(the file is not written)"]
        parts.append(grouped(["`min: 0.8`", "odd files"], names, answers))
        return "\n".join(parts)

    def strictness(self) -> str:
        """`and`, `or` and `not` over what cannot be decided."""
        sides = {"true": "0.93", "false": "0.1", "no number": "NaN"}
        parts = [_STRICTNESS]
        for word in ("and", "or"):
            expression = f"steps.make.values.f > 0.5 {word} steps.make.metrics.m > 0.5"
            answers = self.decided([When(expression, {"f": left, "m": right}) for left in sides.values() for right in sides.values()])
            rows = [[f"**{side}**", *answers[start : start + 3]] for side, start in zip(sides, (0, 3, 6), strict=True)]
            parts.append(table([f"left `{word}` right", *(f"right is {side}" for side in sides)], rows))
        answers = self.decided([When("not steps.make.values.f > 0.5", {"f": text}) for text in sides.values()])
        parts.append(table([f"`not` of {side}" for side in sides], [answers]))
        return "\n".join(parts)

    def types(self) -> str:
        """Conditions over values of each type."""
        parts = [_TYPES]
        for name, (expression, texts) in OVER_VALUES.items():
            answers = self.decided([When(expression, {name: text}) for text in texts])
            parts.append(grouped([f"`{expression}`", "the file holds"], [code(text) for text in texts], answers))
        return "\n".join(parts)

    def ends(self) -> str:
        """Steps that use what another did not write."""
        answers = {name: self.asked.ends(name) for name in (*CONTROLLERS, *KFP)}
        ends = list(next(iter(answers.values())))
        heads = ["the step has", *(f"{end}" for end in ends)]
        rows = []
        for user in (*USERS, "the run"):
            rows.append([user, *said(tuple(answers), lambda name, user=user: [answers[name][end][user] for end in ends])])  # type: ignore[misc]
        return _ENDS + table(heads, rows)

    def texts(self) -> str:
        """Texts that reach programs."""
        parts = [_TEXTS]
        named = {sample.text: sample.shown for sample in (*NUMBERS, *NO_NUMBERS)}
        players = (*CONTROLLERS, *KFP)
        for kind, texts in {**WRITTEN, "metric": METRICS_SHOWN}.items():
            columns = [said(players, lambda name, kind=kind, texts=texts: self.asked.fates_of_files(name, kind, texts))]  # type: ignore[misc]
            if kind == "string":
                columns.append(said(players, lambda name, texts=texts: self.asked.fates_of_parameters(name, "string", texts)))  # type: ignore[misc]
            heads = ["in a file", *(["in a parameter"] if kind == "string" else []), f"`{kind}`"]
            parts.append(grouped(heads, [named.get(text) or code(text) for text in texts], *columns))
        return "\n".join(parts)


SECTIONS = ("numbers", "no_numbers", "documents", "strictness", "types", "ends", "texts")
"""The page's parts, in order."""

OVER_VALUES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "i": ("steps.make.values.i > 5", ("7", " 7\n", "007", "7.0", "1e3", "-7", "5", "+7", "seven", "", "NaN", "null", '"7"', "[7]")),
    "f": ("steps.make.values.f > 0.5", ("0.93", "9.3e-1", "1e-5", ".93", "inf", "1e999", "true", "")),
    "b": ("steps.make.values.b", ("true", " true\n", "false", "True", "TRUE", "1", "0", "yes", "null", '"true"', "")),
    "s": ("steps.make.values.s == 'prod'", ("prod", "prod\n", "prod\n\n", " prod", "Prod", "'prod'", "", "{{=1+1}}", "$(HOME)")),
}
"""By a value's name: a condition, and texts."""


METRICS_SHOWN = (
    "0.93", " 0.93\n", "9.3e-1", "1e-5", "-1", "007", "1e999", ".5", "+5", "NaN", "inf", "",
    "good", '"0.93"', "null", "true", "[0.93]", "{{=1+1}}", "$(HOME)",
)  # fmt: skip
"""Of the texts of metrics that are tried in arguments, those on the page."""
