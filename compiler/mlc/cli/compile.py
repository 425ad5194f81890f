"""`mlc compile`: specs to manifests, on standard output or in files, or compared with the files that are there."""

from __future__ import annotations

import os

from .files import is_folder, write_all
from .request import FOUND, STDIN
from .session import Session

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..driver import Output
    from .request import Request


def compile_specs(request: Request) -> int:
    """Compile the specs and return the exit code. Nothing is written unless every spec compiles."""
    session = Session(request)
    output = "" if request.output == STDIN else request.output
    if request.check and not output:
        session.complain("`--check` compares with files: say with `-o` which ones")
        return session.code
    if output and not is_folder(output) and len(request.targets) > 1:
        session.complain(_one_file(output, f"{len(request.targets)} targets"))
        return session.code

    from ..driver import compile_source

    if not session.run(compile_source):
        return session.code
    manifests = [(name, result.name, made) for name, result in session.results for made in result.outputs]
    if not output:
        session.print("---\n".join(made.text for _, _, made in manifests))
        return session.code
    files = _places(session, output, manifests)
    if files is None:
        return session.code
    if request.check:
        _compare(session, files)
    else:
        _write(session, files)
    return session.code


def _one_file(output: str, what: str) -> str:
    return f"`-o {output}` is one file, but there are {what}: name a folder, `-o {output}/`"


def _places(session: Session, output: str, manifests: list[tuple[str, str, Output]]) -> list[tuple[str, str, Output]] | None:
    """The file of each manifest, with the project's name; None where two would be one file."""
    if not is_folder(output):
        if len(manifests) > 1:
            session.complain(_one_file(output, f"{len(session.results)} specs"))
            return None
        return [(output, project, made) for _, project, made in manifests]
    files: dict[str, tuple[str, str, Output]] = {}
    for spec, project, made in manifests:
        name = os.path.join(output, f"{project}.{made.target}.yaml")
        if name in files:
            first = next(other for other, named, _ in manifests if named == project)
            session.complain(f"`{first}` and `{spec}` both describe a project called `{project}`: both would be `{name}`")
            return None
        files[name] = (name, project, made)
    return list(files.values())


def _write(session: Session, files: list[tuple[str, str, Output]]) -> None:
    try:
        write_all([(name, made.text) for name, _, made in files])
    except OSError as error:
        session.fail("MLC903", "write", error)
        return
    for name, project, made in files:
        session.note(f"wrote {name}: {_apply(name, project, made.target)}")


def _apply(name: str, project: str, target: str) -> str:
    """How to run a manifest. `create`, not `apply`: a Workflow has `generateName`, so each `create` is a new run."""
    from shlex import quote

    if target == "argo":
        return f"start it with `kubectl create -f {quote(name)}`"
    return f"upload it in the Kubeflow Pipelines UI, or with `kfp pipeline create -p {quote(project)} {quote(name)}`"


def _compare(session: Session, files: list[tuple[str, str, Output]]) -> None:
    """Print how the files differ from what the specs say now."""
    from difflib import unified_diff

    changes = []
    differing = 0
    for name, _, made in files:
        try:
            with open(name, "rb") as file:
                old = file.read()
        except FileNotFoundError:
            old = b""
        except OSError as error:
            session.fail("MLC902", "read", error)
            continue
        if old == made.text.encode():
            continue
        differing += 1
        before = old.decode("utf-8", "backslashreplace").splitlines(keepends=True)
        lines = list(unified_diff(before, made.text.splitlines(keepends=True), name, f"{name} (compiled now)"))
        changes += [line if line.endswith("\n") else line + "\n\\ no newline at the end of the file\n" for line in lines]
    if differing:
        session.code = max(session.code, FOUND)
        session.print("".join(changes))
        command = f"mlc compile ... -o {session.request.output}"
        session.note(f"{differing} of {len(files)} manifests differ from what the specs say: write them again with `{command}`")
    elif not session.code:
        session.note(f"ok: {len(files)} manifests say what the specs say")
