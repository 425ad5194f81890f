"""Several look-ups at once, in threads that nobody has to wait for."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from .failure import Failure

Task = TypeVar("Task")
Answer = TypeVar("Answer")

AT_ONCE = 8


def answers(tasks: Sequence[Task], look_up: Callable[[Task], Answer]) -> Iterator[tuple[Task, Answer | Failure]]:
    """Each task with its answer or failure, as they come in. Another exception of `look_up` is raised here.

    The threads are daemons: who stops the command does not wait for servers that take their time.
    """
    waiting: queue.SimpleQueue[Task] = queue.SimpleQueue()
    done: queue.SimpleQueue[tuple[Task, Answer | BaseException]] = queue.SimpleQueue()
    for task in tasks:
        waiting.put(task)

    def work() -> None:
        while True:
            try:
                task = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                done.put((task, look_up(task)))
            except BaseException as error:
                done.put((task, error))

    for _ in range(min(AT_ONCE, len(tasks))):
        threading.Thread(target=work, daemon=True).start()
    for _ in tasks:
        task, answer = done.get()
        if isinstance(answer, BaseException) and not isinstance(answer, Failure):
            raise answer
        yield task, answer
