"""The resolved, target-neutral project: what targets print.

Every reference is bound (a node holds the object it means, not its name), steps stand in topological order inside their group,
and every node carries the path of its origin in the document, so a target's refusal points into the source. Targets look nothing
up, derive no scope of their own and never raise on what is in here.
"""

from __future__ import annotations

from .record import record, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any
    from typing import Literal as Choice

    from .diagnostics.model import Path
    from .scheduling import Scheduling

    Type = Choice["string", "int", "float", "bool", "list", "dict"]
    ArtifactType = Choice["artifact", "dataset", "model", "metrics", "classification_metrics", "html", "markdown"]
    Order = Choice["==", "!=", "<", "<=", ">", ">="]
    Scalar = str | int | float | bool


# --- what expressions refer to ------------------------------------------------------------------------------------------------


@record
class Param:
    """A run-time parameter. `default`, `minimum`, `maximum` and `choices` are texts in the canonical form of the type.

    Numbers are JSON numbers (`-?digits[.digits][e[+-]digits]`), booleans `true`/`false`, lists and dicts compact JSON, sorted keys.
    `default` is None where the run must give a value.
    """

    name: str
    type: Type
    default: str | None
    description: str
    choices: tuple[str, ...]
    minimum: str | None
    maximum: str | None
    origin: Path


@record
class Value:
    """A small typed value that a step writes to a file."""

    name: str
    type: Type
    path: str
    origin: Path


@record
class Threshold:
    """`metric OP bound` must hold. `op` is one of `>= <= > <`; `bound` is a number literal or a numeric reference."""

    op: Order
    bound: Expr
    origin: Path


@record
class Metric:
    """A number in a file: the whole document (`key` empty), what `key` finds in it, or a `kfp-v1` metrics file's entry.

    `format` is `json` or `kfp-v1` (`{"metrics": [{"name": NAME, "numberValue": 0.9}]}`, looked up by `name`).
    `on_miss` says what a missed threshold does to the run: nothing (`skip`), or it ends failed after all else is done (`fail`).
    """

    name: str
    path: str
    key: tuple[str, ...]
    format: Choice["json", "kfp-v1"]
    thresholds: tuple[Threshold, ...]
    origin: Path
    on_miss: Choice["skip", "fail"] = "skip"


# --- expressions --------------------------------------------------------------------------------------------------------------


@record
class Literal:
    """A constant. `text` is its canonical text (numbers are JSON numbers), `value` its Python value."""

    value: Scalar
    type: Type
    text: str


@record
class ParamRef:
    """`params.X`"""

    param: Param


@record
class ValueRef:
    """`steps.S.values.V`"""

    step: str
    value: Value


@record
class MetricRef:
    """`steps.S.metrics.M`; its type is float."""

    step: str
    metric: Metric


@record
class EachRef:
    """`each.NAME` or `each.NAME.FIELD`: of the item that a step of a loop runs for. `column` is what stands after `each.`.

    `texts` are the texts that it can have, () where the list is known only at run time. `known`: the type was declared or written;
    otherwise `type` is what the place where it is used needs.
    """

    column: str
    type: Type
    texts: tuple[str, ...]
    known: bool = True


@record
class ListRef:
    """`steps.S.values.V` from outside of the loop that S is in: what all items wrote, in their order; its type is list.

    `loop` is the name of the loop, which is that of its first step.
    """

    loop: str
    step: str
    value: Value


@record
class OuterRef:
    """A reference of a step in a loop to what is outside of the loop: there it must become an input of the loop."""

    ref: ValueRef | MetricRef | ListRef


@record
class PathRef:
    """The path of the step's own `inputs.A`, `outputs.A`, `values.V` or `metrics.M`; its type is string."""

    port: Choice["inputs", "outputs", "values", "metrics"]
    name: str
    path: str


@record
class RunRef:
    """`run.id`, `run.name` or, in `finally` alone, `run.status` (`Succeeded` or `Failed`); its type is string."""

    name: Choice["id", "name", "status"]


@record
class Compare:
    """`left OP right`, both of one type (int and float count as one)."""

    op: Order
    left: Expr
    right: Expr


@record
class In:
    """`left in [..]`"""

    left: Expr
    options: tuple[Literal, ...]


@record
class Not:
    """`not operand`, of type bool"""

    operand: Expr


@record
class Logic:
    """`and` / `or` over two or more operands of type bool. Strict: every operand is evaluated, one that errs fails the run."""

    op: Choice["and", "or"]
    operands: tuple[Expr, ...]


if TYPE_CHECKING:
    Ref = ParamRef | ValueRef | MetricRef | EachRef | ListRef | OuterRef | PathRef | RunRef
    Expr = Literal | Ref | Compare | In | Not | Logic


