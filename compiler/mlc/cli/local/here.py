"""What the commands about runs on this machine share: the state, runs by name, commands to type, and how wide to print."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from .. import streams
from ..request import FAILED, OK, USAGE
from ..request_here import LATEST, STATE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ...local.store import Run, Store
    from ...view.tables import Paper
    from ..request import Request
    from ..request_here import Here


class Misuse(Exception):
    """A wrong usage: each argument is one problem, in words for the person who typed it."""


def asked(request: Request) -> Here:
    """The part of a request that is about runs here."""
    if request.here is None:
        raise ValueError(f"`{request.command}` asks nothing of runs")
    return request.here


def guarded(work: Callable[[Request], int], request: Request) -> int:
    """Do the work of a command, and say what is wrong with its usage or with the state; the exit code."""
    from ...local.store import StateError

    try:
        return work(request)
    except Misuse as misuse:
        for problem in misuse.args:
            streams.tell(f"mlc: error: {problem}")
        return USAGE
    except (StateError, OSError) as error:
        streams.tell(f"mlc: error: {words(error)}")
        return FAILED


def words(error: Exception) -> str:
    """What went wrong; what the system says in our form: `cannot use `x`: permission denied`."""
    if not isinstance(error, OSError) or error.strerror is None:
        return str(error)
    reason = error.strerror[:1].lower() + error.strerror[1:]
    return f"cannot use `{error.filename}`: {reason}" if error.filename is not None else reason


def state_folder(here: Here) -> Path:
    """The folder of the state."""
    return Path(here.state or os.environ.get("MLC_STATE") or STATE)


def shown(path: str | Path) -> str:
    """A path for people: relative to the current folder where it lies below it."""
    absolute = os.path.abspath(path)
    below = os.path.relpath(absolute)
    return absolute if below.startswith("..") else below


def typed(here: Here, *words: str) -> str:
    """A command for the same state, to type or to paste."""
    more = ("--state", here.state) if here.state else ()
    return shlex.join(["mlc", *words, *more])


def existing(here: Here) -> Store | None:
    """The state, None where there is none yet."""
    from ...local.store import open_store

    folder = state_folder(here)
    if not (folder / "state.sqlite").exists():
        return None
    return open_store(folder)


def opened(here: Here) -> Store:
    """The state. Raises `Misuse` where there is none yet."""
    store = existing(here)
    if store is None:
        folder = shown(state_folder(here))
        raise Misuse(f"there is no run in `{folder}` yet: `mlc run` makes one, and `--state` or MLC_STATE names another folder")
    return store


def named(store: Store, here: Here, name: str) -> Run:
    """The run of a name, or the newest one for `latest`. Raises `Misuse`."""
    from ...diagnostics.suggest import did_you_mean

    folder = shown(state_folder(here))
    runs = store.runs()
    if not runs:
        raise Misuse(f"there is no run in `{folder}` any more: `mlc run` makes one")
    found = runs[0] if name == LATEST else next((run for run in runs if run.name == name), None)
    if found is None:
        hint = did_you_mean(name, [run.name for run in runs]) or f"`{typed(here, 'runs')}` lists them"
        raise Misuse(f"no run in `{folder}` is called `{name}`: {hint}")
    return found


def tasks_of(store: Store, run: Run) -> list[str]:
    """The tasks of a run that have begun, or are over."""
    ended = [task.name for task in store.tasks(run.name)]
    return list(dict.fromkeys([*ended, *(attempt.task for attempt in store.attempts(run.name))]))


def paper() -> Paper:
    """What standard output can show."""
    from ...view.tables import Paper

    width = streams.size()[0] if streams.terminal() else 0
    return Paper(width, color=streams.colored(), folder=os.getcwd())


def told(text: str) -> int:
    """Print a result for people, and return the exit code."""
    error = streams.show(text)
    if error is None:
        return OK
    streams.tell(f"mlc: error: cannot write `<stdout>`: {words(error)}")
    return FAILED
