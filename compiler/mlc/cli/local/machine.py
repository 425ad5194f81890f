"""What a project finds on this machine, from `mlc.local.yaml`, options and variables; and what runs its steps."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..files import read
from ..request import STDIN
from ..session import failure
from .here import Misuse, state_folder, words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...diagnostics.model import Finding
    from ...ir import Pipeline
    from ...local.containers import ContainerRunner
    from ...local.process import ProcessRunner
    from ...local.settings import Settings
    from ...local.store import Run, Store
    from ...local.volumes import Around
    from ..request_here import Here
    from ..session import Session


@dataclass(frozen=True)
class Machine:
    """What runs the steps, what is around them, what people should know of that choice; and the parameters that the run is given."""

    runner: ContainerRunner | ProcessRunner
    surroundings: Around
    choice: tuple[str, ...]
    params: Mapping[str, str]
    given: Here
    """The options of this command line: those that a run that goes on was begun with may be for a step that is no longer there."""
    only: str = ""
    first: str = ""

    @property
    def without_images(self) -> bool:
        """Whether nothing here knows what an image starts."""
        return self.runner.name == "process"

    def check(self, pipeline: Pipeline, findings: list[Finding]) -> None:
        """Refuse what cannot be done here, and what the steps that run need and nobody gave."""
        from ...local.naming import named
        from ...local.params import filled, problems
        from ...local.reuse import Refused
        from ...local.settings import Misuse as Unsettled
        from ...local.unasked import unasked

        try:
            self.runner.check(self._alone(pipeline), findings)
        except Refused as refused:
            raise Misuse(*refused.problems) from refused
        except Unsettled as misuse:  # a sandbox that the settings want, and that does not work
            raise Misuse(str(misuse)) from misuse
        if not problems(pipeline, self.params, limits=False):  # what is wrong with them is told next, and names may hold them
            pipeline, given = named(pipeline, filled(pipeline, self.params)), self.given
            wrong = unasked(
                pipeline, volumes=given.volumes, secrets=given.secrets, config_maps=given.config_maps, artifacts=given.artifacts
            )
            if wrong:
                raise Misuse(*wrong)
            self.surroundings.check(self._alone(pipeline), findings)

    def _alone(self, pipeline: Pipeline) -> Pipeline:
        from ...local.reuse import alone

        return alone(pipeline, only=self.only, first=self.first)

    def notes(self, pipeline: Pipeline) -> tuple[str, ...]:
        """What people should know before a run: why this runner, what is not where a step may look for it, what has no effect."""
        from ...local.naming import named
        from ...local.params import filled

        pipeline = self._alone(named(pipeline, filled(pipeline, self.params)))
        return (*self.choice, *self.surroundings.notes(pipeline), *self.runner.notes(pipeline))

    def close(self) -> None:
        """Let go of what the runner keeps for itself."""
        self.runner.close()


def assembled(session: Session, here: Here, params: Mapping[str, str], given: Here, resumed: Run | None) -> Machine | None:
    """The machine for the one spec of a session; None where its settings have errors, which are reported then.

    `given` are the options of this command line, `here` also has those of `resumed`, the run that goes on.

    Raises `Misuse`, and `StateError` where the runner that is asked for does not work.
    """
    from ...local import settings as of_settings
    from ...local.masking import Masks
    from ...local.runners import NoRunner, choose
    from ...local.store import StateError
    from ...local.volumes import Around
    from ...locked import file_name

    settings = _settings(session, here)
    if settings is None:
        return None
    state = state_folder(here).absolute()
    masks = Masks()
    try:
        settings = of_settings.with_options(
            settings, volumes=here.volumes, secrets=here.secrets, config_maps=here.config_maps, artifacts=here.artifacts
        )
        settings = of_settings.with_environment(settings, os.environ)
        chosen = choose(settings, masks, state, here.runner)
    except of_settings.Misuse as misuse:
        raise Misuse(str(misuse)) from misuse
    except NoRunner as problem:
        raise StateError(str(problem)) from problem
    notes = [chosen.reason] if chosen.reason else []
    if session.request.locked:
        notes.append(f"versions are those of `{file_name(session.request.arguments[0])}`")
    only, first = (resumed.only, resumed.first) if resumed else (here.only, here.first)
    return Machine(chosen.runner, Around(settings, state, masks), tuple(notes), params, given, only, first)


def _settings(session: Session, here: Here) -> Settings | None:
    """What `mlc.local.yaml` beside the spec says, or the file that `--local-settings` names; None where that has errors.

    Without the file nothing is said. Raises `Misuse` where the file that is named is not there.
    """
    from ... import reader
    from ...diagnostics.codes import failed
    from ...local.settings import FILE, Settings
    from ...local.settings import read as settings_of
    from ...source import Document, locate

    spec = session.request.arguments[0]
    folder = Path(os.path.abspath("." if spec == STDIN else os.path.dirname(spec)))
    name = here.settings or os.path.relpath(folder / FILE)
    if not here.settings and not os.path.lexists(name):
        return Settings(folder)
    findings: list[Finding] = []
    try:
        raw = read(name)
    except OSError as error:
        if not here.settings:
            raise
        raise Misuse(f"`--local-settings`: {words(error)}") from error
    source = reader.decode(name, raw, findings)
    if source is None:
        for one in findings:
            session.add(failure(one.code, one.message, name, one.help, one.span))
        session.report()
        return None
    if not any(line.strip() and not line.lstrip().startswith("#") for line in source.text.splitlines()):
        return Settings(folder)
    document = reader.read(source, findings)
    found = settings_of(document.data, Path(name).parent, findings) if document else None
    session.sources[name] = source.text
    for diagnostic in locate(document or Document(source, {}), findings):
        session.add(diagnostic)
    if failed(findings) or found is None:
        session.report()
        return None
    return replace(found, folder=folder)


def swept(store: Store, run: Run) -> str:
    """End and remove what a killed run left on this machine; why that cannot be done, "" where it is."""
    left = [attempt.identity for attempt in store.attempts(run.name) if not attempt.ended]
    if not left:
        return ""
    from ...local.masking import Masks
    from ...local.runners import NoRunner, choose
    from ...local.settings import Misuse as Unsettled
    from ...local.settings import Settings, with_environment
    from ...local.volumes import Around

    settings, masks = Settings(Path.cwd()), Masks()
    try:
        chosen = choose(with_environment(settings, os.environ), masks, store.folder, run.runner)
    except (NoRunner, Unsettled) as problem:
        return str(problem)
    with contextlib.closing(chosen.runner):
        chosen.runner.sweep(run.name, left)
    Around(settings, store.folder, masks).sweep(run.name)
    return ""