def type_of(expr: Expr) -> Type:
    """The type of an expression."""
    match expr:
        case Literal(type=kind):
            return kind
        case ParamRef(param=param):
            return param.type
        case ValueRef(value=value):
            return value.type
        case MetricRef():
            return "float"
        case EachRef(type=kind):
            return kind
        case ListRef():
            return "list"
        case OuterRef(ref=ref):
            return type_of(ref)
        case PathRef() | RunRef():
            return "string"
    return "bool"


def references(expr: Expr) -> list[Ref]:
    """The references of an expression that are known only at run time, in order, repeated ones too."""
    match expr:
        case Compare(left=left, right=right):
            return references(left) + references(right)
        case In(left=left):
            return references(left)
        case Not(operand=inner):
            return references(inner)
        case Logic(operands=operands):
            return [ref for inner in operands for ref in references(inner)]
        case Literal() | PathRef():
            return []
    return [expr]


@record
class Text:
    """A text of the spec: literal pieces (str) and references, in order; adjacent literals are joined, empty ones left out.

    Literals of numbers and booleans inside `${{ }}` and paths are references only where a target needs to know (`PathRef`).
    """

    pieces: tuple[str | Ref, ...]
    origin: Path

    @property
    def constant(self) -> str | None:
        """The text, where no piece is known only at run time (a PathRef's path is known: the same on every target)."""
        found = ""
        for piece in self.pieces:  # nearly always one literal: no generator, no join
            if isinstance(piece, str):
                found += piece
            elif isinstance(piece, PathRef):
                found += piece.path
            else:
                return None
        return found

    @property
    def references(self) -> tuple[Ref, ...]:
        """The pieces known only at run time, in order."""
        return tuple(piece for piece in self.pieces if not isinstance(piece, (str, PathRef)))


# --- parts of a step ----------------------------------------------------------------------------------------------------------


@record
class Image:
    """Where a step's program comes from. `origin` is the step's `image`, `settings_origin` the entry of `images` (or ()).

    `text` is the reference where parameters are in it; `ref` is then what was written.
    """

    ref: str
    pull_policy: Choice["", "Always", "IfNotPresent", "Never"]
    pull_secret: str
    origin: Path
    settings_origin: Path = ()
    text: Text | None = None


@record
class Script:
    """`run`: a script and what runs it. `packages` are pip requirements (python only)."""

    shell: Choice["sh", "bash", "python"]
    text: Text
    packages: tuple[str, ...]
    origin: Path


@record
class SecretKey:
    """An env value from a key of a Secret. `given` is the secret's name where parameters are in it; `secret` is then as it is written."""

    secret: str
    key: str
    given: Text | None = None


@record
class ConfigMapKey:
    """An env value from a key of a ConfigMap, with `given` as in `SecretKey`."""

    config_map: str
    key: str
    given: Text | None = None


@record
class FieldPath:
    """An env value from a field of the pod, such as `metadata.name` (Kubernetes' downward API)."""

    path: str


@record
class Env:
    """One environment variable."""

    name: str
    value: Text | SecretKey | ConfigMapKey | FieldPath
    origin: Path


@record
class About:
    """What people should know of an artifact: a description ("" for none), and facts by name. `origin` is its entry in `artifacts`."""

    description: str
    metadata: dict[str, Scalar]
    origin: Path


@record
class External:
    """An artifact that nobody in the project produces. `uri` holds no references but parameters."""

    name: str
    type: ArtifactType
    uri: Text
    origin: Path
    about: About | None = None


@record
class Best:
    """Which item of a loop: the one whose metric is the highest, or the lowest; the first of equals."""

    loop: str
    metric: MetricRef
    highest: bool
    origin: Path


@record
class Input:
    """An artifact that the step reads at `path`, made by `producer`; "" for an `external` one, and for a dataset that no step makes.

    `best` says of which item, where the producer is in a loop and this step is not. `outer` is the name under which the artifact
    comes into the loop of this step, "" where it is made beside the step.
    """

    name: str
    path: str
    type: ArtifactType
    producer: str
    origin: Path
    external: External | None = None
    optional: bool = False
    best: Best | None = None
    outer: str = ""


@record
class Output:
    """An artifact that the step writes at `path`. `about` is None where nothing is said of it.

    `optional`: the step need not write it, for everybody who reads it can do without.
    """

    name: str
    path: str
    type: ArtifactType
    origin: Path
    about: About | None = None
    optional: bool = False


