"""`mlc compile`: specs to manifests, on standard output or in files, or compared with the files that are there."""

from __future__ import annotations

import os

from .files import is_folder, write_all
from .request import FOUND, STDIN
from .session import Session

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..driver import Output, Result
    from .request import Request

    Made = tuple[str, Result, Output]
    """The name of a spec, or of the file to write; what became of the spec; one of its manifests."""


def compile_specs(request: Request) -> int:
    """Compile the specs and return the exit code. Nothing is written unless every spec compiles."""
    session = Session(request)
    output = "" if request.output == STDIN else request.output
    if request.check and not output:
        session.complain("`--check` compares with files: say with `-o` which ones")
        return session.code
    if output and not is_folder(output) and len(request.targets) > 1:
        session.complain(_one_file(output, f"{len(request.targets)} targets", "choose one with `--target argo`, or "))
        return session.code

    from ..driver import compile_source

    files: list[Made] = []

    def misuse() -> None:
        if output:
            files.extend(_places(session, output, _made(session)))
            session.spares_specs([name for name, _, _ in files])

    if not session.run(compile_source, misuse):
        return session.code
    if not output:
        session.print("---\n".join(made.text for _, _, made in _made(session)))
    elif request.check:
        _compare(session, files)
    else:
        _write(session, files)
    return session.code


def _made(session: Session) -> list[Made]:
    return [(name, result, made) for name, result in session.results for made in result.outputs]


def _one_file(output: str, what: str, instead: str = "") -> str:
    return f"`-o {output}` is one file, but there are {what}: {instead}name a folder, such as `-o manifests/`"


def _places(session: Session, output: str, manifests: list[Made]) -> list[Made]:
    """The manifests with the name of the file in place of the spec's; none where two would be one file, which is complained about."""
    if not is_folder(output):
        if len(manifests) > 1:
            session.complain(_one_file(output, f"{len(session.results)} specs"))
            return []
        return [(output, result, made) for _, result, made in manifests]
    files: dict[str, Made] = {}
    for spec, result, made in manifests:
        chosen = f".{session.request.environment}" if session.request.environment else ""
        name = os.path.join(output, f"{result.name}{chosen}.{made.target}.yaml")
        if name in files:
            first = next(other for other, named, _ in manifests if named.name == result.name)
            session.complain(f"`{first}` and `{spec}` both describe a project called `{result.name}`: both would be `{name}`")
            return []
        files[name] = (name, result, made)
    return list(files.values())


def _write(session: Session, files: list[Made]) -> None:
    try:
        write_all([(name, made.text) for name, _, made in files])
    except OSError as error:
        session.fail("MLC903", "write", error)
        return
    for name, result, made in files:
        session.note(f"wrote {name}: {_apply(name, result, made.target)}")


def _apply(name: str, result: Result, target: str) -> str:
    """How to run a manifest.

    `create`, not `apply`: a Workflow has `generateName`, so each `create` is a new run. `kubectl` has no way to give a parameter.
    """
    from shlex import quote

    pipeline = result.pipeline
    if pipeline is None:
        return ""
    project = pipeline.name
    open_params = [param.name for param in pipeline.params if param.default is None]
    kind = "schedule" if pipeline.schedule else "template" if pipeline.argo.kind == "WorkflowTemplate" else ""
    if target.startswith("argo"):
        if kind == "schedule":
            return f"start its runs with `kubectl apply -f {quote(name)}`"
        if kind == "template":
            from ..targets.argo.names import named

            values = "".join(f" -p {param}=VALUE" for param in open_params)
            return f"`kubectl apply -f {quote(name)}`, then start runs with `argo submit --from workflowtemplate/{named(pipeline)}{values}`"
        if open_params:
            values = "".join(f" -p {param}=VALUE" for param in open_params)
            return f"start it with `argo submit {quote(name)}{values}`"
        return f"start it with `kubectl create -f {quote(name)}`"
    upload = f"upload it in the Kubeflow Pipelines UI, or with `kfp pipeline create -p {quote(project)} {quote(name)}`"
    return f"{upload}; a run must give {', '.join(f'`{param}`' for param in open_params)}" if open_params else upload


def _compare(session: Session, files: list[Made]) -> None:
    """Print how the files differ from what the specs say now."""
    from difflib import unified_diff

    changes = []
    differing = 0
    for name, _, made in files:
        try:
            with open(name, "rb") as file:
                old = file.read()
        except FileNotFoundError:
            differing += 1
            changes.append(f"`{name}` does not exist\n")
            continue
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
        are, them = ("is", "it") if differing == 1 else ("are", "them")
        command = f"mlc compile ... -o {session.request.output}"
        session.note(f"{differing} of {_manifests(len(files))} {are} out of date: write {them} with `{command}`")
    elif not session.code:
        session.note(f"ok: {_manifests(len(files))} {'is' if len(files) == 1 else 'are'} up to date")


def _manifests(count: int) -> str:
    return f"{count} manifest{'' if count == 1 else 's'}"
