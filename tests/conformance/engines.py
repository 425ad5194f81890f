"""The engines, asked from Python: one process per engine, one line of JSON for a question and one for its answer.

`README.md` beside this file says what can be asked.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import subprocess
import tempfile
from typing import IO, TYPE_CHECKING, Any

from . import build

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ENGINES: tuple[str, ...] = tuple(item.name for item in build.PROGRAMS)
"""Every engine, by the name of its program."""

ARGO: tuple[str, ...] = tuple(name for name in ENGINES if name.startswith("argo-"))
"""Those that check manifests of Argo."""

CONTROLLERS: tuple[str, ...] = tuple(item.name for item in build.PROGRAMS if item.package and item.name.startswith("argo-"))
"""Those of Argo that also play them."""

KFP: tuple[str, ...] = tuple(name for name in ENGINES if name.startswith("kfp-"))
"""Those that check and play KFP's pipelines."""

Answer = dict[str, Any]

PIPE = 32 * 1024
"""Bytes of questions that wait in a pipe, of which Linux holds twice as many: neither side waits for the other to read."""


_ENVIRONMENT = {
    "MLC_CONFORMANCE": "1",
    # without it Argo 4 waits for a second after each round (workflow/controller/operator.go, persistUpdates)
    "INFORMER_WRITE_BACK": "true",
}


class EngineError(Exception):
    """The engine could not answer: the text is the program's own."""


class Engine:
    """One program, started with the first question."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._process: subprocess.Popen[bytes] | None = None
        self._errors: IO[bytes] | None = None

    def ask(self, op: str, **fields: Any) -> Answer:
        """The answer to a question; `EngineError` when the program says that it has none, or ends."""
        return self.ask_all(op, [fields])[0]

    def ask_all(self, op: str, questions: Sequence[Mapping[str, Any]]) -> list[Answer]:
        """The answers to questions about one thing, as many of them on their way at once as a pipe surely holds."""
        lines = [json.dumps({"op": op, **fields}).encode() + b"\n" for fields in questions]
        answers: list[Answer] = []
        while len(answers) < len(lines):
            start = end = len(answers)
            size = 0
            while end < len(lines) and (end == start or size + len(lines[end]) <= PIPE):
                size += len(lines[end])
                end += 1
            answers += self._exchange(op, lines[start:end])
        for answer in answers:
            if "error" in answer:
                raise EngineError(f"{self.name}: {answer['error']}")
        return answers

    def _exchange(self, op: str, lines: list[bytes]) -> list[Answer]:
        process = self._process or self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(b"".join(lines))
            process.stdin.flush()
            answers = [process.stdout.readline() for _ in lines]
        except BrokenPipeError:
            answers = [b""]
        if not all(answers):
            said = self.stop()
            raise EngineError(f"{self.name} ended at `{op}`: {said[-4000:]}")
        return [json.loads(answer) for answer in answers]

    def _start(self) -> subprocess.Popen[bytes]:
        path = build.path_of(self.name)
        if not path.is_file():
            raise EngineError(f"{self.name} is not built: make conformance")
        os.utime(path)
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the process is
        self._process = subprocess.Popen(
            [str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, env={**os.environ, **_ENVIRONMENT}
        )
        return self._process

    def stop(self) -> str:
        """End the process; what it wrote to standard error. The next question starts it anew."""
        process, errors = self._process, self._errors
        self._process = self._errors = None
        if process is None or errors is None:
            return ""
        assert process.stdin is not None
        assert process.stdout is not None
        with contextlib.suppress(BrokenPipeError):  # it ended before it read everything
            process.stdin.close()
        process.stdout.close()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        with errors:
            errors.seek(0)
            return errors.read().decode(errors="replace")


_engines: dict[str, Engine] = {}


def engine(name: str) -> Engine:
    """The engine of that name, the same one for the whole Python process."""
    if name not in _engines:
        build.program(name)
        _engines[name] = Engine(name)
    return _engines[name]


@atexit.register
def stop_all() -> None:
    """End every program that was started."""
    for item in _engines.values():
        item.stop()


def missing() -> str:
    """Why not all engines can be asked; empty when every program is built."""
    absent = [name for name in ENGINES if not build.path_of(name).is_file()]
    if not absent:
        return ""
    if build.find_go():
        return f"not all programs that hold the engines are built ({', '.join(absent)}): make conformance"
    return "there is no Go to build the programs that hold the engines: put `go` on the PATH, then make conformance"
