"""Processes that find files at the paths of the spec: a file system of their own, made by bubblewrap out of this machine's.

At `/` there is a folder of the attempt. The machine's own folders appear in it, to be read; the home folder and the folders of programs
can be written. What the spec puts at a path is mounted there. Where it puts something into a folder of the machine, a folder of the
attempt takes the place of that, with all that is in it mounted again: nothing is ever written to the machine's. `/tmp`, `/var/tmp` and
`/dev/shm` are the attempt's. Processes have numbers of their own, and none outlives the first.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from . import memory
from .copies import make_empty, remove
from .job import Delivered, Mounted
from .places import Places, Zone

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

OURS = "/mlc"
"""Where inputs, outputs, scripts and the folder to start in are."""

WORK = f"{OURS}/work"
SCRIPT = f"{OURS}/script"
HANDED_OVER = (f"{OURS}/inputs", f"{OURS}/outputs")

_PRIVATE = ("/tmp", "/var/tmp", "/dev/shm")  # noqa: S108 - of the attempt
_FLAGS = ("--unshare-pid", "--die-with-parent", "--new-session")
_MANY = 500
"""Things in a folder of the machine from which links stand for them: bubblewrap takes 9,000 options, and each mount takes its time."""


class Machine:
    """What of this machine programs see. Looked at once for each runner."""

    def __init__(self, environ: Mapping[str, str], folders: Iterable[Path] = ()) -> None:
        self.links: list[tuple[str, str]] = []
        self.zones: list[Zone] = []
        for entry in sorted(os.scandir("/"), key=lambda entry: entry.name):
            if entry.path in (OURS, "/proc", "/dev", "/tmp"):  # noqa: S108 - as above
                continue
            if entry.is_symlink():
                self.links.append((entry.path, os.readlink(entry.path)))
            elif entry.is_dir() and _names(entry.path):  # each mount takes its time
                self.zones.append(Zone(entry.path, Path(entry.path), "machine", read_only=True))
        home = environ.get("HOME", "")
        written = [*([Path(home)] if home else []), *folders]
        read = [folder for folder in map(_real, _programs(environ)) if folder is not None and _hidden(folder)]
        zones = [Zone(str(folder), folder, "machine", read_only=True) for folder in read]
        zones += [Zone(str(folder), folder, "machine") for folder in map(_real, written) if folder is not None]
        self.visible = sorted(dict.fromkeys(zones), key=lambda zone: zone.inside.count("/"))
        """What is mounted after the attempt's own folders: what can be written, and programs in folders that these hide."""


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return [""]  # who knows


def _programs(environ: Mapping[str, str]) -> list[Path]:
    """Folders in which programs and what belongs to them may be, wherever they are."""
    found = [Path(sys.prefix), Path(sys.base_prefix)]
    found += [Path(environ[name]) for name in ("VIRTUAL_ENV", "CONDA_PREFIX") if environ.get(name)]
    for name in environ.get("PATH", "").split(":"):
        folder = Path(name)
        if folder.is_absolute():
            found += [folder.parent, folder] if folder.name == "bin" else [folder]
    return found


def _hidden(folder: Path) -> bool:
    return any(folder.is_relative_to(private) and str(folder) != private for private in _PRIVATE)


def _real(folder: Path) -> Path | None:
    """A folder without links, None where it is none or is the whole machine."""
    found = Path(os.path.realpath(folder))
    return found if found.is_dir() and str(found) not in ("/", "/tmp") else None  # noqa: S108 - as above


def furnished(machine: Machine, folder: Path) -> None:
    """Make the folders of a room: what is mounted on, and what the program can write to. Raises OSError."""
    root = folder / "root"
    for made, mode in ((folder, 0o700), (root, 0o755), (folder / "tmp", 0o1777), (folder / "var-tmp", 0o1777)):
        made.mkdir(parents=True, exist_ok=True)
        made.chmod(mode)
    for link, target in machine.links:
        os.symlink(target, root / link[1:])
    for zone in machine.zones:
        (root / zone.inside[1:]).mkdir()
    for name in _OTHERS:
        (root / name).mkdir()
    for path in (*HANDED_OVER, WORK):
        (root / path[1:]).mkdir(mode=0o777)
        (root / path[1:]).chmod(0o777)
    (root / SCRIPT[1:]).touch()


