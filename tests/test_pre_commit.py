"""The hooks, run by the real pre-commit on a repository of specs.

pre-commit clones the project, builds and installs it in an environment of its own. What that needs is taken from the environment of the
tests (`PYTHONPATH`, no build isolation, no dependencies), so nothing is downloaded.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
import yaml

from mlc.cli.files import is_spec

ROOT = Path(__file__).resolve().parent.parent
HOOKS = {hook["id"]: hook for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))}
PATTERN = re.compile(HOOKS["mlc-validate"]["files"])

SPEC = """\
mlc: v1
name: demo
steps:
  train: {image: acme/train:1, command: [train]}
"""
WRONG = SPEC.replace("command:", "comand:")


def git(folder: Path, *arguments: str) -> str:
    """Run git in a folder, with no configuration but its own."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    env |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    identity = ["-c", "user.name=test", "-c", "user.email=test@localhost", "-c", "init.defaultBranch=main"]
    return subprocess.run(["git", *identity, *arguments], cwd=folder, env=env, capture_output=True, text=True, check=True).stdout.strip()


class Repository:
    """A repository of specs with our hooks, as a user has it."""

    def __init__(self, folder: Path, home: Path, hooks: Path) -> None:
        self.folder = folder
        libraries = os.pathsep.join(dict.fromkeys((sysconfig.get_path("purelib"), sysconfig.get_path("platlib"))))
        self.env = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "PIP_", "PYTHON", "PRE_COMMIT"))}
        self.env |= {"PRE_COMMIT_HOME": str(home), "PYTHONPATH": libraries, "PRE_COMMIT_COLOR": "never"}
        # pip reads "no" as an answer to "build isolation?", so this turns it off.
        self.env |= {"PIP_NO_BUILD_ISOLATION": "no", "PIP_NO_DEPS": "1", "PIP_NO_INDEX": "1"}
        arguments = ["specs", "--target", "argo", "-o", "manifests/"]
        config = {
            "repos": [
                {
                    "repo": str(hooks),
                    "rev": git(hooks, "rev-parse", "HEAD"),
                    "hooks": [{"id": "mlc-validate"}, {"id": "mlc-compile-check", "args": arguments}],
                }
            ]
        }
        folder.mkdir()
        git(folder, "init", "-q")
        self.write(".pre-commit-config.yaml", yaml.safe_dump(config))

    def write(self, name: str, text: str) -> None:
        """Write a file and stage it."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        git(self.folder, "add", name)

    def run(self, hook: str) -> tuple[int, str]:
        """The exit code and output of a hook on what is staged."""
        command = [sys.executable, "-m", "pre_commit", "run", hook]
        done = subprocess.run(
            command, cwd=self.folder, env=self.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
        return done.returncode, done.stdout


@pytest.fixture(scope="module")
def hooks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project as it is now, as a repository that pre-commit can clone."""
    folder = tmp_path_factory.mktemp("hooks")
    for name in git(ROOT, "ls-files", "--cached", "--others", "--exclude-standard", "compiler", "schemas").splitlines():
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    for name in ("pyproject.toml", "README.md", "LICENSE", ".pre-commit-hooks.yaml"):
        shutil.copy(ROOT / name, folder / name)
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "snapshot")
    return folder


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pre-commit keeps the environment that it builds: once for all tests."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def repository(tmp_path: Path, home: Path, hooks: Path) -> Repository:
    """A new repository with the hooks."""
    return Repository(tmp_path / "repository", home, hooks)


@pytest.mark.parametrize(
    "name",
    [
        "mlc.yaml",
        "mlc.yml",
        "a.mlc.yaml",
        "a.b.mlc.yml",
        ".mlc.yaml",
        ".a.mlc.yml",
        "xmlc.yaml",
        "a.yaml",
        "mlc.yaml.bak",
        "mlc.json",
        "a.mlcyaml",
    ],
)
def test_pattern_is_the_one_of_folders(name: str) -> None:
    """The hook picks the files that `mlc validate FOLDER` finds: by name, in folders that are not hidden."""
    for folder in ("", "specs/", "specs/deep.er/"):
        assert bool(PATTERN.search(folder + name)) == is_spec(name)
    for folder in (".github/", "specs/.cache/", "specs/.cache/x/"):
        assert not PATTERN.search(folder + name)


def test_validate_hook(repository: Repository) -> None:
    """`mlc-validate` passes a right spec, fails a wrong one at its line, and does not look at other files."""
    repository.write("other.yaml", WRONG)
    code, output = repository.run("mlc-validate")
    assert (code, "(no files to check)" in output) == (0, True), output

    repository.write("specs/mlc.yaml", SPEC)
    code, output = repository.run("mlc-validate")
    assert (code, "Passed" in output) == (0, True), output

    repository.write("specs/b.mlc.yaml", WRONG)
    code, output = repository.run("mlc-validate")
    assert (code, "--> specs/b.mlc.yaml:4:" in output, "did you mean `command`?" in output) == (1, True, True), output


def test_compile_check_hook(repository: Repository) -> None:
    """`mlc-compile-check` passes while the manifests are what the specs say, and shows the difference once either is edited."""
    repository.write("specs/mlc.yaml", SPEC)
    code, output = repository.run("mlc-compile-check")
    assert (code, "`manifests/demo.argo.yaml` does not exist\n" in output) == (1, True), output

    from mlc.driver import compile_source
    from mlc.source import SourceFile

    manifest = compile_source(SourceFile("mlc.yaml", SPEC), ("argo",)).outputs[0].text
    repository.write("manifests/demo.argo.yaml", manifest)
    code, output = repository.run("mlc-compile-check")
    assert (code, "Passed" in output) == (0, True), output

    repository.write("manifests/demo.argo.yaml", manifest.replace("acme/train:1", "acme/train:2"))
    code, output = repository.run("mlc-compile-check")
    assert code == 1, output
    assert re.search(r"^-.*acme/train:2$", output, re.MULTILINE), output
    assert re.search(r"^\+.*acme/train:1$", output, re.MULTILINE), output
