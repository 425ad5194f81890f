"""Kubernetes quantities as the numbers that backends before 2.4 read (pipeline_spec.proto, ResourceSpec: cores and 10^9 bytes)."""

from __future__ import annotations

_FACTORS: dict[str, tuple[int, int]] = {
    "n": (1, 10**9),
    "u": (1, 10**6),
    "m": (1, 1000),
    "k": (10**3, 1),
    "M": (10**6, 1),
    "G": (10**9, 1),
    "T": (10**12, 1),
    "P": (10**15, 1),
    "E": (10**18, 1),
    "Ki": (2**10, 1),
    "Mi": (2**20, 1),
    "Gi": (2**30, 1),
    "Ti": (2**40, 1),
    "Pi": (2**50, 1),
    "Ei": (2**60, 1),
}


def cores(quantity: str) -> float:
    """`500m` as 0.5."""
    return _number(quantity, 1)


def gigabytes(quantity: str) -> float:
    """`2Gi` as 2.147483648: units of 10^9 bytes."""
    return _number(quantity, 10**9)


def _number(quantity: str, unit: int) -> float:
    digits = quantity.rstrip("EGKMPTikmnu")
    factor, divisor = _FACTORS.get(quantity[len(digits) :], (1, 1))
    return float(digits) * factor / (divisor * unit)
