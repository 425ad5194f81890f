# Fetches an object of a bucket, or all below a prefix, and publishes one.
from __future__ import annotations

import os
import sys

from .base import Stop, Work, main, say, shown, size_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def transfer(work: Work) -> None:
    try:
        import boto3.exceptions
        import botocore.exceptions
    except ImportError as error:
        raise Stop(f"boto3 is not installed for {sys.executable}: {error}") from None

    given = work.given
    bucket, _, key = given["uri"][len("s3://") :].partition("/")
    try:
        store = client(work)
        if "data" in given:
            publish(work, store, bucket, key.rstrip("/"))
        else:
            fetch(work, store, bucket, key.rstrip("/"))
    except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError, boto3.exceptions.Boto3Error) as error:
        raise Stop(problem(error, given["uri"])) from None


def client(work: Work) -> Any:
    """A client with the keys that are given; without them with the pod's own identity."""
    import boto3
    from botocore.config import Config

    given = work.given
    own = "access_key" in given
    style = {"addressing_style": "path"} if "endpoint" in given else {}
    return boto3.client(
        "s3",
        region_name=given.get("region") or ("us-east-1" if "endpoint" in given else None),
        endpoint_url=given.get("endpoint"),
        aws_access_key_id=work.env["AWS_ACCESS_KEY_ID"] if own else None,
        aws_secret_access_key=work.env["AWS_SECRET_ACCESS_KEY"] if own else None,
        config=Config(s3=style, retries={"mode": "standard", "max_attempts": 5}, connect_timeout=20),
    )


def problem(error: Exception, uri: str) -> str:
    response = getattr(error, "response", {})
    code = str(response.get("Error", {}).get("Code", ""))
    if code in ("403", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken"):
        return f"the store refuses the access key: {uri}"
    if code in ("NoSuchVersion", "InvalidVersionId", "400", "InvalidArgument"):
        return f"there is no such version of {uri}"
    if code in ("404", "NoSuchKey", "NoSuchBucket"):
        return f"there is no {uri}"
    if type(error).__name__ in ("NoCredentialsError", "PartialCredentialsError"):
        return f"there is no access key for {uri}"
    if type(error).__name__ in ("EndpointConnectionError", "ConnectTimeoutError", "ReadTimeoutError", "ConnectionClosedError"):
        return f"the host cannot be reached: {uri}"
    return f"{uri}: {error}"


def below(store: Any, bucket: str, prefix: str) -> list[str]:
    """The keys below a prefix, without the prefix."""
    found = []  # type: list[str]
    for page in store.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix + "/"):
        for entry in page.get("Contents", ()):
            name = entry["Key"][len(prefix) + 1 :]
            if name and not name.endswith("/"):
                found.append(name)
    return found


def fetch(work: Work, store: Any, bucket: str, key: str) -> None:
    import botocore.exceptions

    given = work.given
    extra = {"VersionId": given["version"]} if "version" in given else {}
    try:
        found = store.head_object(Bucket=bucket, Key=key, **extra)
    except botocore.exceptions.ClientError as error:
        if extra or error.response["Error"]["Code"] not in ("404", "NoSuchKey"):
            raise
        found = None
    if found is not None:
        version = found.get("VersionId", "")
        work.deliver(version if version != "null" else "", lambda out: store.download_file(bucket, key, out, ExtraArgs=extra or None))
        say(work, f"{given['uri']} is version {version or 'null'}: {size_of(given['out'])}")
        return
    names = below(store, bucket, key)
    if not names:
        raise Stop(f"there is no {given['uri']}")
    work.deliver("", lambda out: download(store, bucket, key, names, out))
    say(work, f"{given['uri']} is {size_of(given['out'])}")


def download(store: Any, bucket: str, key: str, names: list[str], out: str) -> None:
    for name in names:
        if any(part in ("", ".", "..") for part in name.split("/")):
            raise Stop(f"`{shown(name)}` below s3://{bucket}/{key} cannot be the name of a file")
        path = os.path.join(out, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        store.download_file(bucket, f"{key}/{name}", path)


def publish(work: Work, store: Any, bucket: str, key: str) -> None:
    """Upload. What another version left below the prefix would mix with this one, so it is refused."""
    data = work.given["data"]
    if not os.path.isdir(data):
        store.upload_file(os.path.realpath(data), bucket, key)
        say(work, f"{work.given['uri']} is version {store.head_object(Bucket=bucket, Key=key).get('VersionId', 'null')}: {size_of(data)}")
        return
    files = {}  # type: dict[str, str]
    for folder, _, names in os.walk(data, followlinks=True):
        for name in names:
            path = os.path.join(folder, name)
            files[os.path.relpath(path, data)] = path
    others = sorted(set(below(store, bucket, key)) - set(files))
    if others:
        raise Stop(f"{work.given['uri']} has files that the new version does not have, such as `{shown(others[0])}`: take them out first")
    for name, path in sorted(files.items()):
        store.upload_file(path, bucket, f"{key}/{name}")
    say(work, f"{work.given['uri']} is {size_of(data)}")


if __name__ == "__main__":
    main(transfer)
