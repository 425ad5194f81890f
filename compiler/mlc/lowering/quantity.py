"""Kubernetes quantities (`500m`, `1.5Gi`), read exactly, without floating point (k8s.io/apimachinery `pkg/api/resource/quantity.go`)."""

from __future__ import annotations

import re

# Compiled (and kept, by `re`) when first used: many projects have none, and compiling patterns is what start-up is made of.
_QUANTITY = r"([0-9]{1,18})(?:\.([0-9]{0,9}))?(n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei|[eE][-+]?[0-9]{1,2})?"
NANO = 10**9
"""Amounts are kept in nano units, the smallest step of a quantity."""
_SUFFIX = {"": NANO, "n": 1, "u": 10**3, "m": 10**6}
_SUFFIX.update({name: NANO * 1000**power for power, name in enumerate("kMGTPE", 1)})
_SUFFIX.update({f"{name}i": NANO * 1024**power for power, name in enumerate("KMGTPE", 1)})


def nanos(text: str) -> int | None:
    """The amount of a quantity in nano units (`1` is 10**9); None if the text is none, is negative or finer than a nano unit."""
    match = re.fullmatch(_QUANTITY, text)
    if match is None:
        return None
    whole, fraction, suffix = match[1], match[2] or "", match[3] or ""
    digits, scale = int(whole + fraction), 10 ** len(fraction)
    if suffix in _SUFFIX:
        amount = digits * _SUFFIX[suffix]
    else:
        power = int(suffix[1:])
        amount = digits * NANO * 10 ** max(power, 0)
        scale *= 10 ** max(-power, 0)
    return amount // scale if amount % scale == 0 else None
