"""What this program needs besides its files, in the folder that Go builds: `prepare.py FOLDER GO`, run by ../../build.py.

KFP's module takes two others from folders beside it in its repository (`replace` in its go.mod): `api` and `kubernetes_platform`, the Go
code of the messages that a pipeline is made of. The folders are not in the module, and as modules they can only be had at an age at
which they lack fields that this release reads. The release's Python packages hold the descriptors of the same messages; protoc-gen-go
makes the same Go code of them. Only the small message of cache keys is in no Python package; it did not change since the old module.
"""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

PINS = Path(__file__).resolve().parent
API = "github.com/kubeflow/pipelines/api"
PLATFORM = "github.com/kubeflow/pipelines/kubernetes_platform"

GENERATED = ("kfp/pipeline_spec/pipeline_spec_pb2.py", "kfp/kubernetes/kubernetes_executor_config_pb2.py")
"""The Python code generated for the messages, the first before what refers to it."""


def main(folder: Path, go: str) -> None:
    """Add the two modules."""
    for name, module in (("api", API), ("kubernetes_platform", PLATFORM)):
        (folder / name).mkdir()
        (folder / name / "go.mod").write_text(f"module {module}\n\ngo 1.23\n", encoding="utf-8")
    keys = Path("v2alpha1", "go", "cachekey")
    shutil.copytree(downloaded(go, folder, API) / keys, folder / "api" / keys, copy_function=shutil.copyfile)
    shutil.copytree(PINS / "protos", folder / "protos")
    with tempfile.TemporaryDirectory() as work:
        paths = []
        for member, data in descriptors(Path(work)).items():
            paths.append(Path(work, member.replace("/", "-")))
            paths[-1].write_bytes(data)
        subprocess.run([go, "run", "./protos", str(folder), *map(str, paths)], cwd=folder, check=True)


def downloaded(go: str, folder: Path, module: str) -> Path:
    """The folder of a module in Go's cache, at the version that go.mod requires. Go checks no sum of what go.mod replaces."""
    found = re.search(rf"^\s*{re.escape(module)} (v\S+)", (PINS / "go.mod").read_text(encoding="utf-8"), re.MULTILINE)
    if found is None:
        raise SystemExit(f"go.mod does not require {module}")
    command = [go, "mod", "download", "-json", f"{module}@{found.group(1)}"]
    got = json.loads(subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, text=True, check=True).stdout)
    if f"{module} {found.group(1)} {got['Sum']}" not in (PINS / "go.sum").read_text(encoding="utf-8").splitlines():
        raise SystemExit(f"{module} {found.group(1)} is not the one in go.sum: {got['Sum']}")
    return Path(got["Dir"])


def descriptors(folder: Path) -> dict[str, bytes]:
    """The serialised descriptors in the Python packages that protos.txt pins, by the module that has them."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:"]
    environment = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    subprocess.run([*command, "--dest", str(folder), "--requirement", str(PINS / "protos.txt")], check=True, env=environment)
    found = {}
    for wheel in folder.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            found.update({member: descriptor(archive.read(member)) for member in archive.namelist() if member in GENERATED})
    return {member: found[member] for member in GENERATED}


def descriptor(code: bytes) -> bytes:
    """What generated Python code hands to the pool of descriptors. The code is read, not run: it would need its own protobuf."""
    given = [
        node.args[0].value
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "AddSerializedFile"
        if isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, bytes)
    ]
    if len(given) != 1:
        raise SystemExit(f"{len(given)} descriptors in one module")
    return given[0]


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
