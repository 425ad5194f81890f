"""`mlc describe`: what a cluster must have before a project can run there, for each target.

Names of objects are read from the very documents that `mlc compile` prints, and versions from the targets' own tables, so that neither
can say something else. From the project come the steps that use them.
"""

from __future__ import annotations

from importlib import import_module

from . import infra, targets
from .diagnostics.codes import failed
from .diagnostics.render import visible
from .ir import Claim, ConfigMapKey, ConfigMapVolume, RunClaim, SecretKey, SecretVolume, loops_of, steps_of
from .peak import items_at_once, peak
from .rules.shared_claim import apart, before, many
from .tagged import keys_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Any

    from .diagnostics.model import Finding, Path
    from .ir import Loop, Pipeline, Resource, Step
    from .lowering.needs import Needs

VERSION = 1

ENGINES = {"argo": "Argo Workflows", "kfp": "Kubeflow Pipelines"}


def describe(pipeline: Pipeline, words: Sequence[str]) -> dict[str, Any]:
    """The needs of a project, as plain data in the order to print.

    - `project`, `steps` (their number), `pods`: how many the steps have at most in one run, attempts that are retried included;
      `open_loops`: the loops whose number of items only a run knows, which count as one item here;
      `unlimited_loops`: those of them without `parallel`, which count as one item in what is at once, others as their `parallel`;
    - `targets`: for each of `words`, either `refused`, a list of `code`, `message` and `paths` (of keys of the project), or
      `engine` (`name`, the oldest `version`, and `needed`: `version`, `what`, `path`), `pods_at_once`, `images`, `pull_secrets`,
      `claims` (`name`, `access_mode`: the narrowest that is enough, `steps`), `run_claims` (`name`, `size`, its mode and class, `keep`),
      `storage_classes`, `secrets` and `config_maps` (`name`, `keys`; of a config map also `made_by`), `service_accounts`, `namespace`,
      `store`, `devices` (`name`, `count` of all steps together, `most` of one pod, `at_once`) and `patched`: the steps that
      `targets.NAME.patch` changes, "" for the whole manifest. What the run chooses has the name as the project says it, such as
      `${{ params.claim }}`.

    What is at once is an upper bound, of pods of the steps (KFP has its own beside them): of steps that do not wait for one another, as
    if no condition kept one of them from running, within `parallel` of loops and `parallelism` of the target.
    """
    unknown = [(group.name, group.loop.parallel) for group in loops_of(pipeline) if group.loop and group.loop.rows is None]
    rounds = {step.name: 1 if loop.rows is None else len(loop.rows) for loop, step in _loops(pipeline)}
    return {
        "project": pipeline.name,
        "steps": len(pipeline.steps),
        "pods": sum((1 + (step.retry.limit if step.retry else 0)) * rounds.get(step.name, 1) for step in pipeline.steps),
        "open_loops": [name for name, _ in unknown],
        "unlimited_loops": [name for name, parallel in unknown if not parallel],
        "targets": {word: _target(targets.choose(pipeline, word), word) for word in words},
    }


def _images(pipeline: Pipeline, found: Iterable[str]) -> list[str]:
    """The images of a manifest; those that the run chooses as the project says them."""
    images = [image for step in pipeline.steps for image in (step.image, *(container.image for container in step.beside))]
    chosen = {image.ref: None for image in images if image.text is not None}
    return [*found, *chosen]


def _chosen(pipeline: Pipeline, found: Needs) -> None:
    """Add the objects whose name the run chooses, by the name as the project says it."""
    for one in (one for step in pipeline.steps for one in step.named if one.given is not None):
        match one:
            case Claim(claim=claim):
                found.claims[claim] = None
            case SecretVolume(secret=secret):
                found.secret(secret, chosen=True)
            case SecretKey(secret=secret, key=key):
                found.secret(secret, key, chosen=True)
            case ConfigMapVolume(config_map=config_map):
                found.config_map(config_map, chosen=True)
            case ConfigMapKey(config_map=config_map, key=key):
                found.config_map(config_map, key, chosen=True)


def _keys_of_data(pipeline: Pipeline, found: Needs) -> None:
    """Add the keys that datasets and code are reached with: the manifest mounts the whole Secret, and has them in arguments only."""
    for step in (step for step in pipeline.steps if step.made):
        for mount in step.mounts:
            keys = keys_in(mount.path, (word.constant or "" for word in step.args))
            match mount.volume:
                case SecretVolume(secret=secret, given=given):
                    found.secret(secret, *keys, chosen=given is not None)
                case ConfigMapVolume(config_map=config_map, given=given):
                    found.config_map(config_map, *keys, chosen=given is not None)


