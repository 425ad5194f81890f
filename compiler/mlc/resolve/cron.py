"""Cron expressions and time zones, as Argo and KFP read them: `robfig/cron`, ParseStandard (parser.go), and Go's time.LoadLocation."""

from __future__ import annotations

import os
import re

_MONTHS = {name: number for number, name in enumerate("jan feb mar apr may jun jul aug sep oct nov dec".split(), 1)}
_DAYS = {name: number for number, name in enumerate("sun mon tue wed thu fri sat".split())}
_FIELDS: tuple[tuple[str, int, int, dict[str, int]], ...] = (
    ("minute", 0, 59, {}),
    ("hour", 0, 23, {}),
    ("day of month", 1, 31, {}),
    ("month", 1, 12, _MONTHS),
    ("day of week", 0, 6, _DAYS),
)
_WORDS = frozenset(("@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"))
_EVERY = r"@every ([0-9]+h)?([0-9]+m)?([0-9]+s)?"


def problem(text: str) -> str:
    """What is wrong with a cron expression, as the end of a sentence; "" for a right one."""
    if text in _WORDS:
        return ""
    blank = next((character for character in text if character != " " and (character.isspace() or not character.isprintable())), "")
    if blank or text != text.strip():
        known = {"\n": "a line break", "\r": "a line break", "\t": "a tab"}
        what = known.get(blank, f"the character U+{ord(blank):04X}") if blank else "a space at its beginning or end"
        return f"holds {what}: between its fields stand spaces, and nothing around them"
    if text.startswith("@"):
        every = re.fullmatch(_EVERY, text)
        return "" if every and any(group and group.strip("0hms") for group in every.groups()) else "is no schedule"
    if "TZ=" in text:
        return "names a time zone, which belongs under `timezone`"
    fields = text.split()
    if len(fields) != len(_FIELDS):
        return f"has {len(fields)} fields, and a schedule has five"
    for field, (name, lowest, highest, words) in zip(fields, _FIELDS, strict=True):
        for part in field.split(","):
            wrong = _part(part, lowest, highest, words)
            if wrong:
                return f"has the {name} `{part}`, {wrong}"
    return "" if _comes(*fields[2:]) else "never comes: no such month has such a day"


_LENGTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def _comes(days: str, months: str, weekdays: str) -> bool:
    """Whether there is such a day in such a month.

    Where days of the week are named, too, one of both is enough (spec.go, dayMatches); a `*` with a step counts as named.
    """
    if not any(part.partition("/")[0] in ("*", "?") and part.partition("/")[2] in ("", "1") for part in weekdays.split(",")):
        return True
    first = min(_first(part, {}) for part in days.split(","))
    return any(first <= _LENGTHS[month - 1] for part in months.split(",") for month in _months(part))


def _first(part: str, words: dict[str, int]) -> int:
    """The lowest value of a part of a field that starts with 1."""
    start = part.partition("/")[0].partition("-")[0].lower()
    return 1 if start in ("*", "?") else words.get(start) or int(start)


def _months(part: str) -> range:
    values, _, step = part.partition("/")
    last = values.partition("-")[2].lower()
    first = _first(part, _MONTHS)
    end = (_MONTHS.get(last) or int(last)) if last else first if values not in ("*", "?") and not step else 12
    return range(first, end + 1, int(step or 1))


def _part(part: str, lowest: int, highest: int, words: dict[str, int]) -> str:
    """What is wrong with one of a field's parts: a number, a range, `*` or `?`, each perhaps with a step."""
    values, slash, step = part.partition("/")
    if slash and not (step.isascii() and step.isdigit() and 0 < int(step) <= highest - lowest + 1):
        return f"whose step is no number from 1 to {highest - lowest + 1}"
    if values in ("*", "?"):
        return ""
    first, dash, last = values.partition("-")
    ends = (first, last) if dash else (first,)
    found = [words.get(word.lower(), int(word) if word.isascii() and word.isdigit() else -1) for word in ends]
    if not all(lowest <= value <= highest for value in found):
        return f"which is not from {lowest} to {highest}"
    return "whose end is before its start" if found[-1] < found[0] else ""


def zones() -> frozenset[str]:
    """The names of the tz database, the same on every machine: those of the package `tzdata`.

    What a system has besides means something else on the controller, or nothing: `localtime` and `posixrules` are its own settings,
    `posix/...` and `right/...` a choice of its packagers. `Factory` is in the list, and says of itself that no zone has been set.
    Raises ImportError or OSError where the package is not there, which mlc depends on.
    """
    import tzdata

    # not by `zoneinfo` or `importlib.resources`, which take twenty times as long to import
    with open(os.path.join(tzdata.__path__[0], "zones"), encoding="utf-8") as file:
        return frozenset(file.read().split()) - {"Factory"}
