"""`datasets` and `code`: data and source code with a version. Their form and names are checked; `tagged` makes steps of them.

Names of tags follow git's own rules (git-check-ref-format).
"""

from __future__ import annotations

import re

from ..diagnostics.model import Related
from ..ir import ParamRef, RunRef
from .locations import BUCKETS
from .names import check_alike, check_key, check_object

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ..diagnostics.model import Path
    from ..expr.scope import Scope
    from ..ir import Output
    from .context import Context
    from .merge import Merged
    from .ports import Ports

_SOURCES = ("dvc", "git", "s3")
_OF_GIT = ("tag", "rev", "ssh_key", "token", "known_hosts", "overwrite", "author")
_OF_DVC = ("secret", "overwrite", "author")
_SSH = r"ssh://(?:\w[\w.-]*@)?\w[\w.-]*(?::\d+)?/\S+|\w[\w.-]*@\w[\w.-]*:[^/\s-]\S*"
_HTTPS = r"https://\w[\w.-]*(?::\d+)?/\S+"
_COMMIT = r"[0-9a-f]{7,64}"
_NO_REF = r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|\.$|/$|\.lock(?:/|$)|(?:^|/)\.|^[-/]|^@$|^HEAD$|^refs/"
"""What no name of a tag or branch may hold; one that starts with `-` would be an option to git, `refs/` a second meaning for a branch."""
_AUTHOR = r"[^<>\n]*[^<>\s] <[^<>\s]+@[^<>\s]+>"


def check(context: Context, steps: list[Merged], ports: Mapping[str, Ports], producers: Mapping[str, tuple[str, Output]]) -> None:
    """Check the declarations, and what steps do with them. `producers` are the steps that make a dataset, by its name."""
    scope = context.scope("the tag of a dataset")
    # steps are known, so that a reference to one can be refused for what it is
    scope.values, scope.metrics = ({name: getattr(found, key) for name, found in ports.items()} for key in ("values", "metrics"))
    declared = context.data.get("datasets") or {}
    artifacts = context.data.get("artifacts") or {}
    for name in declared:
        if name in artifacts:
            related = (Related(("artifacts", name), "the other one", "key"),)
            help = "a dataset is an artifact already, of type `dataset`: take it out of `artifacts`"
            context.report("MLC308", f"`{name}` is an artifact and a dataset", ("datasets", name), at="key", related=related, help=help)
    check_alike(context, {**{name: ("artifacts", name) for name in artifacts}, **{name: ("datasets", name) for name in declared}})
    looped = {step.name for step in steps if step.get("foreach") is not None or step.get("each") is not None}
    for name, entry in declared.items():
        _dataset(context, name, entry, producers.get(name), scope, looped)
    _in_one_place(context, declared, producers, {name for step in steps for name in step.get("inputs") or ()})
    code = context.data.get("code")
    if code is not None:
        _repository(context, code["git"], ("code", "git"))
        _credentials(context, code, ("code",), code["git"], "code")
        _reference(context, code["ref"], ("code", "ref"), "tag, branch or commit")
    for step in steps:
        _code(context, step, code)


