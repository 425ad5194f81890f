# Publishes a version of a dataset: the data goes to the DVC remote, then a commit to the branch and the tag, both or neither.
from __future__ import annotations

import os
import random
import re
import shutil
import time

from .base import STALE, TRIES, Failed, Stop, Work, main, say, size_of
from .dvc import Dvc
from .git import Git, check_path, check_tag

RACE = "stale info|fetch first|non-fast-forward|cannot lock ref|failed to (?:lock|update ref)|incorrect old value|reference already exists"
RACE += "|unable to (?:update|create)|atomic (?:push failed|transaction)|couldn't find remote ref|not our ref|shallow file has changed"


class Entry:
    """What is committed for the data: PATH.dvc, and the lines that keep the data itself out of git."""

    def __init__(self, path: str, text: str, ignored: list[str]) -> None:
        self.path, self.text, self.ignored = path + ".dvc", text, ignored
        folder = os.path.dirname(path)
        self.ignore = folder + "/.gitignore" if folder else ".gitignore"


def publish(work: Work) -> None:
    given = work.given
    git = Git(work)
    check_tag(git, given["tag"])
    check_path(given["path"])
    if not os.path.exists(given["data"]):
        raise Stop("there is no data at {}".format(given["data"]))
    heads = look(git)
    git.check_out("refs/x/head")
    where = given["repo"]
    dvc = Dvc(git, given["path"], where)
    dvc.set_up()
    entry = add(dvc)
    say(work, "{} is {}".format(given["path"], size_of(given["data"])))
    pushed = []  # type: list[str]
    end, attempt = time.monotonic() + STALE, 0
    while True:
        attempt += 1
        try:
            if attempt > 1:
                heads = look(git)
            done = offer(git, dvc, entry, heads, pushed)
            say(work, done)
            return
        except Failed as failed:
            if not re.search(RACE, failed.output):
                raise Failed(refused(failed.output) or str(failed), failed.output) from None
            if time.monotonic() > end:
                raise Failed("others published all the time, for %d seconds" % STALE, failed.output) from None
        time.sleep(random.uniform(0, min(8.0, 0.25 * 2 ** min(attempt, 6))))


def refused(output: str) -> str:
    """Why the host takes a push from nobody, or not from this account: what its hook says, and of which ref; "" for another reason."""
    refs = [one for one in re.findall("\\[remote rejected\\] .* -> (.*\\))", output) if "(atomic push failure)" not in one]
    said = [line.strip() for line in re.findall("^remote:(?! error: hook declined)(.*\\S)", output, re.MULTILINE)]
    return "the host refuses the push: {}".format("; ".join(said + refs)[:600]) if refs else ""


def look(git: Git) -> dict[str, str]:
    """The branch and the tag, as they are at the remote now: its names and objects. They are fetched as `refs/x/head` and `refs/x/tag`."""
    name = git.work.given["tag"]
    tag = "refs/tags/" + name
    branches = [branch for branch in ("refs/heads/" + name, "refs/" + name) if branch.startswith("refs/heads/")]
    refs = git.refs("HEAD", tag, *branches)
    if any(branch in refs for branch in branches):  # `code: {ref: main}` would get the tag from then on
        raise Stop(f"`{name}` is the name of a branch there: publish under another tag")
    if not refs.get("HEAD", "").startswith("refs/heads/"):
        raise Stop("{} is empty, or has no default branch: commit the folder that `dvc init` makes first".format(git.work.given["repo"]))
    found = {"branch": refs["HEAD"], "name": tag, "tag": ""}
    git.fetch(refs["HEAD"] + ":refs/x/head", *((tag + ":refs/x/tag",) if tag in refs else ()))
    found["head"] = git("rev-parse", "--verify", "refs/x/head").strip()
    if tag in refs:
        found["tag"] = git("rev-parse", "--verify", "refs/x/tag").strip()
        if not git.commit("refs/x/tag"):
            raise Stop(f"the tag `{name}` is on something that is no commit")
    words = git.work.given["path"].split("/")
    for folder in ("/".join(words[:count]) for count in range(1, len(words))):
        if any(git.blob(base, folder + ".dvc") is not None for base in ("refs/x/head", "refs/x/tag")):
            raise Stop(f"`{folder}` is one dataset of DVC: publish it as a whole")
    return found


def add(dvc: Dvc) -> Entry:
    """Have DVC take the data in. What it would leave out is refused: a consumer of the tag gets what the producer made."""
    path, data = dvc.work.given["path"], dvc.work.given["data"]
    place = os.path.join(dvc.git.path, path)
    if dvc.git("ls-files", "--", ":(literal)" + path):
        raise Stop(f"`{path}` is in git itself: take it out there first (`git rm --cached`), so that DVC can have it")
    os.makedirs(os.path.dirname(place), exist_ok=True)
    count = 1
    if os.path.isdir(data):
        count = sum(len(names) for _, _, names in os.walk(data, followlinks=True))
        shutil.copytree(data, place, copy_function=near)
    else:
        near(data, place)
    ignore = os.path.join(os.path.dirname(place), ".gitignore")
    if os.path.lexists(ignore):
        os.unlink(ignore)  # so that afterwards it holds the line for this data alone
    dvc("add", "--", dvc.target)
    with open(place + ".dvc", encoding="utf-8") as file:
        text = file.read()
    found = re.search("^ +nfiles: ([0-9]+)$", text, re.MULTILINE)
    taken = int(found.group(1)) if found else 1
    if taken != count:
        raise Stop("DVC would leave out %d of the %d files: see .dvcignore, and names such as .git in the data" % (count - taken, count))
    if not hashes(text):
        raise Stop(f"dvc wrote no hash for `{path}`")
    ignored = []  # type: list[str]
    if os.path.exists(ignore):
        with open(ignore, encoding="utf-8") as file:
            ignored = file.read().splitlines()
    return Entry(path, text, ignored)


