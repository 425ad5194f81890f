"""Regular expressions that are compiled when first used.

Compiling the patterns of all modules takes longer than compiling a small project, which uses a third of them. PyYAML's Python parts
alone compile 10 ms' worth on import that its C parser never looks at.
"""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_compile = re.compile


class Lazy:
    """Stands for a compiled pattern until one of its methods or attributes is asked for."""

    def __init__(self, pattern: str, flags: int = 0) -> None:
        self._source = (pattern, flags)

    def __getattr__(self, name: str) -> Any:
        compiled = _compile(*self._source)
        for method in ("fullmatch", "match", "search", "sub", "finditer", "split"):
            setattr(self, method, getattr(compiled, method))  # the next call finds it here
        return getattr(compiled, name)


def lazy(pattern: str, flags: int = 0) -> re.Pattern[str]:
    """A pattern, compiled when first used."""
    return Lazy(pattern, flags)  # type: ignore[return-value] # in all that we use of one


class Uncompiled:
    """`with Uncompiled(): import x` leaves the patterns of a module to be compiled when used."""

    def __enter__(self) -> None:
        re.compile = lazy  # type: ignore[assignment]

    def __exit__(self, *_: object) -> None:
        re.compile = _compile
