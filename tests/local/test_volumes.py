"""Folders that stand for volumes."""

from __future__ import annotations

from pathlib import Path

from mlc.ir import RunClaim
from mlc.local.masking import Masks
from mlc.local.settings import Settings
from mlc.local.volumes import Around


def test_a_claim_to_keep_outlives_its_run(tmp_path: Path) -> None:
    """Claims of a run are removed at its end, but those with `keep`."""
    around = Around(Settings(tmp_path), tmp_path / "state", Masks())
    claims = [RunClaim(name, "1Gi", "ReadWriteOnce", "", False, (), keep=name == "kept") for name in ("kept", "gone")]
    around.make_claims("r", claims)
    around.remove_claims("r", claims)
    assert [around.has_claim("r", claim) for claim in claims] == [True, False]
