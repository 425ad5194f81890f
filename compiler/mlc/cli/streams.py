"""Standard output and error. Manifests are bytes: UTF-8 and line feeds, whatever the locale says."""

from __future__ import annotations

import errno
import os
import sys


def write(text: str) -> None:
    """Write a result to standard output as UTF-8.

    A reader that has seen enough (`mlc compile | head`) is no failure: what is left is dropped without a word. Other errors of the
    stream (a full disk, or none where the shell closed it) are an OSError.
    """
    if sys.stdout is None:  # Python's way to say that the descriptor is closed
        if text:
            raise OSError(errno.EBADF, "it is closed")
        return
    try:
        sys.stdout.flush()
        # Only the name of a file can hold bytes that are no text; it is printed as it is.
        sys.stdout.buffer.write(text.encode("utf-8", "surrogateescape"))
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        _drop(sys.stdout.fileno())


def tell(text: str) -> None:
    """Write a line for people to standard error; nothing where nobody reads it any more, or it is closed."""
    if sys.stderr is None:
        return
    try:
        sys.stderr.write(text + "\n")
        sys.stderr.flush()
    except BrokenPipeError:
        _drop(sys.stderr.fileno())


def progress(text: str) -> None:
    """Show how far a command is, on standard error: one line, that the next one takes the place of. Only on a terminal; "" clears it."""
    if sys.stderr is None or not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        return
    width = (os.get_terminal_size(sys.stderr.fileno()).columns or 80) - 1  # a terminal may not know
    plain = "".join(char if char.isprintable() else "?" for char in text)
    try:
        sys.stderr.write(f"\r\x1b[K{plain[:width]}")
        sys.stderr.flush()
    except BrokenPipeError:
        _drop(sys.stderr.fileno())


def unicode() -> bool:
    """Whether standard output takes any character."""
    return sys.stdout is not None and (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"


def _drop(stream: int) -> None:
    """Send a stream to nowhere: Python flushes it again at exit and would complain there."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream)


def color() -> bool:
    """Whether diagnostics are coloured: on a terminal, unless `NO_COLOR` is set to anything or the terminal is `dumb`."""
    return sys.stderr is not None and sys.stderr.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def show(text: str) -> OSError | None:
    """Write text for people to standard output, in its own encoding; characters that it does not have become escapes.

    What is left after an error is dropped: a run goes on without being watched. Returns the error, None for a reader that has seen enough.
    """
    if sys.stdout is None:
        return None
    try:
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode(sys.stdout.encoding or "ascii", "backslashreplace"))
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        _drop(sys.stdout.fileno())
    except OSError as error:  # a terminal that went away, a full disk
        _drop(sys.stdout.fileno())
        return error
    return None


def pour(data: bytes) -> bool:
    """Write bytes to standard output as they are; False where nobody reads them any more. Raises OSError."""
    if sys.stdout is None:
        raise OSError(errno.EBADF, "it is closed")
    try:
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        _drop(sys.stdout.fileno())
        return False
    return True


def terminal() -> bool:
    """Whether standard output is a terminal on which text can be drawn over text."""
    return sys.stdout is not None and sys.stdout.isatty() and os.environ.get("TERM") != "dumb" and os.name != "nt"


def colored() -> bool:
    """Whether results are coloured: as diagnostics, but for standard output."""
    return terminal() and not os.environ.get("NO_COLOR")


def size() -> tuple[int, int]:
    """Columns and rows of the terminal that standard output is, now; 80 and 24 where it does not know."""
    try:
        found = os.get_terminal_size(sys.stdout.fileno())
    except (OSError, ValueError, AttributeError):
        return 80, 24
    return found.columns or 80, found.lines or 24
