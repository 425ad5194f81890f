"""What every stage reports: a `Finding` names a place in the document by its path; `source.locate` turns it into lines and columns."""

from __future__ import annotations

from ..record import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    Severity = Literal["error", "warning", "note"]
    At = Literal["key", "value"]

    Path = tuple[str | int, ...]
    """A place in the document, as keys and list indexes from the top: `("steps", "train", "needs", 0)`."""


@record
class Span:
    """A piece of a source text. Lines and columns start at 1; columns count code points; the end column is exclusive."""

    line: int
    column: int
    end_line: int
    end_column: int


@record
class Related:
    """A second place that explains a finding, such as "first defined here"."""

    path: Path
    label: str
    at: At = "value"
    span: Span | None = None


@record
class Finding:
    """One problem, before its position is known.

    `at` says whether the caret goes under the key at `path` or under its value. `within` narrows it to a piece of a scalar:
    offsets (code points) into the scalar's *decoded* text. `span` is set only by the reader, for text that never became a document.
    """

    code: str
    message: str
    path: Path = ()
    at: At = "value"
    within: tuple[int, int] | None = None
    label: str = ""
    related: tuple[Related, ...] = ()
    help: str = ""
    span: Span | None = None


@record
class Note:
    """A related place of a `Diagnostic`."""

    file: str
    span: Span
    label: str


@record
class Diagnostic:
    """A finding with its position: what renderers print and `--format json` documents."""

    code: str
    severity: Severity
    message: str
    file: str
    span: Span
    path: Path
    label: str
    notes: tuple[Note, ...]
    help: str
