"""What is known of runs on this machine: one SQLite file, and the folders of runs beside it.

    .mlc/
      state.sqlite               runs, tasks, attempts, results
      lock                       shared by runs, held alone by who removes artifacts
      objects/                   artifacts by content (artifacts.py)
      venvs/                     packages of Python scripts that run as processes (venvs.py)
      runs/RUN/.lock             held by the process that drives the run
      runs/RUN/TASK/N/           an attempt: `log`, and what the runner keeps there while it runs
      runs/RUN/TASK/outputs/     the artifacts of a task that succeeded, to look at
      runs/RUN/.fetched/         artifacts from outside, on their way into the store
      runs/RUN/.volumes/NAME/    claims that are made for the run
      volumes/NAME/              claims, for all runs

What a run keeps beside its tasks begins with a dot, which no step's name does.

A task that ended is written in one transaction that is on the disk when it returns, after its artifacts are: whoever dies at any point
leaves a task that is finished, or one that has not begun. What only has to be known of the living (which attempts were started) is
written without waiting for the disk: when the machine loses power, the programs are gone as well.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import shutil
import sqlite3
import string
import time
import uuid
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

from .artifacts import Objects

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from .artifacts import Kind
    from .events import State

Phase = Literal["Running", "Succeeded", "Failed", "Stopped"]
"""Of a run. `Running` is also one whose process was killed: `Store.active` tells the two apart."""

VERSION = 1
"""Of the tables."""

_NAME = string.ascii_lowercase + string.digits
_WAIT = 60.0  # seconds for another process to finish its transaction


class StateError(Exception):
    """The state cannot be used: of a newer version of mlc, damaged, or a run that another process drives. A message for a person."""


@dataclass(frozen=True)
class Run:
    """A run. Times are seconds since the epoch, `ended` 0.0 while it is not over.

    `params` are the texts that the run was given, without the defaults; `spec`, `environment` and `overrides` are what its
    project was read from, and `around` the options of the command line that say what is on this machine (`--volume data=./data`), so
    that it can go on with the same. `only` and `first` (`--from`) name the step that it is for, `source`
    the run that all else was taken from; "" where there is none. `steps` are those of its project in topological order, each with the
    loop that it rides along, "" for none. `locked`: versions are those of the lock file beside the spec. Of a run that went on, `since` is
    when it did so last, and `before` the seconds that it had run until then.
    """

    name: str
    id: str
    project: str
    spec: str
    environment: str
    overrides: tuple[str, ...]
    around: tuple[str, ...]
    params: Mapping[str, str]
    only: str
    first: str
    source: str
    runner: str
    phase: Phase
    reasons: tuple[str, ...]
    started: float
    ended: float
    folder: Path
    steps: Mapping[str, str] = field(default_factory=dict)
    locked: bool = False  # runs of earlier versions of mlc do not say it, nor what follows
    before: float = 0.0
    since: float = 0.0

    @property
    def seconds(self) -> float:
        """For how long it ran, without the pauses before it went on; up to now where it is not over."""
        return self.before + (self.ended or time.time()) - (self.since or self.started)


@dataclass(frozen=True)
class Task:
    """How a task of a run ended: a step, an item of a loop (`train[2]`), or a loop as a whole, which has no attempts.

    `reused` is `cache` or the name of the run that the result was taken from, "" where the task ran itself; `origin` is the run and the
    task that did, `RUN/TASK`. `fingerprint` stands for all that its result depends on, `key` for what the spec's `cache: {key}` names;
    "" where there is none. `item` is what it ran for.
    """

    name: str
    step: str
    state: State
    reason: str = ""
    attempts: int = 0
    reused: str = ""
    fingerprint: str = ""
    key: str = ""
    started: float = 0.0
    ended: float = 0.0
    item: str = ""
    origin: str = ""


@dataclass(frozen=True)
class AttemptRecord:
    """An attempt of a task. `identity` is the runner's; `ended` is 0.0 for one that nobody saw ending. `exit` as in `job.Ended`."""

    task: str
    number: int
    identity: str
    started: float
    ended: float = 0.0
    exit: int | None = None
    message: str = ""


