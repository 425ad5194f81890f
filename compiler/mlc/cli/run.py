"""Do what a request asks for. Each command is a module, imported only when it is the one."""

from __future__ import annotations

import gc

from . import streams
from .request import USAGE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .request import Request

_LASTING = ("run", "logs")  # they go on for hours, and make garbage all the time


def run(request: Request) -> int:
    """Run a request and return the exit code."""
    if request.command in _LASTING:
        return _run(request)
    # A compile builds one tree of records, prints it and ends. The cyclic collector would walk that tree again and again while it grows
    # (a fifth of the time at 10,000 steps) and find nothing to free.
    collecting = gc.isenabled()
    gc.disable()
    try:
        return _run(request)
    finally:
        if collecting:
            gc.enable()


def _run(request: Request) -> int:
    match request.command:
        case "compile":
            from .compile import compile_specs

            return compile_specs(request)
        case "validate":
            from .validate import validate

            return validate(request)
        case "graph":
            from .show import graph

            return graph(request)
        case "describe":
            from .show import describe

            return describe(request)
        case "diff":
            from .show import diff

            return diff(request)
        case "infra":
            from .show import infra

            return infra(request)
        case "lock":
            from .lock import lock

            return lock(request)
        case "datasets":
            from .datasets import datasets

            return datasets(request)
        case "run":
            from .local.execute import execute

            return execute(request)
        case "runs":
            from .local.runs import runs

            return runs(request)
        case "logs":
            from .local.logs import logs

            return logs(request)
        case "metrics":
            from .local.metrics import metrics

            return metrics(request)
        case "init":
            from .init import init

            return init(request)
        case "explain":
            return _explain(request)
        case "schema":
            from ..schema import schema_text

            return _print(request, schema_text())
    raise ValueError(f"no such command: {request.command}")


def _explain(request: Request) -> int:
    from ..diagnostics.explain import explain, listing

    if request.listing:
        if request.arguments:
            streams.tell("mlc: error: `--list` lists every code: leave out the code, or `--list`")
            return USAGE
        return _print(request, listing())
    pages = []
    for code in request.arguments:
        page = explain(code)
        if page is None:
            from ..diagnostics.codes import CODES
            from ..diagnostics.suggest import did_you_mean

            help = did_you_mean(code.upper(), CODES) or "`mlc explain --list` shows every code"
            streams.tell(f"mlc: error: no code is called `{code}`: {help}")
            return USAGE
        pages.append(page)
    if not pages:
        streams.tell("mlc: error: name a code, such as `mlc explain MLC301`, or list them all with `mlc explain --list`")
        return USAGE
    return _print(request, "\n".join(pages))


def _print(request: Request, text: str) -> int:
    """Write the result of a command that reads no specs, and return the exit code."""
    from .session import Session

    session = Session(request)
    session.print(text)
    return session.code
