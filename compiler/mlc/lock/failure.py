"""What can go wrong with a server, as an exception that becomes a diagnostic."""

from __future__ import annotations


class Failure(Exception):
    """A look-up without an answer. `code` is one of MLC904 to MLC908; `message` and `help` are as in a finding."""

    def __init__(self, code: str, message: str, help: str) -> None:
        super().__init__(message)
        self.code, self.message, self.help = code, message, help
