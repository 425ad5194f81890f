"""What a command line asks of the runs on this machine: the part of a `Request` for `run`, `runs`, `logs` and `metrics`."""

from __future__ import annotations

from ..record import record

LATEST = "latest"
"""Stands for the newest run, or for `--resume` the newest one that is not finished. No run is called so: their names have a `-`."""

STATE = ".mlc"
"""The folder of the state, below the current one, unless `--state` or `MLC_STATE` says another."""

INTERRUPTED = 130  # as in __main__, which can import nothing before it is needed

RUNNERS = ("podman", "docker", "process")


@record
class Here:
    """`run`, `resume` and their like are "" where they were not given, numbers 0. `names` are the runs of `runs`, `logs` and `metrics`.

    `volumes`, `secrets`, `config_maps` and `artifacts` are texts `NAME=...` as they were typed.
    """

    state: str = ""
    names: tuple[str, ...] = ()
    runner: str = ""
    jobs: int = 0
    params: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    config_maps: tuple[str, ...] = ()
    artifacts: tuple[str, ...] = ()
    settings: str = ""
    resume: str = ""
    only: str = ""
    first: str = ""
    using: str = ""
    dry_run: bool = False
    quiet: bool = False
    json: bool = False
    csv: bool = False
    remove: tuple[str, ...] = ()
    prune: bool = False
    task: str = ""
    attempt: int = 0
    follow: bool = False
