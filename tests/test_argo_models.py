"""Whole Workflows against models that no one here wrote: hera's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from mlc import driver
from mlc.source import SourceFile
from tests import support

SPECS = sorted((Path(__file__).resolve().parent.parent / "specs").glob("*.yaml"))

WIDE = """
    params: {lr: 0.1, who: me, flag: true}
    store: {minio: {endpoint: "m:9000", bucket: bkt, secret: {name: s, access_key: a, secret_key: k}}}
    volumes: {data: {claim: d}, work: {size: 1Gi}}
    steps:
      a:
        image: acme/a:1
        run: "echo $1"
        args: ["--lr=${{ params.lr }}"]
        volumes: {data: /data}
        outputs: [model]
        values: {rows: {path: /tmp/rows, type: int}}
        metrics: {acc: {path: /tmp/acc.json, key: macro.f1, min: 0.5}}
        retry: {limit: 2}
      b:
        image: acme/a:1
        command: [run, "${{ steps.a.values.rows }}"]
        env: {WHO: "I am ${{ params.who }}"}
        inputs: {model: /in/model}
        gate: a
        when: params.flag and steps.a.values.rows > 3
        volumes: {work: /job}
    """
"""A spec that uses each kind of connection."""


def compiled(path: Path) -> list[Any]:
    """The documents of a real project for Argo, read back; none where Argo is refused."""
    result = driver.compile_source(SourceFile(path.name, path.read_text(encoding="utf-8"), beside=support.beside), ("argo",))
    if not result.outputs:
        assert any(item.severity == "error" and item.code.startswith("MLC4") for item in result.diagnostics), result.diagnostics
        return []
    return list(yaml.safe_load_all(result.outputs[0].text))


def test_hera_accepts_what_is_emitted() -> None:
    """hera's models take every Workflow, and give back every field: none is unknown to them, none changes its type."""
    from hera.workflows import models

    workflows = [workflow for path in SPECS for workflow in compiled(path)] + support.manifests(WIDE, "argo")
    assert len(workflows) > 5
    for workflow in workflows:
        model = getattr(models, workflow["kind"]).model_validate(workflow)
        assert plain(model.model_dump(by_alias=True, exclude_none=True, exclude_unset=True, mode="json")) == plain(workflow)


def plain(tree: Any) -> Any:
    """A tree with texts only as leaves: hera wraps quantities and amounts that may be numbers or texts."""
    if isinstance(tree, dict):
        return {key: plain(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [plain(value) for value in tree]
    return str(tree)