@dataclass(frozen=True)
class Written:
    """The text in the file of a value or a metric, without the line break at its end.

    `number` and `thresholds` are those of a metric: the number as its file has it, "" where there is none, and how its thresholds
    stood when the task ended (`above 0.8`, and True, False, or None for one that nobody could decide).
    """

    task: str
    kind: Literal["value", "metric"]
    name: str
    text: str
    number: str = ""
    thresholds: tuple[tuple[str, bool | None], ...] = ()


@dataclass(frozen=True)
class Made:
    """An output of a task, as the object store has it. `size` is in bytes, that of all files of a folder."""

    task: str
    name: str
    kind: Kind
    digest: str
    size: int


@dataclass(frozen=True)
class Finished:
    """A task that ended, and what it leaves."""

    task: Task
    written: tuple[Written, ...] = ()
    made: tuple[Made, ...] = ()
    attempt: AttemptRecord | None = None


def open_store(folder: Path) -> Store:
    """The state in a folder, which is made where it is not there; to be read alone where nothing can be written in it.

    Raises `StateError` and OSError.
    """
    folder = folder.absolute()
    try:
        for one in (folder, folder / "runs", folder / "objects", folder / "volumes"):
            one.mkdir(parents=True, exist_ok=True)
        ignore = folder / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n", encoding="utf-8")
    except OSError:
        if not (folder / "state.sqlite").exists():
            raise
    try:
        return Store(folder, _connected(folder / "state.sqlite"))
    except sqlite3.Error as error:
        raise StateError(f"{folder / 'state.sqlite'} cannot be used: {error}") from error


def _connected(path: Path) -> sqlite3.Connection:
    try:
        return _writable(path)
    except sqlite3.OperationalError as error:
        if os.access(path.parent, os.W_OK) and os.access(path, os.W_OK):
            raise
        # Readers of a file in WAL mode write beside it. Where they cannot, what is there already does, as far as a writer left it; where
        # none did, nothing but the file counts (sqlite.org/wal.html, "Read-Only Databases").
        for more in ("", "&immutable=1"):
            made = sqlite3.connect(f"file:{quote(os.fspath(path))}?mode=ro{more}", timeout=_WAIT, isolation_level=None, uri=True)
            with contextlib.suppress(sqlite3.OperationalError):
                if made.execute("PRAGMA user_version").fetchone()[0] == VERSION:
                    return made
            made.close()
        raise error


def _writable(path: Path) -> sqlite3.Connection:
    made = sqlite3.connect(path, timeout=_WAIT, isolation_level=None)
    try:
        made.execute("PRAGMA journal_mode=WAL")
        made.execute("PRAGMA synchronous=FULL")
        found = made.execute("PRAGMA user_version").fetchone()[0]
        if found > VERSION:
            raise StateError(f"{path} was written by a newer version of mlc")
        if found < VERSION:
            made.executescript(f"BEGIN IMMEDIATE; {_TABLES} PRAGMA user_version={VERSION}; COMMIT;")
    except BaseException:
        made.close()
        raise
    return made


