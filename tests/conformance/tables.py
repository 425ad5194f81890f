"""Tables of docs/meaning.md: what engines say, in as few words as hold it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from tests.conformance.meaning import target

_ENGINES = {"argo": "Argo", "kfp": "KFP"}


def said(names: Sequence[str], ask: Callable[[str], list[str]]) -> list[str]:
    """For each of some questions, the one answer of all engines, or who says what where they differ."""
    answers = {name: ask(name) for name in names}
    cells = []
    for row in zip(*answers.values(), strict=True):
        who: dict[str, list[str]] = {}
        for name, answer in zip(answers, row, strict=True):
            who.setdefault(answer, []).append(name)
        cells.append(row[0] if len(who) == 1 else "; ".join(f"{_called(said, names)}: {answer}" for answer, said in who.items()))
    return cells


def _called(said: Sequence[str], names: Sequence[str]) -> str:
    """Engines by name; those of a target together where they are all that were asked."""
    found = []
    for of, called in _ENGINES.items():
        here = [name for name in said if target(name) == of]
        every = here == [name for name in names if target(name) == of]
        found += [called] if here and every else [f"{called} {version}" for version in sorted(map(version, here))]
    return ", ".join(found)


def version(name: str) -> str:
    return name.partition("-")[2]


def listed(words: Sequence[str]) -> str:
    return " and ".join(part for part in (", ".join(words[:-1]), words[-1]) if part)


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def grouped(heads: Sequence[str], shown: Sequence[str], *columns: Sequence[str]) -> str:
    """A table with a row for each answer: the answers, and every text that gets them."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for name, *answers in zip(shown, *columns, strict=True):
        groups.setdefault(tuple(answers), []).append(name)
    return table(heads, [[*answers, ", ".join(names)] for answers, names in groups.items()])