@record
class Claim:
    """An existing PersistentVolumeClaim. `given` is its name where parameters are in it; `claim` is then as it is written."""

    name: str
    claim: str
    origin: Path
    given: Text | None = None


@record
class RunClaim:
    """A PersistentVolumeClaim made for each run and deleted after it. `storage_class` is "" for the cluster's default.

    `workspace`: on KFP the backend makes it, as the run's workspace (`targets.kfp.workspace`). `keep`: it is not deleted.
    """

    name: str
    size: str
    access_mode: str
    storage_class: str
    workspace: bool
    origin: Path
    keep: bool = False


@record
class Memory:
    """A tmpfs of at most `size`, one per pod."""

    name: str
    size: str
    origin: Path


@record
class EmptyDir:
    """A scratch folder, one per pod; `size` may be ""."""

    name: str
    size: str
    origin: Path


@record
class SecretVolume:
    """A Secret's keys as files; `mode` is the file mode as a number, None for Kubernetes' default (0644). `given` is as in `Claim`."""

    name: str
    secret: str
    mode: int | None
    origin: Path
    given: Text | None = None


@record
class ConfigMapVolume:
    """A ConfigMap's keys as files, with `given` as in `Claim`."""

    name: str
    config_map: str
    origin: Path
    given: Text | None = None


@record
class Ephemeral:
    """A claim made for each pod and deleted with it. `storage_class` is "" for the cluster's default."""

    name: str
    size: str
    access_mode: str
    storage_class: str
    origin: Path


@record
class HostPath:
    """A file or folder of the node that the pod happens to run on."""

    name: str
    path: str
    origin: Path


@record
class Nfs:
    """A folder that an NFS server exports."""

    name: str
    server: str
    path: str
    origin: Path


if TYPE_CHECKING:
    Named = Claim | SecretVolume | ConfigMapVolume | SecretKey | ConfigMapKey
    Volume = Claim | RunClaim | Memory | EmptyDir | SecretVolume | ConfigMapVolume | Ephemeral | HostPath | Nfs


@record
class Mount:
    """A volume, or what lies at `sub_path` in it, at a path of a step.

    `dataset`: the input that it is, where that is on a volume. It is `read_only` for later steps and runs read the same files; nobody
    asked for that, so a target that cannot mount it so mounts it all the same.
    """

    volume: Volume
    path: str
    origin: Path
    sub_path: str = ""
    read_only: bool = False
    dataset: str = ""

    @property
    def what(self) -> str:
        """What the project calls it, for messages: dataset `photos`, volume `scratch`."""
        return f"dataset `{self.dataset}`" if self.dataset else f"volume `{self.volume.name}`"


@record
class Resource:
    """One resource: `name` is Kubernetes' (`cpu`, `memory`, `ephemeral-storage`, `nvidia.com/gpu`), amounts are quantities or ""."""

    name: str
    request: str
    limit: str
    origin: Path


@record
class Retry:
    """Further attempts after a failure. Durations are seconds, 0 where not given; `factor` is "" where not given."""

    limit: int
    on: Choice["failure", "error", "always"]
    backoff_duration: int
    backoff_factor: str
    backoff_max: int
    origin: Path


@record
class Cache:
    """`key` is "" for the engine's own. `versions` says from which locked versions the result is made, "" for none."""

    enabled: bool
    key: str
    origin: Path
    versions: str = ""


@record
class Security:
    """As whom a step's program runs. All is None where nothing is said; `fs_group` is of the pod's volumes."""

    run_as_user: int | None
    run_as_group: int | None
    run_as_non_root: bool | None
    fs_group: int | None
    origin: Path


@record
class Container:
    """A container of a step's pod beside the step's own: before it (`init`) or with it (`sidecars`). A `script` is one of `sh`."""

    name: str
    image: Image
    command: tuple[Text, ...] | None
    args: tuple[Text, ...]
    script: Script | None
    env: tuple[Env, ...]
    mounts: tuple[Mount, ...]
    resources: tuple[Resource, ...]
    ports: tuple[int, ...]
    origin: Path

    @property
    def texts(self) -> tuple[Text, ...]:
        """The texts that may hold expressions: command, args, then env."""
        return (*(self.command or ()), *self.args, *(env.value for env in self.env if isinstance(env.value, Text)))


@record
class Given:
    """The value of a label where parameters are in it."""

    name: str
    text: Text


@record
class Applied:
    """What a step does to a Kubernetes object. In `manifest` texts are `Text`, lists tuples; conditions may be ""."""

    action: Choice["get", "create", "apply", "delete", "replace", "patch"]
    manifest: object
    success: str
    failure: str
    origin: Path

    @property
    def texts(self) -> tuple[Text, ...]:
        """The texts of the manifest, in order."""
        found: list[Text] = []
        open_nodes = [self.manifest]
        while open_nodes:
            node = open_nodes.pop()
            if isinstance(node, Text):
                found.append(node)
            elif isinstance(node, (dict, tuple)):
                open_nodes.extend(reversed(list(node.values() if isinstance(node, dict) else node)))
        return tuple(found)