def _dataset(
    context: Context, name: str, entry: Mapping[str, Any], producer: tuple[str, Output] | None, scope: Scope, looped: set[str]
) -> None:
    path: Path = ("datasets", name)
    sources = [source for source in _SOURCES if source in entry]
    if not sources:
        help = "give exactly one of them, such as `dvc: {repo: ..., path: ...}`"
        context.report("MLC207", f"dataset `{name}` has none of `dvc`, `git` or `s3`", path, at="key", help=help)
        return
    if len(sources) > 1:
        _exclude(context, path, sources[0], sources[1], f"keep `{sources[0]}` or `{sources[1]}`")
        return
    source = entry[sources[0]]
    if "into" in entry:
        _into(context, name, entry, producer)
    if sources[0] == "s3":
        for key in _OF_GIT:
            if key in entry:
                _exclude(context, path, "s3", key, "a version of an object goes into `s3: {uri, version}`")
        _object(context, source["uri"], (*path, "s3", "uri"))
        _bucket(context, source, path)
        _pair(context, entry, path)
        if producer is not None and "version" in source:
            help = "leave `version` out: the store gives each object that is written a new one"
            _publishes(context, producer, name, "a fixed `version`", (*path, "s3", "version"), help)
        _loops(context, name, producer, looped)
        return
    if sources[0] == "git":
        for key in _OF_DVC:
            if key in entry:
                help = "take it out: data that git itself holds needs no store, and is not published"
                context.report("MLC209", f"`{key}` goes with `dvc`, not with `git`", (*path, key), at="key", help=help)
        if producer is not None:
            related = (Related(producer[1].origin, "produced here", "key"),)
            help = "keep it under `dvc` or `s3`, or give the output a name that is no dataset"
            message = f"step `{producer[0]}` makes `{name}`, which is in git itself: only `dvc` and `s3` are published"
            context.report("MLC350", message, (*path, "git"), at="key", related=related, help=help)
    _pair(context, entry, path)
    _loops(context, name, producer, looped)
    _repository(context, source["repo"], (*path, sources[0], "repo"))
    _inside(context, source["path"], (*path, sources[0], "path"), sources[0])
    _credentials(context, entry, path, source["repo"], sources[0])
    _version(context, name, entry, path, producer, scope)
    if "author" in entry and re.fullmatch(_AUTHOR, entry["author"]) is None:
        context.report("MLC330", f"`{entry['author']}` is not an author", (*path, "author"), help="write `Name <name@example.com>`")


def _in_one_place(context: Context, declared: Mapping[str, Any], producers: Mapping[str, Any], read: set[str]) -> None:
    """Refuse datasets of which one would be published over another, or fetched while another step publishes it."""
    known: dict[object, list[str]] = {}
    for name, entry in declared.items():
        source = entry.get("dvc") or (entry.get("s3") if name in producers else None)
        if source and (name in producers or name in read):
            known.setdefault((source.get("repo"), entry.get("tag"), source.get("uri"), source.get("endpoint")), []).append(name)
    for names in known.values():
        for index, name in enumerate(names):
            for other in names[:index]:
                one, two = declared[other], declared[name]
                message = help = ""
                if (one.get("dvc") or {}).get("path") == (two.get("dvc") or {}).get("path"):
                    if name in producers or other in producers:
                        message = f"datasets `{other}` and `{name}` are one version of one thing, and a run would publish it"
                        help = "declare it once: steps that read it get what the other step makes"
                        if name in producers and other in producers:
                            help = "give each a place or a tag of its own: the second would replace the first, or be refused"
                elif name in producers and other in producers and not (one.get("overwrite") and two.get("overwrite")):
                    message = f"datasets `{other}` and `{name}` are published under one tag, and whichever comes second is refused"
                    help = "say `overwrite: true` in both, so that each is added to what the tag holds, or give each a tag of its own"
                if message:
                    related = (Related(("datasets", other), "the other one", "key"),)
                    context.report("MLC355", message, ("datasets", name), at="key", related=related, help=help)


def _version(context: Context, name: str, entry: Mapping[str, Any], path: Path, producer: tuple[str, Output] | None, scope: Scope) -> None:
    if "tag" in entry and "rev" in entry:
        _exclude(context, path, "tag", "rev", "keep `tag` (a name, which may move) or `rev` (a commit, which does not)")
    elif "tag" not in entry and "rev" not in entry:
        help = "add `tag: v1.0`, or `rev` with a commit"
        context.report("MLC202", f"dataset `{name}` has neither `tag` nor `rev`", path, at="key", help=help)
    elif "rev" in entry:
        if "${{" not in entry["rev"] and re.fullmatch(_COMMIT, entry["rev"]) is None:
            help = "write the commit, 7 to 40 hexadecimal digits; a name goes into `tag`"
            context.report("MLC330", f"`{entry['rev']}` is not a commit", (*path, "rev"), help=help)
        if producer is not None:
            _publishes(context, producer, name, "a fixed `rev`", (*path, "rev"), "name the version that it publishes with `tag`")
    else:
        tag = context.text(entry["tag"], (*path, "tag"), scope)
        for reference in tag.references:
            if not isinstance(reference, (ParamRef, RunRef)):
                help = "use `params.NAME`: data is fetched before any step runs"
                context.report("MLC311", "the tag of a dataset knows `params` and `run` only", (*path, "tag"), help=help)
                return
        if tag.constant:
            _reference(context, tag.constant, (*path, "tag"), "tag")


