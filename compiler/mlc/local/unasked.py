"""Options of the command line that give something which nothing in the project asks for: most often a name that was mistyped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..diagnostics.suggest import did_you_mean
from ..ir import Claim, ConfigMapKey, SecretKey

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ..ir import Pipeline


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
    claims = {one.claim: one.name for step in pipeline.steps for one in step.named if isinstance(one, Claim)}
    for text in texts:
        name = _name(text)
        if name in known:
            continue
        hint = f": it is the claim of volume `{claims[name]}`" if name in claims else _hint(name, known)
        yield f"`--volume {text}` is for nothing: the project has no volume `{name}`{hint}"


def _keys(pipeline: Pipeline, option: str, kind: str, texts: Sequence[str]) -> Iterator[str]:
    field = kind.replace(" ", "_")  # by which a variable or a volume names one
    read: dict[str, set[str]] = {}
    mounted: set[str] = set()
    for one in (one for step in pipeline.steps for one in step.named):
        name = getattr(one, field, "")
        if name and isinstance(one, (SecretKey, ConfigMapKey)):
            read.setdefault(name, set()).add(one.key)
        elif name:
            mounted.add(name)
    for text in texts:
        name, _, key = text.partition("=")[0].partition("/")
        if name not in read and name not in mounted:
            hint = _hint(name, read.keys() | mounted)
            yield f"`{option} {text.partition('=')[0]}=...` is for nothing: no step has a {kind} `{name}`{hint}"
        elif key and name not in mounted and key not in read[name]:
            yield f"`{option} {name}/{key}=...` is for nothing: no step reads key `{key}` of {kind} `{name}`{_hint(key, read[name])}"
