"""Do what a request asks for. Each command is a module, imported only when it is the one."""

from __future__ import annotations

import gc

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
            from .explain import explain

            return explain(request)
        case "schema":
            from ..schema import schema_text
            from .session import Session

            session = Session(request)
            session.print(schema_text())
            return session.code
    raise ValueError(f"no such command: {request.command}")
