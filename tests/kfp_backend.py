"""What happens to a container spec between the IR and the process, in a few lines: two kubelets, KFP's driver and its launcher.

Written after kubernetes/third_party/forked/golang/expansion, kubeflow/pipelines backend/src/v2/driver (util.go, driver.go) and
component/launcher_v2.go. Argo's own templates are not played: what they would replace is refused before.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

SHELLS = {"dash": ["dash"], "busybox": ["busybox", "sh"], "bash": ["bash"]}


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> list[str]:
    """Each of the shells that images bring as `sh`. None may be missing: a wrapper that is not run is not tested."""
    command = SHELLS[request.param]
    if shutil.which(command[0]) is None:
        pytest.fail(f"{command[0]} is not installed: `apt-get install dash busybox-static bash`")
    return command


def kubelet(text: str, env: dict[str, str]) -> str:
    """One pass over a text of command, args or env."""
    out, at = [], 0
    while at < len(text):
        if text[at] != "$" or at + 1 == len(text):
            out.append(text[at])
            at += 1
        elif text[at + 1] == "$":
            out.append("$")
            at += 2
        elif text[at + 1] == "(" and ")" in text[at:]:
            end = text.index(")", at)
            name = text[at + 2 : end]
            out.append(env.get(name, f"$({name})"))
            at = end + 1
        else:
            out.append(text[at : at + 2])
            at += 2
    return "".join(out)


def resolved(arg: str, parameters: dict[str, str]) -> list[str]:
    """The driver: interprets `IfPresent`, replaces input parameters."""
    if arg.strip().startswith('{"IfPresent":'):
        raise AssertionError(f"the driver would interpret {arg!r}")
    return [re.sub(r"\{\{\$\.inputs\.parameters\['(.+?)'\]\}\}", lambda match: parameters[match[1]], arg)]


@dataclass
class Run:
    """One attempt of a task, below `root`: what the launcher gives and what it collects."""

    root: Path
    component: dict[str, Any]
    parameters: dict[str, str] = field(default_factory=dict)
    artifacts: dict[str, Path] = field(default_factory=dict)

    @property
    def output_file(self) -> Path:
        """Where an executor output is looked for."""
        return self.root / "task" / "output_metadata.json"

    def output(self, name: str) -> Path:
        """Where the launcher collects an output artifact."""
        return self.root / "task" / name

    def parameter(self, name: str) -> Path:
        """Where the launcher collects an output parameter."""
        return self.root / "parameters" / name

    def executor_input(self) -> dict[str, Any]:
        """`{{$}}`"""
        return {
            "inputs": {"parameterValues": self.parameters},
            "outputs": {"parameters": {}, "artifacts": {}, "outputFile": str(self.output_file)},
        }

    def placeholders(self) -> dict[str, str]:
        """What the launcher replaces, wherever it stands."""
        outputs = self.component.get("outputDefinitions", {})
        found = {"{{$}}": json.dumps(self.executor_input(), ensure_ascii=False, separators=(",", ":"))}
        found.update({f"{{{{$.inputs.artifacts['{name}'].path}}}}": str(path) for name, path in self.artifacts.items()})
        found.update({f"{{{{$.outputs.artifacts['{name}'].path}}}}": str(self.output(name)) for name in outputs.get("artifacts", {})})
        found.update(
            {f"{{{{$.outputs.parameters['{name}'].output_file}}}}": str(self.parameter(name)) for name in outputs.get("parameters", {})}
        )
        found.update({f"{{{{$.inputs.parameters['{name}']}}}}": text for name, text in self.parameters.items()})
        return found

    def argv(self, container: dict[str, Any], driver: bool = True) -> tuple[list[str], dict[str, str]]:
        """The process's arguments and environment. Old backends left the replacing to the launcher (`driver` False)."""
        seen = json.loads(kubelet(json.dumps(container, ensure_ascii=False), {"HOSTILE": "expanded"}))
        env: dict[str, str] = {}
        for item in seen.get("env", []):
            env[item["name"]] = kubelet(item["value"], env)
        words = [*seen["command"], *seen.get("args", [])]
        if driver:
            words = [word for given in words for word in resolved(given, self.parameters)]
        words = [kubelet(word, {"HOSTILE": "expanded", **env}) for word in words]
        for placeholder, text in self.placeholders().items():
            words = [words[0], *(word.replace(placeholder, text) for word in words[1:])]
        return words, env

    def start(self, container: dict[str, Any], shell: list[str], driver: bool = True) -> subprocess.CompletedProcess[str]:
        """Run it to its end with `shell` in the place of `sh`."""
        words, env = self.argv(container, driver)
        # the wrapper makes its own folder below /tmp whatever TMPDIR says: here it is below the test's folder
        words = [word.replace(" in /tmp /var/tmp /dev/shm;", f" in {self.root}/tmp;") for word in words]
        command = [*shell, *words[1:]] if words[0] == "sh" else words
        (self.root / "tmp").mkdir(parents=True, exist_ok=True)
        environment = {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "TMPDIR": str(self.root / "tmp"), **env}
        return subprocess.run(command, env=environment, cwd=self.root, capture_output=True, text=True, timeout=30, check=False)
