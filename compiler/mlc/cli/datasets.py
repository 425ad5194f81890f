"""`mlc datasets`: the versions that the datasets of specs have, and which of them the project uses."""

from __future__ import annotations

from ..driver import Result, check_environments
from ..lock.failure import Failure
from ..lock.plan import diagnostics
from ..lock.versions import VERSION, Dataset, Version, declared, document, look_up, text
from ..locked import Locked, resolved
from ..pins import NOTHING, Lock
from ..reader import read as parse
from ..record import replace
from ..source import SourceFile
from .request import STDIN, Request
from .session import Session


def datasets(request: Request) -> int:
    """Print the versions of the datasets of each spec, and return the exit code."""
    session = Session(request)
    found: list[tuple[str, list[tuple[Dataset, list[Version]]], Lock]] = []

    def stages(source: SourceFile, _: tuple[str, ...], overrides: tuple[str, ...], environment: str) -> Result:
        result = check_environments(source, (), overrides, environment)
        base = parse(source, [])
        if result.pipeline is None or base is None:
            return result
        old = session.lock_file(source.name) if STDIN not in request.arguments else None
        lock = Locked(old).lock if old is not None else NOTHING
        known, failures = [], []
        for dataset, answer in look_up(declared(one for one, pipeline in resolved(base) if pipeline is not None)):
            if isinstance(answer, Failure):
                failures.append((dataset.place, answer))
            else:
                known.append((dataset, answer))
        found.append((result.name, known, lock))
        return replace(result, diagnostics=(*result.diagnostics, *diagnostics(failures)))

    if not session.run(stages):
        return session.code
    if request.shape == "json":
        import json

        session.print(json.dumps({"version": VERSION, "projects": [document(*one) for one in found]}, indent=2) + "\n")
    else:
        session.print("\n".join(text(*one) for one in found))
    return session.code
