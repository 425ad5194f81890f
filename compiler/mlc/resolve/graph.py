"""Order: what waits for what, cycles, and one topological order in which ties follow the document."""

from __future__ import annotations

from heapq import heapify, heappop, heappush

from ..diagnostics.model import Related

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..diagnostics.model import Path
    from .context import Context

    Edges = Mapping[str, Mapping[str, Path]]
    """For each step the steps that it waits for, and where that is written."""


def order(context: Context, edges: Edges) -> list[str]:
    """The steps in topological order; if there are cycles each is reported once, and the order is that of the document."""
    place = {name: index for index, name in enumerate(edges)}
    names = list(edges)
    waiting = {name: len(before) for name, before in edges.items()}
    followers: dict[str, list[str]] = {name: [] for name in names}
    for name, before in edges.items():
        for earlier in before:
            followers[earlier].append(name)
    ready = [place[name] for name, count in waiting.items() if not count]
    heapify(ready)
    found: list[str] = []
    while ready:
        name = names[heappop(ready)]
        found.append(name)
        for follower in followers[name]:
            waiting[follower] -= 1
            if not waiting[follower]:
                heappush(ready, place[follower])
    if len(found) == len(names):
        return found
    stuck = {name for name, count in waiting.items() if count}
    _report_cycles(context, edges, stuck, place)
    return names


def _report_cycles(context: Context, edges: Edges, stuck: set[str], place: Mapping[str, int]) -> None:
    """Walk backwards from each stuck step, in document order, until a step repeats: that is a cycle. Each step is walked once."""
    walked: set[str] = set()
    for start in sorted(stuck, key=place.__getitem__):
        trail: list[str] = []
        seen: dict[str, int] = {}
        name = start
        while name not in walked:
            walked.add(name)
            seen[name] = len(trail)
            trail.append(name)
            name = min((earlier for earlier in edges[name] if earlier in stuck), key=place.__getitem__)
        if name in seen:
            _report_cycle(context, edges, trail[seen[name] :], place)


def _report_cycle(context: Context, edges: Edges, cycle: list[str], place: Mapping[str, int]) -> None:
    first = cycle.index(min(cycle, key=place.__getitem__))
    cycle = cycle[first:] + cycle[:first]
    links = list(zip(cycle, cycle[1:] + cycle[:1], strict=True))
    name, earlier = links[0]
    if len(cycle) == 1:
        context.report("MLC302", f"step `{name}` waits for itself", edges[name][earlier], help="take out the reference to itself")
        return
    shown = cycle if len(cycle) <= 8 else [*cycle[:7], f"... {len(cycle) - 7} more steps"]
    path = " -> ".join([*(f"`{step}`" if step in place else step for step in shown), f"`{name}`"])
    related = tuple(Related(edges[later][before], f"`{later}` waits for `{before}`") for later, before in links[1:6])
    message = f"steps wait for each other: {path}"
    context.report("MLC302", message, edges[name][earlier], related=related, help="take out one of these dependencies")
