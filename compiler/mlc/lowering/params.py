"""A parameter's limits, as comparisons and in words."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..ir import Param


def bounds(param: Param) -> tuple[tuple[str, str], ...]:
    """`min` and `max` as comparisons: an operator and a number."""
    return tuple((op, limit) for op, limit in ((">=", param.minimum), ("<=", param.maximum)) if limit is not None)


def limits(param: Param) -> str:
    """`min` and `max` in words: ` from 0 to 1`."""
    return "".join(f" {'from' if op == '>=' else 'to'} {limit}" for op, limit in bounds(param))


def described(param: Param, more: str) -> str:
    """The description, and behind it in parentheses what the engine has no field for."""
    return " ".join(part for part in (param.description, f"({more})" if more else "") if part)
