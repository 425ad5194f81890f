"""Options and fixtures of the whole test run: golden files and where things are."""

from __future__ import annotations

import os
import re
import signal
import sys
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.conformance import engines
from tests.datasets import tools
from tests.editor import install
from tests.golden import Goldens

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parent.parent

_ASKED: dict[str, Callable[[], str]] = {"conformance": engines.missing, "datasets": tools.missing, "editor": install.missing}
MISSING = {folder: reason for folder, asked in _ASKED.items() if (reason := asked())}
"""Why tests in a folder are not collected: what they ask is not on this machine. The summary says so."""

collect_ignore_glob = [f"{folder}/test_*.py" for folder in MISSING]

if sys.version_info < (3, 11):
    # The implementation of CEL that judges KFP's conditions has no release for 3.10; what its tests say does not depend on Python.
    _CEL = re.compile(r"^\s*(?:import|from)\s.*\bcel\b", re.MULTILINE)
    collect_ignore = [str(path) for path in Path(__file__).parent.glob("test_*.py") if _CEL.search(path.read_text(encoding="utf-8"))]


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--update-golden` writes the expected files instead of comparing with them."""
    parser.addoption("--update-golden", action="store_true", help="write the files under golden/ from what the compiler says now")


def pytest_configure(config: pytest.Config) -> None:
    """A CI run that rewrote what it should check would always pass; parallel workers would count apart from each other."""
    if config.getoption("--update-golden"):
        if os.environ.get("CI"):
            raise pytest.UsageError("--update-golden is refused where CI is set: look at the difference and commit it yourself")
        if getattr(config.option, "numprocesses", None):
            raise pytest.UsageError("--update-golden runs in one process: leave out -n")
    # A shell starts what it puts in the background with SIGINT ignored, and everything below inherits that: no test could press Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    config.stash[GOLDENS] = Goldens(ROOT / "golden", update=bool(config.getoption("--update-golden")))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With several workers, slow tests first, shared out: else one of them is alone with its last ones while the others have nothing to do.

    Every worker begins with a part of equal size (xdist, scheduler/worksteal.py), and takes over from the end of another's.
    """
    workers = getattr(config, "workerinput", {}).get("workercount", 1)
    if workers > 1:
        slow = [item for item in items if _SLOW.search(item.nodeid)]
        quick = iter([item for item in items if not _SLOW.search(item.nodeid)])
        size = len(items) // workers
        parts = [slow[worker::workers] for worker in range(workers)]
        items[:] = [item for part in parts for item in (*part, *islice(quick, size - len(part)))]
        items += quick


_SLOW = re.compile(r"^tests/(?:datasets/|local/test_(?:projects|kills|scenarios)\.py|conformance/test_(?:run_model|mutations|meaning)\.py)")

GOLDENS = pytest.StashKey[Goldens]()


@pytest.fixture(scope="session")
def root() -> Path:
    """The top folder of the project."""
    return ROOT


@pytest.fixture(scope="session")
def goldens(pytestconfig: pytest.Config) -> Goldens:
    """Compares with, or writes, the files under `golden/`."""
    return pytestconfig.stash[GOLDENS]


@pytest.fixture
def counted(request: pytest.FixtureRequest) -> Callable[..., None]:
    """`counted("so many: {a} of {b}", a=1, b=2)` has the line in the summary of the whole run, its numbers added up over all tests."""

    def count(line: str, **numbers: int) -> None:
        request.node.user_properties.append(("counted", (line, numbers)))

    return count


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say what tests counted, and what `--update-golden` wrote."""
    lines: dict[str, Counter[str]] = {}
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", "") == "call":
                for line, numbers in (value for name, value in report.user_properties if name == "counted"):
                    lines.setdefault(line, Counter()).update(numbers)
    for line, numbers in lines.items():
        terminalreporter.write_line(line.format_map(numbers))
    for folder, reason in MISSING.items():
        files = len(list((ROOT / "tests" / folder).glob("test_*.py")))
        terminalreporter.write_line(f"{folder}: not run, {files} file{'s'[: files != 1]} of tests: {reason}")
    goldens = config.stash[GOLDENS]
    if goldens.update:
        terminalreporter.write_line(f"golden files: {goldens.updated} updated, {goldens.added} added, {goldens.removed} removed")
