"""Looks up what a project needs, several things at once."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..pins import NOTHING, Lock, LockedImage
from .failure import Failure
from .plan import Plan
from .pool import answers

if TYPE_CHECKING:
    from ..diagnostics.model import Diagnostic
    from .registry import Registries

PLATFORM = "linux/amd64"

Progress = Callable[[int, int, str], None]
"""Told after each look-up: how many are done, of how many, and which was last."""


@dataclass(frozen=True)
class Settings:
    """How to look things up. `updates` are the names to look up, None for all; `platform` is "" for what the lock file says."""

    updates: Collection[str] | None = None
    platform: str = ""
    insecure: tuple[str, ...] = ()
    only_check: bool = False


def locked(plan: Plan, old: Lock, settings: Settings, progress: Progress) -> tuple[Lock, list[Diagnostic]]:
    """The lock of a project as its servers have it now, and what could not be looked up. What needs no look-up is as it was."""
    names = plan.images if settings.updates is None else settings.updates
    chosen = {reference for name in names for reference in plan.named(name)}
    tasks = [reference for reference in sorted(plan.images) if reference in chosen or reference not in old.images]
    images = {reference: entry for reference, entry in old.images.items() if reference in plan.images}
    diagnostics: list[Diagnostic] = []
    if not tasks:
        return Lock(images), diagnostics
    try:
        registries = _registries(settings.insecure)
    except Failure as failure:
        return NOTHING, [plan.images[tasks[0]].diagnostic(failure.code, failure.message, failure.help)]

    def look_up(reference: str) -> LockedImage:
        before = old.images.get(reference)
        platform = settings.platform or (before.platform if before else PLATFORM)
        return registries.look_up(reference, platform, before if settings.only_check else None)

    for number, (reference, answer) in enumerate(answers(tasks, look_up), start=1):
        progress(number, len(tasks), reference)
        if isinstance(answer, Failure):
            diagnostics.append(plan.images[reference].diagnostic(answer.code, answer.message, answer.help))
        else:
            images[reference] = answer
    return Lock(images), diagnostics


def _registries(insecure: tuple[str, ...]) -> Registries:
    try:
        from .registry import Registries
    except ImportError as error:
        if not (error.name or "").startswith(("requests", "urllib3")):
            raise
        message = "to ask registries `mlc` needs the package `requests`, which is not installed"
        raise Failure("MLC908", message, "install it: `pip install 'mlc-compiler[lock]'`") from error
    return Registries(insecure)
