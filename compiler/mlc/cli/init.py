"""`mlc init`: a project to start from, and the schema with which an editor checks it."""

from __future__ import annotations

import os
import re
from shlex import quote

from . import streams
from .files import write_all
from .session import Session

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .request import Request

_TEMPLATE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "template")
_SPEC = "mlc.yaml"
_SCHEMA = "mlc.schema.json"


def init(request: Request) -> int:
    """Write the spec and its schema, and return the exit code. Files that are there are replaced only with `--force`.

    No configuration of pre-commit or CI: it would have to name a release to install.
    """
    from ..schema import schema_text

    session = Session(request)
    folder = request.arguments[0] if request.arguments else "."
    taken = [name for name in (_SPEC, _SCHEMA) if os.path.lexists(os.path.join(folder, name))]
    if taken and not request.force:
        session.complain(f"`{folder}` already has {' and '.join(taken)}: choose another folder, or replace with `--force`")
        return session.code
    texts = {_SPEC: _text(_SPEC).replace("my-project", project_name(folder)), _SCHEMA: schema_text()}
    try:
        write_all([(os.path.join(folder, name), text) for name, text in texts.items()])
    except OSError as error:
        session.fail("MLC903", "write", error)
        return session.code
    for name in texts:
        streams.tell(f"wrote {_below(folder, name)}")
    spec = quote(_below(folder, _SPEC))
    streams.tell(
        f"next: `mlc run {spec}` runs the project here, `mlc graph {spec}` draws it, `mlc compile {spec} --target argo` compiles it"
    )
    streams.tell("to check specs at every commit: the source of mlc has a pre-commit hook, see `In pre-commit and CI` in its README")
    return session.code


def project_name(folder: str) -> str:
    """A project name made from the folder's: lower case, `-` for what a name cannot hold, `my-project` where nothing is left."""
    name = re.sub("[^a-z0-9]+", "-", os.path.basename(os.path.abspath(folder)).lower())
    return name.lstrip("-0123456789")[:50].strip("-") or "my-project"


def _below(folder: str, name: str) -> str:
    return os.path.normpath(os.path.join(folder, name))


def _text(name: str) -> str:
    with open(os.path.join(_TEMPLATE, name), encoding="utf-8") as file:
        return file.read()