def _repository(context: Context, text: str, path: Path) -> None:
    if "${{" not in text and re.fullmatch(f"{_SSH}|{_HTTPS}", text) is None:
        help = "write `git@HOST:PATH`, `ssh://HOST/PATH` or `https://HOST/PATH`, without a password"
        context.report("MLC330", f"`{text}` is not the address of a repository", path, help=help)


def _reference(context: Context, text: str, path: Path, what: str) -> None:
    if "${{" not in text and (len(text) > 200 or re.search(_NO_REF, text)):
        help = "letters, digits, `-`, `_`, `.` and `/`, such as `v1.0`; not starting with `-` or `.`"
        context.report("MLC330", f"`{text}` cannot be the name of a {what}", path, help=help)


def _inside(context: Context, text: str, path: Path, source: str) -> None:
    """As the programs that fetch and publish have it (`check_path` in `tagged/git.py`). What is called `X.dvc` is DVC's own."""
    if "${{" in text:
        return
    parts = text.split("/")
    odd = text.startswith("-") or not text.isprintable() or "\\" in text
    if odd or any(part in ("", ".", "..") or part.lower() == ".git" for part in parts):
        help = "write the path of a file or a folder in it, relative to its top, such as `data/reviews.csv`"
        context.report("MLC330", f"`{text}` is not a path in a repository", path, help=help)
    elif source == "dvc" and text.endswith(".dvc"):
        help = f"name the data, without `.dvc`: `{text[:-4]}`" if parts[-1] != ".dvc" else "name the data"
        context.report("MLC330", f"`{text}` is a file of DVC's own, not data that it keeps", path, help=help)


def _credentials(context: Context, entry: Mapping[str, Any], path: Path, repository: str, source: str) -> None:
    """`ssh_key` and `known_hosts` are for ssh, `token` is for https. The data of DVC may be behind ssh, whatever its repository is."""
    for key in ("ssh_key", "token"):
        if key in entry:
            check_object(context, entry[key]["secret"], (*path, key, "secret"), "a Secret")
            check_key(context, entry[key]["key"], (*path, key, "key"), "a Secret")
    https = repository.startswith("https:")
    if "known_hosts" in entry:
        _hosts(context, entry["known_hosts"], (*path, "known_hosts"))
    if "ssh_key" not in entry and re.fullmatch(_SSH, repository):
        _no_key(context, path, (*path, "known_hosts") if "known_hosts" in entry else path)
    for key, over in (("ssh_key", "ssh"), ("known_hosts", "ssh"), ("token", "https")):
        if key in entry and https != (over == "https") and not (source == "dvc" and over == "ssh"):
            help = f"take it out, or write the address for {over}"
            message = f"`{key}` is for repositories over {over}, and this one is over {'https' if https else 'ssh'}"
            context.report("MLC209", message, (*path, key), at="key", help=help)


def _no_key(context: Context, path: Path, at: Path) -> None:
    what = "the project's `code`" if path == ("code",) else f"dataset `{path[1]}`"
    help = "name the Secret with the private key: `ssh_key: {secret: git-ssh, key: id_ed25519}`"
    context.report("MLC351", f"{what} is over ssh, and there is no `ssh_key` to log in with", at, at="key", help=help)


def _hosts(context: Context, entry: Mapping[str, Any], path: Path) -> None:
    given = [kind for kind in ("config_map", "secret") if kind in entry]
    if len(given) == 2:
        _exclude(context, path, "config_map", "secret", "keep the one that holds the host keys")
    elif not given:
        help = "name the ConfigMap or the Secret that holds the host keys"
        context.report("MLC207", "`known_hosts` has neither `config_map` nor `secret`", path, at="key", help=help)
    for kind, what in (("config_map", "a ConfigMap"), ("secret", "a Secret")):
        if kind in entry:
            check_object(context, entry[kind], (*path, kind), what)
            check_key(context, entry["key"], (*path, "key"), what)


