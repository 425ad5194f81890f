"""The parameters of a run: what it was given, and the defaults of the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..diagnostics.suggest import did_you_mean
from ..expr.evaluate import Unreadable, checked, fits, shown
from .naming import misnamed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..ir import Pipeline


def filled(pipeline: Pipeline, given: Mapping[str, str]) -> dict[str, str]:
    """The text of every parameter of a run that `given` says nothing wrong for (`problems`)."""
    return {param.name: given.get(param.name, param.default or "") for param in pipeline.params}


def problems(pipeline: Pipeline, given: Mapping[str, str], *, limits: bool = True) -> list[str]:
    """What is wrong with the parameters that a run is given, in sentences; with `limits`, also what fails only the steps that use them."""
    known = {param.name: param for param in pipeline.params}
    found = []
    for name in given:
        if name not in known:
            hint = did_you_mean(name, known)
            found.append(f"the project has no parameter `{name}`{f' ({hint})' if hint else ''}")
    for param in pipeline.params:
        text = given.get(param.name, param.default)
        if text is None:
            found.append(f"parameter `{param.name}` has no default: the run must give it")
        elif param.name in given and not fits(param.type, text):
            found.append(f"parameter `{param.name}` is of type {param.type}, which {shown(text)} is not")
        elif limits:
            try:
                checked(param, text)
            except Unreadable as unreadable:
                found.append(str(unreadable))
    return found or misnamed(pipeline, filled(pipeline, given))
