"""`mlc logs`: what the steps of a run printed."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from . import streams
from .here import Misuse, asked, existing, guarded, named, os_words, tasks_of, typed
from .request import FAILED, OK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..local.store import Run, Store
    from .request import Request
    from .request_here import Here

_PERIOD = 0.2  # seconds between two looks at a log that grows
_CHUNK = 1 << 16


def logs(request: Request) -> int:
    """Print logs, and return the exit code."""
    return guarded(_logs, request)


def _logs(request: Request) -> int:
    here = asked(request)
    store = existing(here)
    run = named(store, here, here.names[0])
    if store is None:
        raise AssertionError(run)  # nobody has named it then
    try:
        if here.task and (here.task in tasks_of(store, run) or not _items(store, run, here.task)):
            return _one(store, run, here)
        return _all(store, run, here)
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            return OK
        streams.tell(f"mlc: error: {os_words(error)}")
        return FAILED


def _items(store: Store, run: Run, step: str) -> list[str]:
    return [task for task in tasks_of(store, run) if task.startswith(f"{step}[")]
