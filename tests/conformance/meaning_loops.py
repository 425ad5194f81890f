"""What loops mean: the rules in plain Python, and what engines are asked about. Like `meaning.py`, this knows no engine."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from tests.conformance import model
from tests.conformance.meaning import ARRIVES, FAILS, REFUSED, RUNS, Unreadable, allowed, code, number, target, value, when
from tests.conformance.meaning import document as strict

# --- lists that only a run knows ------------------------------------------------------------------------------------------------

ITEMS = (
    '"a"', '"it\'s <&> é 🙂"', '"a \\"b\\" \\\\ c"', '"a\\nb"', '"  "', '""', '"1"', '"true"', '"null"', '"[1]"', '"-x"', '"a }} b"',
    '"$HOME"', '"$$"', '"$(A)"', "1", "-1", "0", "0.1", "1e-5", "1E5", "1e21", "1.0", "12345678901234567890", "true", "false", "null",
    "[1, 2]", "[]", '{"b": 1, "a": [2]}', "{}",
)  # fmt: skip
"""Items of a list, as they stand in it."""

LISTS = (
    "[]", "[1]", " [1, 2]\n", '["a","a"]', '[1,"1",true,null]', "[[1],[2,3]]", '[{"a":1}]', '["a}}b"]', "{}", '{"a":1}', "null", "3",
    "true", '"a"', '"[1]"', "abc", "", "[1", "[1,]", "['a']", "[NaN]", "[1e999]", "1,2", "- a", "[1] [2]", "\ufeff[1]",
    '["{{x}}"]', '["a {{= b"]', '[{"a":"{{x}}"}]',
)  # fmt: skip
"""Files of a value of type list that a loop runs over."""


def items(text: str) -> list[Any]:
    """The items of a list; no item may hold double braces, which no engine can carry."""
    strict(text)
    found = json.loads(text)
    if not isinstance(found, list) or "{{" in text:
        raise Unreadable("no list")
    return found


def shown(item: Any) -> str:
    """An item as a text: a text as it is, all else as JSON."""
    return item if isinstance(item, str) else json.dumps(item, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


CONDITIONS = {
    "each.x > 5": "float",
    "each.x in [7, 5]": "float",
    "each.x": "bool",
    "each.x == 'prod'": "string",
    "each.x == '7'": "string",
}
"""Conditions on an item of such a list, and as what they read it: as what it is compared with."""

COMPARED = (
    "7", "3", "5.0", "1e3", '"7"', '" 7"', '"007"', '"NaN"', '"abc"', '""', "true", '"true"', '"True"', "false", "null", "[7]", '"prod"',
    '"Prod"', '"prod\\n"',
)  # fmt: skip
"""Items that conditions are asked about."""


def holds(expression: str, item: str) -> str:
    """What becomes of a step that rides along with this `when`."""
    try:
        found = value(shown(json.loads(item)), CONDITIONS[expression])
    except Unreadable as unreadable:
        found = unreadable
    return when(expression, {"each.x": found})


# --- values of a loop as a list -------------------------------------------------------------------------------------------------

GATHERED: Mapping[str, tuple[str, ...]] = {
    "string": ("a", "a\n", "", "1", "[1]", "null", 'a "b" \\ c', "é 🙂 <&>", "a\nb", "a }} b", "{{x}}", "$(A)", "$$"),
    "int": ("7", "-7", "007", "7\n", "9007199254740993", "+7", " 7", "7.0", "1e3", "abc", "", "12345678901234567890"),
    "float": ("0.1", "1e-05", "1E5", "-1", "007.5", ".5", "5.", "+1", " 1", "inf", "NaN", "abc", ""),
    "bool": ("true", "false", "false\n", "True", "1", " true", "yes", ""),
    "list": ("[1,2]", "[ 1, 2 ]", "[]", '["é"]', '["{{x}}"]', '["$$"]', "{}", "null", "abc", ""),
    "dict": ('{"a":1}', '{"b":1, "a":{"c":[]}}', "{}", '{"a":"{{=1}}"}', '{"$$":1}', "[]", "null", "abc", ""),
}
"""By type: texts in the file of a value of one item."""

READ_BY_KFP: Mapping[tuple[str, str], str] = {
    ("int", "+7"): "7",
    ("int", " 7"): "7",
    ("int", "9007199254740993"): "9007199254740992",
    ("float", ".5"): "0.5",
    ("float", "5."): "5",
    ("float", "+1"): "1",
    ("float", " 1"): "1",
    ("bool", "True"): "true",
    ("bool", "1"): "true",
    ("bool", " true"): "true",
}
"""What KFP's launcher makes of texts of typed outputs, as Go reads numbers. Where no list is asked for, `mlc` gives it none to read."""