_OTHERS = ("dev", "proc", "tmp", OURS[1:])


class Rooms:
    """Folders of rooms, to be used again: to make and remove them takes longer than a small program. From any thread."""

    def __init__(self, machine: Machine, folder: Path) -> None:
        self._machine = machine
        self._layout = _layout(machine)
        self._folder = folder
        self._lock = threading.Lock()
        self._free: list[Path] = []
        self._count = 0

    def take(self, to: Path) -> None:
        """Have the folders of a room at a path where nothing is. Raises OSError."""
        with self._lock:
            free = self._free.pop() if self._free else None
        if free is not None:
            free.rename(to)
        else:
            furnished(self._machine, to)

    def give(self, folder: Path) -> None:
        """Take the folders of a room back; they are removed where the program left something in them. Raises OSError."""
        if not folder.is_dir():
            return
        try:
            untouched = self._untouched(folder)
        except OSError:
            untouched = False
        if not untouched:
            remove(folder)
            return
        with self._lock:
            self._count += 1
            free = self._folder / str(self._count)
            self._folder.mkdir(exist_ok=True)
            folder.rename(free)
            self._free.append(free)

    def _untouched(self, folder: Path) -> bool:
        """Whether there is all that belongs there, and nothing else. This only looks: what is there may be a link to anywhere."""
        for place, names in self._layout:
            at = os.path.join(folder, place) if place else folder  # no slash at its end: that would follow a link
            if not stat.S_ISDIR(os.lstat(at).st_mode) or set(os.listdir(at)) != names:
                return False
        root = os.path.join(folder, "root")
        script = os.lstat(f"{root}{SCRIPT}")
        if not stat.S_ISREG(script.st_mode) or script.st_size:
            return False
        return all(os.readlink(f"{root}{link}") == target for link, target in self._machine.links)

    def close(self) -> None:
        """Remove them. Raises OSError."""
        with self._lock:
            self._free.clear()
        remove(self._folder)


def _layout(machine: Machine) -> list[tuple[str, set[str]]]:
    """The folders of a room that nobody has used, by path in it, those above first, each with the names of all that is in it."""
    of_root = {zone.inside[1:] for zone in machine.zones} | {link[1:] for link, _ in machine.links} | set(_OTHERS)
    return [
        ("", {"root", "tmp", "var-tmp"}),
        ("root", of_root),
        (f"root{OURS}", {os.path.basename(path) for path in (*HANDED_OVER, WORK, SCRIPT)}),
        *((f"root{path}", set()) for path in (*HANDED_OVER, WORK)),
        *_points(machine, "tmp", "/tmp"),  # noqa: S108 - as above
        *_points(machine, "var-tmp", "/var/tmp"),  # noqa: S108 - as above
    ]


def _points(machine: Machine, place: str, inside: str) -> list[tuple[str, set[str]]]:
    """What is in a folder and those below it where only folders of the machine are mounted in it, those above first."""
    found: dict[str, set[str]] = {place: set()}
    zones = [zone.inside for zone in machine.visible]
    for zone in zones:
        covered = any(zone.startswith(f"{other}/") for other in zones)  # its point is in a folder of the machine
        if zone.startswith(f"{inside}/") and not covered:
            at = place
            for name in zone[len(inside) + 1 :].split("/"):
                found[at].add(name)
                at = f"{at}/{name}"
                found.setdefault(at, set())
    return sorted(found.items(), key=lambda item: item[0].count("/"))


