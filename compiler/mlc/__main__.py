"""`mlc` and `python -m mlc`: parse the arguments, do what they ask for, return the exit code.

`compile` and `validate` run in pre-commit hooks and editors, where start-up is nearly all of the time. Importing typer takes as long as
compiling a project, so a small hand-written parser goes first and typer is imported only for what that one does not understand.
"""

from __future__ import annotations

import os
import sys


def main(argv: list[str] | None = None) -> int:
    """Run one command line (default: the process's own) and return its exit code. Never raises, never shows a bare traceback."""
    arguments = sys.argv[1:] if argv is None else argv
    try:
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

        return run(request)
    except KeyboardInterrupt:
        from .cli.request import INTERRUPTED

        return INTERRUPTED
    except Exception as error:
        from .cli.fault import report

        return report(error, arguments)


if __name__ == "__main__":
    sys.exit(main())
