"""Did you mean."""

from __future__ import annotations

import itertools

import pytest

from mlc.diagnostics.suggest import did_you_mean


@pytest.mark.parametrize(
    ("word", "candidates", "answer"),
    [
        ("prepare-dta", ["train", "prepare-data"], "did you mean `prepare-data`?"),
        ("storageClass", ["storage_class", "size"], "did you mean `storage_class`?"),
        ("Train", ["train", "trains"], "did you mean `train`?"),
        ("sched", ["schema", "needs"], "did you mean `schema`?"),
        ("quux", ["train", "prepare-data"], ""),
        ("train", [], ""),
        ("train", ["train"], ""),
        ("", ["a", "b"], ""),
    ],
)
def test_nearest_word(word: str, candidates: list[str], answer: str) -> None:
    """The nearest candidate is named; where none is near, nothing is said, and a word is never suggested for itself."""
    assert did_you_mean(word, candidates) == answer


def test_order_of_candidates_does_not_matter() -> None:
    """Candidates that are equally near give one answer in any order, also from a set."""
    words = ["step-a", "step-b", "step-c"]
    answers = {did_you_mean("step-x", order) for order in itertools.permutations(words)}
    assert answers == {did_you_mean("step-x", set(words))}
    assert len(answers) == 1
