# What a program of the helper image stands on: its arguments, its folder, and how it starts git and dvc.
# Python 3.8 and git 2.25 suffice. Texts are passed on as they are: no shell reads them, and none can become an option.
from __future__ import annotations

import errno
import hashlib
import os
import random
import re
import shlex
import shutil
import signal
import site
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

PASSED = tuple(
    "GIT_SSL_CAINFO AWS_CA_BUNDLE AWS_REGION AWS_DEFAULT_REGION AWS_ROLE_ARN AWS_WEB_IDENTITY_TOKEN_FILE "
    "AWS_CONTAINER_CREDENTIALS_FULL_URI AWS_CONTAINER_CREDENTIALS_RELATIVE_URI AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE".split()
)
TRIES = 4
STALE = 600.0
NET = (
    "Could not resolve host|Temporary failure in name resolution|Connection (?:refused|reset|timed out|closed|lost)|Operation timed out"
    "|Broken pipe|early EOF|hung up unexpectedly|kex_exchange_identification|Network is unreachable|No route to host|HTTP 5\\d\\d"
    "|requested URL returned error: 5\\d\\d|banner exchange|RPC failed|Connect call failed|Timeout, server .* not responding"
)


class Stop(Exception):
    """The program cannot go on; the text says why."""


class Failed(Stop):
    """A command failed; `output` is all that it wrote."""

    def __init__(self, text: str, output: str) -> None:
        super().__init__(text)
        self.output = output


