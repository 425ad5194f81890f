"""`mlc` and `python -m mlc`: parse the arguments, do what they ask for, return the exit code.

`compile` and `validate` run in pre-commit hooks and editors, where start-up is nearly all of the time. Importing typer takes as long as
compiling a project, so a small hand-written parser goes first and typer is imported only for what that one does not understand.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

INTERRUPTED = 130
"""What shells report for a process that SIGINT ended: 128 + 2."""


def main(argv: list[str] | None = None) -> int:
    """Run one command line (default: the process's own) and return its exit code. Never raises, never shows a bare traceback."""
    arguments = sys.argv[1:] if argv is None else argv
    try:
        if argv is None:
            _leave_quietly(True)
        from .cli import quick

        # Shell completion calls us with the half-typed line in the environment: that is typer's to answer.
        request = None if "_MLC_COMPLETE" in os.environ else quick.parse(arguments)
        if request is None:
            from .cli import app

            parsed = app.parse(arguments)
            if isinstance(parsed, int):
                return parsed
            request = parsed
        from .cli.run import run

        if argv is None:
            _leave_quietly(False)
        return run(request)
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:
        from .cli.fault import report

        return report(error, arguments)


def _leave_quietly(quietly: bool) -> None:
    """Whether Ctrl-C ends the process at once, as it may while there are only modules to import.

    As an exception it comes out of wherever the interpreter is in an import, and some of those places print it and go on.
    """
    import _signal  # type: ignore[import-not-found] # in the interpreter; `signal` costs as much as a module of our own

    if _signal.getsignal(_signal.SIGINT) is (_signal.default_int_handler if quietly else _leave):  # not where SIGINT is ignored
        _signal.signal(_signal.SIGINT, _leave if quietly else _signal.default_int_handler)


def _leave(number: int, frame: object) -> NoReturn:
    os._exit(INTERRUPTED)


if __name__ == "__main__":
    sys.exit(main())
