"""Standard output and error. Manifests are bytes: UTF-8 and line feeds, whatever the locale says."""

from __future__ import annotations

import os
import sys


def write(text: str) -> None:
    """Write a result to standard output as UTF-8.

    A reader that has seen enough (`mlc compile | head`) is no failure: what is left is dropped without a word. Other errors of the
    stream (a full disk) are an OSError.
    """
    try:
        sys.stdout.flush()
        # Only the name of a file can hold bytes that are no text; it is printed as it is.
        sys.stdout.buffer.write(text.encode("utf-8", "surrogateescape"))
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        _drop(sys.stdout.fileno())


def tell(text: str) -> None:
    """Write a line for people to standard error; nothing where nobody reads it any more."""
    try:
        sys.stderr.write(text + "\n")
        sys.stderr.flush()
    except BrokenPipeError:
        _drop(sys.stderr.fileno())


def _drop(stream: int) -> None:
    """Send a stream to nowhere: Python flushes it again at exit and would complain there."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream)


def color() -> bool:
    """Whether diagnostics are coloured: on a terminal, unless `NO_COLOR` is set to anything or the terminal is `dumb`."""
    return sys.stderr.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
