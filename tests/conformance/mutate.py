"""Mutations of valid specs, the same for the same seed: what users write, mistype, move and combine.

`mutation(seed, number)` depends on its arguments and the specs alone (`grow` asks the compiler, too): one that failed is found again.
"""

from __future__ import annotations

import difflib
import functools
import json
import re
from dataclasses import dataclass
from random import Random
from types import FunctionType
from typing import TYPE_CHECKING, Any

from mlc import driver
from mlc.source import SourceFile
from mlc.targets import TARGETS
from tests.conformance import damage, legal
from tests.conformance.draft import RAW, Draft, document, specs

if TYPE_CHECKING:
    from collections.abc import Callable

KINDS: dict[str, Callable[[Draft], str]] = {
    name: change
    for module in (legal, damage)
    for name, change in vars(module).items()
    if isinstance(change, FunctionType) and change.__module__ == module.__name__
}
"""Every kind of mutation, by name."""

OFTEN = (
    "legal_key legal_key legal_key legal_keys legal_keys legal_top legal_top new_step new_step grow grow condition condition argument "
    "argument argument threshold threshold many many shuffle shuffle path argument characters hostile_place hostile_place"
).split()
"""Kinds whose results are mostly legal: they come oftener, and as a second change beside another."""


@dataclass(frozen=True)
class Mutation:
    """A spec with something changed. `text` is YAML (JSON with unquoted words, perhaps), `before` the same of the spec itself."""

    seed: str
    number: int
    spec: str
    kinds: tuple[str, ...]
    done: tuple[str, ...]
    before: str
    text: str

    @property
    def title(self) -> str:
        """What it is, in a line."""
        return f"mutation {self.number} of seed {self.seed}: {self.spec}, " + ", ".join(
            f"{kind} ({done})" for kind, done in zip(self.kinds, self.done, strict=True)
        )

    def diff(self) -> str:
        """What differs from the spec, as a unified diff of at most 60 lines."""
        lines = list(difflib.unified_diff(self.before.splitlines(), self.text.splitlines(), self.spec, "mutated", "", "", 2, ""))
        return "\n".join(lines[:60] + ["..."] * (len(lines) > 60))


def _written(data: Any) -> str:
    text = json.dumps(data, ensure_ascii=False, indent=1)
    return re.sub(f'"{RAW}([^{RAW}"]*){RAW}"', r"\1", text)


@functools.cache
def takers(name: str) -> tuple[str, ...]:
    """The targets that take a spec as it is: the others refuse nearly everything that is made of it."""
    source = SourceFile(f"{name}.yaml", specs()[name])
    return tuple(target for target in TARGETS if driver.compile_source(source, (target,)).outputs)


def mutation(seed: str, number: int) -> Mutation:
    """The mutation of a number, 0 and up: kinds take turns, every spec and every place may be drawn."""
    rng = Random(f"{seed}/{number}")
    every = [*KINDS, *OFTEN]
    first = every[number % len(every)]
    name = rng.choice(sorted(specs()))
    draft = Draft(document(name), rng)
    kinds: list[str] = []
    done: list[str] = []
    if rng.random() < 0.6:
        wanted = [first, *rng.choices(OFTEN, k=rng.choice((0, 0, 0, 1, 1, 2)))]
    else:
        wanted = [first, *rng.choices(every, k=rng.choice((0, 0, 0, 0, 1)))]
    for each in wanted:
        try:
            said = KINDS[each](draft)
        except (AttributeError, IndexError, KeyError, TypeError, ValueError):
            said = ""  # an earlier change took away what this one builds on
        if said:
            kinds.append(each)
            done.append(said)
    return Mutation(seed, number, name, tuple(kinds), tuple(done), _written(document(name)), _written(draft.data))