def element(text: str, kind: str) -> Any:
    """An item of a list of values: of the type that the value has."""
    text = text.removesuffix("\n")
    if not allowed(text, kind) or (kind == "int" and not -(2**63) <= int(text) < 2**63):  # which no engine can hold
        raise Unreadable(text)
    return {"string": str, "int": int, "float": float}.get(kind, json.loads)(text)


def readable(text: str, kind: str) -> bool:
    """Whether a text can be an item of such a list."""
    try:
        element(text, kind)
    except Unreadable:
        return False
    return True


# --- the best item --------------------------------------------------------------------------------------------------------------

METRICS = (
    ("0.5", "0.9", "0.7"), ("9", "10", "9.5"), ("0.9", "0.90", "9e-1"), ("0.7", "0.1", "0.70"), ("-2", "-1.0", "-1"), ("1e-5", "0", "-0"),
    ("3",), (), ("NaN", "1"), ("1", "NaN"), ("1", ""), ("inf", "1"), ("1e999", "1"), ("1", "high"), ("1", '"2"'), ("true", "1"),
    ("null", "1"), ("[2]", "1"),
)  # fmt: skip
"""Texts of a metric, one for each item."""


def best(texts: Sequence[str], *, highest: bool) -> str:
    """Which item's artifact is taken, counted from 0; the first of equals. Without one the run fails."""
    try:
        numbers = [number(strict(text)) for text in texts]
    except Unreadable:
        return FAILS
    if not numbers:
        return FAILS
    return f"item {numbers.index(max(numbers) if highest else min(numbers))}"


# --- how loops end --------------------------------------------------------------------------------------------------------------

LOOP: dict[str, Any] = {
    "mlc": "v1",
    "name": "meaning",
    "params": {"names": {"type": "list", "default": ["a", "b"]}, "go": True},
    "steps": {
        "check": {"image": "a:1", "command": ["check"], "metrics": {"share": {"path": "/tmp/share", "max": 0.1}}},
        "train": {
            "image": "a:1",
            "command": ["train", "${{ each.x }}"],
            "foreach": {"x": "${{ params.names }}"},
            "when": "params.go",
            "gate": "check",
            "values": {"n": {"path": "/tmp/n", "type": "int"}},
            "metrics": {"accuracy": {"path": "/tmp/accuracy", "min": 0.5}},
        },
        "publish": {"image": "a:1", "command": ["publish"], "each": "train", "gate": "train"},
        "report": {"image": "a:1", "command": ["report"], "needs": "train"},
        "gather": {"image": "a:1", "command": ["gather", "${{ steps.train.values.n }}"]},
        "beside": {"image": "a:1", "command": ["beside"]},
    },
}
"""A loop with a condition and a gate, whose items are looked at by a step that rides along, and what comes after it."""

