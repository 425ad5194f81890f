"""What each target does with each key. Nobody wrote that down: `make golden` measures it and writes `support.json`, and a test compares."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from .language import Pointer

FILE = Path(__file__).with_name("support.json")


@dataclass(frozen=True)
class Support:
    """What a target does with a key.

    `how` is `lowered`, `handed over`, `refused` with a `code`, `checked` for what leaves no trace, or `not for it` for the settings of
    another target; "" where nothing shows that it is read. `since` is the version from which uses work that older ones refuse.
    """

    how: str
    code: str = ""
    since: str = ""

    def __str__(self) -> str:
        return f"{self.how}{f' ({self.code})' if self.code else ''}{f', some uses from {self.since}' if self.since else ''}"

    def data(self) -> dict[str, str]:
        """As data, without what is empty."""
        return {name: value for name, value in (("support", self.how), ("code", self.code), ("since", self.since)) if value}


Table = Mapping[Pointer, Mapping[str, Support]]
"""The support of each key by target."""


@cache
def table() -> Table:
    """What was measured."""
    return {
        tuple(pointer.split("/")): {
            target: Support(one["support"], one.get("code", ""), one.get("since", "")) for target, one in targets.items()
        }
        for pointer, targets in json.loads(FILE.read_text(encoding="utf-8")).items()
    }


def text(table: Table) -> str:
    """The file: a line for each key, so that a change of one is a change of one line."""
    lines = [
        f"  {json.dumps('/'.join(pointer))}: {json.dumps({target: one.data() for target, one in targets.items()})}"
        for pointer, targets in table.items()
    ]
    return "{\n" + ",\n".join(lines) + "\n}\n"