@record
class Condition:
    """Run the step only if `expr` (of type bool) is true. From a `gate` (one per threshold) or from `when`."""

    expr: Expr
    kind: Choice["gate", "when"]
    origin: Path


@record
class Step:
    """One container of the project. All texts are merged from defaults; each part's `origin` says where it was written.

    `command` is None where only the image knows its program. With `script`, `command` is None and `args` are the script's.
    `after` holds every step that must succeed first (needs, gates, conditions, data), each once, in topological order.
    `merged` maps a key of the step (`("timeout",)`, `("labels", "team")`) to the path it was written at, where that is not the step.
    """

    name: str
    title: str
    description: str
    image: Image
    command: tuple[Text, ...] | None
    args: tuple[Text, ...]
    script: Script | None
    workdir: str
    env: tuple[Env, ...]
    after: tuple[str, ...]
    conditions: tuple[Condition, ...]
    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]
    values: tuple[Value, ...]
    metrics: tuple[Metric, ...]
    mounts: tuple[Mount, ...]
    resources: tuple[Resource, ...]
    retry: Retry | None
    timeout: int
    cache: Cache | None
    labels: dict[str, str]
    annotations: dict[str, str]
    scheduling: Scheduling | None
    origin: Path
    merged: dict[Path, Path]
    security: Security | None = None
    service_account: str = ""
    init: tuple[Container, ...] = ()
    sidecars: tuple[Container, ...] = ()
    resource: Applied | None = None
    """Instead of a program: the image has no reference then."""
    given_labels: tuple[Given, ...] = ()
    """The labels with parameters in them, which `labels` holds as they are written."""

    @property
    def made(self) -> bool:
        """Whether the compiler made the step up: it fetches or publishes a dataset or code, and nobody wrote it."""
        return self.name.startswith("x-")

    @property
    def beside(self) -> tuple[Container, ...]:
        """The other containers of the step's pod, those that run first first."""
        return (*self.init, *self.sidecars) if self.init or self.sidecars else ()

    @property
    def all_mounts(self) -> tuple[Mount, ...]:
        """The mounts of all containers of the step's pod."""
        beside = self.beside
        return (*self.mounts, *(mount for container in beside for mount in container.mounts)) if beside else self.mounts

    @property
    def all_env(self) -> tuple[Env, ...]:
        """The variables of all containers of the step's pod."""
        return (*self.env, *(one for container in self.beside for one in container.env))

    @property
    def texts(self) -> tuple[Text, ...]:
        """The texts that may hold expressions: command, args, then env, of the step and then of the other containers of its pod."""
        own = (*(self.command or ()), *self.args, *(env.value for env in self.env if isinstance(env.value, Text)))
        beside = self.beside
        return (*own, *(text for container in beside for text in container.texts)) if beside else own

    @property
    def bound(self) -> tuple[Text, ...]:
        """All that is filled in at run time, before the pod starts: the texts, and parameters in the image, in names and labels."""
        image = (self.image.text,) if self.image.text is not None else ()
        names = tuple(one.given for one in self.named if one.given is not None)
        return (*self.texts, *image, *names, *(label.text for label in self.given_labels))

    @property
    def named(self) -> tuple[Named, ...]:
        """What the step's pod takes from its namespace by name, in all containers: claims, secrets, config maps."""
        volumes = tuple(mount.volume for mount in self.all_mounts if isinstance(mount.volume, (Claim, SecretVolume, ConfigMapVolume)))
        return (*volumes, *(one.value for one in self.all_env if isinstance(one.value, (SecretKey, ConfigMapKey))))

    def where(self, *key: str | int) -> Path:
        """The path of a key of this step in the document, wherever it was inherited from."""
        for length in range(len(key), 0, -1):
            origin = self.merged.get(key[:length])
            if origin is not None:
                return (*origin, *key[length:])
        return (*self.origin, *key)


@record
class Loop:
    """What a loop runs over: `rows` holds for each item a text per column, in item order.

    `rows` is None where `source` gives the list at run time: column `NAME` is then the item itself, `NAME.FIELD` a field of it, and
    only the columns that are used are there. `parallel` is how many items may run at once, 0 for any number.
    """

    columns: tuple[EachRef, ...]
    rows: tuple[tuple[str, ...], ...] | None
    source: ParamRef | ValueRef | ListRef | None
    parallel: int
    origin: Path


