"""`mlc graph` and `mlc infra`: commands that print something about a project other than its manifests."""

from __future__ import annotations

from . import streams
from .files import is_folder, write_all
from .request import STDIN
from .session import Session

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..ir import Pipeline
    from .request import Request


def graph(request: Request) -> int:
    """Print the steps of each spec, drawn or as text for a program that draws, and return the exit code."""
    from ..driver import check_source

    session = Session(request)

    def misuse() -> None:
        if request.shape == "mermaid" and len(session.results) > 1:
            session.complain(f"`--format mermaid` draws one spec, and there are {session.count.split()[0]}")

    if not session.run(check_source, misuse):
        return session.code
    unicode = streams.unicode()
    text = "\n".join(_drawing(result.pipeline, request.shape, unicode) for _, result in session.results if result.pipeline)
    # Titles and constants of the project can hold any character.
    session.print(text if unicode or request.shape != "text" else text.encode("ascii", "backslashreplace").decode("ascii"))
    return session.code


def _drawing(pipeline: Pipeline, shape: str, unicode: bool) -> str:
    if shape == "text":
        from ..graph import ASCII, UNICODE, draw

        return draw(pipeline, UNICODE if unicode else ASCII)
    from ..diagram import dot, mermaid

    return mermaid(pipeline) if shape == "mermaid" else dot(pipeline)


def describe(request: Request) -> int:
    """Print what the cluster must have for each spec, and return the exit code.

    Without `--target` a target that refuses the project is described as such; with it, its errors are reported as everywhere.
    """
    from ..describe import VERSION, describe, text
    from ..driver import check_source
    from ..targets import TARGETS

    session = Session(request)
    if not session.run(check_source):
        return session.code
    found = [describe(result.pipeline, request.targets or TARGETS) for _, result in session.results if result.pipeline]
    if request.shape == "json":
        import json

        session.print(json.dumps({"version": VERSION, "projects": found}, indent=2) + "\n")
    else:
        session.print("\n".join(map(text, found)))
    return session.code


def diff(request: Request) -> int:
    """Print what changes in meaning from the first spec to the second, and return the exit code: 1 where anything does."""
    from ..diff import changes, document, text
    from ..driver import check_source
    from .request import FOUND

    session = Session(request)
    words = request.arguments
    if len(words) != 2 or words.count(STDIN) == 2 or any(word != STDIN and is_folder(word) for word in words):
        session.complain("`diff` compares two specs: name two files, of which one may be `-`")
        return session.code
    if not session.run(check_source):
        return session.code
    pipelines = [result.pipeline for _, result in session.results if result.pipeline]
    found = changes(pipelines[0], pipelines[-1])
    session.print(document(found) if request.shape == "json" else text(found))
    return session.code or (FOUND if found else session.code)


def _skeletons(session: Session, name: str, pipeline: Pipeline, request: Request) -> tuple[dict[str, object], ...]:
    """The objects of a project that somebody has to fill; notes say what could not be made."""
    from ..describe import describe
    from ..skeletons import chosen, manifests

    needs = describe(pipeline, request.targets)["targets"][request.targets[0]]
    if "refused" in needs:
        session.note(f"{name}: {request.targets[0]} refuses the project, so only its store is known: `mlc describe` says why")
        return ()
    open_names = [one["name"] for key in ("claims", "secrets", "config_maps") for one in needs[key] if chosen(one)]
    if open_names:
        session.note(f"{name}: not printed: {', '.join(dict.fromkeys(open_names))}, whose names a run says")
    claims = [claim["name"] for claim in needs["claims"] if not chosen(claim)]
    if claims and not request.claim_size:
        session.note(f"{name}: not printed: claims {', '.join(claims)}, whose size no project says (`--claim-size 10Gi`)")
    if needs["pull_secrets"]:
        names = ", ".join(needs["pull_secrets"])
        session.note(f"{name}: not printed: pull secrets {names}, made with `kubectl create secret docker-registry`")
    return manifests(pipeline, needs, request.claim_size)


def infra(request: Request) -> int:
    """Print or write the manifests of what the cluster must have before the project runs, and return the exit code."""
    from ..driver import check_source, header
    from ..emit import to_yaml
    from ..infra import elsewhere, manifests
    from ..record import replace

    session = Session(replace(request, targets=()))  # what an engine cannot run may still need its store
    if request.claim_size:
        from ..resolve.quantity import bytes_problem

        problem = bytes_problem(request.claim_size)
        if problem or not request.skeletons:
            wrong = f"`{request.claim_size}` {problem}" if problem else "it is for the claims that `--skeletons` prints"
            session.complain(f"`--claim-size`: {wrong}")
            return session.code

    def misuse() -> None:
        if request.output and is_folder(request.output):
            session.complain(f"`-o {request.output}` is a folder: name a file")
        elif request.output not in ("", STDIN):
            session.spares_specs([request.output])

    if not session.run(check_source, misuse):
        return session.code
    texts = []
    for name, result in session.results:
        documents = manifests(result.pipeline, request.targets[0]) if result.pipeline else ()
        if result.pipeline and request.skeletons:
            documents = (*_skeletons(session, name, result.pipeline, request), *documents)
        if result.pipeline and (kept := elsewhere(result.pipeline, request.targets[0])):
            session.note(f"{name}: ConfigMap `{kept}` belongs in the namespace of Argo's controller, such as `argo`")
        if documents:
            texts.append(to_yaml(documents, header(result.name, request.environment)))
        else:
            why = f"{request.targets[0]} cannot use its `store`" if result.pipeline and result.pipeline.store else "it has no `store`"
            session.note(f"{name}: the project needs nothing in the cluster that mlc could make ({why})")
    text = "---\n".join(texts)
    if not text:
        return session.code
    if request.output in ("", STDIN):
        session.print(text)
        return session.code
    try:
        write_all([(request.output, text)])
    except OSError as error:
        session.fail("MLC903", "write", error)
        return session.code
    from shlex import quote

    session.note(f"wrote {request.output}: apply it with `kubectl apply -f {quote(request.output)}`")
    return session.code