class Work:
    """A folder of this program's own, the keys in it, and the environment of the commands that it starts."""

    def __init__(self, given: dict[str, str]) -> None:
        self.given = given
        self.name = given["name"]
        self.folder = self.big = os.path.realpath(tempfile.mkdtemp(prefix="mlc-"))
        self.key = self.known_hosts = ""
        self.env = {}  # type: dict[str, str]

    def prepare(self) -> None:
        """Write the keys, and say where things are."""
        given = self.given
        if "marker" in given:
            self.big = parts(os.path.dirname(given["out"]))
        own = ("GIT_", "DVC_", "SSH_", "AWS_", "XDG_", "PYTHONPATH", "PYTHONHOME", "BASH_ENV", "ENV")
        self.env = {key: text for key, text in os.environ.items() if key in PASSED or not key.startswith(own)}
        self.env.update(
            HOME=self.sub("home"),
            PYTHONUSERBASE=site.getuserbase(),
            TMPDIR=self.sub("tmp", self.big),
            LC_ALL="C.UTF-8",
            PYTHONUTF8="1",
            GIT_CONFIG_NOSYSTEM="1",
            GIT_TERMINAL_PROMPT="0",
            GIT_ASKPASS="true",
            GIT_SSH_VARIANT="ssh",
            GIT_ALLOW_PROTOCOL="https" if given.get("repo", "").startswith("https:") else "ssh",
            DVC_NO_ANALYTICS="1",
            DVC_SITE_CACHE_DIR=self.sub("site"),
            DVC_GLOBAL_CONFIG_DIR=self.sub("none"),
            DVC_SYSTEM_CONFIG_DIR=self.sub("none"),
            CI="true",
        )
        self.ssh()
        self.token()
        for key, variable in (("access_key", "AWS_ACCESS_KEY_ID"), ("secret_key", "AWS_SECRET_ACCESS_KEY")):
            if key in given:
                self.env[variable] = text_of(given[key], key).strip()

    def sub(self, name: str, where: str = "") -> str:
        path = os.path.join(where or self.folder, name)
        os.makedirs(path, mode=0o700, exist_ok=True)
        return path

    def write(self, name: str, text: str, mode: int = 0o600) -> str:
        path = os.path.join(self.folder, name)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w", encoding="utf-8", newline="") as file:
            file.write(text)
        return path

    def ssh(self) -> None:
        """Settings of ssh. A key is copied: ssh refuses one that others can read, and not every engine can set its mode."""
        lines = ["BatchMode yes", "StrictHostKeyChecking yes", "UpdateHostKeys no", "GlobalKnownHostsFile /dev/null", "IdentitiesOnly yes"]
        lines += ["IdentityAgent none", "ForwardAgent no", "ConnectTimeout 30", "ServerAliveInterval 15", "ServerAliveCountMax 8"]
        if "ssh_key" in self.given:
            text = text_of(self.given["ssh_key"], "ssh_key").replace("\r\n", "\n")
            self.key = self.write("key", text if text.endswith("\n") else text + "\n")
            lines.append(f'IdentityFile "{self.key}"')
        self.known_hosts = self.write(
            "known_hosts", text_of(self.given["known_hosts"], "known_hosts") if "known_hosts" in self.given else ""
        )
        lines.append(f'UserKnownHostsFile "{self.known_hosts}"')
        config = self.write("ssh_config", "Host *\n" + "".join(f"  {line}\n" for line in lines))
        self.env["GIT_SSH_COMMAND"] = "ssh -F " + shlex.quote(config)

    def token(self) -> None:
        """A program that git asks for the token: so it is in no address, no argument and no environment."""
        if "token" in self.given:
            file = self.write("token", text_of(self.given["token"], "token").strip() + "\n")
            user = "x-token-auth" if "//bitbucket.org/" in self.given["repo"] else "x-access-token"
            lines = ("#!/bin/sh", "case $1 in", f"Username*) echo {user} ;;", f"*) cat {shlex.quote(file)} ;;", "esac", "")
            self.env["GIT_ASKPASS"] = self.write("askpass", "\n".join(lines), 0o700)

    def close(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.rmtree(self.big, ignore_errors=True)

    def deliver(self, version: str, make: Callable[[str], None]) -> None:
        """Have the data made at its place. On a volume that stays: unless it is there, and at one stroke.

        The file `marker` says which version is there, and how its files were. An end at any moment leaves data that it does not name, or
        none.
        """
        out, marker = self.given["out"], self.given.get("marker", "")
        if not marker:
            clear(out)
            make(out)
            return
        found = noted(marker) if version and os.path.exists(out) else []
        if found and found == [version, listing(out)]:
            say(self, "the volume has it already")
        else:
            if found[:1] == [version]:
                say(self, "the volume has it, but not as it was fetched, so it is fetched again: steps must not write to it")
            new, note = os.path.join(self.big, "new"), os.path.join(self.big, "note")
            make(new)
            with open(note, "w", encoding="utf-8") as file:
                file.write(f"{version} {listing(new)}\n")
            if os.path.exists(marker):
                os.unlink(marker)
            for attempt in range(9):  # another run may do the same at this moment
                try:
                    if os.path.lexists(out):
                        os.rename(out, os.path.join(self.big, f"old{attempt}"))
                    os.rename(new, out)
                    break
                except OSError:
                    if attempt == 8:
                        raise
                    time.sleep(random.uniform(0, 1))
            os.rename(note, marker)

    def run(self, words: list[str], what: str, cwd: str = "", text: str = "", tries: int = 1, extra: dict[str, str] | None = None) -> str:
        """The output of a command. Where it fails for the network, it is tried again."""
        for attempt in range(1, tries + 1):
            out, err, code = self.once(words, cwd or self.folder, text, {**self.env, **(extra or {})})
            if code == 0:
                return out
            if attempt == tries or not re.search(NET, err):
                break
            time.sleep(random.uniform(0.5, 1.5) * 2**attempt)
        said = [line.split(": ", 1)[1] for line in (err + out).splitlines() if re.match("(?:ERROR|fatal|error|remote): .", line)]
        raise Failed(reason(err, self) or f"{what} failed: {said[-1][:300] if said else f'exit code {code}'}", err + out)

    def once(self, words: list[str], cwd: str, text: str, env: dict[str, str]) -> tuple[str, str, int]:
        # A session of its own: nobody can be asked for a password, and all that it started is ended with it.
        pipe = subprocess.PIPE
        with subprocess.Popen(words, cwd=cwd, env=env, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True) as process:
            try:
                out, err = process.communicate(text.encode(errors="surrogateescape"))
            except BaseException:
                end(process)
                raise
        return out.decode(errors="surrogateescape"), err.decode(errors="replace"), process.returncode


def parts(place: str) -> str:
    """A folder beside the data, so that it can be renamed to its place. What a killed run left days ago goes."""
    try:
        os.makedirs(place, exist_ok=True)
        made = tempfile.mkdtemp(prefix=".part-", dir=place)
    except PermissionError:
        raise Stop(f"user {os.getuid()} may not write to {place}: what is on the volume is another user's") from None
    for name in os.listdir(place):
        path = os.path.join(place, name)
        if name.startswith(".part-") and touched(path) < time.time() - 7 * 86400:
            shutil.rmtree(path, ignore_errors=True)
    return made


def touched(path: str) -> float:
    """When a folder was changed; now where another run has just removed it."""
    try:
        return os.stat(path).st_mtime
    except FileNotFoundError:
        return time.time()


def noted(marker: str) -> list[str]:
    """What a marker says; nothing where there is none, or half of one."""
    try:
        with open(marker, encoding="utf-8") as file:
            return file.read().split()
    except (OSError, UnicodeDecodeError):
        return []


def listing(path: str) -> str:
    """Which files there are, how large, and when they were changed, as one word: what a step wrote to a volume is not what was fetched."""
    folders = os.walk(path) if os.path.isdir(path) else [(os.path.dirname(path), [], [os.path.basename(path)])]
    lines = []
    for folder, _, names in folders:
        for name in names:
            file = os.path.join(folder, name)
            found = os.lstat(file)
            lines.append(os.fsencode("%s %d %d" % ("." if file == path else os.path.relpath(file, path), found.st_size, found.st_mtime)))
    return hashlib.sha256(b"\0".join(sorted(lines))).hexdigest()


def end(process: subprocess.Popen[bytes]) -> None:
    """End a command and all that it started."""
    for sign, seconds in ((signal.SIGTERM, 3.0), (signal.SIGKILL, 3.0)):
        try:
            os.killpg(process.pid, sign)
            process.wait(seconds)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue


def text_of(path: str, what: str) -> str:
    """The content of a mounted key."""
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except PermissionError:
        raise Stop(
            f"user {os.getuid()} may not read {what} in {path}: say `security: {{run_as_user: {os.getuid()}}}` under `defaults`"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise Stop(f"{what} cannot be read from {path}: {error}") from None
    if not text.strip():
        raise Stop(f"{what} is empty: {path}")
    return text


def reason(err: str, work: Work) -> str:
    """What went wrong, in words that say what to do; "" where nothing is known."""
    repo = work.given.get("repo") or work.given.get("uri", "")
    no_hosts = " (known_hosts is empty)" if "known_hosts" not in work.given else ""
    known = (
        ("No space left on device|Errno 28|Disk quota exceeded|Errno 122", f"the disk is full: {work.big} has no space left"),
        ("HOST IDENTIFICATION HAS CHANGED", "the host has another key than the one in known_hosts: nothing was sent to it"),
        ("Host key verification failed|Host key is not trusted|HostKeyNotVerifiable", "the host's key is not in known_hosts" + no_hosts),
        ("error in libcrypto|invalid format|KeyImportError|Invalid private key", "ssh_key holds no private key without a passphrase"),
        ("Permission denied \\(|Permission denied for user|PermissionDenied", "the host refuses ssh_key"),
        ("No user exists for uid", f"user {os.getuid()} has no name in this image, so ssh does not start: use an image that has it"),
        (
            "Authentication failed|could not read (?:Username|Password)|error: 40[13]|HTTP Basic: Access denied",
            "the host refuses the token",
        ),
        ("certificate|SSL_ERROR", "the certificate of the host cannot be trusted"),
        ("(?i)repository (?:'.*' )?not found|does not appear to be a git repository|error: 404", "there is no such repository"),
        (
            "InvalidAccessKeyId|SignatureDoesNotMatch|Unable to locate credentials|Forbidden|AccessDenied",
            "the store refuses the access key",
        ),
        (NET, "the host cannot be reached"),
    )
    for pattern, text in known:
        if re.search(pattern, err):
            if text == "the host refuses ssh_key" and work.key and has_passphrase(work):
                text = "ssh_key has a passphrase, and there is nobody to give it: take a key without one"
            return f"{text}: {repo}"
    return ""


def has_passphrase(work: Work) -> bool:
    """Whether the key has one. ssh itself passes over such a key without a word."""
    if shutil.which("ssh-keygen") is None:
        return False
    _, err, code = work.once(["ssh-keygen", "-y", "-P", "", "-f", work.key], work.folder, "", work.env)
    return code != 0 and "passphrase" in err


def say(work: Work, text: str) -> None:
    print(f"mlc: {work.name}: {text}", file=sys.stderr, flush=True)


def shown(text: str) -> str:
    """A text that somebody gave, for a message: on one line, and not too long."""
    return text.encode("unicode_escape").decode("ascii")[:200]


def clear(path: str) -> None:
    """Make room for an output, which an attempt before this one may have left."""
    if os.path.islink(path) or os.path.isfile(path):
        os.unlink(path)
    elif os.path.isdir(path):
        shutil.rmtree(path)
    os.makedirs(os.path.dirname(path), exist_ok=True)


def size_of(path: str) -> str:
    """How much there is, for the log."""
    files = [path] if os.path.isfile(path) else [os.path.join(folder, name) for folder, _, names in os.walk(path) for name in names]
    total = sum(os.path.getsize(file) for file in files)
    return "%d file%s, %d bytes" % (len(files), "" if len(files) == 1 else "s", total)


def main(program: object) -> None:
    """Run a program. Whatever happens, the folder with the keys is removed, and there is one line that says what."""

    def stopped(number: int, _: object) -> None:
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, stopped)
    signal.signal(signal.SIGINT, stopped)
    given = dict(word.split("=", 1) for word in sys.argv[1:])  # type: dict[str, str]
    work = None
    try:
        work = Work(given)
        work.prepare()
        program(work)  # type: ignore[operator]
    except Stop as stop:
        text, output = str(stop), getattr(stop, "output", "")
        for line in output.strip().splitlines()[-20:]:
            print("  " + line[:500], file=sys.stderr)
        print("mlc: {}: {}".format(given.get("name"), text), file=sys.stderr)
        sys.exit(1)
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        place = error.filename2 or error.filename or tempfile.gettempdir()
        text = f"the disk is full: {place} has no space left" if full else str(error)
        print("mlc: {}: {}".format(given.get("name"), text), file=sys.stderr)
        sys.exit(1)
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if work is not None:
            work.close()
