"""`mlc run --dry-run`: what would run, and with which commands. Nothing is started, fetched or written."""

from __future__ import annotations

import contextlib
import shlex
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from ...diagnostics.render import visible
from .here import Misuse, existing, named, opened, state_folder, told

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ...ir import Pipeline
    from ...local.dry import Planned
    from ...local.store import Run, Store
    from ..request_here import Here
    from .machine import Machine

_WIDE = 120  # columns of a command beyond which it is folded


def dry_run(pipeline: Pipeline, machine: Machine, here: Here, resumed: Run | None) -> int:
    """Print what would run, and return the exit code."""
    from ...local.dry import Dry
    from ...local.naming import named
    from ...local.params import filled

    texts = filled(pipeline, machine.params)
    pipeline = named(pipeline, texts)
    reused, left = _there(pipeline, machine, here, texts, resumed)
    state = state_folder(here).absolute()
    plan = Dry(pipeline, machine.runner, machine.surroundings, texts, state, reused, left)
    if here.json:
        return told("".join(map(_record, plan.planned())))
    print_notes = () if here.quiet else machine.notes(pipeline)
    head = f"{pipeline.name}: {len(pipeline.steps)} step{'' if len(pipeline.steps) == 1 else 's'}, {machine.runner.name}\n"
    return told(head + "".join(f"{note}\n" for note in print_notes) + "".join(_text(plan.planned())))


def _there(
    pipeline: Pipeline, machine: Machine, here: Here, params: Mapping[str, str], resumed: Run | None
) -> tuple[dict[str, str], dict[str, str]]:
    """The steps whose results are there, and those that have no part in the run, each with the reason."""
    if resumed is not None:
        with contextlib.closing(opened(here)) as store:
            done = store.succeeded(resumed.name)
        return dict.fromkeys(done, f"done in {resumed.name}, if nothing changed"), {}
    with _state(here) as store:
        from ...local.reuse import Refused, part
        from ...local.trial import in_cache

        using = named(store, here, here.using) if here.using else None
        try:
            found = part(pipeline, store, only=here.only, first=here.first, using=using)
        except Refused as refused:
            raise Misuse(*refused.problems) from refused
        cached = in_cache(pipeline, params, machine.surroundings, store, found)
    source = found.source.name if found.source else ""
    reused = {**dict.fromkeys(cached, "its result is in the cache"), **dict.fromkeys(found.taken, f"its result in {source}")}
    return reused, dict.fromkeys(found.left, found.why)


@contextlib.contextmanager
def _state(here: Here) -> Iterator[Store]:
    """The state, or an empty one where there is none yet: a dry run writes nothing."""
    from ...local.store import open_store

    with contextlib.ExitStack() as stack:
        store = existing(here) or open_store(Path(stack.enter_context(tempfile.TemporaryDirectory())))
        yield stack.enter_context(contextlib.closing(store))


def _text(planned: Iterable[Planned]) -> Iterable[str]:
    for one in planned:
        fate = {"run": "", "skip": "skipped", "reuse": "not repeated"}[one.fate]
        head = ", ".join(part for part in (visible(one.item), f"{fate}: {one.why}" if fate else "") if part)
        yield f"\n{one.task}{f': {head}' if head else ''}\n"
        if one.fate != "run":
            continue
        order = "; ".join(part for part in (f"after {', '.join(one.after)}" if one.after else "", one.why) if part)
        yield f"  {order}\n" if order else ""
        yield f"  $ {_folded(one.command)}\n"
        if one.script is not None and one.made:
            yield f"  | a program of mlc, {len(one.script.splitlines())} lines: `--json` has them\n"
        elif one.script is not None:
            yield "".join(f"  | {line}\n" for line in one.script.rstrip("\n").split("\n"))
        if one.more:
            yield f"  and {one.more} more item{'' if one.more == 1 else 's'}\n"


def _folded(command: Sequence[str]) -> str:
    """A command to paste; a long one with a line for each option."""
    words = [visible(shlex.quote(word)) for word in command]
    whole = " ".join(words)
    if len(whole) <= _WIDE:
        return whole
    return "".join(f" \\\n      {word}" if word.startswith("--") else f" {word}" for word in words).strip()


def _record(one: Planned) -> str:
    from ...view.records import as_json

    return as_json(
        {
            "event": "planned",
            "task": one.task,
            "fate": one.fate,
            "why": one.why,
            "item": one.item,
            "more": one.more,
            "image": one.image,
            "after": list(one.after),
            "command": list(one.command),
            "script": one.script,
        }
    )