def _errors(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    """Each error once, with all the places that it is said of."""
    places: dict[tuple[str, str], dict[Path, None]] = {}
    for finding in findings:
        if failed([finding]):
            places.setdefault((finding.code, finding.message), {})[finding.path] = None
    return [{"code": code, "message": message, "paths": [list(path) for path in paths]} for (code, message), paths in places.items()]


def _target(pipeline: Pipeline, word: str) -> dict[str, Any]:
    name, _ = targets.split(word)
    findings: list[Finding] = []
    targets.load(word).check(pipeline, findings)
    documents = () if failed(findings) else targets.lowered(pipeline, word, findings)
    if failed(findings):
        return {"refused": _errors(findings)}
    needs = import_module(f"{targets.__name__}.{name}.needs").read
    found: Needs = needs((*documents, infra.settings(pipeline, name)))
    _chosen(pipeline, found)
    _keys_of_data(pipeline, found)
    made = {document["metadata"]["name"]: document.get("data", {}) for document in infra.manifests(pipeline, name)}
    for config_map, data in made.items():
        found.config_map(config_map, *data)
    return {
        "engine": _engine(pipeline, name),
        "pods_at_once": _limited(peak(pipeline, lambda step: 1), _parallelism(pipeline, name)),
        "images": _images(pipeline, found.images),
        "pull_secrets": list(found.pull_secrets),
        "claims": [_claim(pipeline, claim) for claim in found.claims],
        "run_claims": [_run_claim(claim, pipeline, name) for claim in _run_claims(pipeline)],
        "storage_classes": list(found.storage_classes),
        "secrets": [{"name": secret, "keys": list(keys)} for secret, keys in found.secrets.items()],
        "config_maps": [
            {"name": config_map, "keys": list(keys), "made_by": f"mlc infra --target {name}" if config_map in made else ""}
            for config_map, keys in found.config_maps.items()
        ],
        "service_accounts": list(found.service_accounts),
        "namespace": pipeline.argo.namespace if name == "argo" else "",
        "store": {"kind": pipeline.store.kind, "bucket": pipeline.store.bucket} if pipeline.store else None,
        "devices": _devices(pipeline, _parallelism(pipeline, name)),
        "patched": list(dict.fromkeys(patch.step for patch in getattr(pipeline, name).patch)),
    }


def _engine(pipeline: Pipeline, name: str) -> dict[str, Any]:
    versions = import_module(f"{targets.__name__}.{name}.versions")
    needed = [{"version": since, "what": what, "path": list(path)} for since, what, path in versions.needed(pipeline)]
    return {"name": ENGINES[name], "version": versions.oldest(pipeline) or targets.VERSIONS[name][0], "needed": needed}


def _claim(pipeline: Pipeline, name: str) -> dict[str, Any]:
    """A claim that exists, with the narrowest access mode that lets its steps run as the project says, wherever their pods land."""
    mounts = [
        (step, mount)
        for step in pipeline.steps
        for mount in step.all_mounts
        if isinstance(mount.volume, Claim) and mount.volume.claim == name
    ]
    read = mounts and all(mount.read_only for _, mount in mounts)
    mode = "ReadOnlyMany" if read else writable_mode(pipeline, name)
    return {"name": name, "access_mode": mode, "steps": list({step.name: None for step, _ in mounts})}


def writable_mode(pipeline: Pipeline, name: str) -> str:
    """The narrowest access mode of a claim that can be filled, too: somebody has to, even where all steps only read."""
    steps = [
        step for step in pipeline.steps if any(isinstance(mount.volume, Claim) and mount.volume.claim == name for mount in step.all_mounts)
    ]
    return "ReadWriteMany" if apart(steps, before(pipeline), many(pipeline)) else "ReadWriteOnce"


def _run_claims(pipeline: Pipeline) -> list[RunClaim]:
    used = {mount.volume.name for step in pipeline.steps for mount in step.all_mounts}
    return [volume for volume in pipeline.volumes if isinstance(volume, RunClaim) and volume.name in used]


def _run_claim(claim: RunClaim, pipeline: Pipeline, target: str) -> dict[str, Any]:
    of_target = pipeline.kfp.storage_class if target == "kfp" else ""
    storage_class = claim.storage_class or of_target
    return {
        "name": claim.name,
        "size": claim.size,
        "access_mode": claim.access_mode,
        "storage_class": storage_class,
        "keep": claim.keep,
    }


def _loops(pipeline: Pipeline) -> Iterator[tuple[Loop, Step]]:
    """Each step of a loop, with the loop."""
    for group in loops_of(pipeline):
        yield from ((group.loop, step) for step in steps_of(group) if group.loop)


def _parallelism(pipeline: Pipeline, target: str) -> int:
    """How many pods of a run the target lets run at once, 0 for any number."""
    return pipeline.argo.parallelism if target == "argo" else 0


def _limited(count: int, limit: int) -> int:
    return min(count, limit) if limit else count


def _devices(pipeline: Pipeline, parallelism: int) -> list[dict[str, Any]]:
    """Whatever steps ask for beside cpu, memory and disk: GPUs and their like, in whole numbers; of a loop those that it has at once."""
    found: dict[str, list[tuple[int, int]]] = {}
    once = {step.name: items_at_once(loop) for loop, step in _loops(pipeline)}
    of_pods = {step.name: _of_pod(step) for step in pipeline.steps}
    for step, devices in of_pods.items():
        for name, count in devices.items():
            found.setdefault(name, []).append((count, once.get(step, 1)))
    listed = []
    for name, counts in found.items():
        most = max(count for count, _ in counts)
        at_once = _limited(_peak_of(pipeline, of_pods, name), parallelism * most)
        listed.append({"name": name, "count": sum(count * times for count, times in counts), "most": most, "at_once": at_once})
    return listed


def _peak_of(pipeline: Pipeline, of_pods: dict[str, dict[str, int]], device: str) -> int:
    return peak(pipeline, lambda step: of_pods[step.name].get(device, 0))


def _of_pod(step: Step) -> dict[str, int]:
    """The devices of a step's pod: the largest `init` container's, or those of the step and its sidecars together, if these are more.

    So the scheduler counts (k8s.io/component-helpers/resource, PodRequests): init containers have ended when the others start.
    """
    found: dict[str, int] = {}
    for resources in (step.resources, *(container.resources for container in step.sidecars)):
        for name, count in _counted(resources):
            found[name] = found.get(name, 0) + count
    for container in step.init:
        for name, count in _counted(container.resources):
            found[name] = max(found.get(name, 0), count)
    return found


def _counted(resources: Sequence[Resource]) -> Iterator[tuple[str, int]]:
    """Name and number of each device among the resources of a container."""
    for resource in resources:
        if resource.name not in ("cpu", "memory", "ephemeral-storage"):
            yield resource.name, int(resource.limit or resource.request)


# --- for people ---------------------------------------------------------------------------------------------------------------


def text(data: dict[str, Any]) -> str:
    """What `describe` returns, as text: a section for each target."""
    pods = f", at most {data['pods']} pods with retries" if data["pods"] > data["steps"] or data["open_loops"] else ""
    pods += f" and one item of {' and '.join(data['open_loops'])}" if data["open_loops"] else ""
    lines = [f"{data['project']}: {_count(data['steps'], 'step')}{pods}"]
    for word, found in data["targets"].items():
        lines += ["", *(_refused(word, found["refused"]) if "refused" in found else _section(word, found, data["unlimited_loops"]))]
    return "".join(visible(line) + "\n" for line in lines)


def _sized(claim: dict[str, Any]) -> str:
    return f"{claim['size']} {claim['access_mode']}, {claim['storage_class'] or 'the default storage class'}"


def _refused(word: str, errors: list[dict[str, Any]]) -> list[str]:
    lines = [f"{word}: refused; `mlc validate --target {word}` shows the lines"]
    for error in errors:
        places = list(dict.fromkeys(_place(path) for path in error["paths"] if path[0] in _OF_STEPS))
        where = f" ({', '.join(places)})" if places else ""
        lines.append(f"  {error['code']}  {error['message']}{where}")
    return lines


_OF_STEPS = ("steps", "finally", "defaults", "templates", "machines")


def _place(path: Sequence[str | int]) -> str:
    """A step, or what steps take a setting from, as a path of the project."""
    return "defaults" if path[0] == "defaults" else ".".join(map(str, path[:2]))


def _section(word: str, found: dict[str, Any], unlimited: list[str]) -> list[str]:
    engine = found["engine"]
    lines = [f"{word}: {engine['name']} {engine['version']} or newer"]
    if found["pods_at_once"] > 1 or unlimited:
        counted = f", counting one item of {' and '.join(unlimited)}" if unlimited else ""
        lines.append(f"  at most {_count(found['pods_at_once'], 'pod')} at once{counted}")
    lines += [f"  {need['what']} needs {need['version']}" for need in engine["needed"]]
    store = found["store"]
    keyed = {key: [(one["name"], _keys(one)) for one in found[key]] for key in ("secrets", "config_maps")}
    claims = [(claim["name"], f"{claim['access_mode']}, for {', '.join(claim['steps'])}") for claim in found["claims"]]
    run_claims = [(claim["name"], f"{_sized(claim)}{', kept after it' if claim['keep'] else ''}") for claim in found["run_claims"]]
    sections: tuple[tuple[str, list[tuple[str, str]]], ...] = (
        ("namespace", [(found["namespace"], "")] if found["namespace"] else []),
        ("service accounts", [(name, "") for name in found["service_accounts"]]),
        ("claims that exist", claims),
        ("claims made for each run", run_claims),
        ("storage classes", [(name, "") for name in found["storage_classes"]]),
        ("secrets", keyed["secrets"]),
        ("config maps", keyed["config_maps"]),
        ("store", [(store["bucket"], store["kind"])] if store else []),
        ("devices", [(one["name"], f"{one['most']} in one pod, at most {one['at_once']} at once") for one in found["devices"]]),
        ("images", [(name, "") for name in found["images"]]),
        ("patched by the project", [(name or "the whole manifest", "") for name in found["patched"]]),
    )
    for title, rows in sections:
        wide = max((len(name) for name, more in rows if more), default=0)
        lines += [f"  {title}"] * bool(rows) + [f"    {name:<{wide}}  {more}".rstrip() for name, more in rows]
    return lines


def _keys(one: dict[str, Any]) -> str:
    keys = f"{'key' if len(one['keys']) == 1 else 'keys'} {', '.join(one['keys'])}" if one["keys"] else ""
    return "; ".join(part for part in (keys, f"`{one['made_by']}` prints it" if one.get("made_by") else "") if part)


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
