"""Cached steps with a lock file: a result counts for the versions that it was made from.

KFP finds a result by the image and by the artifacts that go in: a dataset that is fetched anew for each run is a new one each time.
So a step that fetches a fixed commit for a cached step is cached itself. Argo finds a result by a key alone, so the key has the versions
in it: of the step's own image, and of all that comes before the step.
"""

from __future__ import annotations

from ..ir import Cache, ConfigMapVolume, Group, SecretVolume, loops_of, steps_of
from ..record import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..ir import Pipeline, Step


def by_version(pipeline: Pipeline, fetched: Mapping[str, str]) -> Pipeline:
    """The pipeline, whose images are pinned, with caches that know their versions. `fetched` is the commit by the name of its step."""
    steps = {step.name: step for step in pipeline.steps}
    before = _before(pipeline)
    caches: dict[str, Cache] = {}
    for step in steps.values():
        if step.cache is None or not step.cache.enabled:
            continue
        made_from = {name: [*_images(steps[name]), fetched.get(name, "")] for name in sorted({step.name, *before[step.name]})}
        caches[step.name] = replace(step.cache, versions=str(made_from))
        for port in step.inputs:
            commit = fetched.get(port.producer)
            if commit and all(isinstance(mount.volume, (SecretVolume, ConfigMapVolume)) for mount in steps[port.producer].mounts):
                fetch = steps[port.producer]
                versions = str([_images(fetch), [word.constant for word in fetch.args]])  # what it fetches of that commit, and from where
                caches.setdefault(fetch.name, Cache(True, commit, step.cache.origin, versions))
    final = _group(pipeline.final, caches) if pipeline.final else None
    return replace(pipeline, run=_group(pipeline.run, caches), final=final)


def _images(step: Step) -> list[str]:
    return [image.ref for image in (step.image, *(container.image for container in step.beside))]


def _group(group: Group, caches: Mapping[str, Cache]) -> Group:
    children = tuple(
        _group(child, caches) if isinstance(child, Group) else replace(child, cache=caches.get(child.name, child.cache))
        for child in group.children
    )
    return replace(group, children=children)


def _before(pipeline: Pipeline) -> dict[str, set[str]]:
    """The steps that come before each one, those of loops by all their names."""
    loops = {loop.name: loop for loop in loops_of(pipeline)}
    found: dict[str, set[str]] = {}

    def all_of(names: tuple[str, ...], inside: str = "") -> set[str]:
        whole: set[str] = set()
        for name in names:
            members = [step.name for step in steps_of(loops[name])] if name in loops and name != inside else [name]
            whole.update(members)
            for member in members:
                whole |= found.get(member, set())
        return whole

    for group in (pipeline.run, pipeline.final):
        for child in group.children if group else ():
            if isinstance(child, Group):
                outside = all_of(child.after)
                for step in steps_of(child):
                    found[step.name] = outside | all_of(step.after, child.name)
            else:
                found[child.name] = all_of(child.after)
    return found
