"""Durations and quantities."""

from __future__ import annotations

import pytest

from mlc.lowering.quantity import nanos
from mlc.resolve.quantity import is_whole, seconds

G = 10**9


@pytest.mark.parametrize(
    ("text", "expected"),
    [("30s", 30), ("10m", 600), ("2h", 7200), ("1h30m", 5400), ("1h2m3s", 3723), ("90m", 5400)],
)
def test_durations(text: str, expected: int) -> None:
    """Hours, minutes, seconds, in this order."""
    assert seconds(text) == expected


@pytest.mark.parametrize("text", ["", "0s", "10", "1d", "30m1h", "1.5h", "-1s", " 1s", "1s\n", "10 minutes", "1h 30m", "٣s"])
def test_no_durations(text: str) -> None:
    """Everything else is refused, zero too."""
    assert seconds(text) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1", G),
        ("0.5", G // 2),
        ("500m", G // 2),
        ("1.5Gi", 3 * 2**29 * G),
        ("2G", 2 * 10**9 * G),
        ("1k", 1000 * G),
        ("1Ki", 1024 * G),
        ("1e3", 1000 * G),
        ("1E3", 1000 * G),
        ("12e-1", 12 * G // 10),
        ("1.", G),
        ("100n", 100),
        ("0", 0),
        ("1E", 10**18 * G),
    ],
)
def test_quantities(text: str, expected: int) -> None:
    """Kubernetes' decimal, binary and exponent forms, exactly."""
    assert nanos(text) == expected


@pytest.mark.parametrize(("power", "suffix"), list(enumerate("KMGTPE", 1)))
def test_binary_units(power: int, suffix: str) -> None:
    """Every binary unit is a power of 1024: `Ei` is one of them, not an exponent."""
    assert nanos(f"1{suffix}i") == 1024**power * G


@pytest.mark.parametrize(
    "text", ["", "8GB", "1 Gi", "-1", "+1", "Gi", "1gi", "1K", ".5", "0x10", "1e", "1e400", "0.0000000001", "1\n", "٣"]
)
def test_no_quantities(text: str) -> None:
    """Everything else is refused."""
    assert nanos(text) is None


def test_whole() -> None:
    """A GPU count must be whole."""
    assert is_whole(nanos("2") or -1)
    assert not is_whole(nanos("0.5") or -1)
