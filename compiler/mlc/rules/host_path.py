"""MLC513: a folder of the node. It is another one on every node, and many clusters refuse such pods."""

from __future__ import annotations

from ..diagnostics.model import Finding
from ..ir import HostPath

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..ir import Pipeline
    from ..source import Document


def check(document: Document, pipeline: Pipeline, findings: list[Finding]) -> None:
    """Warn of each such volume."""
    for volume in pipeline.volumes:
        if isinstance(volume, HostPath):
            message = f"volume `{volume.name}` is a folder of whatever node a pod lands on"
            help = "use a `claim`, or `nfs`; `empty_dir` where the files are for one pod"
            findings.append(Finding("MLC513", message, (*volume.origin, "host_path"), "key", help=help))
