"""Durations (`1h30m`), and what amounts can be meant."""

from __future__ import annotations

import re

from ..lowering.quantity import NANO, nanos

# Compiled (and kept, by `re`) when first used: many projects have none, and compiling patterns is what start-up is made of.
_DURATION = r"(?:([0-9]{1,6})h)?(?:([0-9]{1,6})m)?(?:([0-9]{1,8})s)?"


def seconds(text: str) -> int | None:
    """The seconds of a duration such as `30s`, `10m`, `2h`, `1h30m`; None if the text is none, or is zero."""
    match = re.fullmatch(_DURATION, text)
    if match is None or not text:
        return None
    hours, minutes, rest = (int(group or 0) for group in match.groups())
    return hours * 3600 + minutes * 60 + rest or None


def is_whole(amount: int) -> bool:
    """Whether an amount in nano units is a whole number."""
    return amount % NANO == 0


MEBI = 1024 * 1024 * NANO
MOST_CORES = 1024 * NANO
"""More than any node has: whoever writes it means thousandths."""


def bytes_problem(text: str) -> str:
    """What is wrong with an amount of bytes, or "". Below 1Mi a unit is missing or wrong: `8` is eight bytes, `512m` half of one."""
    amount = nanos(text)
    if not amount:
        return "is not a size"
    return "is less than 1Mi: without a unit it is a number of bytes" if amount < MEBI else ""


def cores_problem(text: str) -> str:
    """What is wrong with an amount of cpu, or ""."""
    amount = nanos(text)
    if not amount or text[-1] in "ikMGTPE":
        return "is not an amount of cpu"
    return "is a number of cores, more than a machine has" if amount > MOST_CORES else ""


def meant(text: str) -> str:
    """For a help text: the size that a number without a unit was probably meant to be."""
    return f"; `{text}Gi` is {text} gibibytes" if text.isdigit() and len(text) < 4 else ""
