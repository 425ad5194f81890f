"""`mlc run`: the project on this machine, from the command line to the exit code."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
from typing import TYPE_CHECKING

from ...record import replace
from .. import streams
from ..files import find
from ..request import FAILED, FOUND, OK, STDIN
from ..request_here import INTERRUPTED, LATEST
from ..session import Session
from .here import Misuse, asked, guarded, named, opened, paper, shown, state_folder, typed, words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from ...driver import Result
    from ...ir import Pipeline
    from ...local.events import Event
    from ...local.scheduler import Control
    from ...local.store import Run, Store
    from ...source import SourceFile
    from ...view.board import Board
    from ..request import Request
    from ..request_here import Here
    from .machine import Machine


def execute(request: Request) -> int:
    """Run a project, and return the exit code: 0 where it succeeded, 1 where it failed, 130 where it was interrupted."""
    return guarded(_execute, request)


def _execute(request: Request) -> int:
    from ...driver import check_here
    from ...local.params import problems
    from .machine import assembled

    here = given = asked(request)
    _check(request, here)
    resumed = _resumed(here) if here.resume else None
    if resumed is not None:
        request, here = _as_before(request, here, resumed)
    session = Session(replace(request, arguments=(_one_spec(request.arguments),), targets=()))
    machine = assembled(session, here, _params(here, resumed), given, resumed)
    if machine is None:
        return session.code
    with contextlib.closing(machine):

        def stages(
            source: SourceFile, _: tuple[str, ...], overrides: tuple[str, ...], environment: str, lock: SourceFile | None = None
        ) -> Result:
            return check_here(source, machine.check, overrides, environment, lock=lock, programs=machine.without_images)

        if not session.run(stages):
            return session.code
        ((_, result),) = session.results
        if result.pipeline is None:
            raise AssertionError(result)  # there would be an error, and `run` would not be true
        wrong = problems(result.pipeline, machine.params, limits=False)
        if wrong:
            raise Misuse(*wrong)
        if here.dry_run:
            from .dry import dry_run

            return dry_run(result.pipeline, machine, here, resumed)
        return _Running(session, result.pipeline, machine, here).run(resumed)


# --- what is asked for --------------------------------------------------------------------------------------------------------


def _check(request: Request, here: Here) -> None:
    """Options that do not go together. Raises `Misuse`."""
    if here.quiet and here.json:
        raise Misuse("`--quiet` prints the end alone and `--json` everything: leave out one of them")
    modes = [option for option, given in (("--resume", here.resume), ("--only", here.only), ("--from", here.first)) if given]
    if len(modes) > 1:
        raise Misuse(f"{' and '.join(f'`{option}`' for option in modes)} do not go together: choose one")
    if here.using and not (here.only or here.first):
        raise Misuse("`--using` says where `--only` and `--from` take results from: give one of these, too")
    given = (("--param", here.params), ("--set", request.overrides), ("--env", request.environment))
    own = [option for option, value in given if value and here.resume]
    if own:
        raise Misuse(f"a run goes on with its own parameters and environment: leave out `{own[0]}`, or `--resume`")


def _resumed(here: Here) -> Run:
    """The run that is to go on. Raises `Misuse`."""
    store = opened(here)
    with contextlib.closing(store):
        if here.resume != LATEST:
            found: Run | None = named(store, here, here.resume)
        else:
            named(store, here, LATEST)  # complains where there is none at all
            found = store.unfinished()
        if found is None:
            raise Misuse(f"every run in `{shown(state_folder(here))}` is finished or going: `mlc run` begins a new one")
        if found.phase == "Succeeded":
            raise Misuse(f"`{found.name}` succeeded, so there is nothing left to do: `mlc run` begins a new one")
        if store.active(found.name):
            raise Misuse(f"`{found.name}` is running, in another process")
        return found


def _as_before(request: Request, here: Here, run: Run) -> tuple[Request, Here]:
    """The request with what the run was begun with: its spec, environment, overrides and what it found on this machine."""
    if not request.arguments and not run.spec:
        raise Misuse(f"`{run.name}` was read from standard input: name the spec")
    if request.locked and not run.locked:
        raise Misuse(f"`{run.name}` was begun without `--locked`, and goes on as it was begun: leave it out, or begin a new run")
    around = _options(run.around)
    here = replace(
        here,
        resume=run.name,
        runner=here.runner or run.runner,
        settings=here.settings or "".join(around["--local-settings"]),
        **{field: (*around[option], *getattr(here, field)) for option, field in _GIVEN.items()},
    )
    arguments = request.arguments or (shown(run.spec),)
    before = replace(request, arguments=arguments, environment=run.environment, overrides=run.overrides, locked=run.locked, here=here)
    return before, here


_GIVEN = {"--volume": "volumes", "--secret": "secrets", "--config-map": "config_maps", "--artifact": "artifacts"}
"""Options that may be given several times and say what is on this machine, each with its field of `Here`."""


def _around(here: Here) -> tuple[str, ...]:
    """The options that say what is on this machine, with absolute paths: what is kept with a run, to go on from any folder."""
    found = [("--local-settings", os.path.abspath(here.settings))] if here.settings else []
    for option, field in _GIVEN.items():
        found += [(option, _with_absolute_path(word)) for word in getattr(here, field)]
    return tuple(word for pair in found for word in pair)


def _options(around: Sequence[str]) -> Mapping[str, list[str]]:
    """The words of `_around`, by option."""
    found: dict[str, list[str]] = {option: [] for option in ("--local-settings", *_GIVEN)}
    for option, word in zip(around[::2], around[1::2], strict=True):
        found[option].append(word)
    return found


def _with_absolute_path(word: str) -> str:
    name, equals, source = word.partition("=")
    kind, colon, path = source.partition(":")
    if "/" not in name:  # a folder or file
        return f"{name}{equals}{_absolute(source)}"
    return f"{name}{equals}{kind}{colon}{_absolute(path)}" if kind == "file" else word


def _absolute(path: str) -> str:
    return os.path.abspath(os.path.expanduser(path))


def _one_spec(arguments: Sequence[str]) -> str:
    """The one spec that is named, or the only one in the folder. Raises `Misuse`, and OSError for a folder that cannot be searched."""
    found, empty = find(arguments)
    if not empty and len(found) == 1:
        return found[0]
    if len(found) > 1:
        names = ", ".join(f"`{name}`" for name in found[:5]) + (", ..." if len(found) > 5 else "")
        raise Misuse(f"`mlc run` runs one spec, and there are {len(found)}: name one of {names}")
    return arguments[0] if arguments else "."  # the session says what is wrong


def _params(here: Here, resumed: Run | None) -> dict[str, str]:
    """The parameters that the run is given, by name. Raises `Misuse`."""
    if resumed is not None:
        return dict(resumed.params)
    found: dict[str, str] = {}
    for word in here.params:
        name, equals, value = word.partition("=")
        if not name or not equals:
            raise Misuse(f"`--param {word}` gives no value: write it as `--param epochs=3`")
        found[name] = value
    return found


# --- the run ------------------------------------------------------------------------------------------------------------------


class _Running:
    """One run of a project, and what is printed of it."""

    def __init__(self, session: Session, pipeline: Pipeline, machine: Machine, here: Here) -> None:
        self._session = session
        self._pipeline = pipeline
        self._machine = machine
        self._here = here
        self._lost: OSError | None = None
        """Why standard output took no more."""

    def run(self, resumed: Run | None) -> int:
        """Run it, print its end, and return the exit code."""
        from ...local import scheduler
        from ...local.store import StateError, open_store

        here, request = self._here, self._session.request
        with contextlib.closing(open_store(state_folder(here))) as store:
            control = scheduler.Control()
            spec = request.arguments[0]
            options = scheduler.Options(
                surroundings=self._machine.surroundings,
                params=self._machine.params,
                jobs=here.jobs,
                resume=store.find(resumed.name) if resumed else None,
                only=here.only,
                first=here.first,
                using=named(store, here, here.using) if here.using else None,
                spec="" if spec == STDIN else os.path.abspath(spec),
                environment=request.environment,
                overrides=request.overrides,
                around=_around(here),
                locked=request.locked,
                notes=self._machine.notes(self._pipeline),
                control=control,
            )
            with self._view() as (listener, board), _stopping(control):
                try:
                    phase = scheduler.run(self._pipeline, self._machine.runner, store, options, listener)
                except scheduler.Refused as refused:
                    raise Misuse(*refused.problems) from refused
                except (OSError, StateError) as error:
                    if board.run:
                        raise StateError(f"{words(error)}; `{self._again(board.run)}` goes on when that is put right") from error
                    raise
            self._end(store, board)
        if self._lost is not None:
            streams.tell(f"mlc: error: cannot write `<stdout>`: {words(self._lost)}")
            return FAILED
        return {"Succeeded": OK, "Failed": FOUND, "Stopped": INTERRUPTED}[phase]

    @contextlib.contextmanager
    def _view(self) -> Iterator[tuple[Callable[[Event], None], Board]]:
        """What listens to the run, and the board that it fills."""
        if self._here.json:
            from ...view.records import JsonView

            lines = JsonView(self._show)
            yield lines, lines.board
        elif self._here.quiet:
            import time

            from ...view.board import Board

            board = Board()
            yield lambda event: board.take(event, time.time()), board
        elif streams.terminal():
            from ...view.live import LiveView

            live = LiveView(self._show, streams.size, unicode=streams.unicode(), color=streams.colored())
            live.start()
            try:
                yield live, live.board
            finally:
                live.stop()
        else:
            from ...view.plain import PlainView

            plain = PlainView(self._show)
            yield plain, plain.board

    def _show(self, text: str) -> None:
        error = streams.show(text)
        self._lost = self._lost or error

    def _end(self, store: Store, board: Board) -> None:
        """Print the end of the run: everything, or what failed."""
        from ...view.end import Hints, brief, failures, whole
        from ...view.past import tails

        here, run = self._here, store.find(board.run)
        if here.json or run is None:
            return
        logs = tails(store, run, failures(board))
        hints = Hints(
            resume=self._again(run.name) if board.phase != "Succeeded" else "",
            all=typed(here, "runs", run.name),
            logs={name: typed(here, "logs", run.name, name) for name in logs},
        )
        self._show(brief(board, paper(), logs, hints) if here.quiet else "\n" + whole(board, paper(), logs, hints))

    def _again(self, run: str) -> str:
        """The command that goes on with the run. It knows its own spec, unless that came from standard input."""
        spec = self._session.request.arguments[0]
        command = ("run", STDIN, "--resume", run) if spec == STDIN else ("run", "--resume", run)
        return typed(self._here, *command) + (f" < {shlex.quote('SPEC')}" if spec == STDIN else "")


@contextlib.contextmanager
def _stopping(control: Control) -> Iterator[None]:
    """While it lasts, what would end this process ends the run: Ctrl-C, a TERM, a terminal that goes away."""
    signals = [number for name in ("SIGINT", "SIGTERM", "SIGHUP") if (number := getattr(signal, name, None)) is not None]
    taken = [number for number in signals if signal.getsignal(number) is not signal.SIG_IGN]  # nohup, a job in the background
    notes = iter(("stopping: programs have 10 seconds to end; once more, and they are killed", "killing what still runs"))

    def stop(*_: object) -> None:
        note = next(notes, "")
        if note:
            control.inbox.put(note)
        control.stop()

    before = {number: signal.signal(number, stop) for number in taken}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
