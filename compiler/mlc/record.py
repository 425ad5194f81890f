"""Frozen records: what `dataclasses` gives us, without what it costs at start-up.

`import dataclasses` pulls in `inspect`, `ast` and `dis`, and building forty frozen dataclasses takes longer than reading and
compiling a small project. `mlc` runs in pre-commit hooks, where start-up is nearly all of the time, so the records of the
compile path are made by this decorator: slots, keyword or positional construction, equality, hashing and a readable `repr`.
Type checkers see a frozen dataclass (PEP 681), so an assignment to a field is a type error; nothing checks it at run time.
"""

from __future__ import annotations

TYPE_CHECKING = False  # as in `typing`, whose import the compile path does without
if TYPE_CHECKING:
    from typing import Any, TypeVar

    from typing_extensions import dataclass_transform

    T = TypeVar("T")
else:

    def dataclass_transform(**_: object):  # noqa: D103 - a stand-in at run time
        return lambda decorator: decorator


_FEW = 50
"""Instances of a record before its constructor is compiled."""


def _repr(self: Any) -> str:
    fields = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__slots__)
    return f"{type(self).__name__}({fields})"


def _eq(self: Any, other: Any) -> bool:
    return type(self) is type(other) and all(getattr(self, name) == getattr(other, name) for name in self.__slots__)


def _hash(self: Any) -> int:
    return hash((type(self).__name__, *(getattr(self, name) for name in self.__slots__)))


@dataclass_transform(frozen_default=True)
def record(cls: type[T]) -> type[T]:
    """Turn an annotated class into a slotted record. Fields come from the annotations, in order; defaults must be immutable."""
    body = dict(cls.__dict__)
    names = tuple(cls.__annotations__)
    defaults = {name: body.pop(name) for name in names if name in body}
    for name in ("__dict__", "__weakref__"):
        body.pop(name, None)

    waiting = _FEW

    def first(self: Any, *args: Any, **kwargs: Any) -> None:
        """`__init__` of the first instances. Compiling the quick one takes as long as a hundred of these, and most records are few."""
        nonlocal waiting
        waiting -= 1
        values = {**defaults, **dict(zip(names, args, strict=False)), **kwargs}
        if (
            not waiting
            or len(values) != len(names)
            or len(args) + len(kwargs) > len(names)
            or not kwargs.keys().isdisjoint(names[: len(args)])
        ):
            made.__init__ = _initializer(names, defaults)  # type: ignore[method-assign]
            made.__init__(self, *args, **kwargs)  # which also says what is wrong with the arguments
            return
        for name, value in values.items():
            setattr(self, name, value)

    body.update(__slots__=names, __init__=first, __match_args__=names)
    for name, function in (("__repr__", _repr), ("__eq__", _eq), ("__hash__", _hash)):
        if name not in cls.__dict__:
            body[name] = function
    made: type[T] = type(cls.__name__, cls.__bases__, body)
    return made


def _initializer(names: tuple[str, ...], defaults: dict[str, Any]) -> Any:
    signature = ", ".join(f"{name}=_defaults[{name!r}]" if name in defaults else name for name in names)
    assignments = "".join(f"\n self.{name} = {name}" for name in names) or "\n pass"
    scope: dict[str, Any] = {"_defaults": defaults}
    exec(f"def __init__(self, {signature}):{assignments}", scope)  # noqa: S102 - field names only, as dataclasses does
    return scope["__init__"]


def replace(old: T, **changes: Any) -> T:
    """A copy of a record with some fields changed."""
    fields = {name: getattr(old, name) for name in old.__slots__}  # type: ignore[attr-defined]
    return type(old)(**{**fields, **changes})
