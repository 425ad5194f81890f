"""Records behave as frozen dataclasses do, where we use them."""

from __future__ import annotations

import pytest

from mlc.record import record, replace


@record
class Point:
    """A record with a default, a property and positional matching."""

    x: int
    y: int = 2

    @property
    def total(self) -> int:
        """Methods and properties are kept."""
        return self.x + self.y


def test_construction_equality_and_repr() -> None:
    """Keyword and positional construction, defaults, equality by value and type, hash, repr."""
    assert Point(1) == Point(x=1, y=2)
    assert Point(1) != Point(1, 3)
    assert not Point(1).__eq__((1, 2))
    assert hash(Point(1)) == hash(Point(1, 2))
    assert repr(Point(1)) == "Point(x=1, y=2)"
    assert Point(1).total == 3
    match Point(4, 5):
        case Point(x, y):
            assert (x, y) == (4, 5)


def test_the_first_and_the_hundredth_are_alike() -> None:
    """The constructor is compiled after some instances: nothing changes."""

    @record
    class Pair:
        """A record of its own, with its own count."""

        left: int
        right: str = "r"

    made = [Pair(number) for number in range(100)]
    assert made == [Pair(left=number, right="r") for number in range(100)]
    assert repr(made[0]) == "Pair(left=0, right='r')"
    for wrong in ({}, {"left": 1, "middle": 2}):
        with pytest.raises(TypeError):
            Pair(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(("args", "kwargs"), [((), {}), ((1, 2, 3), {}), ((1,), {"x": 2}), ((1,), {"z": 2}), ((1, 2), {"y": 3})])
def test_wrong_arguments(args: tuple[int, ...], kwargs: dict[str, int]) -> None:
    """Too few, too many, twice, unknown: a TypeError, as from any constructor, for the first instance already."""

    @record
    class Fresh:
        """Never made before."""

        x: int
        y: int = 2

    with pytest.raises(TypeError):
        Fresh(*args, **kwargs)


def test_replace_makes_a_copy() -> None:
    """`replace` leaves the original alone."""
    old = Point(1)
    assert replace(old, y=9) == Point(1, 9)
    assert old.y == 2


def test_closed() -> None:
    """Missing and unknown fields are errors; there is no `__dict__`."""
    with pytest.raises(TypeError):
        Point()  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        Point(1, z=3)  # type: ignore[call-arg]
    with pytest.raises(AttributeError):
        Point(1).z = 3  # type: ignore[attr-defined]
