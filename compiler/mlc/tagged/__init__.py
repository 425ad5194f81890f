"""The programs of the helper image, which fetch and publish what has a version. They run there, and are never imported here.

A program is one text: `base.py` and the file with what it does, in the order of `PROGRAMS`. It needs Python 3.8 and nothing else;
git and ssh for repositories, DVC (`dvc[ssh,s3]`) for data that DVC versions, and boto3 for objects. Everything about a dataset
reaches it as arguments of the form KEY=TEXT, keys of Secrets as paths of files.
"""

from __future__ import annotations

from functools import cache

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

PROGRAMS = {
    "dvc": ("base", "git", "dvc", "checkout", "pull"),
    "git": ("base", "git", "checkout", "files"),
    "publish": ("base", "git", "dvc", "publish"),
    "s3": ("base", "objects"),
}
"""What each program is made of, in order: `dvc`, `git` (code too) and `s3` fetch, `publish` is for DVC, and `s3` publishes too."""

PACKAGES = {"dvc": ("dvc[ssh,s3]==3.67.1",), "s3": ("boto3==1.43.117",)}
"""What a program needs beside Python's own modules, by source, as pip requirements: an image that is made for it has them."""

MODULES = {"dvc": "dvc", "publish": "dvc", "s3": "boto3", "git": ""}
"""The Python module that a program needs, by its name; "" for none."""

KEYS = ("ssh_key", "token", "known_hosts", "access_key", "secret_key")
"""The arguments that are files with keys, each in a folder that is mounted for it."""

PLACES = ("out", "marker", "data")
"""The arguments that are other paths."""


def keys_in(folder: str, words: Iterable[str]) -> list[str]:
    """The files of a folder that is mounted for a program with these arguments, of those that are keys."""
    found: dict[str, None] = {}
    for word in words:
        key, _, path = word.partition("=")
        if key in KEYS and path.startswith(f"{folder}/"):
            found[path[len(folder) + 1 :]] = None
    return list(found)


@cache
def program(name: str) -> str:
    """The text of a program. It is read once, however many datasets there are."""
    import os

    folder = os.path.dirname(__file__)
    parts = []
    for part in PROGRAMS[name]:
        with open(os.path.join(folder, f"{part}.py"), encoding="utf-8") as file:
            parts.append(file.read())
    return join(parts)


def join(parts: list[str]) -> str:
    """Files as one program: they are one name space then, and need not import each other. Each begins with its imports."""
    lines: list[str] = []
    for part in parts:
        head = True
        for line in part.splitlines():
            head = head and (not line or line.startswith(("#", "import ", "from ")))
            if not head or not (line.startswith("from .") or (line in lines and line.startswith(("import ", "from ")))):
                lines.append(line)
    return "\n".join(lines) + "\n"
