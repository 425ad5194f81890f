"""`mlc metrics`: the metrics of runs side by side."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from .here import Misuse, asked, guarded, named, opened, paper, told
from .request import OK

if TYPE_CHECKING:
    from typing import Any

    from ..local.store import Run, Store, Written
    from .request import Request

_MISSED = "missed"


def metrics(request: Request) -> int:
    """Print metrics, and return the exit code."""
    return guarded(_metrics, request)


def _metrics(request: Request) -> int:
    here = asked(request)
    if here.json and here.csv:
        raise Misuse("`--json` and `--csv` are two forms: choose one")
    store = opened(here)
    runs = list({run.name: run for run in (named(store, here, name) for name in here.names)}.values())
    if here.json:
        import json

        found = {"version": 1, "runs": [_plain(store, run) for run in runs]}
        return told(json.dumps(found, indent=2) + "\n")
    if here.csv:
        return told(_csv(store, runs))
    return told(_table(store, runs))