def near(source: str, target: str, *, follow_symlinks: bool = True) -> str:
    """Another name for the file, which costs nothing; a copy where that cannot be."""
    try:
        os.link(os.path.realpath(source), target)
    except OSError:
        shutil.copyfile(source, target)
    return target


def hashes(text: str) -> list[str]:
    return re.findall("^[ -]+(?:md5|etag|checksum): (\\S+)$", text, re.MULTILINE)


def offer(git: Git, dvc: Dvc, entry: Entry, heads: dict[str, str], pushed: list[str]) -> str:
    """One attempt: the data to the remote, then the branch and the tag, if both still are what they were."""
    given, old = git.work.given, heads["tag"]
    bases = ["refs/x/tag" if old else "refs/x/head", "refs/x/head"]
    same = bool(old) and hashes(git.blob("refs/x/tag", entry.path) or "") == hashes(entry.text)
    if old and not same and given.get("overwrite") != "true":
        there = ", without `{}`".format(given["path"]) if git.blob("refs/x/tag", entry.path) is None else " with other content"
        raise Stop("the tag `{}` exists{}: publish under another one, or allow `overwrite`".format(given["tag"], there))
    settings = (dvc.root + "/" if dvc.root else "") + ".dvc/config"
    for config in {git.blob(base, settings): "" for base in bases}:
        if config is not None and config not in pushed:
            with open(os.path.join(git.path, settings), "w", encoding="utf-8", errors="surrogateescape") as file:
                file.write(config)
            dvc.set_up()
            dvc("push", "--remote", dvc.remote, "--", dvc.target, tries=3)
            pushed.append(config)
    if same:
        return "tag {} has this data already, at commit {}".format(given["tag"], git.commit("refs/x/tag"))
    head = commit(git, dvc, entry, "refs/x/head")
    was = git.commit("refs/x/tag") if old else ""
    apart = was not in ("", heads["head"])
    made = commit(git, dvc, entry, "refs/x/tag") if apart else head
    target, lost = annotated(git, made) if old not in ("", was) else (made, "")
    words = ["--force-with-lease={}:{}".format(heads["name"], old), "{}{}:{}".format("+" if old else "", target, heads["name"])]
    if head != heads["head"]:
        words[1:1] = ["--force-with-lease={}:{}".format(heads["branch"], heads["head"])]
        words.append("{}:{}".format(head, heads["branch"]))
    options, specs = [word for word in words if word.startswith("--")], [word for word in words if not word.startswith("--")]
    git("push", "--quiet", "--atomic", *options, "--", "origin", *specs, tries=TRIES)
    return "tag {} is commit {}{}{}".format(given["tag"], made, f", it was {was}" if was else "", lost)


def annotated(git: Git, made: str) -> tuple[str, str]:
    """An object like that of the annotated tag, with its message, for another commit; and what is to be said of its signature."""
    text = git("cat-file", "tag", "refs/x/tag").partition("\n\n")[2]
    message = re.split("^-----BEGIN (?:PGP |SSH |SIGNED )(?:SIGNATURE|MESSAGE)-----$", text, maxsplit=1, flags=re.MULTILINE)
    tag = git.work.given["tag"]
    git("tag", "--annotate", "--force", "--cleanup=verbatim", "--file=-", "--", tag, made, text=message[0], extra=person(git))
    lost = "; its signature was of that one, and is gone" if len(message) > 1 else ""
    return git("rev-parse", "--verify", "refs/tags/" + tag).strip(), lost


def commit(git: Git, dvc: Dvc, entry: Entry, base: str) -> str:
    """A commit with the entry on top of another one; that one itself where it has the entry."""
    parent = git.commit(base)
    index = {"GIT_INDEX_FILE": os.path.join(git.work.folder, "index")}
    git("read-tree", parent, extra=index)
    changed = put(git, index, entry.path, git.blob(parent, entry.path), entry.text)
    before = git.blob(parent, entry.ignore)
    lines = (before or "").splitlines()
    more = [line for line in entry.ignored if line not in lines]
    if more:
        changed = put(git, index, entry.ignore, before, "\n".join([*lines, *more]) + "\n") or changed
    prefix = dvc.root + "/" if dvc.root else ""
    for name in (".dvc/config", ".dvc/.gitignore", ".dvcignore"):  # DVC may be younger than the tag
        text = git.blob("refs/x/head", prefix + name)
        if text is not None and git.blob(parent, prefix + name) is None:
            changed = put(git, index, prefix + name, None, text) or changed
    if not changed:
        return parent
    message = "Dataset {}: {}\n".format(git.work.given["tag"], git.work.given["path"])
    return git("commit-tree", git("write-tree", extra=index).strip(), "-p", parent, text=message, extra=person(git)).strip()


def person(git: Git) -> dict[str, str]:
    """Who commits."""
    author = re.match("(.*) <(.*)>$", git.work.given["author"])
    name, mail = author.groups() if author else ("mlc", "mlc@localhost")
    return {f"GIT_{role}_{key}": text for role in ("AUTHOR", "COMMITTER") for key, text in (("NAME", name), ("EMAIL", mail))}


def put(git: Git, index: dict[str, str], path: str, before: str | None, text: str) -> bool:
    """Put a file into the index. Whether that changes it."""
    if before == text:
        return False
    blob = git("hash-object", "-w", "--stdin", text=text).strip()
    git("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}", extra=index)
    return True


if __name__ == "__main__":
    main(publish)
