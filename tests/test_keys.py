"""`mlc explain KEY` and `mlc explain --keys`: every key is found, and what is said of it is what the schema and the targets say."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from mlc import __main__
from mlc.cli.request import OK, USAGE
from mlc.keys import show
from mlc.keys.language import Key, find, keys, suggestion
from mlc.keys.support import FILE, Support, table, text
from mlc.reader import read
from mlc.source import SourceFile
from mlc.targets import TARGETS, VERSIONS

KEYS = list(keys().values())
EXAMPLE = re.compile(r"^## Example\n\n```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """What `mlc explain` prints."""
    assert __main__.main(["explain", *words]) == OK
    found = capsys.readouterr()
    assert found.err == ""
    return found.out


@pytest.mark.parametrize("key", KEYS, ids=lambda key: "/".join(key.pointer))
def test_every_key_has_a_page(key: Key) -> None:
    """The page has the description, and says as much of each target as the table; its examples are YAML for those of the schema."""
    page = show.page(key, table())
    assert page.startswith(f"# {key.path}\n\n{key.description}\n")
    for target in TARGETS:
        assert f"\n- {target} ({VERSIONS[target][0]} to {VERSIONS[target][-1]}): {table()[key.pointer][target]}\n" in page
    block = EXAMPLE.search(page)
    assert block is not None
    examples = []
    for example in block[1].split("# or\n"):
        document = read(SourceFile("example.yaml", example), [])
        assert document is not None
        examples.append(document.data[key.pointer[-1]])
    assert json.loads(json.dumps(examples)) == key.examples


@pytest.mark.parametrize("key", KEYS, ids=lambda key: "/".join(key.pointer))
def test_every_place_of_a_key_is_found(key: Key) -> None:
    """A key is found by each of its paths, and with the names that a project gives."""
    for place in (key.places[0], key.places[-1]):
        for name in ("", "any-name", "*"):
            assert key in find(".".join(name if word == "*" else word for word in place))


@pytest.mark.parametrize(
    ("word", "path"),
    [
        ("cache", "steps.cache"),
        ("name", "name"),
        ("retry.limit", "steps.retry.limit"),
        ("defaults.cache", "steps.cache"),
        ("finally.notify.retry.limit", "steps.retry.limit"),
        ("environments.prod.steps.train.image", "steps.image"),
        ("steps.train.tolerations[0].key", "steps.tolerations.key"),
        ("volumes.*.size", "volumes.size"),
        ("nfs.server", "volumes.nfs.server"),
        (" schedule.cron ", "schedule.cron"),
    ],
)
def test_ways_to_name_a_key(word: str, path: str) -> None:
    assert {key.path for key in find(word)} == {path}


@pytest.mark.parametrize("word", ["", ".", "*", "cahe", "steps.train", "steps.cache.nothing", "any-name"])
def test_what_is_no_key(word: str) -> None:
    assert find(word) == []


@pytest.mark.parametrize(
    ("word", "said"),
    [("cahe", "cache"), ("steps.cahce", "steps.cache"), ("defaults.retries", "defaults.retry"), ("node-selector", "node_selector")],
)
def test_misspelt_keys(word: str, said: str) -> None:
    assert suggestion(word) == f"did you mean `{said}`?"


def test_required_keys() -> None:
    """What a mapping must have is required; what selects one of several forms is not."""
    assert {"mlc", "name", "steps", "images.ref", "artifacts.type", "steps.metrics.path", "steps.retry.limit"} <= {
        key.path for key in KEYS if key.required
    }
    assert not {key.path for key in KEYS if key.required} & {"volumes.claim", "volumes.size", "steps.env.secret", "steps.cache"}


def test_page(capsys: pytest.CaptureFixture[str]) -> None:
    """All that a page can have."""
    assert printed(capsys, "volumes.access_mode") == (
        "# volumes.access_mode\n\n"
        "Which nodes may mount the claim at once.\n\n"
        "- type: `ReadWriteOnce` or `ReadWriteMany` or `ReadOnlyMany` or `ReadWriteOncePod`\n"
        "- default: `ReadWriteOnce`\n"
        "- also: `environments.volumes.access_mode`\n"
        "- others called `access_mode`: `volumes.ephemeral.access_mode`\n\n"
        "## Example\n\n```yaml\naccess_mode: ReadWriteMany\n```\n\n"
        "## Support\n\n- argo (3.5 to 4.1): lowered\n- kfp (2.4 to 2.17): lowered\n"
    )
    page = printed(capsys, "steps.cache", "mlc301", "label_selector.match_labels")
    assert "- keys: `key`\n" in page
    assert "```yaml\ncache: true\n# or\ncache: {key: features-2024}\n```" in page
    assert "\n\n# MLC301: an unknown step\n" in page
    assert re.search(r"- also: (`[a-z_.]+`, ){7}`[a-z_.]+` and \d+ more\n", page)


def test_the_table_of_all_keys(capsys: pytest.CaptureFixture[str]) -> None:
    """A line for each key, a column for each target with its versions."""
    head, *rows = printed(capsys, "--keys").splitlines()
    assert re.split("  +", head) == ["key", "argo (3.5 to 4.1)", "kfp (2.4 to 2.17)"]
    assert [re.split("  +", row) for row in rows] == [
        [key.path, *(str(table()[key.pointer][target]) for target in TARGETS)] for key in KEYS
    ]
    assert "volumes.nfs.server lowered refused (MLC401)" in [" ".join(row.split()) for row in rows]
    assert "steps.volumes.sub_path lowered lowered, some uses from 2.16" in [" ".join(row.split()) for row in rows]
    assert head.index("kfp") == rows[0].rindex("checked")


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    """The same as data, of all keys or of some; an example may hold any text."""
    every: dict[str, Any] = json.loads(printed(capsys, "--keys", "--json"))
    assert every["version"] == 1
    assert every["targets"] == {target: list(VERSIONS[target]) for target in TARGETS}
    assert [key["key"] for key in every["keys"]] == [key.path for key in KEYS]
    some = json.loads(printed(capsys, "volumes.nfs", "sub_path", "--json"))
    nfs, sub_path = some["keys"]
    assert nfs in every["keys"]
    assert nfs["support"] == {"argo": {"support": "lowered"}, "kfp": {"support": "refused", "code": "MLC401"}}
    assert sub_path["support"]["kfp"] == {"support": "lowered", "since": "2.16"}
    assert (nfs["type"], nfs["required"], "default" in nfs) == (["mapping"], False, False)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("cahe", "no code or key is called `cahe`: did you mean `cache`?"),
        ("steps.cahce", "no code or key is called `steps.cahce`: did you mean `steps.cache`?"),
        ("nonsense", "no code or key is called `nonsense`: `mlc explain --list` shows every code, `mlc explain --keys` every key"),
        ("999", "no code is called `999`: `mlc explain --list` shows every code"),
        ("MLC310x", "no code is called `MLC310x`: did you mean `MLC310`?"),
        ("server.path", "no code or key is called `server.path`"),
        ("bucket", "several keys are called `bucket`: name one of `store.s3.bucket`, `store.gcs.bucket`, `store.oss.bucket`"),
        ("--list --keys", "`--list` lists every code, `--keys` every key: leave out one of them"),
        ("--keys cache", "`--keys` lists every key: leave out the key, or `--keys`"),
        ("--list --json", "`--json` is for keys: leave it out, or `--list`"),
        ("cache MLC301 --json", "`--json` is for keys: leave it out, or `MLC301`"),
        ("--json", "keys with `--keys`"),
        ("", "name a code, such as `mlc explain MLC301`, or list them all with `mlc explain --list`; keys with `--keys`"),
    ],
)
def test_wrong_usage(words: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What is no code and no key, and options that do not go together, end with 2 and print nothing else."""
    assert __main__.main(["explain", *words.split()]) == USAGE
    captured = capsys.readouterr()
    assert captured.out == ""
    assert said in captured.err


def test_many_keys_of_one_name(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A message names some of them only."""
    from mlc.cli import explain

    monkeypatch.setattr(explain, "_MOST", 1)
    assert __main__.main(["explain", "bucket"]) == USAGE
    assert "name one of `store.s3.bucket`, and 2 more" in capsys.readouterr().err


def test_words_for_support() -> None:
    """What is printed of a target; the file has a line for each key."""
    assert str(Support("lowered")) == "lowered"
    assert str(Support("refused", "MLC401")) == "refused (MLC401)"
    assert str(Support("lowered", since="2.5")) == "lowered, some uses from 2.5"
    assert Support("lowered", since="2.5").data() == {"support": "lowered", "since": "2.5"}
    assert text(table()) == FILE.read_text(encoding="utf-8")
    assert len(text(table()).splitlines()) == len(KEYS) + 2