class Store:
    """Runs on this machine. Of one thread; other processes may read and write at the same time."""

    def __init__(self, folder: Path, connection: sqlite3.Connection) -> None:
        self.folder = folder
        self._db = connection

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    # --- runs

    def create(
        self,
        project: str,
        *,
        params: Mapping[str, str],
        runner: str,
        spec: str = "",
        environment: str = "",
        overrides: Sequence[str] = (),
        around: Sequence[str] = (),
        only: str = "",
        first: str = "",
        source: str = "",
        steps: Mapping[str, str] | None = None,
        locked: bool = False,
    ) -> Run:
        """A new run, called `<project>-<5 letters or digits>`."""
        given = (
            spec,
            environment,
            list(overrides),
            list(around),
            dict(params),
            only,
            first,
            source,
            dict(steps or {}),
            locked,
            0.0,
            0.0,
        )
        asked = dict(zip(_ASKED, given, strict=True))
        with self._transaction():
            name = ""
            while not name or self.find(name):
                name = f"{project}-{''.join(secrets.choice(_NAME) for _ in range(5))}"
            row = (name, str(uuid.uuid4()), project, json.dumps(asked), runner, "Running", "[]", time.time(), 0.0)
            self._db.execute(f"INSERT INTO runs ({_RUN}) VALUES ({_marks(row)})", row)  # noqa: S608 - names of columns
            self.folder_of(name).mkdir(parents=True, exist_ok=True)
        return self._run(row)

    def runs(self, project: str = "") -> list[Run]:
        """Every run, or those of a project, the newest first."""
        where = "WHERE project = ?" if project else ""
        rows = self._db.execute(
            f"SELECT {_RUN} FROM runs {where} ORDER BY number DESC",  # noqa: S608 - names of columns
            (project,) if project else (),
        )
        return [self._run(row) for row in rows]

    def find(self, name: str) -> Run | None:
        """The run of this name."""
        row = self._db.execute(f"SELECT {_RUN} FROM runs WHERE name = ?", (name,)).fetchone()  # noqa: S608 - names of columns
        return self._run(row) if row else None

    def unfinished(self, project: str = "") -> Run | None:
        """The latest run that did not succeed and that no process drives."""
        return next((run for run in self.runs(project) if run.phase != "Succeeded" and not self.active(run.name)), None)

    def spent(self, run: Run) -> float:
        """For how many seconds a run ran that is over, or that was killed: then until the last that is on record of it."""
        if run.ended:
            return run.seconds
        known = [at for task in self.tasks(run.name) for at in (task.started, task.ended)]
        known += [at for attempt in self.attempts(run.name) for at in (attempt.started, attempt.ended)]
        return replace(run, ended=max(run.since, run.started, *known)).seconds

    def reopen(self, run: Run, runner: str, steps: Mapping[str, str], before: float) -> Run:
        """A run that goes on, with a runner, and the steps that its project has now. `before`: what `spent` said of it."""
        now = replace(run, phase="Running", reasons=(), ended=0.0, runner=runner, steps=dict(steps), before=before, since=time.time())
        with self._transaction():
            change = (runner, json.dumps({name: getattr(now, name) for name in _ASKED}), run.name)
            self._db.execute("UPDATE runs SET phase = 'Running', reasons = '[]', ended = 0, runner = ?, asked = ? WHERE name = ?", change)
        return now

    def end(self, run: str, phase: Phase, at: float, reasons: Sequence[str] = ()) -> None:
        """The run is over."""
        with self._transaction():
            change = (phase, at, json.dumps(list(reasons)), run)
            self._db.execute("UPDATE runs SET phase = ?, ended = ?, reasons = ? WHERE name = ?", change)

    def remove(self, run: str) -> None:
        """Forget a run, and remove its folder. Its artifacts stay until `sweep`. Raises `StateError` where a process drives it."""
        with self.lock(run), self._transaction():
            for table in ("written", "made", "attempts", "tasks"):
                self._db.execute(f"DELETE FROM {table} WHERE run = ?", (run,))  # noqa: S608 - names of tables
            self._db.execute("DELETE FROM runs WHERE name = ?", (run,))
        shutil.rmtree(self.folder_of(run), ignore_errors=True)

    def folder_of(self, run: str) -> Path:
        """The folder of a run."""
        return self.folder / "runs" / run

    def attempt_folder(self, run: str, task: str, attempt: int) -> Path:
        """The folder of an attempt; its log is the file `log` in it."""
        return self.folder_of(run) / task / str(attempt)

    def log(self, run: str, task: str, attempt: int = 0) -> Path | None:
        """The log of an attempt of a task, or of its last one; of a task whose result was taken, the log of where that comes from."""
        if not attempt:
            found = self.result(run, task)
            if found is not None and found.task.origin:
                run, _, task = found.task.origin.partition("/")
            attempt = self.last_attempt(run, task)
        path = self.attempt_folder(run, task, attempt) / "log"
        return path if path.is_file() else None

    @contextlib.contextmanager
    def shared(self) -> Iterator[None]:
        """Use the store's artifacts: nobody may sweep them meanwhile. Waits for who does."""
        with open(self.folder / "lock", "w", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_SH)
            yield

    def sweep(self) -> bool:
        """Remove the artifacts that no run has; False where a run is going, and nothing was removed."""
        with open(self.folder / "lock", "w", encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            Objects(self.folder / "objects").sweep(self.kept())
        return True

    @contextlib.contextmanager
    def lock(self, run: str) -> Iterator[None]:
        """Hold a run, so that no other process drives it. Raises `StateError` where one does."""
        self.folder_of(run).mkdir(parents=True, exist_ok=True)  # somebody may have removed it
        with open(self.folder_of(run) / ".lock", "w", encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise StateError(f"run `{run}` is driven by another process") from error
            yield

    def active(self, run: str) -> bool:
        """Whether a process drives the run."""
        try:
            descriptor = os.open(self.folder_of(run) / ".lock", os.O_RDONLY)
        except OSError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    # --- tasks and what they leave

    def tasks(self, run: str) -> list[Task]:
        """The tasks of a run that ended, in the order in which they first did."""
        rows = self._db.execute(f"SELECT {_TASK} FROM tasks WHERE run = ? ORDER BY number", (run,))  # noqa: S608 - names of columns
        return [Task(*row) for row in rows]

    def succeeded(self, run: str) -> set[str]:
        """The names of the tasks of a run that succeeded."""
        return {task.name for task in self.tasks(run) if task.state == "Succeeded"}

    def attempts(self, run: str, task: str = "") -> list[AttemptRecord]:
        """The attempts of a run, or of a task."""
        where, given = ("AND task = ?", (run, task)) if task else ("", (run,))
        rows = self._db.execute(
            f"SELECT {_ATTEMPT} FROM attempts WHERE run = ? {where} ORDER BY started, task, number",  # noqa: S608 - names of columns
            given,
        )
        return [AttemptRecord(*row) for row in rows]

    def last_attempt(self, run: str, task: str) -> int:
        """The number of the last attempt of a task, 0 where there was none."""
        found = self._db.execute("SELECT max(number) FROM attempts WHERE run = ? AND task = ?", (run, task)).fetchone()[0]
        return found or 0

    def written(self, run: str, kind: str = "") -> list[Written]:
        """The values and metrics of a run, or those of a kind (`value`, `metric`)."""
        where, given = ("AND kind = ?", (run, kind)) if kind else ("", (run,))
        rows = self._db.execute(f"SELECT {_WRITTEN} FROM written WHERE run = ? {where} ORDER BY rowid", given)  # noqa: S608 - names of columns
        return [_written(row) for row in rows]

    def made(self, run: str) -> list[Made]:
        """The artifacts that the tasks of a run made."""
        rows = self._db.execute(f"SELECT {_MADE} FROM made WHERE run = ? AND task != '' ORDER BY rowid", (run,))  # noqa: S608
        return [Made(*row) for row in rows]

    def external(self, run: str) -> list[Made]:
        """The artifacts from outside that a run has fetched. Their task is ""."""
        rows = self._db.execute(f"SELECT {_MADE} FROM made WHERE run = ? AND task = ''", (run,))  # noqa: S608 - names of columns
        return [Made(*row) for row in rows]

    def fetched(self, run: str, made: Made) -> None:
        """An artifact from outside is in the store. On the disk when this returns."""
        with self._transaction():
            self._db.execute(f"INSERT INTO made (run, {_MADE}) VALUES (?, ?, ?, ?, ?, ?)", (run, *_values(made)))  # noqa: S608

    def result(self, run: str, task: str) -> Finished | None:
        """A task that ended, with what it leaves."""
        row = self._db.execute(f"SELECT {_TASK} FROM tasks WHERE run = ? AND name = ?", (run, task)).fetchone()  # noqa: S608 - names of columns
        if row is None:
            return None
        written = self._db.execute(f"SELECT {_WRITTEN} FROM written WHERE run = ? AND task = ? ORDER BY rowid", (run, task))  # noqa: S608
        made = self._db.execute(f"SELECT {_MADE} FROM made WHERE run = ? AND task = ? ORDER BY rowid", (run, task))  # noqa: S608
        return Finished(Task(*row), tuple(map(_written, written)), tuple(Made(*one) for one in made))

    def cached(self, *, fingerprint: str = "", key: str = "") -> list[tuple[str, str]]:
        """Run and name of the tasks that succeeded with this fingerprint or this key, the newest first."""
        column, wanted = ("fingerprint", fingerprint) if fingerprint else ("key", key)
        rows = self._db.execute(
            f"SELECT run, name FROM tasks WHERE {column} = ? AND state = 'Succeeded' ORDER BY ended DESC",  # noqa: S608 - of two columns
            (wanted,),
        )
        return [(run, name) for run, name in rows]

    def attempted(self, run: str, attempts: Iterable[AttemptRecord]) -> None:
        """Attempts were started, or ended without a result. Not waiting for the disk."""
        with self._transaction(lasting=False):
            for one in attempts:
                self._attempt(run, one)

    def finish(self, run: str, finished: Iterable[Finished], *, lasting: bool = True) -> None:
        """Tasks ended. On the disk when this returns, unless not `lasting`: what can be decided again for nothing."""
        with self._transaction(lasting=lasting):
            for one in finished:
                for table in ("written", "made"):
                    self._db.execute(f"DELETE FROM {table} WHERE run = ? AND task = ?", (run, one.task.name))  # noqa: S608 - names of tables
                row = (run, *_values(one.task))
                kept = ", ".join(f"{name} = excluded.{name}" for name in _TASK.split(", ") if name != "name")
                self._db.execute(
                    f"INSERT INTO tasks (run, {_TASK}) VALUES ({_marks(row)}) ON CONFLICT (run, name) DO UPDATE SET {kept}",  # noqa: S608
                    row,
                )
                for text in one.written:
                    given = (run, text.task, text.kind, text.name, text.text, text.number, json.dumps(text.thresholds))
                    self._db.execute(f"INSERT INTO written (run, {_WRITTEN}) VALUES ({_marks(given)})", given)  # noqa: S608
                for made in one.made:
                    self._db.execute(f"INSERT INTO made (run, {_MADE}) VALUES (?, ?, ?, ?, ?, ?)", (run, *_values(made)))  # noqa: S608
                if one.attempt is not None:
                    self._attempt(run, one.attempt)

    def forget(self, run: str, tasks: Iterable[str]) -> None:
        """Take back what is known of tasks, before they are done again."""
        with self._transaction():
            for task in tasks:
                for table, column in (("written", "task"), ("made", "task"), ("tasks", "name")):
                    self._db.execute(f"DELETE FROM {table} WHERE run = ? AND {column} = ?", (run, task))  # noqa: S608 - names of tables

    def kept(self) -> list[tuple[Kind, str]]:
        """Kind and digest of all artifacts that a run has."""
        return self._db.execute("SELECT DISTINCT kind, digest FROM made").fetchall()

    def _attempt(self, run: str, one: AttemptRecord) -> None:
        row = (run, *_values(one))
        self._db.execute(f"INSERT OR REPLACE INTO attempts (run, {_ATTEMPT}) VALUES ({_marks(row)})", row)  # noqa: S608 - names of columns

    def _run(self, row: Sequence[Any]) -> Run:
        name, identity, project, asked, runner, phase, reasons, started, ended = row
        kept = {key: value for key, value in json.loads(asked).items() if key in _ASKED}  # earlier versions of mlc kept more
        given: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in kept.items()}
        given.update(runner=runner, phase=phase, reasons=tuple(json.loads(reasons)), started=started, ended=ended)
        return Run(name=name, id=identity, project=project, folder=self.folder_of(name), **given)

    @contextlib.contextmanager
    def _transaction(self, *, lasting: bool = True) -> Iterator[None]:
        """One transaction; the pragma can be changed only outside of one."""
        try:
            if not lasting:
                self._db.execute("PRAGMA synchronous=NORMAL")
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            raise StateError(f"{self.folder / 'state.sqlite'} cannot be written: {error}") from error
        finally:
            if not lasting:
                self._db.execute("PRAGMA synchronous=FULL")


def _values(of: Task | AttemptRecord | Made) -> tuple[object, ...]:
    return tuple(vars(of).values())


def _marks(row: Sequence[object]) -> str:
    return ", ".join("?" * len(row))


def _written(row: Sequence[object]) -> Written:
    *plain, thresholds = row
    held = tuple((text, held) for text, held in json.loads(str(thresholds)))
    return Written(*plain, held)  # type: ignore[arg-type, call-arg]


_RUN = "name, id, project, asked, runner, phase, reasons, started, ended"
_ASKED = ("spec", "environment", "overrides", "around", "params", "only", "first", "source", "steps", "locked", "before", "since")
_TASK = "name, step, state, reason, attempts, reused, fingerprint, key, started, ended, item, origin"
_ATTEMPT = "task, number, identity, started, ended, exit, message"
_WRITTEN = "task, kind, name, text, numeral, thresholds"
_MADE = "task, name, kind, digest, size"

_TABLES = """
CREATE TABLE IF NOT EXISTS runs (
  number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, id TEXT NOT NULL, project TEXT NOT NULL, asked TEXT NOT NULL,
  runner TEXT NOT NULL, phase TEXT NOT NULL, reasons TEXT NOT NULL, started REAL NOT NULL, ended REAL NOT NULL);
CREATE TABLE IF NOT EXISTS tasks (
  number INTEGER PRIMARY KEY, run TEXT NOT NULL, name TEXT NOT NULL, step TEXT NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL,
  attempts INTEGER NOT NULL, reused TEXT NOT NULL, fingerprint TEXT NOT NULL, key TEXT NOT NULL, started REAL NOT NULL,
  ended REAL NOT NULL, item TEXT NOT NULL, origin TEXT NOT NULL, UNIQUE (run, name));
CREATE INDEX IF NOT EXISTS by_fingerprint ON tasks (fingerprint) WHERE fingerprint != '';
CREATE INDEX IF NOT EXISTS by_key ON tasks (key) WHERE key != '';
CREATE TABLE IF NOT EXISTS attempts (
  run TEXT NOT NULL, task TEXT NOT NULL, number INTEGER NOT NULL, identity TEXT NOT NULL, started REAL NOT NULL, ended REAL NOT NULL,
  exit INTEGER, message TEXT NOT NULL, PRIMARY KEY (run, task, number)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS written (
  run TEXT NOT NULL, task TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, text TEXT NOT NULL, numeral TEXT NOT NULL,
  thresholds TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS written_of ON written (run, task);
CREATE TABLE IF NOT EXISTS made (
  run TEXT NOT NULL, task TEXT NOT NULL, name TEXT NOT NULL, kind TEXT NOT NULL, digest TEXT NOT NULL, size INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS made_of ON made (run, task);
"""
