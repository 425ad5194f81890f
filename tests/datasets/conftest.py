"""Servers that all tests here share, and a world for each."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from . import tools
from .servers import Bucket, Ssh, s3, sshd
from .world import World


@pytest.fixture(scope="session")
def ssh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ssh]:
    """An `sshd` on loopback."""
    with sshd(tmp_path_factory.mktemp("sshd")) as server:
        yield server


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory, ssh: Ssh) -> World:
    """What `dvc init` and `dvc remote add` make."""
    return World(tmp_path_factory.mktemp("template"), ssh).template()


@pytest.fixture
def world(tmp_path: Path, ssh: Ssh, template: World) -> World:
    """A repository with nothing published in it."""
    return World(tmp_path, ssh).make(template)


@pytest.fixture(scope="session")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bucket]:
    """An S3 server on loopback, and a bucket in it."""
    with s3(tmp_path_factory.mktemp("s3"), tools.weed()) as server:
        made = subprocess.run([tools.python(), "-c", MAKE_BUCKET, server.endpoint, server.name], capture_output=True, text=True)
        assert made.returncode == 0, made.stderr
        yield server


MAKE_BUCKET = """
import sys, time, boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
settings = Config(s3={"addressing_style": "path"})
client = boto3.client("s3", endpoint_url=sys.argv[1], region_name="us-east-1", aws_access_key_id="loopback",
                      aws_secret_access_key="keyfortestsonly", config=settings)
for attempt in range(60):
    try:
        client.create_bucket(Bucket=sys.argv[2])
        break
    except (BotoCoreError, ClientError):
        time.sleep(0.5)
client.put_bucket_versioning(Bucket=sys.argv[2], VersioningConfiguration={"Status": "Enabled"})
"""
