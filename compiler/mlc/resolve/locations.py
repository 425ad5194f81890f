"""The form of addresses of external artifacts, and of names of buckets: what is wrong with one, and what to write instead."""

from __future__ import annotations

import re

from ..lowering.address import cut
from .images import is_reference

HOST = r"[A-Za-z0-9](?:[-.A-Za-z0-9]*[A-Za-z0-9])?(?::[0-9]{1,5})?"
_USER = r"(?:[^/@\s${}]{1,200}@)?"
"""Credentials are no matter of form: MLC501 finds them."""
_PATH = r"[-A-Za-z0-9_.~!*'()=@+/:%&?,;]"
"""No character that a shell, a kubelet, an engine's templates or YAML take for their own."""
_REPOSITORY = r"[-A-Za-z0-9_.~/]+"

_NO_ADDRESS = r"(?!(?:[0-9]+\.){3}[0-9]+$)"

BUCKETS: dict[str, tuple[str, str]] = {
    "s3": (
        _NO_ADDRESS + r"[A-Za-z0-9](?:[-_A-Za-z0-9]|\.(?!\.)){2,254}(?<![-._])",
        "letters, digits, `-`, `_` and single `.`, a letter or digit at both ends, 3 to 255 characters, and are no IP address",
    ),
    "gcs": (
        _NO_ADDRESS + r"(?=.{3,222}$)[a-z0-9][-_a-z0-9]{0,62}(?:\.[-_a-z0-9]{1,63})*(?<![-._])",
        "lower-case letters, digits, `-`, `_` and single `.`, a letter or digit at both ends, 3 to 63 characters (222 with `.`,"
        " 63 between two), and are no IP address",
    ),
    "oss": (r"[a-z0-9][-a-z0-9]{0,62}(?<!-)", "lower-case letters, digits and `-`, a letter or digit at both ends, at most 63 characters"),
    "azure": (
        r"\$(?:root|web|logs)|(?=.{1,63}$)[a-z0-9]+(?:-[a-z0-9]+)*",
        "lower-case letters, digits and single `-`, a letter or digit at both ends, at most 63 characters",
    ),
}
"""Names of buckets by the kind of store, and the rule in words: what none of its servers has is refused, and no more.

S3 gives new buckets 3 to 63 lower-case letters, digits, `-` and `.`; those of us-east-1 from before March 2018 may have upper case, `_`
and 255 characters (Amazon S3 User Guide, Bucket naming rules). MinIO's client takes upper case and `_` as well, and nothing shorter than
3 (minio-go, pkg/s3utils, checkBucketNameCommon). Google Cloud Storage: Bucket names.
"""
BUCKETS["minio"] = BUCKETS["s3"]

_KINDS = {"s3": "s3", "minio": "minio", "gs": "gcs", "oss": "oss", "azure": "azure"}
"""Schemes of the form `SCHEME://BUCKET/KEY`, with the kind of store."""

_ALIASES = dict.fromkeys(("s3a", "s3n", "aws"), "s3") | dict.fromkeys(("gcs", "google"), "gs") | {"docker": "oci", "oras": "oci"}
_ALIASES |= dict.fromkeys(("az", "abfs", "abfss", "wasb", "wasbs", "adl"), "azure")
"""What other tools call the same."""

_FORMS = "`s3://BUCKET/KEY` (or `gs`, `minio`, `oss`, `azure`), `https://HOST/PATH`, `git+https://HOST/REPOSITORY@REVISION`, `oci://IMAGE`"
_FETCH = "let a step fetch it"


def problem(text: str, more: str = "", *, open: bool = False) -> tuple[str, str] | None:
    """What is wrong with an address and what to do, None for a right one.

    `text` is all up to the first parameter, `more` what else is written behind it, and `open` says that there is one.
    """
    scheme, colon, rest = text.partition("://")
    if not colon:
        return _no_scheme(text)
    if scheme in _KINDS:
        found = _in_bucket(scheme, rest, open)
    elif scheme in ("https", "http"):
        found = _url(scheme, rest, open)
    elif scheme == "git+https":
        found = _repository(rest, more, open)
    elif scheme == "oci":
        found = _image(rest, open)
    else:
        return _other_scheme(scheme, text)
    if found is not None or scheme == "oci":
        return found
    keys = _PATH.replace("?", "") if scheme in _KINDS else _PATH
    odd = next((character for character in rest.partition("/")[2] + more if not re.fullmatch(keys, character)), "")
    if odd:
        way = "a URL has `%` and two digits for it" if scheme not in _KINDS else f"give the object another key, or {_FETCH}"
        return f"`{text}` holds {_shown(odd)}, which cannot stand in an address of the form `{scheme}://`", way
    return None


def _no_scheme(text: str) -> tuple[str, str]:
    message = f"`{text}` is no address that can be fetched"
    if re.match(r"[^/@\s]+@[^/:\s]+:", text):
        return message, f"Argo reads repositories by https: `git+https://HOST/REPOSITORY@REVISION`; with a key, {_FETCH}"
    if re.match(r"(?:\.{0,2}/|~|[A-Za-z]:\\)", text):
        return message, "a path of one machine means nothing in a cluster: mount it as one of `volumes`, or put it into a bucket"
    return message, f"write {_FORMS}"


