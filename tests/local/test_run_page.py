"""docs/run.md says what is true: options, keys of JSON lines, the settings file, the excerpt of a log."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from mlc.cli.app import app
from mlc.local.settings import read
from mlc.view.records import record
from tests.local.recorded import train_and_deploy
from tests.test_docs import ROOT, fences

PAGE = ROOT / "docs" / "run.md"
TEXT = PAGE.read_text(encoding="utf-8")


def fence(start: str) -> str:
    """The text of the page that starts so."""
    return next(text for text in fences(PAGE, "text") if text.startswith(start))


def command(name: str) -> Any:
    """A command of mlc, as click knows it."""
    return getattr(get_command(app), "commands")[name]  # noqa: B009 - click's type of a command knows no subcommands


@pytest.mark.parametrize("name", ["run", "runs", "logs", "metrics"])
def test_every_option_is_there(name: str) -> None:
    """The page names every option of the commands about runs, but for those that all commands share."""
    options = {option for parameter in command(name).params for option in parameter.opts if option.startswith("--")}
    assert {option for option in options if option not in TEXT} <= {"--help", "--format", "--strict"}


def test_every_option_exists() -> None:
    """The page names no option that no command has."""
    known = {option for name in getattr(get_command(app), "commands") for parameter in command(name).params for option in parameter.opts}  # noqa: B009
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", TEXT)) <= known | {"--install-completion", "--ulimit", "--init", "--network"}


def test_every_key_of_json_lines_is_there() -> None:
    """The table of JSON lines has every event with every key."""
    table = dict(re.findall(r"^\| `([a-z-]+)` \| (`.*) \|$", TEXT.partition("## JSON lines")[2], re.MULTILINE))
    seen = set()
    for event in train_and_deploy():
        found = record(event)
        seen.add(found["event"])
        inner = [key for value in found.values() if isinstance(value, list) for one in value if isinstance(one, dict) for key in one]
        assert [key for key in [*found, *inner] if key not in ("event", "at") and f"`{key}`" not in table[found["event"]]] == []
    assert seen == table.keys()


def test_settings_are_understood(tmp_path: Path) -> None:
    """The example of `mlc.local.yaml` has no mistake, and shows every section."""
    data = yaml.safe_load(fence("runner:"))
    findings: list[Any] = []
    read(data, tmp_path, findings)
    assert findings == []
    assert data.keys() == {"runner", "volumes", "secrets", "config_maps", "artifacts", "images", "process", "podman"}


def test_log_is_true(tmp_path: Path) -> None:
    """The excerpt of a log is what the project of `mlc init` gives, but for times, numbers and the letters of its name."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "compiler"), "NO_COLOR": "1"}
    for words in (["init", "my-project"], ["run", "my-project/mlc.yaml", "--runner", "process"]):
        done = subprocess.run(
            [sys.executable, "-m", "mlc", *words], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
        )

    def plain(text: str) -> list[str]:
        lines = [re.sub(r"[\d:.]+", "0", re.sub(r"my-project-\w{5}", "my-project-x7k2p", line)) for line in text.splitlines()]
        return [line for line in lines if re.match(r"0 (my-project|prepare|train)", line)]

    assert plain(done.stdout) == plain(fence("12:03:01"))


def test_folders_are_true(tmp_path: Path) -> None:
    """What the page says of the state folder is there after a run."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "compiler"), "MLC_STATE": ".mlc"}
    for words in (["init", "my-project"], ["run", "my-project/mlc.yaml", "--runner", "process", "-q"]):
        subprocess.run([sys.executable, "-m", "mlc", *words], cwd=tmp_path, env=environment, capture_output=True, check=True)
    for line in fence(".mlc/state.sqlite").splitlines():
        pattern = line.split()[0].rstrip("/")
        for word, wild in (("RUN", "*"), ("STEP", "*"), ("NAME", "*"), ("ATTEMPT", "1"), ("CLAIM", "*")):
            pattern = re.sub(rf"\b{word}\b", wild, pattern)
        if not pattern.startswith((".mlc/venvs", ".mlc/volumes")):  # the project has neither
            assert list(tmp_path.glob(pattern)), pattern
