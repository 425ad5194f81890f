"""What a shell offers where somebody presses TAB. Whatever goes wrong here, nobody is told: there is nowhere to say it."""

from __future__ import annotations

import os
from contextlib import closing
from typing import TYPE_CHECKING

from ..request_here import LATEST, Here

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def among(known: Iterable[str] | Callable[[], Iterable[str]]) -> Callable[[str], list[str]]:
    """Completion of words that are known, or that are looked for when somebody asks."""
    return lambda incomplete: [word for word in (known() if callable(known) else known) if word.startswith(incomplete)]


def explained(incomplete: str) -> list[str]:
    """Codes, and keys down to the level that is typed."""
    from ...diagnostics.codes import CODES
    from ...keys.language import keys

    codes = [code.lower() for code in CODES] if incomplete.islower() else list(CODES)
    paths = {path: None for key in keys().values() for path in key.paths if path.count(".") == incomplete.count(".")}
    return [word for word in (*codes, *paths) if word.startswith(incomplete)]


def environments() -> list[str]:
    """The names that `--env` takes."""
    return _names_in_specs("environments")


def steps() -> list[str]:
    """The names of all steps."""
    return _names_in_specs("steps", "finally")


def params() -> list[str]:
    """The parameters, each with the `=` that follows."""
    return [f"{name}=" for name in _names_in_specs("params")]


def runs() -> list[str]:
    """The runs of the state folder on the line, the latest first."""
    from ..local.here import opened

    try:
        with closing(opened(_state_on_line())) as store:
            return [run.name for run in store.runs()]
    except Exception:
        return []


def tasks() -> list[str]:
    """The tasks of the run on the line."""
    from ..local.here import named, opened, tasks_of

    try:
        here = _state_on_line()
        with closing(opened(here)) as store:
            known = {run.name for run in store.runs()} | {LATEST}
            name = next(word for word in _line() if word in known)
            return list(tasks_of(store, named(store, here, name)))
    except Exception:
        return []


def _line() -> list[str]:
    """The words of the half-typed line after the command.

    They come from the variables in which shells hand them over: an option without its value yet is one that click gives up on.
    """
    return (os.environ.get("COMP_WORDS") or os.environ.get("_TYPER_COMPLETE_ARGS", "")).split()[2:]


def _names_in_specs(*keys: str) -> list[str]:
    """The names below these keys in the specs on the half-typed line, or in those in the current folder."""
    from ...reader import decode
    from ...reader import read as parse
    from ..files import find, read

    found: dict[str, None] = {}
    try:
        for spec in find([word for word in _line() if os.path.exists(word)])[0]:
            source = decode(spec, read(spec), [])
            document = parse(source, []) if source else None
            for key in keys if document is not None else ():
                if isinstance(document.data.get(key), dict):  # type: ignore[union-attr] # there are no keys without a document
                    found.update(dict.fromkeys(map(str, document.data[key])))  # type: ignore[union-attr]
    except OSError:
        pass
    return list(found)


def _state_on_line() -> Here:
    words = _line()
    at = words.index("--state") + 1 if "--state" in words else len(words)
    return Here(state="".join(words[at : at + 1]))
