"""What a command line asks for, once parsed. Both parsers, `quick` and `app`, make the same `Request` for the same arguments."""

from __future__ import annotations

from ..diagnostics.codes import LINTS as LINTS
from ..diagnostics.render import FORMATS as FORMATS
from ..record import record
from ..targets import TARGETS as TARGETS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .request_here import Here

OK = 0
FOUND = 1  # errors in a spec, or `--check` found drift
USAGE = 2
FAILED = 3  # a file that cannot be read or written, or a fault in mlc

DRAWINGS = ("text", "mermaid", "dot")

SHAPES = ("text", "json")

ALL = "all"
STDIN = "-"


@record
class Request:
    """One command with its arguments.

    `arguments` are the specs (files, folders or `-`), the codes and keys of `explain`, or the folder of `init`. `output` is "" for
    standard output, `environment` "" where none was chosen.
    `updates`, `platform` and `insecure` (hosts of registries) are for `lock`.
    `format` is how diagnostics are printed, `shape` how the result is, where a command has several ways. `here` is what is asked of runs
    on this machine.
    """

    command: str
    arguments: tuple[str, ...] = ()
    targets: tuple[str, ...] = TARGETS
    output: str = ""
    overrides: tuple[str, ...] = ()
    environment: str = ""
    check: bool = False
    strict: bool = False
    format: str = "text"
    force: bool = False
    listing: bool = False
    keys: bool = False
    lints: tuple[str, ...] = ()
    shape: str = "text"
    skeletons: bool = False
    claim_size: str = ""
    locked: bool = False
    updates: tuple[str, ...] = ()
    platform: str = ""
    insecure: tuple[str, ...] = ()
    here: Here | None = None


def targets_of(words: list[str]) -> tuple[str, ...]:
    """The targets that the words of `--target` name, each once, in the order given; all of them where there are none."""
    found: dict[str, None] = {}
    for word in words or [ALL]:
        found.update(dict.fromkeys(TARGETS if word == ALL else (word,)))
    return tuple(found)
