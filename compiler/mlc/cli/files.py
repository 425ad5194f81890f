"""Finding specs, reading them, and writing results so that a failure leaves the old files as they were."""

from __future__ import annotations

import errno
import os
import stat
import sys

from .request import STDIN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

PATTERN = "mlc.yaml, mlc.yml, *.mlc.yaml or *.mlc.yml"
STDIN_NAME = "<stdin>"
_SUFFIXES = ("mlc.yaml", "mlc.yml")
# The reader refuses anything near this; a bound here keeps `mlc validate /dev/zero` from eating the memory first.
_READ_AT_MOST = 8 << 20


def is_spec(name: str) -> bool:
    """Whether a file of this name is taken for a spec where a folder is searched (a file that is named itself can have any name)."""
    return not name.startswith(".") and (name in _SUFFIXES or name.endswith(tuple("." + suffix for suffix in _SUFFIXES)))


def find(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """The spec files that the arguments name, each once, and the folders in which there is none.

    A folder stands for the specs below it, sorted; hidden folders are skipped and links to folders not followed. No argument means the
    current folder. Raises OSError where a folder cannot be searched: a spec that nobody looks at must not pass.
    """
    found: dict[str, str] = {}
    empty: list[str] = []
    for argument in arguments or ["."]:
        names = [argument]
        if argument != STDIN and os.path.isdir(argument):
            names = list(_below(argument))
            if not names:
                empty.append(argument)
        for name in names:
            found.setdefault(name if name == STDIN else os.path.abspath(name), name)
    return list(found.values()), empty


def _below(folder: str) -> Iterable[str]:
    for here, folders, names in os.walk(folder, onerror=_raise):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if is_spec(name):
                yield os.path.normpath(os.path.join(here, name))


def _raise(error: OSError) -> None:
    raise error


def read(name: str) -> bytes:
    """The bytes of a spec, or of standard input for `-`. Raises OSError."""
    if name == STDIN:
        if sys.stdin is None:
            raise OSError(errno.EBADF, "it is closed")
        return sys.stdin.buffer.read(_READ_AT_MOST)
    with open(name, "rb") as file:
        return file.read(_READ_AT_MOST)


def beside(spec: str) -> Callable[[str], bytes]:
    """What reads files in the folder of a spec, or below it. Raises OSError, and ValueError for one that a link has elsewhere."""
    folder = os.path.realpath(os.path.dirname(spec))

    def read(name: str) -> bytes:
        place = os.path.realpath(os.path.join(folder, name))
        if os.path.commonpath((folder, place)) != folder:
            raise ValueError("a link leads out of the folder of the project")
        if os.path.exists(place) and not os.path.isfile(place):
            raise ValueError("it is no file")
        with open(place, "rb") as file:
            return file.read(_READ_AT_MOST)

    return read


def identity(name: str) -> tuple[int, int] | None:
    """What tells an existing regular file, or the one that standard input comes from for `-`, from all others; None for anything else."""
    try:
        found = os.fstat(sys.stdin.fileno()) if name == STDIN else os.stat(name)
    except (OSError, ValueError):  # it is not there, or standard input is no file of the system
        return None
    return (found.st_dev, found.st_ino) if stat.S_ISREG(found.st_mode) else None


def is_folder(output: str) -> bool:
    """Whether `-o` names a folder: it ends in a slash, or is one."""
    return output.endswith(("/", os.sep)) or os.path.isdir(output)


def write_all(files: Sequence[tuple[str, str]]) -> None:
    """Write texts (UTF-8) to files, all or none; folders on the way are made. Raises OSError, with the file's name in it.

    Each text goes to a new file in the same folder first; only when all are on disk they take the places of the old ones, in one step each.
    """
    staged: list[tuple[str, str]] = []
    try:
        for name, text in files:
            try:
                if os.path.exists(name) and not os.path.isfile(name):
                    _write_through(name, text)
                    continue
                place = os.path.realpath(name)  # a link stays a link
                _make_folder(os.path.dirname(place))
                beside = os.path.join(os.path.dirname(place), f".{os.path.basename(place)}.{os.getpid()}.tmp")
                staged.append((beside, place))
                _write_new(beside, text, place)
            except OSError as error:
                error.filename = name
                raise
        for beside, place in staged:
            os.replace(beside, place)
    except BaseException:
        for beside, _ in staged:
            if os.path.lexists(beside):
                os.unlink(beside)
        raise


def _make_folder(folder: str) -> None:
    try:
        os.makedirs(folder, exist_ok=True)
    except FileExistsError as error:  # so Python calls a file where a folder must be
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), folder) from error


def _write_new(beside: str, text: str, place: str) -> None:
    """Write a file that does not exist yet, with the permissions of the one whose place it takes (or those a new file gets)."""
    with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666), "wb") as file:
        file.write(text.encode())
        if os.path.exists(place):
            os.chmod(beside, stat.S_IMODE(os.stat(place).st_mode))


def _write_through(name: str, text: str) -> None:
    """Write to what is no file and cannot be replaced: `/dev/stdout`, a pipe."""
    with open(name, "wb") as file:
        file.write(text.encode())
