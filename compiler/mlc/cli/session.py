"""What the commands that read specs share: read each one, run the stages on it, report, and settle the exit code."""

from __future__ import annotations

import errno
import os
from functools import partial

from ..diagnostics.codes import CODES
from ..diagnostics.model import Diagnostic, Span
from ..diagnostics.render import DOCUMENTS
from ..record import replace
from ..source import SET
from . import streams
from .files import PATTERN, STDIN_NAME, beside, find, identity, read
from .request import FAILED, FOUND, OK, STDIN, USAGE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..diagnostics.model import Finding
    from ..driver import Result
    from ..source import SourceFile
    from .request import Request

    Stages = Callable[..., Result]
    """Takes a source, targets, overrides and an environment; with `--locked` also `lock`."""


class Session:
    """The specs of one command: their results, everything found, and the exit code so far, which only gets worse."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.results: list[tuple[str, Result]] = []
        self.diagnostics: list[Diagnostic] = []
        self._specs: list[str] = []
        self.sources = {SET: "\n".join(request.overrides)}
        self.code = OK
        self._misused = False
        self._of_overrides: dict[Diagnostic, list[str]] = {}

    @property
    def count(self) -> str:
        """How many specs there were, for a message: `1 spec`, `3 specs`."""
        return f"{len(self.results)} spec{'' if len(self.results) == 1 else 's'}"

    def run(self, stages: Stages, misuse: Callable[[], None] | None = None) -> bool:
        """Run `stages` on every spec, report what was found, and say whether there are results to use (no error in any spec).

        `misuse` complains where the results do not go with the command; it comes before the report, which a wrong usage may prevent.

        Where an argument names a folder without specs, nothing is run: that is a mistake in the command.
        """
        if "" in self.request.arguments:
            self.complain("the name of a spec is empty")
            return False
        if self.request.locked and STDIN in self.request.arguments:
            self.complain("`--locked` reads the lock file beside a spec, and standard input has none: name a file")
            return False
        try:
            self._specs, empty = find(self.request.arguments)
        except OSError as error:
            name = str(error.filename)
            self.add(failure("MLC902", f"cannot read `{name}`: {_reason(error)}", name, _way_out(error)))
            self.report()
            return False
        if empty:
            for folder in empty:
                self.complain(f"no specs in `{folder}`: a spec is called {PATTERN}; a file with another name has to be named itself")
            return False
        for spec in self._specs:
            self._run_one(spec, stages)
        self._add_overrides()
        if misuse is not None and self.code == OK:
            misuse()
        self.report()
        return self.code == OK

    def _run_one(self, spec: str, stages: Stages) -> None:
        from ..reader import decode

        name = STDIN_NAME if spec == STDIN else spec
        try:
            raw = read(spec)
        except OSError as error:
            self.add(failure("MLC902", f"cannot read `{name}`: {_reason(error)}", name, _way_out(error)))
            return
        findings: list[Finding] = []
        source = decode(name, raw, findings)
        if source is None:
            for finding in findings:
                self.add(failure(finding.code, finding.message, name, finding.help, finding.span))
            return
        if spec != STDIN:
            source = replace(source, beside=beside(spec))
        self.sources[name] = source.text
        if self.request.locked:
            lock = self.lock_file(spec)
            if lock is None:
                return
            stages = partial(stages, lock=lock)
        result = stages(source, self.request.targets, self.request.overrides, self.request.environment)
        if result.usage:
            self.complain(f"`{name}` {result.usage}")
            return
        self.results.append((name, result))
        for diagnostic in result.diagnostics:
            if diagnostic.file == SET and len(self._specs) > 1:
                self._of_overrides.setdefault(diagnostic, []).append(name)
            else:
                self.add(diagnostic)

    def _add_overrides(self) -> None:
        """What is wrong with `--set`, once for several specs, and for which if not for all."""
        from ..record import replace

        for diagnostic, names in self._of_overrides.items():
            which = "" if len(names) == len(self._specs) else f", in {', '.join(f'`{name}`' for name in names)}"
            self.add(replace(diagnostic, message=diagnostic.message + which))

    def lock_file(self, spec: str) -> SourceFile | None:
        """The lock file of a spec, with an empty text where there is none; None where it cannot be read, which is reported.

        The text of a file without a byte is an empty line: it is there.
        """
        from ..locked import file_name, way_out
        from ..reader import decode
        from ..record import replace
        from ..source import SourceFile

        name = file_name(spec)
        findings: list[Finding] = []
        try:
            source = decode(name, read(name), findings)
        except FileNotFoundError:
            return SourceFile(name, "")
        except OSError as error:
            self.add(failure("MLC902", f"cannot read `{name}`: {_reason(error)}", name, _way_out(error)))
            return None
        for finding in findings:
            self.add(failure(finding.code, finding.message, name, f"remove it, and {way_out(name)}", finding.span))
        if source is None:
            return None
        self.sources[name] = source.text
        return source if source.text else replace(source, text="\n")

    def spares_specs(self, outputs: Sequence[str]) -> bool:
        """Whether no output is one of the specs, by whatever name; complains about each one that is."""
        specs = {identity(spec): spec for spec in self._specs}
        specs.pop(None, None)
        spared = True
        for output in outputs:
            spec = specs.get(identity(output))
            if spec is not None:
                other = "" if spec == output else " is standard input" if spec == STDIN else f" is `{spec}`"
                self.complain(f"`-o` names a spec: `{output}`{other}")
                spared = False
        return spared

    def add(self, diagnostic: Diagnostic) -> None:
        """Take a diagnostic in; `--strict` makes a warning an error. Files that fail weigh more than errors in a spec."""
        if diagnostic.severity == "warning" and self.request.strict:
            diagnostic = replace(diagnostic, severity="error")
        self.diagnostics.append(diagnostic)
        if diagnostic.severity == "error":
            self.code = max(self.code, FAILED if diagnostic.code.startswith("MLC9") else FOUND)

    def report(self) -> None:
        """Print what was found since the last report, on standard error. `json` and `sarif` are documents, so printed when empty, too.

        After a wrong usage there is no document: not all was looked at, and a report without results would pass for a good one. Files
        that fail are still named.
        """
        document = self.request.format in DOCUMENTS
        if document and self._misused:
            for diagnostic in self.diagnostics:
                if diagnostic.code.startswith("MLC9"):
                    streams.tell(f"mlc: error: {diagnostic.message}")
        elif document or self.diagnostics:
            from ..diagnostics.render import render

            text = render(self.request.format, self.diagnostics, self.sources, streams.color())
            streams.tell(text.rstrip("\n"))
        self.diagnostics = []

    def print(self, text: str) -> None:
        """Write a result to standard output."""
        try:
            streams.write(text)
        except OSError as error:
            self.fail("MLC903", "write", error)

    def complain(self, message: str) -> None:
        """Say that the command makes no sense."""
        streams.tell(f"mlc: error: {message}")
        self._misused = True
        self.code = max(self.code, USAGE)

    def note(self, message: str) -> None:
        """Say something for people; left out where standard error is a document."""
        if self.request.format not in DOCUMENTS:
            streams.tell(message)

    def fail(self, code: str, action: str, error: OSError) -> None:
        """Report a file that cannot be read (MLC902) or written (MLC903)."""
        name = os.fspath(error.filename) if isinstance(error.filename, str) else "<stdout>"
        self.add(failure(code, f"cannot {action} `{name}`: {_reason(error)}", name, _way_out(error)))
        if self.request.format in DOCUMENTS:  # the one document is out already
            streams.tell(f"mlc: error: cannot {action} `{name}`: {_reason(error)}")
            self.diagnostics = []
        else:
            self.report()


def failure(code: str, message: str, file: str, help: str = "", span: Span | None = None) -> Diagnostic:
    """A diagnostic about a file as a whole, or about text that never became a document."""
    severity = CODES[code].severity
    return Diagnostic(code, severity, message, file, span or Span(1, 1, 1, 1), (), "", (), help)


def _way_out(error: OSError) -> str:
    """What to do about a file that cannot be read or written, as a help text."""
    if isinstance(error, FileNotFoundError):
        return "check the name and the folder; `mlc init` writes a project to start from"
    if isinstance(error, PermissionError):
        return "ask for the permission, or choose another place"
    if error.errno == errno.EBADF:
        return "connect it to a file, a pipe or a terminal"
    return "check the name, and that the disk is there and has room"


def _reason(error: OSError) -> str:
    reason = error.strerror or type(error).__name__
    return reason[:1].lower() + reason[1:]
