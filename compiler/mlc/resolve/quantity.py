"""Durations (`1h30m`) and Kubernetes quantities (`500m`, `1.5Gi`), read exactly, without floating point.

Quantities: k8s.io/apimachinery `pkg/api/resource/quantity.go`; amounts are kept in nano units, its smallest step.
"""

from __future__ import annotations

import re

# Compiled (and kept, by `re`) when first used: many projects have neither, and compiling patterns is what start-up is made of.
_DURATION = r"(?:([0-9]{1,6})h)?(?:([0-9]{1,6})m)?(?:([0-9]{1,8})s)?"
_QUANTITY = r"([0-9]{1,18})(?:\.([0-9]{0,9}))?(n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei|[eE][-+]?[0-9]{1,2})?"
_NANO = 10**9
_SUFFIX = {"": _NANO, "n": 1, "u": 10**3, "m": 10**6}
_SUFFIX.update({name: _NANO * 1000**power for power, name in enumerate("kMGTPE", 1)})
_SUFFIX.update({f"{name}i": _NANO * 1024**power for power, name in enumerate("KMGTPE", 1)})


def seconds(text: str) -> int | None:
    """The seconds of a duration such as `30s`, `10m`, `2h`, `1h30m`; None if the text is none, or is zero."""
    match = re.fullmatch(_DURATION, text)
    if match is None or not text:
        return None
    hours, minutes, rest = (int(group or 0) for group in match.groups())
    return hours * 3600 + minutes * 60 + rest or None


def nanos(text: str) -> int | None:
    """The amount of a quantity in nano units (`1` is 10**9); None if the text is none, is negative or finer than a nano unit."""
    match = re.fullmatch(_QUANTITY, text)
    if match is None:
        return None
    whole, fraction, suffix = match[1], match[2] or "", match[3] or ""
    digits, scale = int(whole + fraction), 10 ** len(fraction)
    if suffix[:1] in ("e", "E") and len(suffix) > 1:
        power = int(suffix[1:])
        amount = digits * _NANO * 10 ** max(power, 0)
        scale *= 10 ** max(-power, 0)
    else:
        amount = digits * _SUFFIX[suffix]
    return amount // scale if amount % scale == 0 else None


def is_whole(amount: int) -> bool:
    """Whether an amount in nano units is a whole number."""
    return amount % _NANO == 0


MEBI = 1024 * 1024 * _NANO
MOST_CORES = 1024 * _NANO
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
