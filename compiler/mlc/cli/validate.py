"""`mlc validate`: every check, for every target and every environment unless some are named, and the rules of `--lint`."""

from __future__ import annotations

from .session import Session

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .request import Request


def validate(request: Request) -> int:
    """Check the specs and return the exit code."""
    from functools import partial

    from ..driver import check_environments

    session = Session(request)
    if session.run(partial(check_environments, lints=request.lints)):
        session.note(f"ok: {session.count}")
    return session.code