Attempt = Mapping[str, Any]
GOOD: Mapping[str, Attempt] = {"check": {"writes": {"share": "0.1"}}, "train": {"writes": {"n": "1", "accuracy": "0.9"}}}
ENDINGS: Mapping[str, tuple[Mapping[str, str], Mapping[str, Attempt]]] = {
    "all is well": ({}, {}),
    "its `when` is false": ({"go": "false"}, {}),
    "its gate is missed": ({}, {"check": {"writes": {"share": "0.2"}}}),
    "its gate has no number": ({}, {"check": {"writes": {"share": "NaN"}}}),
    "the step before it fails": ({}, {"check": {"exit": 1}}),
    "the list is empty": ({"names": "[]"}, {}),
    "the program of `b` fails": ({}, {"train[1]": {"exit": 1}}),
    "`b` writes no value": ({}, {"train[1]": {"missing": ["n"]}}),
    "`b` misses the gate": ({}, {"train[1]": {"writes": {"n": "1", "accuracy": "0.1"}}}),
    "`b` misses it, `on_miss: fail`": ({}, {"train[1]": {"writes": {"n": "1", "accuracy": "0.1"}}}),
    "the metric of `b` is no number": ({}, {"train[1]": {"writes": {"n": "1", "accuracy": "NaN"}}}),
    "`publish` fails for `b`": ({}, {"publish[1]": {"exit": 1}}),
}
"""What happens: what the run gives, and what programs do that do not end well."""

WORDS = {"Succeeded": "done", "Skipped": "skipped", "Failed": "failed", "NotRun": "not run"}
"""What the page calls the states of steps."""
COLUMNS = ("train", "train[0]", "train[1]", "publish[0]", "publish[1]", "report", "gather", "beside")
"""Whose ends the page shows, beside the run's."""


def project(ending: str) -> dict[str, Any]:
    """The project of an ending."""
    spec = deepcopy(LOOP)
    if "on_miss" in ending:
        spec["steps"]["train"]["metrics"]["accuracy"]["on_miss"] = "fail"
    return spec


def outcomes(ending: str) -> dict[str, list[Attempt]]:
    """What the programs do, as `model.play` wants it."""
    return {step: [attempt] for step, attempt in {**GOOD, **ENDINGS[ending][1]}.items()}


class LoopRules:
    """Answers like those of the engines (asked_loops), by the rules above. Where engines cannot agree, they say how they differ."""

    def fates_of_items(self, name: str, source: str) -> list[str]:
        """What becomes of each of `ITEMS` in an argument; the list comes from a `file`, or is a `parameter`."""
        known = {"12345678901234567890": "arrives as `12345678901234567000`"}
        if target(name) == "kfp":
            known |= {"null": "arrives as (empty)", '"$$"': REFUSED if source == "file" else "arrives as `$`", '"$(A)"': REFUSED}
        return [known.get(item, ARRIVES) for item in ITEMS]

    def lists(self, name: str) -> list[str]:
        """What a loop over each of `LISTS` does."""
        return [_runs(text) for text in LISTS]

    def gathered(self, name: str, kind: str) -> list[str]:
        """What becomes of each text of `GATHERED`, beside a good one of another item, in the list that a step outside gets."""
        return [self._gathered(name, kind, text) for text in GATHERED[kind]]

    def _gathered(self, name: str, kind: str, text: str) -> str:
        if target(name) == "kfp":
            if read := READ_BY_KFP.get((kind, text), ""):
                return f"arrives as {code(read)}"
            if re.search(r"\$\$|\$\(", text):
                return REFUSED
        return ARRIVES if readable(text, kind) else REFUSED

    def conditions(self, name: str, expression: str) -> list[str]:
        """What becomes of a step that rides along, for each of `COMPARED`."""
        return [holds(expression, item) for item in COMPARED]

    def best(self, name: str, *, highest: bool) -> list[str]:
        """For each of `METRICS`, whose artifact is taken."""
        return [best(texts, highest=highest) for texts in METRICS]

    def ends(self, name: str) -> dict[str, dict[str, str]]:
        """By what happens: how the loop ends, its items, the steps around it and the run."""
        found = {}
        for ending, (params, _) in ENDINGS.items():
            end = model.play(project(ending), outcomes(ending), params, name)
            steps = {step: WORDS[end.steps[step].state] if step in end.steps else "" for step in COLUMNS}
            found[ending] = {**steps, "the run": {"Succeeded": "green", "Failed": "red"}[end.phase]}
        return found


def _runs(text: str) -> str:
    try:
        return times(len(items(text)))
    except Unreadable:
        return FAILS


def times(count: int) -> str:
    """How often a loop ran."""
    return f"{RUNS} {count} time{'s' * (count != 1)}" if count else "done at once"