def _object(context: Context, text: str, path: Path) -> None:
    if "${{" in text:
        return
    found = re.fullmatch(r"s3://([^\s/]+)/\S+", text)
    form, rule = BUCKETS["s3"]
    if found is None:
        context.report("MLC330", f"`{text}` is not the address of an object", path, help="write `s3://BUCKET/KEY`")
    elif re.fullmatch(form, found[1]) is None:
        context.report("MLC330", f"`{found[1]}` is no name of a bucket", path, help=f"buckets have {rule}")


def _bucket(context: Context, source: Mapping[str, Any], path: Path) -> None:
    """The service of an object, checked as that of a `store` is."""
    from .store import check_endpoint, check_region

    check_endpoint(context, "s3", source.get("endpoint", ""), (*path, "s3", "endpoint"))
    check_region(context, source.get("region", ""), (*path, "s3", "region"))


def _pair(context: Context, entry: Mapping[str, Any], path: Path) -> None:
    secret = entry.get("secret")
    if secret is not None:
        check_object(context, secret["name"], (*path, "secret", "name"), "a Secret")
        for key in ("access_key", "secret_key"):
            check_key(context, secret[key], (*path, "secret", key), "a Secret")


def _into(context: Context, name: str, entry: Mapping[str, Any], producer: tuple[str, Output] | None) -> None:
    """A volume that other runs see may hold versions that are known here only: each has a folder of its own there."""
    path: Path = ("datasets", name, "into")
    volume = (context.data.get("volumes") or {}).get(entry["into"])
    if volume is None:
        known = context.data.get("volumes") or {}
        context.unknown("MLC316", f"there is no volume `{entry['into']}`", path, entry["into"], known, "declare it under `volumes`")
        return
    why = help = ""
    if producer is not None:
        related = (Related(producer[1].origin, "produced here", "key"),)
        help = "leave `into` out: a step that makes a lot of data writes it to a volume itself"
        message = f"step `{producer[0]}` makes `{name}`, and `into` is for data that is fetched"
        context.report("MLC353", message, path, at="key", related=related, help=help)
        return
    if "claim" not in volume and "size" not in volume:
        why, help = "which every pod has for itself", "name a volume with a `claim`, or with a `size`"
    elif ((context.data.get("targets") or {}).get("kfp") or {}).get("workspace") == entry["into"]:
        why, help = "which is the workspace on KFP, and no part of it can be mounted there", "name another volume"
    elif "claim" in volume and ("${{" in str(entry.get("tag", "")) or ("s3" in entry and "version" not in entry["s3"])):
        why = "where runs with different versions would meet in one place"
        help = "name the version here, or a volume that is made for each run, with a `size`"
    if why:
        context.report("MLC353", f"`{name}` cannot go to volume `{entry['into']}`, {why}", path, help=help)


def _loops(context: Context, name: str, producer: tuple[str, Output] | None, looped: set[str]) -> None:
    """Every item of a loop would publish under the one tag."""
    if producer is None:
        return
    if producer[0] in looped:
        help = "let a step after the loop take the `best` one and write the dataset, or leave it out of `datasets`"
        message = f"step `{producer[0]}` makes `{name}` for every item of a loop, and a dataset has one content under its tag"
        context.report("MLC352", message, producer[1].origin, at="key", help=help)


def _exclude(context: Context, path: Path, first: str, second: str, help: str) -> None:
    related = (Related((*path, first), "given here", "key"),)
    context.report("MLC209", f"`{first}` and `{second}` exclude each other", (*path, second), at="key", related=related, help=help)


def _publishes(context: Context, producer: tuple[str, Output], name: str, what: str, path: Path, help: str) -> None:
    related = (Related(producer[1].origin, "produced here", "key"),)
    context.report("MLC330", f"step `{producer[0]}` makes a new version of `{name}`, which has {what}", path, related=related, help=help)


def _code(context: Context, step: Merged, code: Mapping[str, Any] | None) -> None:
    if not step.get("code"):
        return
    path = step.where("code")
    if code is None:
        help = "say where it is at the top level: `code: {git: https://..., ref: v1.0}`"
        context.report("MLC202", f"step `{step.name}` wants the project's `code`, and the project has none", path, at="key", help=help)
    if not step.get("workdir"):
        help = "add `workdir: /src`, for example: that is where the code is checked out"
        context.report("MLC209", f"`code` needs a `workdir`, which step `{step.name}` does not have", path, at="key", help=help)
