"""`mlc init`: a project to start from, with what editors, pre-commit and CI need to check it."""

from __future__ import annotations

import os
import re
from shlex import quote

from .. import __version__
from . import streams
from .files import write_all
from .request import FAILED, OK, USAGE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .request import Request

_TEMPLATE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "template")
_SPEC = "mlc.yaml"
_SCHEMA = "mlc.schema.json"
_HELPERS = {".pre-commit-config.yaml": "pre-commit-config.yaml", os.path.join(".github", "workflows", "mlc.yml"): "workflow.yml"}


def init(request: Request) -> int:
    """Write the files and return the exit code. The spec and its schema are replaced only with `--force`, the others never."""
    from ..schema import schema_text

    folder = request.arguments[0] if request.arguments else "."
    taken = [name for name in (_SPEC, _SCHEMA) if os.path.lexists(os.path.join(folder, name))]
    if taken and not request.force:
        streams.tell(f"mlc: error: `{folder}` already has {' and '.join(taken)}: choose another folder, or replace with `--force`")
        return USAGE
    texts = {_SPEC: _text("mlc.yaml").replace("my-project", project_name(folder)), _SCHEMA: schema_text()}
    kept = []
    for name, template in _HELPERS.items():
        if os.path.lexists(os.path.join(folder, name)):
            kept.append(name)
        else:
            texts[name] = _text(template).replace("VERSION", __version__)
    try:
        write_all([(os.path.join(folder, name), text) for name, text in texts.items()])
    except OSError as error:
        streams.tell(f"error[MLC903]: cannot write `{error.filename}`: {error.strerror}")
        return FAILED
    for name in texts:
        streams.tell(f"wrote {_below(folder, name)}")
    for name in kept:
        streams.tell(f"kept {_below(folder, name)}, which was there already")
    spec = quote(_below(folder, _SPEC))
    streams.tell(f"next: `mlc graph {spec}` draws the project, `mlc compile {spec} --target argo` compiles it")
    return OK


def project_name(folder: str) -> str:
    """A project name made from the folder's: lower case, `-` for what a name cannot hold, `my-project` where nothing is left."""
    name = re.sub("[^a-z0-9]+", "-", os.path.basename(os.path.abspath(folder)).lower())
    return name.lstrip("-0123456789")[:50].strip("-") or "my-project"


def _below(folder: str, name: str) -> str:
    return os.path.normpath(os.path.join(folder, name))


def _text(name: str) -> str:
    with open(os.path.join(_TEMPLATE, name), encoding="utf-8") as file:
        return file.read()
