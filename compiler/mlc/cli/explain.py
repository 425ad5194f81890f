"""`mlc explain`: the pages of codes and of keys, and the lists of both."""

from __future__ import annotations

import json

from ..diagnostics.codes import CODES
from ..diagnostics.explain import explain as code_page
from ..diagnostics.explain import listing
from ..diagnostics.suggest import did_you_mean
from ..keys import language, show
from ..keys.support import table
from . import streams
from .request import USAGE, Request
from .session import Session

_MOST = 8
"""Keys that a message names."""


def explain(request: Request) -> int:
    """Print what is asked for, and return the exit code. A word that is both, as none is today, is a code."""
    lists = {"--list": request.listing, "--keys": request.keys}
    chosen = [option for option, wanted in lists.items() if wanted]
    as_data = request.shape == "json"
    if len(chosen) > 1:
        return _misuse("`--list` lists every code, `--keys` every key: leave out one of them")
    if chosen and request.arguments:
        what = "code" if request.listing else "key"
        return _misuse(f"`{chosen[0]}` lists every {what}: leave out the {what}, or `{chosen[0]}`")
    if as_data and request.listing:
        return _misuse("`--json` is for keys: leave it out, or `--list`")
    if request.listing:
        return _print(request, listing())
    if request.keys:
        every = language.keys().values()
        return _print(request, _json(list(every)) if as_data else show.listing(table()))
    if not request.arguments:
        return _misuse("name a code, such as `mlc explain MLC301`, or list them all with `mlc explain --list`; keys with `--keys`")
    pages: list[str] = []
    keys: list[language.Key] = []
    for word in request.arguments:
        page = code_page(word)
        if page is not None:
            if as_data:
                return _misuse(f"`--json` is for keys: leave it out, or `{word}`")
            pages.append(page)
            continue
        found = language.find(word)
        if len({key.path for key in found}) != 1:
            return _misuse(_unknown(word, found))
        keys += found
        pages += [show.page(key, table()) for key in found]
    return _print(request, _json(keys) if as_data else "\n".join(pages))


def _unknown(word: str, found: list[language.Key]) -> str:
    """Why a word is no page: it is not known, or it may be several keys."""
    if found:
        paths = list(dict.fromkeys(f"`{key.path}`" for key in found))
        more = f", and {len(paths) - _MOST} more" if len(paths) > _MOST else ""
        return f"several keys are called `{word}`: name one of {', '.join(paths[:_MOST])}{more}"
    if word[:1].isdigit() or word[:3].upper() == "MLC":
        return f"no code is called `{word}`: {did_you_mean(word.upper(), CODES) or '`mlc explain --list` shows every code'}"
    help = language.suggestion(word) or "`mlc explain --list` shows every code, `mlc explain --keys` every key"
    return f"no code or key is called `{word}`: {help}"


def _json(keys: list[language.Key]) -> str:
    return json.dumps(show.document(keys, table()), indent=2, ensure_ascii=False) + "\n"


def _misuse(message: str) -> int:
    streams.tell(f"mlc: error: {message}")
    return USAGE


def _print(request: Request, text: str) -> int:
    session = Session(request)
    session.print(text)
    return session.code