@record
class Group:
    """A scope of steps: those of the run, those of a loop, or those that run at the end. Children in topological order.

    A loop is called like its first step and runs its children once per item; the others ride along. `after` holds the steps and
    loops that must succeed first, `conditions` are evaluated once, before it. `lists` are the values that others use, as lists, and
    `picks` the artifacts of the best item that others take. The `after` of a step names steps and loops of the same group only.
    """

    kind: Choice["run", "loop", "finally"]
    name: str
    children: tuple[Step | Group, ...]
    origin: Path
    loop: Loop | None = None
    after: tuple[str, ...] = ()
    conditions: tuple[Condition, ...] = ()
    lists: tuple[ListRef, ...] = ()
    picks: tuple[Input, ...] = ()


# --- the project --------------------------------------------------------------------------------------------------------------


@record
class Store:
    """Where artifacts live. `bucket` is Azure's container; `endpoint`, `prefix`, `region` and the names of the secret's keys may be "".

    `secret_key` is the one key of a Google or Azure secret too, which have no `access_key`. Without a secret the pods' own identity counts.
    """

    kind: Choice["s3", "minio", "gcs", "azure", "oss"]
    endpoint: str
    bucket: str
    prefix: str
    region: str
    insecure: bool
    secret: str
    access_key: str
    secret_key: str
    origin: Path


@record
class Ttl:
    """How long the engine keeps a finished run, in seconds; 0 where nothing is said."""

    completion: int = 0
    success: int = 0
    failure: int = 0


@record
class Schedule:
    """When runs start by themselves. `cron` has five fields or is a word such as `@daily`; `starting_deadline` is seconds or 0."""

    cron: str
    timezone: str
    concurrency: Choice["", "Allow", "Forbid", "Replace"]
    suspend: bool
    starting_deadline: int
    origin: Path


@record
class Patch:
    """A change of the finished manifest: of what becomes of one step, or with `step` "" of the whole.

    Either `merge` is what is laid over it, or `json` holds the operations of a JSON patch (RFC 6902).
    """

    step: str
    merge: dict[str, Any] | None
    json: tuple[dict[str, Any], ...]
    origin: Path


@record
class ArgoSettings:
    """`targets.argo`. `version` is "" where the spec names none, `deadline` seconds, `parallelism` pods at a time; 0 is nothing said."""

    version: str
    kind: Choice["Workflow", "WorkflowTemplate"]
    namespace: str
    service_account: str
    ttl: Ttl
    deadline: int
    parallelism: int
    origin: Path
    patch: tuple[Patch, ...] = ()


@record
class KfpSettings:
    """`targets.kfp`. `version` is the backend's, `workspace` a volume's name, both "" for none; `deadline` is seconds or 0."""

    version: str
    storage_class: str
    workspace: str
    ttl: Ttl
    deadline: int
    origin: Path
    patch: tuple[Patch, ...] = ()


@record
class Pipeline:
    """A whole project, as it is in its `environment` where one was chosen.

    `store_name` is what objects around the store are called after: the project, and the environment where that has a store of its own.
    """

    name: str
    description: str
    labels: dict[str, str]
    annotations: dict[str, str]
    params: tuple[Param, ...]
    volumes: tuple[Volume, ...]
    store: Store | None
    run: Group
    final: Group | None
    schedule: Schedule | None
    argo: ArgoSettings
    kfp: KfpSettings
    store_name: str
    environment: str = ""
    origin: Path = ()

    @property
    def steps(self) -> tuple[Step, ...]:
        """Every step of the project, in topological order, those of `finally` last."""
        return (*steps_of(self.run), *(steps_of(self.final) if self.final else ()))


def loops_of(pipeline: Pipeline) -> tuple[Group, ...]:
    """Every loop of the project."""
    groups = (pipeline.run, pipeline.final) if pipeline.final else (pipeline.run,)
    return tuple(child for group in groups for child in group.children if isinstance(child, Group))


def flat(pipeline: Pipeline) -> dict[str, Step]:
    """Every step, as one graph for people to look at: the first step of a loop has the edges and conditions of the loop."""
    found = {step.name: step for step in pipeline.steps}
    for loop in loops_of(pipeline):
        found[loop.name] = replace(found[loop.name], after=loop.after, conditions=loop.conditions)
    return found


def steps_of(group: Group) -> tuple[Step, ...]:
    """Every step in a group, in topological order."""
    found: list[Step] = []
    for child in group.children:
        if isinstance(child, Group):
            found.extend(steps_of(child))
        else:
            found.append(child)
    return tuple(found)
