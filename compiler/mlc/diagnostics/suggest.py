"""Did you mean: the known word that an unknown one was probably meant to be."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_CUTOFF = 0.6
"""Similarity from which a word is suggested, as `difflib` counts it (1.0 is equal). Below it the suggestions are noise."""


def did_you_mean(word: str, candidates: Iterable[str], cutoff: float = _CUTOFF) -> str:
    """A help text that names the candidate nearest to `word`, or "" where none is near.

    The answer does not depend on the order of the candidates. Words that differ only in case, `-` and `_` count as nearest.
    """
    known = sorted({candidate for candidate in candidates if candidate != word})
    plain = _plain(word)
    for candidate in known:
        if _plain(candidate) == plain:
            return f"did you mean `{candidate}`?"
    import difflib  # only when something is wrong

    near = difflib.get_close_matches(word, known, n=1, cutoff=cutoff)
    return f"did you mean `{near[0]}`?" if near else ""


def _plain(word: str) -> str:
    return word.casefold().replace("-", "").replace("_", "")