class Room:
    """The file system of one program. Its folders are in `folder`, and in `shared`, a folder in memory."""

    def __init__(self, machine: Machine, folder: Path, shared: Path | None) -> None:
        self._folder = folder
        root = folder / "root"
        self.places = Places(Zone("/", root, "own"))
        self._mounts: list[tuple[str, Zone]] = []
        self._mount(Zone("/", root, "own"), *machine.zones)
        self._mount(Zone("/dev", Path("/dev"), "machine"), option="--dev-bind")
        self.places.put(Zone("/proc", Path("/proc"), "machine"))
        self._mount(Zone("/tmp", folder / "tmp", "own"))  # noqa: S108 - as above
        if os.path.isdir("/var/tmp"):  # noqa: S108 - as above
            self._mount(Zone("/var/tmp", folder / "var-tmp", "own"))  # noqa: S108 - as above
        if shared is not None:
            self._mount(Zone("/dev/shm", memory.make(shared, 0o1777), "own"))  # noqa: S108 - as above
        for zone in machine.visible:
            self._point(zone.inside)
            self._mount(zone)
        self.folder = WORK
        """Where the program starts."""

    def options(self) -> list[str]:
        """The options for bubblewrap."""
        mounts = [word for option, zone in self._mounts for word in (option, str(zone.outside), zone.inside)]
        return [*mounts, "--proc", "/proc", *_FLAGS, "--chdir", self.folder]

    # --- what the spec says

    def furnish(
        self, mounts: Sequence[Mounted], inputs: Sequence[Delivered], declared: Iterable[str], workdir: str, code: Path | None
    ) -> None:
        """Put everything in its place. `code` is the folder of this machine that stands for the image's. Raises OSError."""
        wanted: list[tuple[str, Mounted | Delivered | Literal["declared", "workdir"]]] = [(one.mount.path, one) for one in mounts]
        wanted += [(delivered.path, delivered) for delivered in inputs]
        if workdir:  # a volume may be mounted where the program starts
            wanted.append((workdir, "workdir"))
        elif code is not None:
            self.folder = str(_real(code) or code)
        wanted += [(path, "declared") for path in dict.fromkeys(declared)]
        for path, what in sorted(wanted, key=lambda want: want[0].count("/")):  # of equal depth, as they stand
            match what:
                case "declared":
                    self._own(path)
                case "workdir":
                    self._start_in(path, code)
                case Mounted():
                    self._bind(Zone(path, what.source, "volume", what.read_only))
                case Delivered():
                    self._deliver(path, what.source)

    def show(self, folder: Path) -> None:
        """Let the program see a folder of this machine at its own place, to be read."""
        if self.places.zone(str(folder)).kind != "machine":
            self._point(str(folder))
            self._mount(Zone(str(folder), folder, "machine", read_only=True))

    def script(self, text: str) -> str:
        """A file with a script; where the program finds it."""
        file = self._folder.with_name(f"{self._folder.name}.script")  # beside the room, which is used again where nothing is in it
        file.write_text(text, encoding="utf-8", errors="surrogateescape")
        file.chmod(0o755)
        self._mount(Zone(SCRIPT, file, "own", read_only=True))
        return SCRIPT

    def _start_in(self, path: str, code: Path | None) -> None:
        at, rest = self.places.follow(path)
        zone = self.places.zone(at)
        if code is not None and zone.kind != "volume":
            self._bind(Zone(path, code, "machine"))
        elif rest:
            self._own(path)
            self.places.outside(os.path.join(*self.places.follow(path))).mkdir(parents=True, exist_ok=True)
        elif zone.kind == "machine":
            self._cover(at)
        self.folder = self.places.follow(path)[0]

    def _deliver(self, path: str, source: Path) -> None:
        self._own(path)
        to = self.places.outside(os.path.join(*self.places.follow(path)))
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(source, to)

    def _bind(self, zone: Zone) -> None:
        """Mount something at a path. A file takes the place of a file, a folder that of a folder; else both would be in the way."""
        at, rest = self.places.follow(zone.inside)
        if rest or self.places.outside(at).is_dir() != zone.outside.is_dir():
            self._own(zone.inside)
            at = os.path.join(*self.places.follow(zone.inside)).rstrip("/")
            self._point(at, file=not zone.outside.is_dir())
        self._mount(Zone(at, Path(os.path.realpath(zone.outside)), zone.kind, zone.read_only))

    # --- folders of the attempt in the place of the machine's

    def _own(self, path: str) -> None:
        """See to it that what is made at a path, where nothing is then, is not made in a folder of the machine."""
        at, rest = self.places.follow(path)
        if self.places.zone(at).kind != "machine":
            return
        if rest:
            self._cover(at)
        elif self.places.zone(os.path.dirname(at)).kind == "machine":
            self._cover(os.path.dirname(at), os.path.basename(at))
        else:  # of a folder that was covered before
            self._drop(at)
            remove(self.places.outside(at))

    def _cover(self, at: str, hidden: str = "") -> None:
        """A folder of the attempt in the place of the machine's one, with all that is in it, but what is `hidden`."""
        if self.places.zone(at).kind != "machine":
            return
        old, read_only = self.places.outside(at), self.places.zone(at).read_only
        below = [zone for zone in self.places.zones.values() if zone.inside.startswith(f"{at}/")]
        folder = self._folder / f"over-{len(self.places.zones)}"
        make_empty(folder, stat.S_IMODE(old.stat().st_mode) | 0o700)
        entries = [entry for entry in sorted(os.scandir(old), key=lambda entry: entry.name) if entry.name != hidden]
        self._mount(Zone(at, folder, "own"))
        elsewhere = ""
        if len(entries) > _MANY:
            elsewhere = f"{OURS}/machine{at}"
            self._point(elsewhere)
            self._mount(Zone(elsewhere, old, "machine", read_only))
        for entry in entries:
            if entry.is_symlink():
                os.symlink(os.readlink(entry.path), folder / entry.name)
            elif elsewhere:
                os.symlink(f"{elsewhere}/{entry.name}", folder / entry.name)
            else:
                inner = f"{at}/{entry.name}"
                self._point(inner, file=not entry.is_dir())
                option = "--ro-bind-try" if read_only else "--bind-try"  # it may be gone by then
                self._mount(Zone(inner, Path(entry.path), "machine", read_only), option=option)
        self._mount(*below)
        if hidden:
            self._drop(f"{at}/{hidden}")

    # --- bubblewrap

    def _mount(self, *zones: Zone, option: str = "") -> None:
        """Mount zones over what is there."""
        for zone in zones:
            self._mounts.append((option or ("--ro-bind" if zone.read_only else "--bind"), zone))
            self.places.put(zone)

    def _drop(self, inside: str) -> None:
        """Mount nothing at a path or below it."""
        dropped = [at for at in self.places.zones if at == inside or at.startswith(f"{inside}/")]
        self._mounts = [(option, zone) for option, zone in self._mounts if zone.inside not in dropped]
        for at in dropped:
            del self.places.zones[at]

    def _point(self, inside: str, *, file: bool = False) -> None:
        """Make that there is something to mount on. Nothing is made in what is not the attempt's: there it has to be."""
        outside = self.places.outside(inside)
        if outside.exists() or self.places.zone(inside).kind == "machine":
            return
        if file:
            outside.parent.mkdir(parents=True, exist_ok=True)
            outside.touch()
        else:
            outside.mkdir(parents=True, exist_ok=True)