def _other_scheme(scheme: str, text: str) -> tuple[str, str]:
    message = f"`{text}` is no address that can be fetched"
    low = scheme.lower()
    known = (*_KINDS, "https", "http", "git+https", "oci")
    meant = low if low in known else _ALIASES.get(low, "")
    if meant:
        return message, f"write `{meant}://` instead of `{scheme}://`"
    if low.startswith(("git", "ssh")):
        return message, f"Argo reads repositories by https: `git+https://HOST/REPOSITORY@REVISION`; with a key, {_FETCH}"
    if low == "file":
        return message, "a path of one machine means nothing in a cluster: mount it as one of `volumes`, or put it into a bucket"
    return message, f"no engine reads `{scheme}://`: {_FETCH}, or write {_FORMS}"


def _in_bucket(scheme: str, rest: str, open: bool) -> tuple[str, str] | None:
    kind, where = _KINDS[scheme], "container" if scheme == "azure" else "bucket"
    bucket, slash, key = rest.partition("/")
    if open and not slash:
        message = f"a parameter may stand behind the {where} of a `{scheme}://` address, not in it"
        return message, f"write `{scheme}://{where.upper()}/${{{{ params.KEY }}}}`, or for KFP alone a parameter as the whole address"
    form, rule = BUCKETS[kind]
    if not re.fullmatch(form, bucket):
        if "@" in bucket:
            return f"`{scheme}://` addresses hold no credentials", f"name them in the project's `store: {{{kind}: {{secret: ...}}}}`"
        what = f"`{bucket}` is no name of a {where}" if bucket else f"`{scheme}://{rest}` names no {where}"
        return what, f"{where}s have {rule}" if bucket else f"write `{scheme}://{where.upper()}/KEY`"
    if not open and not key.strip("/"):
        return f"`{scheme}://{rest}` names a {where} and nothing in it", f"write `{scheme}://{bucket}/KEY`: an object, or all below a key"
    if not open and key.endswith("/"):
        return f"`{scheme}://{rest}` ends with `/`", "leave that out: all objects below the key are read"
    if "?" in key:
        message = f"`{scheme}://` addresses have no `?`, which KFP reads as settings of the connection"
        return message, "leave out what follows; endpoint and region stand in the project's `store`"
    return None


def _url(scheme: str, rest: str, open: bool) -> tuple[str, str] | None:
    host, slash, path = rest.partition("/")
    if open and not slash:
        return (
            f"a parameter may stand behind the host of a `{scheme}://` address, not in it",
            f"write `{scheme}://HOST/${{{{ params.PATH }}}}`",
        )
    if not re.fullmatch(_USER + HOST, host):
        what = f"`{host}` is no host" if host else f"`{scheme}://{rest}` names no host"
        return what, f"write `{scheme}://HOST/PATH`, with a port where it has one: `{scheme}://HOST:8080/PATH`"
    if not open and (not path or path.endswith("/")):
        return f"`{scheme}://{rest}` names no file", "an `https://` address is one file: write all of its path"
    return None


def _repository(rest: str, more: str, open: bool) -> tuple[str, str] | None:
    place, at, revision = cut(rest)
    host, _, path = place.partition("/")
    form = "write `git+https://HOST/REPOSITORY@REVISION`"
    if open and not at:
        return "a parameter may stand in the revision of a `git+https://` address, not before it", f"{form[:-9]}${{{{ params.REVISION }}}}`"
    if not re.fullmatch(_USER + HOST, host) or not re.fullmatch(_REPOSITORY, path) or path.endswith("/"):
        return f"`git+https://{place}` is no address of a repository", form
    if at and not open and not revision:
        return f"`git+https://{rest}` ends with `@`", "write a tag, a branch or a commit behind it, or leave it out"
    # a parameter in the middle stands for one letter here
    name = f"{revision}x{more}" if open else revision
    if at and (len(name) > 200 or re.search(_NO_REVISION, name)):
        help = "Argo checks out a tag, a branch or a commit: letters, digits, `-`, `_`, `.` and `/`, not starting with `-` or `.`"
        return f"`{revision}{'...' if open else ''}` is no revision of a repository", help
    return None


_NO_REVISION = r"[^-A-Za-z0-9_.+/]|\.\.|//|\.$|/$|\.lock(?:/|$)|(?:^|/)\.|^[-/]"


def _image(rest: str, open: bool) -> tuple[str, str] | None:
    if open:
        return "the address of an image holds no parameters", "write it out, or for KFP alone a parameter as the whole address"
    if "/" not in rest or not is_reference(rest):
        return f"`oci://{rest}` is no image with its registry", "write `oci://REGISTRY/IMAGE:TAG`"
    return None


def _shown(character: str) -> str:
    return "a blank" if character.isspace() else f"`{character}`" if character.isprintable() else f"U+{ord(character):04X}"
