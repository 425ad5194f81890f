"""Places in a container that KFP, the wrapper or the image itself needs: paths and volumes that a step cannot have."""

from __future__ import annotations

from ...diagnostics.model import Finding
from ...ir import Claim, ConfigMapVolume, EmptyDir, Ephemeral, HostPath, Memory, Nfs, ParamRef, RunClaim, SecretVolume
from ...lowering.wrapper import SCRATCH
from .platform import scratch_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ...diagnostics.model import Path
    from ...ir import Mount, Step, Text

_LETTERS = frozenset("-0123456789abcdefghijklmnopqrstuvwxyz")
_OWN_FOLDERS = (
    *("/kfp-launcher", "/gcs", "/s3", "/minio", "/tmp/kfp", "/.local", "/.cache", "/.config"),  # noqa: S108 - argocompiler/container.go
    "/var/run/argo",  # of Argo's executor, which runs KFP's steps: mounted in every pod (argo-workflows, workflow/common)
)
_WRAPPER_FOLDERS = tuple(f"{place}/mlc." for place in SCRATCH)
_SYSTEM_FOLDERS = frozenset(
    "/app /bin /boot /dev /dev/shm /etc /home /lib /lib32 /lib64 /libx32 /media /mlc /mlc/inputs /mlc/outputs /mnt /opt /proc /root"
    " /run /run/secrets /sbin /srv /sys /tmp /usr /usr/bin /usr/lib /usr/lib64 /usr/libexec /usr/local /usr/local/bin /usr/local/lib"
    " /usr/local/sbin /usr/local/share /usr/sbin /usr/share /usr/src /usr/src/app /var /var/cache /var/lib /var/log /var/run"
    " /var/tmp /workspace".split()
)
_SYSTEM_PREFIXES = ("/proc/", "/sys/", "/bin/", "/sbin/", "/lib/", "/lib64/", "/usr/bin/", "/usr/sbin/", "/usr/lib/")
_INTERPRETERS = frozenset(("sh", "ash", "dash", "bash", "zsh", "python", "node", "perl", "ruby", "julia", "Rscript", "java"))
_OWN_VOLUMES = (
    "kfp-launcher",
    "gcs-scratch",
    "s3-scratch",
    "minio-scratch",
    "dot-local-scratch",
    "dot-cache-scratch",
    "dot-config-scratch",
)


def port_path(path: str, what: str, step: Step, origin: Path, findings: list[Finding], *, emptied: bool) -> None:
    """Refuse the path of a file that is in a folder of others, or that cannot be `emptied` before the program starts.

    Every attempt is a new pod, so what lies at the path of an output is the image's or a volume's: it must go, or an old file would
    pass as this run's, and the program must not go with it.
    """
    if folder(path, what, origin, findings) or not emptied:
        return
    message = ""
    if path in _SYSTEM_FOLDERS or path.startswith(_SYSTEM_PREFIXES):
        message = f"`{path}` in the {what} is a folder that holds an image's system or program, and would be emptied before the start"
    else:
        inside = {"`workdir`": f"{step.workdir}/", "the program": _program(step)}
        for name, inner in inside.items():
            if inner.startswith(f"{path}/"):
                message = f"`{path}` in the {what} holds {name}, `{inner.rstrip('/')}`, and is emptied on KFP before the program starts"
    if message:
        findings.append(Finding("MLC402", message, origin, help="write to a path of its own, such as a folder below it"))


def _program(step: Step) -> str:
    """Where the program lies as far as the command says: its first word, or the file that an interpreter gets."""
    words = [text.constant or "" for text in (*(step.command or ()), *step.args)]
    if step.script is not None or not words:
        return ""
    if words[0].rpartition("/")[2].rstrip("0123456789.") not in _INTERPRETERS:
        return words[0]
    for word in words[1:]:
        if word in ("-c", "-m"):
            return words[0]
        if not word.startswith("-"):
            return word
    return words[0]


def volumes(step: Step, modes: set[str], findings: list[Finding]) -> None:
    """Refuse what cannot be mounted. `modes` are the volumes whose `mode` was reported already."""
    taken: dict[str, tuple[str, Mount]] = {}
    for mount in step.mounts:
        folder(mount.path, f"volumes of step `{step.name}`", mount.origin, findings)
        volume = mount.volume
        _mount(mount, findings)
        match volume:
            case SecretVolume(mode=mode) if mode is not None and volume.name not in modes and not step.made:
                modes.add(volume.name)
                message = f"`mode` of volume `{volume.name}` is not possible on KFP: files of a secret are 0644 there"
                text = "leave `mode` out and copy the file in the step, with the mode it needs"
                findings.append(Finding("MLC401", message, (*volume.origin, "mode"), "key", help=text))
        match volume:
            case Claim(claim=name):
                kind = "claim"
            case SecretVolume(secret=name):
                kind = "secret"
            case ConfigMapVolume(config_map=name):
                kind = "config map"
            case EmptyDir() | Memory() | Ephemeral():
                kind, name = "scratch volume", scratch_name(volume.name)
            case _:
                continue
        if isinstance(volume, (Claim, SecretVolume, ConfigMapVolume)) and volume.given is not None:
            _completed(mount, kind, volume.given, taken, findings)
            continue
        if not _names_volume(name):
            message = f"{kind} `{name}` cannot be mounted on KFP, which calls the pod's volume like it: {_why(name)}"
            text = "use one with a name of at most 63 lower case letters, digits and `-`"
            findings.append(Finding("MLC402", message, volume.origin, "key", help=text))
        other = taken.get(name)
        taken[name] = kind, mount
        if other:
            findings.append(_twice(mount, kind, name, *other))