def find_program(places: Places, name: str, path: str, folder: str) -> tuple[str, str]:
    """The path of a program as it is started by its name, as a shell finds it, and "" or what is wrong with it.

    `path` is that of its environment, `folder` the one that it starts in.
    """
    if "/" in name:
        candidates = [os.path.join(folder, name)]
    else:
        candidates = [os.path.join(folder, part or ".", name) for part in path.split(":")]
    problem = ""
    for candidate in candidates:
        if not places.may_have(candidate):
            continue
        try:
            found = places.find(candidate)
        except OSError:
            found = None
        if found is None:
            continue
        if found.is_file() and os.access(found, os.X_OK):
            interpreter = _interpreter(found)
            missing = interpreter and places.find(interpreter) is None
            return candidate, f"not found: its interpreter `{interpreter}`" if missing else ""
        problem = problem or os.strerror(errno.EISDIR if found.is_dir() else errno.EACCES).lower()
    return name, problem or "not found"


def _interpreter(program: Path) -> str:
    """What a script is run by, "" for any other program."""
    try:
        with program.open("rb") as file:
            start = file.read(256)
    except OSError:  # it may be executed without being read
        return ""
    words = start[2:].split(b"\n")[0].split()
    return os.fsdecode(words[0]) if start.startswith(b"#!") and words else ""
