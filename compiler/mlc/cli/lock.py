"""`mlc lock`: looks up what the names in specs stand for, and writes or checks their lock files."""

from __future__ import annotations

import re

from ..diagnostics.suggest import did_you_mean
from ..driver import Result, check_environments
from ..lock.plan import Plan, changes, plan, text
from ..lock.work import Settings, locked
from ..locked import Locked, file_name
from ..pins import NOTHING, Lock
from ..reader import read as parse
from ..record import replace
from ..source import Document, SourceFile
from . import streams
from .files import write_all
from .request import FOUND, STDIN, Request
from .session import Session

_PLATFORM = r"[a-z0-9]+/[a-z0-9_]+(/[a-z0-9.]+)?"
_HOST = r"[A-Za-z0-9.-]+(:[0-9]+)?|\[[0-9a-fA-F:]+\](:[0-9]+)?"


class _Locks:
    """The lock files of the specs of one command: what they were, and what they are to be."""

    def __init__(self, session: Session) -> None:
        self.session, self.request = session, session.request
        self.found: list[tuple[str, str, Locked, Lock]] = []

    def look_up(self, source: SourceFile, _: tuple[str, ...], overrides: tuple[str, ...], environment: str) -> Result:
        """The stages of this command for one spec: its checks, then the look-ups."""
        result = check_environments(source, (), overrides, environment)
        document = parse(source, [])
        if result.pipeline is None or document is None:
            return result
        old = self.session.lock_file(source.name)
        if old is None:
            return replace(result, pipeline=None)
        before = Locked(old)
        if before.findings and (self.request.check or self.request.updates or before.newer):
            return replace(result, diagnostics=(*result.diagnostics, *before.diagnostics))
        needed = plan(document)
        usage = _unknown(document, needed, self.request.updates)
        if usage:
            return Result("", (), (), None, usage)
        settings = Settings(self.request.updates or None, self.request.platform, self.request.insecure, self.request.check)
        lock, failures = locked(needed, before.lock, settings, self.progress)
        self.found.append((source.name, result.name, before, lock))
        return replace(result, diagnostics=(*result.diagnostics, *needed.open_ends, *failures))

    def progress(self, done: int, number: int, what: str) -> None:
        """Show how far it is."""
        streams.progress(f"{done} of {number}: {what}" if done < number else "")


def _unknown(document: Document, needed: Plan, names: tuple[str, ...]) -> str:
    """What is wrong with the names of `--update`."""
    for name in names:
        if needed.named(name):
            continue
        if any(name in (document.data.get(section) or {}) for section in ("datasets", "images")):
            return f"uses no version of `{name}` that a lock file could hold"
        hint = did_you_mean(name, needed.known)
        return f"uses nothing that is called `{name}`{f': {hint}' if hint else ''}"
    return ""


def lock(request: Request) -> int:
    """Write the lock file of each spec, or with `--check` say what has moved, and return the exit code."""
    session = Session(request)
    if request.platform and not re.fullmatch(_PLATFORM, request.platform):
        session.complain(f"`--platform {request.platform}`: write system and processor, such as `linux/arm64`")
        return session.code
    for host in request.insecure:
        if not re.fullmatch(_HOST, host):
            session.complain(f"`--insecure-registry {host}`: write the host of a registry, with its port: `registry.local:5000`")
            return session.code
    if STDIN in request.arguments:
        session.complain("a lock file stands beside its spec, and standard input has no place: name a file")
        return session.code
    locks = _Locks(session)
    done = session.run(locks.look_up)
    if request.check:
        _check(session, locks, done=done)
    elif done:
        _write(session, locks)
    return session.code


def _check(session: Session, locks: _Locks, *, done: bool) -> None:
    """Say what has moved; where not everything could be looked up (`done` is false), what is known to have."""
    lines = []
    for spec, _, before, new in locks.found:
        name = file_name(spec)
        if before.missing:
            lines.append(f"{name}: {'is empty' if before.source.text else 'does not exist'}")
        lines += [f"{name}: {line}" for line in ([] if before.missing else changes(before.lock, new))]
    if lines:
        session.code = max(session.code, FOUND)
        session.print("\n".join(lines) + "\n")
        session.note("write what is so today with `mlc lock`, or one of them with `mlc lock --update NAME`")
    elif done:
        session.note(f"ok: {_files(len(locks.found))} up to date")


def _write(session: Session, locks: _Locks) -> None:
    files = []
    for spec, project, before, new in locks.found:
        if before.missing or before.findings or before.lock != new:
            files.append((file_name(spec), text(new, project)))
    try:
        write_all(files)
    except OSError as error:
        session.fail("MLC903", "write", error)
        return
    written = {name for name, _ in files}
    for spec, _, before, new in locks.found:
        name = file_name(spec)
        if name not in written:
            session.note(f"{name} is up to date")
            continue
        for line in changes(before.lock if before.document else NOTHING, new):
            session.note(f"{name}: {line}")
        session.note(f"wrote {name}: keep it with the spec, and compile from it with `mlc compile {spec} --locked`")


def _files(count: int) -> str:
    return "the lock file is" if count == 1 else f"{count} lock files are"
