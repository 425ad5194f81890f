"""The part of docs/meaning.md about loops: answers to the questions of tests/conformance/meaning_loops.py in tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from tests.conformance.engines import ARGO, CONTROLLERS, KFP
from tests.conformance.meaning import code
from tests.conformance.meaning_loops import COMPARED, CONDITIONS, ENDINGS, GATHERED, ITEMS, LISTS, METRICS
from tests.conformance.tables import grouped, said, table

_LISTS = """\
## A loop over a list that only the run knows

What becomes of a loop by the text in the file of the value that it runs over, a value of type list.

"""

_ITEMS = """\
## An item of such a list in arguments and variables

What becomes of an item where a step of the loop has `${{ each.x }}` in `args` or `env`, alone or with text around it. A text arrives as it
is, anything else as JSON; numbers have the engine's notation, and whole ones above 2^53 lose digits. Double braces in an item end the loop,
as the tables above and below say.

"""

_CONDITIONS = """\
## `when` over an item

What becomes of a step that rides along with the loop, by the item of its list. An item is read as what it is compared with.

"""

_VALUES = """\
## Values of a loop as a list

A step outside of the loop gets one JSON list, in the order of the items, whose items have the type of the value. What becomes of the text
in the file of one item, beside a good one of another item; the list is in `args` and `env`, alone or with text around it. On KFP a text
that cannot be read as its type mostly fails the item already that wrote it.

"""

_BEST = """\
## The best item

Whose artifact a step outside of the loop gets with `best`, by the texts in the files of the items' metric; items are counted from 0. `mlc`
refuses `best` for KFP.

"""

_ENDS = """\
## How a loop ends

The loop `train` runs over the list `["a", "b"]`. It has a `when`, and a `gate` on a step before it; its metric has a threshold. `publish`
rides along, with `gate: train`; `report` needs the loop, and `gather` uses a value of it; `beside` has nothing to do with it.

"""


class AskedLoops(Protocol):
    """Who gives the answers: `meaning_loops.LoopRules`, or the engines (`asked_loops`)."""

    def fates_of_items(self, name: str, source: str) -> list[str]:
        """What becomes of each of `ITEMS`, of a list from a `file` or a `parameter`."""

    def lists(self, name: str) -> list[str]:
        """What a loop over each of `LISTS` does."""

    def gathered(self, name: str, kind: str) -> list[str]:
        """What becomes of each text of `GATHERED` in the list of a loop's values."""

    def conditions(self, name: str, expression: str) -> list[str]:
        """What becomes of a step that rides along, for each of `COMPARED`."""

    def best(self, name: str, *, highest: bool) -> list[str]:
        """For each of `METRICS`, whose artifact is taken."""

    def ends(self, name: str) -> Mapping[str, Mapping[str, str]]:
        """By what happens: how the loop ends, its items, the steps around it and the run."""


PLAYERS = (*CONTROLLERS, *KFP)


class LoopsPage:
    """That part of the page, by those who are asked."""

    def __init__(self, asked: AskedLoops) -> None:
        self.asked = asked

    def section(self, name: str) -> str:
        """One of `SECTIONS`."""
        text: str = getattr(self, name)()
        return text

    def lists(self) -> str:
        """Texts that are lists, and texts that are none."""
        return _LISTS + grouped(["the loop", "the file holds"], [code(text) for text in LISTS], said(PLAYERS, self.asked.lists))

    def items(self) -> str:
        """Items in texts."""
        columns = [
            said(PLAYERS, lambda name, source=source: self.asked.fates_of_items(name, source))  # type: ignore[misc]
            for source in ("file", "parameter")
        ]
        return _ITEMS + grouped(["in a file", "in a parameter", "the item"], [code(item) for item in ITEMS], *columns)

    def conditions(self) -> str:
        """Items in conditions."""
        parts = []
        for expression in CONDITIONS:
            answers = said(PLAYERS, lambda name, expression=expression: self.asked.conditions(name, expression))  # type: ignore[misc]
            parts.append(grouped([f"`{expression}`", "the item"], [code(item) for item in COMPARED], answers))
        return _CONDITIONS + "\n".join(parts)

    def values(self) -> str:
        """Values of items, outside."""
        parts = []
        for kind, texts in GATHERED.items():
            answers = said(PLAYERS, lambda name, kind=kind: self.asked.gathered(name, kind))  # type: ignore[misc]
            parts.append(grouped(["in the list", f"`{kind}`"], [code(text) for text in texts], answers))
        return _VALUES + "\n".join(parts)

    def best(self) -> str:
        """Which item is the best."""
        columns = [said(ARGO, lambda name, highest=highest: self.asked.best(name, highest=highest)) for highest in (True, False)]  # type: ignore[misc]
        shown = [", ".join(map(code, texts)) or "(no items)" for texts in METRICS]
        return _BEST + table(["the items wrote", "the highest", "the lowest (a `max` or `below`)"], zip(shown, *columns, strict=True))

    def ends(self) -> str:
        """How loops end."""
        answers = {name: self.asked.ends(name) for name in PLAYERS}
        columns = list(next(iter(answers.values()))[next(iter(ENDINGS))])
        rows = []
        for ending in ENDINGS:
            cells = said(PLAYERS, lambda name, ending=ending: [answers[name][ending][column] for column in columns])  # type: ignore[misc]
            rows.append([ending, *_joined(dict(zip(columns, cells, strict=True)))])
        heads = ["what happens", "the loop", "`train` of `a`, `b`", "`publish` of `a`, `b`", "`report`", "`gather`", "`beside`", "the run"]
        return _ENDS + table(heads, rows)


def _joined(cells: Mapping[str, str]) -> list[str]:
    """The cells of a row, those of the two items in one."""
    found: dict[str, list[str]] = {}
    for column, cell in cells.items():
        name, of_item, _ = column.partition("[")
        found.setdefault(f"{name} {of_item}", []).append(cell)
    return [", ".join(filter(None, said_of)) for said_of in found.values()]


SECTIONS = ("lists", "items", "conditions", "values", "best", "ends")
"""Its tables, in order."""
