"""`mlc run`: the project on this machine, from the command line to the exit code."""

from __future__ import annotations

import contextlib
import os
import signal
from typing import TYPE_CHECKING

from ..record import replace
from . import streams
from .files import STDIN_NAME, find
from .here import Misuse, asked, existing, guarded, named, paper, shown, state_folder, typed
from .request import FAILED, FOUND, INTERRUPTED, OK, STDIN, USAGE
from .request_here import LATEST
from .session import Session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from ..diagnostics.model import Finding
    from ..ir import Pipeline
    from ..local.events import Event
    from ..local.scheduler import Control
    from ..local.store import Run, Store
    from ..view.board import Board
    from .request import Request
    from .request_here import Here

_TAIL = 10  # lines of the log of a task that failed
_TAIL_BYTES = 64 << 10


def execute(request: Request) -> int:
    """Run a project, and return the exit code: 0 where it succeeded, 1 where it failed, 130 where it was interrupted."""
    return guarded(_execute, request)


def _execute(request: Request) -> int:
    here = asked(request)
    _check(request, here)
    store = existing(here)
    resumed = _resumed(store, here, request.arguments) if here.resume else None
    if resumed is not None:
        request, here = _as_before(request, here, resumed)
    session = Session(replace(request, targets=(), arguments=(_one_spec(request.arguments),)))
    machine = _machine(session, here)
    if machine is None:
        return session.code
    raise NotImplementedError


def _check(request: Request, here: Here) -> None:
    """Options that do not go together. Raises `Misuse`."""
    together = [option for option, given in (("--quiet", here.quiet), ("--json", here.json)) if given]
    if len(together) > 1:
        raise Misuse("`--quiet` prints the end and `--json` everything: leave out one of them")
    modes = [option for option, given in (("--resume", here.resume), ("--only", here.only), ("--from", here.first)) if given]
    if len(modes) > 1:
        raise Misuse(f"{' and '.join(f'`{option}`' for option in modes)} do not go together: choose one")
    if here.using and not (here.only or here.first):
        raise Misuse("`--using` says where `--only` and `--from` take results from: give one of these, too")
    own = [
        option
        for option, given in (("--param", here.params), ("--set", request.overrides), ("--env", request.environment))
        if given and here.resume
    ]
    if own:
        raise Misuse(f"a run goes on with its own parameters and environment: leave out `{own[0]}`, or `--resume`")


def _resumed(store: Store | None, here: Here, specs: Sequence[str]) -> Run:
    """The run that is to go on. Raises `Misuse`."""
    if here.resume != LATEST:
        return named(store, here, here.resume)
    named(store, here, LATEST)  # complains where there are no runs at all
    found = store.unfinished() if store else None
    if found is None:
        raise Misuse(f"every run in `{shown(state_folder(here))}` is finished or going: `mlc run` begins a new one")
    return found
