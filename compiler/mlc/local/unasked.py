"""Options of the command line that give something which nothing in the project asks for: most often a name that was mistyped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..diagnostics.suggest import did_you_mean
from ..ir import Claim, ConfigMapKey, ConfigMapVolume, SecretKey, SecretVolume

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ..ir import Env, Mount, Pipeline, Volume


def unasked(
    pipeline: Pipeline, *, volumes: Sequence[str], secrets: Sequence[str], config_maps: Sequence[str], artifacts: Sequence[str]
) -> list[str]:
    """What is wrong with the texts of `--volume`, `--secret`, `--config-map` and `--artifact`, in sentences; their form is right.

    The names in `pipeline` are completed (`naming.named`).
    """
    externals = {port.external.name for step in pipeline.steps for port in step.inputs if port.external is not None}
    return [
        *_volumes(pipeline, volumes),
        *_keys(pipeline, "--secret", "secret", secrets),
        *_keys(pipeline, "--config-map", "config map", config_maps),
        *(
            f"`--artifact {text}` is for nothing: no step reads an artifact `{name}` from outside{_hint(name, externals)}"
            for text in artifacts
            if (name := _name(text)) not in externals
        ),
    ]


def _name(text: str) -> str:
    return text.partition("=")[0].partition("/")[0]


def _hint(name: str, known: Iterable[str]) -> str:
    hint = did_you_mean(name, sorted(known))
    return f" ({hint})" if hint else ""


def _volumes(pipeline: Pipeline, texts: Sequence[str]) -> Iterator[str]:
    known = {volume.name for volume in pipeline.volumes}
    claims = {mount.volume.claim: mount.volume.name for mount in _mounts(pipeline) if isinstance(mount.volume, Claim)}
    for text in texts:
        name = _name(text)
        if name in known:
            continue
        hint = f": it is the claim of volume `{claims[name]}`" if name in claims else _hint(name, known)
        yield f"`--volume {text}` is for nothing: the project has no volume `{name}`{hint}"


def _keys(pipeline: Pipeline, option: str, kind: str, texts: Sequence[str]) -> Iterator[str]:
    read: dict[str, set[str]] = {}
    for env in _variables(pipeline):
        if kind == "secret" and isinstance(env.value, SecretKey):
            read.setdefault(env.value.secret, set()).add(env.value.key)
        elif kind == "config map" and isinstance(env.value, ConfigMapKey):
            read.setdefault(env.value.config_map, set()).add(env.value.key)
    mounted = {name for mount in _mounts(pipeline) if (name := _held(mount.volume, kind))}
    for text in texts:
        name, _, key = text.partition("=")[0].partition("/")
        if name not in read and name not in mounted:
            hint = _hint(name, read.keys() | mounted)
            yield f"`{option} {text.partition('=')[0]}=...` is for nothing: no step has a {kind} `{name}`{hint}"
        elif key and name not in mounted and key not in read[name]:
            yield f"`{option} {name}/{key}=...` is for nothing: no step reads key `{key}` of {kind} `{name}`{_hint(key, read[name])}"


def _held(volume: Volume, kind: str) -> str:
    """The secret or config map that a volume holds, "" where it holds none of this kind."""
    if kind == "secret":
        return volume.secret if isinstance(volume, SecretVolume) else ""
    return volume.config_map if isinstance(volume, ConfigMapVolume) else ""


def _mounts(pipeline: Pipeline) -> Iterator[Mount]:
    return (mount for step in pipeline.steps for mount in step.all_mounts)


def _variables(pipeline: Pipeline) -> Iterator[Env]:
    for step in pipeline.steps:
        yield from step.env
        for container in step.beside:
            yield from container.env
