"""Standard output and error. Manifests are bytes: UTF-8 and line feeds, whatever the locale says."""

from __future__ import annotations

import os
import sys

from .request import FAILED, OK


def write(text: str) -> None:
    """Write a result to standard output as UTF-8.

    A reader that has seen enough (`mlc compile | head`) is no failure: what is left is dropped without a word. Other errors of the
    stream (a full disk) are an OSError.
    """
    try:
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode())
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        # Python flushes again at exit and would complain there.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def tell(text: str) -> None:
    """Write a line for people to standard error."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def color() -> bool:
    """Whether diagnostics are coloured: on a terminal, unless `NO_COLOR` is set to anything or the terminal is `dumb`."""
    return sys.stderr.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def result(text: str) -> int:
    """Write the result of a command that can fail in no other way, and return the exit code."""
    try:
        write(text)
    except OSError as error:
        tell(f"error[MLC903]: cannot write `<stdout>`: {error.strerror}")
        return FAILED
    return OK
