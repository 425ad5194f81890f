"""How much of a project can run at once: the heaviest set of steps of which none waits for another.

Such a set can indeed run at once, if conditions do not exclude one another, so the figure is an upper bound, and one that can be met.
By Dilworth's theorem it is what all steps weigh, less what steps can take over from steps that have ended: a maximal flow.
"""

from __future__ import annotations

from collections import deque

from .ir import Group, Step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from .ir import Loop, Pipeline

    Weigh = Callable[[Step], int]


def items_at_once(loop: Loop) -> int:
    """How many items run at once; 1 where only a run knows."""
    if loop.rows is None:
        return loop.parallel or 1
    return min(loop.parallel, len(loop.rows)) if loop.parallel else len(loop.rows)


def peak(pipeline: Pipeline, weigh: Weigh) -> int:
    """The most that steps which can run at once weigh together. `finally` starts when all else has ended."""
    return max(_of_group(group, weigh) for group in (pipeline.run, pipeline.final) if group)


def _of_group(group: Group, weigh: Weigh) -> int:
    weights = {child.name: weigh(child) if isinstance(child, Step) else _of_group(child, weigh) for child in group.children}
    found = heaviest(weights, {child.name: child.after for child in group.children})
    return found * items_at_once(group.loop) if group.loop else found


def heaviest(weights: Mapping[str, int], after: Mapping[str, Sequence[str]]) -> int:
    """The greatest weight of a set of nodes none of which comes after another, directly or not. `after` has no cycle."""
    numbers = {name: number for number, name in enumerate(weights)}
    count = len(numbers)
    source, sink = 2 * count, 2 * count + 1
    flow = _Flow(2 * count + 2)
    total = sum(weights.values())
    for name, weight in weights.items():  # 2n: what the node hands on when it has ended; 2n + 1: what it is handed
        number = numbers[name]
        flow.edge(source, 2 * number, weight)
        flow.edge(2 * number + 1, sink, weight)
        flow.edge(2 * number + 1, 2 * number, total)  # on to those that come later still
        for earlier in after[name]:
            flow.edge(2 * numbers[earlier], 2 * number + 1, total)
    return total - flow.most(source, sink)


class _Flow:
    """A network; the greatest flow by blocking flows (Dinitz)."""

    def __init__(self, nodes: int) -> None:
        self._edges: list[list[int]] = [[] for _ in range(nodes)]
        self._to: list[int] = []
        self._left: list[int] = []

    def edge(self, start: int, end: int, capacity: int) -> None:
        """Add an edge; the next number is that of the way back."""
        for one, other, left in ((start, end, capacity), (end, start, 0)):
            self._edges[one].append(len(self._to))
            self._to.append(other)
            self._left.append(left)

    def most(self, source: int, sink: int) -> int:
        """The greatest flow."""
        total = 0
        while (levels := self._levels(source))[sink] >= 0:
            tried = [0] * len(self._edges)
            while pushed := self._push(source, sink, levels, tried):
                total += pushed
        return total

    def _levels(self, source: int) -> list[int]:
        levels = [-1] * len(self._edges)
        levels[source] = 0
        queue = deque([source])
        while queue:
            node = queue.popleft()
            for edge in self._edges[node]:
                if self._left[edge] and levels[self._to[edge]] < 0:
                    levels[self._to[edge]] = levels[node] + 1
                    queue.append(self._to[edge])
        return levels

    def _push(self, source: int, sink: int, levels: list[int], tried: list[int]) -> int:
        """Send something along one way that goes up level by level; 0 where there is none left."""
        way: list[int] = []
        node = source
        while node != sink:
            if tried[node] < len(self._edges[node]):
                edge = self._edges[node][tried[node]]
                if self._left[edge] and levels[self._to[edge]] == levels[node] + 1:
                    way.append(edge)
                    node = self._to[edge]
                else:
                    tried[node] += 1
            elif way:
                node = self._to[way.pop() ^ 1]
                tried[node] += 1
            else:
                return 0
        amount = min(self._left[edge] for edge in way)
        for edge in way:
            self._left[edge] -= amount
            self._left[edge ^ 1] += amount
        return amount
