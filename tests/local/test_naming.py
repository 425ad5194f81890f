"""`mlc run` with names of claims, secrets and config maps, and with labels, that parameters complete."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlc.cli.request import OK, USAGE
from tests.local.test_cli_run import _plain, mlc, spec

__all__ = ["_plain"]  # each test in an empty folder, as processes

PROJECT = """
    params: {team: red, debug: {type: bool, default: false}}
    volumes:
      data: {claim: "data-${{ params.team }}"}
      keys: {secret: "${{ params.team }}-keys"}
    steps:
      write:
        labels: {team: "${{ params.team }}", debug: "${{ params.debug }}"}
        env:
          TOKEN: {secret: "${{ params.team }}-login", key: token}
          URL: {config_map: "${{ params.team }}-urls", key: url}
          LABELS: {field: "metadata.labels['team']"}
          DEBUG: {field: "metadata.labels['debug']"}
        volumes: {data: /data, keys: /keys}
        run: |
          echo "$URL $LABELS $DEBUG $(cat /keys/id)" > /data/said
          test "$TOKEN" = of-blue
"""
LOCAL = """
secrets:
  blue-login: {token: {env: TOKEN_OF_BLUE}}
  blue-keys: {id: {env: KEY_OF_BLUE}}
config_maps: {blue-urls: {url: {value: "http://blue"}}}
"""


@pytest.fixture(autouse=True)
def _local(_plain: None, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("mlc.local.yaml").write_text(LOCAL, encoding="utf-8")
    monkeypatch.setenv("TOKEN_OF_BLUE", "of-blue")
    monkeypatch.setenv("KEY_OF_BLUE", "key-of-blue")


def test_names_are_those_of_the_run(capsys: pytest.CaptureFixture[str]) -> None:
    """The claim, the secrets, the config map and the labels are those of the parameter that the run got, with one cache for each."""
    spec(PROJECT)
    assert mlc("run", "--param", "team=blue", "--param", "debug=true") == OK, capsys.readouterr()
    assert Path(".mlc/volumes/data-blue/said").read_text(encoding="utf-8") == "http://blue blue true key-of-blue\n"
    assert [path.name for path in Path(".mlc/volumes").iterdir()] == ["data-blue"]


def test_what_is_missing_is_called_as_the_run_calls_it(capsys: pytest.CaptureFixture[str]) -> None:
    """Without the parameter it is the default's names that nobody gave."""
    spec(PROJECT)
    assert mlc("run") != OK
    assert "key `token` of secret `red-login`; key `url` of config map `red-urls`; secret `red-keys`" in capsys.readouterr().err
    assert mlc("run", "--dry-run", "--json", "-p", "team=blue") == OK
    planned = capsys.readouterr().out
    assert json.loads(planned.splitlines()[0])["fate"] == "run"
    assert "params.team" not in planned


@pytest.mark.parametrize("team", ["../../x", "Blue", "", "-", "a/b", "a" * 300])
def test_names_that_cannot_be(team: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What Kubernetes would not take as a name is refused before anything starts: on a cluster the step would never start."""
    spec(PROJECT.replace("data-${{", "${{").replace("}}-keys", "}}").replace("}}-login", "}}").replace("}}-urls", "}}"))
    assert mlc("run", "-p", f"team={team}") == USAGE
    error = capsys.readouterr().err
    assert f"step `write` uses the claim `{team}`, which can be no name" in error
    assert "config map" in error
    assert not Path(".mlc").exists()