def _twice(mount: Mount, kind: str, name: str, other_kind: str, other: Mount) -> Finding:
    """Two mounts of a step that would be one volume of its pod."""
    if kind != other_kind:
        message = f"{kind} `{name}` and {other_kind} `{name}` in one step are one volume of the pod on KFP, which calls it like them"
        return Finding("MLC402", message, mount.origin, "key", help="rename one of them, or mount them in different steps")
    message = f"{mount.what} and {other.what} both mount {kind} `{name}`: on KFP, which calls the volume like it, a step can do so once"
    text = "mount it once, or in different steps"
    if mount.dataset:
        text = "read them in different steps, or put them on claims of their own" if other.dataset else "use them in different steps"
    return Finding("MLC402", message, mount.origin, "key", help=text)


def _completed(mount: Mount, kind: str, given: Text, taken: dict[str, tuple[str, Mount]], findings: list[Finding]) -> None:
    """Refuse what cannot be right in any run: the same parameter twice, or a default or choice that cannot name a volume."""
    ref = given.references[0]
    if not isinstance(ref, ParamRef) or len(given.pieces) > 1:
        return  # the rest of it is refused already
    for name in dict.fromkeys((*((ref.param.default,) if ref.param.default is not None else ()), *ref.param.choices)):
        if not _names_volume(name):
            message = f"{kind} `{name}`, by parameter `{ref.param.name}`, cannot be mounted on KFP, which calls the pod's volume like it"
            text = "use names of at most 63 lower case letters, digits and `-`"
            findings.append(Finding("MLC402", f"{message}: {_why(name)}", given.origin, help=text))
            return
    for name in (f"${{{{ params.{ref.param.name} }}}}", *((ref.param.default,) if ref.param.default is not None else ())):
        other = taken.get(name)
        taken[name] = kind, mount
        if other:
            findings.append(_twice(mount, kind, name, *other))
            return


def _names_volume(name: str) -> bool:
    return len(name) <= 63 and _LETTERS.issuperset(name) and name not in _OWN_VOLUMES


def _mount(mount: Mount, findings: list[Finding]) -> None:
    """Refuse what the driver has no field for (driver/k8s.go, extendPodSpecPatch)."""
    volume, name = mount.volume, mount.volume.name
    if isinstance(volume, (HostPath, Nfs)):
        kind = "host_path" if isinstance(volume, HostPath) else "nfs"
        message = f"`{kind}` is not possible on KFP, whose pods mount claims, secrets, config maps and scratch space"
        text = f"make a PersistentVolume of it and a claim for that, and name it: `{name}: {{claim: NAME}}`"
        findings.append(Finding("MLC401", message, (*volume.origin, kind), "key", help=text))
    if mount.read_only and not mount.dataset:  # docs/datasets.md says that nothing holds a step from writing there
        message = f"`read_only` is not possible on KFP, which mounts volume `{name}` as it is"
        text = "leave it out; a claim for a ReadOnlyMany volume cannot be written to"
        if isinstance(volume, (SecretVolume, ConfigMapVolume)):
            text = "leave it out: the files of a secret or a config map cannot be written to anyway"
        findings.append(Finding("MLC401", message, (*mount.origin, "read_only"), "key", help=text))
    if mount.sub_path and (not isinstance(volume, (Claim, RunClaim)) or (isinstance(volume, RunClaim) and volume.workspace)):
        what = "the run's workspace" if isinstance(volume, RunClaim) else "none"
        message = f"`sub_path` is possible on KFP with a claim only, and volume `{name}` is {what}"
        text = "mount the whole volume at a folder, and have the program look below it"
        findings.append(Finding("MLC401", message, (*mount.origin, "sub_path"), "key", help=text))


def _why(name: str) -> str:
    return "this name is KFP's own" if name in _OWN_VOLUMES else "this is no name of a volume"


def folder(path: str, what: str, origin: Path, findings: list[Finding]) -> bool:
    """Whether the path is in a folder of KFP's own or the wrapper's, which is reported."""
    for folder in _OWN_FOLDERS:
        if path == folder or (path.startswith(folder + "/") and not folder.startswith("/.")):
            message = f"`{path}` in the {what} is in a folder of KFP's own, `{folder}`"
            findings.append(Finding("MLC402", message, origin, help="use another path"))
            return True
    if path.startswith(_WRAPPER_FOLDERS):
        message = f"`{path}` in the {what} is called like the folders that hold scripts on KFP, `{path[: path.index('/mlc.')]}/mlc.*`"
        findings.append(Finding("MLC402", message, origin, help="use another path"))
        return True
    return False
