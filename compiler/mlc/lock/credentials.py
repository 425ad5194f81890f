"""Credentials for registries, from where Docker keeps them: `config.json` in `DOCKER_CONFIG` or `~/.docker`, and helper programs.

The order is Docker's own (docker/cli, `cli/config/configfile/file.go`): the helper for the host (`credHelpers`), the helper for all
(`credsStore`), then what stands in the file (`auths`).
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .failure import Failure
from .reference import DOCKER_HUB

_OF_DOCKER_HUB = "https://index.docker.io/v1/"
"""What Docker calls Docker Hub in its settings, and asks helpers for."""
_SECONDS = 60
"""What a helper may take: some ask a cloud, or a person."""
_NOT_FOUND = "credentials not found in native keychain"
"""docker/docker-credential-helpers, `credentials/error.go`: so a helper says that it has none."""


@dataclass(frozen=True)
class Credentials:
    """A user with a password; or a token to get others with (`identity`), or to show as it is (`bearer`)."""

    user: str = ""
    password: str = ""
    identity: str = ""
    bearer: str = ""

    @property
    def basic(self) -> str:
        """The value of an `Authorization` header."""
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()


def find(host: str) -> Credentials | None:
    """The credentials for a registry, None for none. Raises Failure where the settings or a helper cannot be used."""
    settings, path = _settings()
    helpers = settings.get("credHelpers")
    names = _names(host)
    helper = next((helpers[name] for name in names if name in helpers), None) if isinstance(helpers, dict) else None
    helper = helper or settings.get("credsStore")
    if helper:
        found = _ask(str(helper), names[0])
        if found is not None:
            return found
    auths = settings.get("auths")
    if not isinstance(auths, dict):
        return None
    by_host = {_host(key): entry for key, entry in reversed(auths.items())}
    entry = next((auths[name] for name in names if name in auths), None) or next(
        (by_host[name] for name in map(_host, names) if name in by_host), None
    )
    return _of_entry(entry, host, path) if isinstance(entry, dict) else None


def _settings() -> tuple[dict[str, Any], Path]:
    folder = os.environ.get("DOCKER_CONFIG") or os.path.join(os.path.expanduser("~"), ".docker")
    path = Path(folder) / "config.json"
    try:
        found = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return {}, path
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "it is not JSON"
        help = "put it right, or name another folder in the variable `DOCKER_CONFIG`"
        raise Failure("MLC908", f"cannot read Docker's settings `{path}`: {reason[:1].lower()}{reason[1:]}", help) from error
    return (found if isinstance(found, dict) else {}), path


def _names(host: str) -> tuple[str, ...]:
    """The names that the settings may have for a registry, the usual one first."""
    return (_OF_DOCKER_HUB, "index.docker.io", DOCKER_HUB, "registry-1.docker.io") if host == DOCKER_HUB else (host,)


def _host(name: str) -> str:
    """The host of a key of `auths`, which may be an address (docker/cli, `ConvertToHostname`)."""
    return re.sub(r"^https?://", "", name).partition("/")[0]


def _of_entry(entry: dict[str, Any], host: str, path: Path) -> Credentials | None:
    user, password = str(entry.get("username") or ""), str(entry.get("password") or "")
    if entry.get("auth"):
        try:
            user, colon, password = base64.b64decode(str(entry["auth"]), validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            colon = ""
        if not colon:
            help = f"log in again: `docker login {host}`"
            raise Failure("MLC908", f"the entry for `{host}` in Docker's settings `{path}` cannot be read", help)
        password = password.strip("\0")
    found = Credentials(user, password, str(entry.get("identitytoken") or ""), str(entry.get("registrytoken") or ""))
    return found if found != Credentials() else None


def _ask(helper: str, server: str) -> Credentials | None:
    """What a helper program knows of a server."""
    program = f"docker-credential-{helper}"
    help = f"install `{program}`, or take it out of Docker's settings"
    if not re.fullmatch(r"[\w.-]+", helper, re.ASCII):
        raise Failure("MLC908", f"`{helper}` in Docker's settings is not the name of a helper for credentials", help)
    try:
        done = subprocess.run(  # noqa: S603 - the user's own setting names it, as for Docker
            [program, "get"], input=server.encode(), capture_output=True, timeout=_SECONDS, check=False
        )
    except FileNotFoundError as error:
        raise Failure("MLC908", f"Docker's settings name the helper `{program}`, which is not installed", help) from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Failure("MLC908", f"the helper `{program}` for credentials does not answer", help) from error
    if done.returncode:
        said = (done.stdout + done.stderr).decode(errors="replace").strip()
        if _NOT_FOUND in said:
            return None
        reason = said.splitlines()[-1][:200] if said else f"exit code {done.returncode}"
        raise Failure("MLC908", f"the helper `{program}` for credentials failed: {reason}", f"try `docker login {server}`")
    try:
        answer = json.loads(done.stdout)
        user, secret = str(answer["Username"]), str(answer["Secret"])
    except (ValueError, KeyError, TypeError) as error:
        raise Failure("MLC908", f"the helper `{program}` for credentials gave no credentials", f"try `docker login {server}`") from error
    if not secret:
        return None
    return Credentials(identity=secret) if user == "<token>" else Credentials(user, secret)
