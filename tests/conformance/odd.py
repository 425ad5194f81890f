"""Odd values, by what they are given for: what a mutation puts in place of something sound."""

from __future__ import annotations

from typing import Any

HOSTILE = (
    "{{=1+1}}", "{{workflow.name}}", "{{ inputs.parameters.x }}", "{{item}}", "a {{= b", "{{$}}", "{{$.inputs.parameters['x']}}",
    "{{.State}}", "{{x}}", "{{", "}}", "a }} b", "$(HOME)", "$$", "$$(HOME)", "$", "`id`", "it's", '"', "\\", "\\u003c", "\n", "a\nb\n",
    "-x", "--", "", " ", '{"IfPresent":1}', '{"Concat":["a"]}', '{"IfPresent": {"InputName": "a"}}', "y", "1e3", "0123", "~", "null",
    "# x", "a: b", "- a", "a\tb\u00a0c", "é", "한국어 🙂", "a\u2028b", "\u200b", "%s=%n", "=x", "@", "%", "  a  ", "${{ params.x }}",
    "${{ run.id }}", "${{ '' }}", "${{ '{{' }}", "${{ true }}", "${{", "${X}", "x is missing", "variable not in env", "&a", "*a", "!x",
    "|", "?", "@file", "<no value>", "a" * 300, "\u0085", "\ufeff", "\x07", "\x1b[1m", "\x7f", "1\x002",
)  # fmt: skip
"""Texts of every layer below: engines' templates, the kubelet, shells, YAML, JSON, encodings."""

NAMES = (
    "in", "not", "and", "or", "matches", "contains", "let", "if", "else", "nil", "true", "false", "null", "all", "none", "map",
    "filter", "len", "type", "startsWith", "var", "void", "package", "import", "namespace", "yes", "no", "on", "off", "y", "n", "Null",
    "class", "lambda", "json", "root", "entrypoint", "iteration", "iteration-1", "x-run", "x", "main", "wait", "init", "workflow",
    "tasks", "steps", "inputs", "outputs", "parameters", "metrics", "status", "executor-logs", "tmp-dir-argo", "kfp-launcher",
    "system-dag-driver", "retries", "item", "pod", "exit", "onExit", "withItems", "a-b_c", "A", "number", "e1", "e-1", "n0", "a--b",
    "a__b", "1a", "a-", "-a", "a.b", "A_b", "a b", "é", "", "x" * 50, "x" * 51, "x" * 63, "x" * 64,
)  # fmt: skip
"""Words of the languages below, names that engines give themselves, and what is hardly a name."""

SPELLINGS = (
    "1e3", "1E3", ".5", "5.", "+5", "-0", "-0.0", "007", "0o17", "0x1F", "1_000", "1e-5", "1.50", "1e400", "-1e400", "1e-400", ".inf",
    "-.Inf", ".nan", "0.1e1", "1:30", "2024-05-01", "1e+3", "1.0", "0.30000000000000004", "12345678901234567890", "9" * 310, "True",
    "NULL", "~", "00.5", "+.5", "1.e3", "-.5e-3",
)  # fmt: skip
"""Unquoted words that some reader of YAML takes for a number, a boolean or a date."""

NUMBERS: tuple[Any, ...] = (
    -1, 0, -0.5, 1e-9, 0.1, 1.5, 2**31 - 1, 2**31, 2**53 + 1, 2**63, 2**64, 10**30, 1e300, -1e300, 9_999, 10_000, 10_001, 3600, 131_072,
)  # fmt: skip

SIZES = (
    "1", "8", "0", "0Gi", "-1Gi", "1Mi", "1023Ki", "1.5Gi", "1GB", "1gi", "1 Gi", "Gi", "1e9", "1E9", "1e3Gi", "500m", "0.1", "1E",
    "9999999E", "1.1111111111Gi", "1.Gi", ".5Gi", "+1Gi", "1000000000000000000Gi", "1k", "1K", "1Ki", "1e99", "2n", "1048576",
    "1048575", "0x10Gi", "8 ", "１Gi", "128974848e0", "1Pi", "12e6", "1e-3",
)  # fmt: skip

DURATIONS = (
    "0s", "1", "30", "1d", "1.5h", "1h 30m", "30m1h", "90m", "1ms", "-1s", "1H", "PT1H", "8761h", "99999999s", "000001s", "1h0m0s", "s",
    "1m1h", "1w", "60s",
)  # fmt: skip

IMAGES = (
    "a", "A", "a:", ":a", "a:b:c", "a/b/", "/a", "a//b", "a_b", "a__b", "a___b", "a-.b", "a..b", "a@sha256:abc", "a@sha256:" + "0" * 64,
    "a@md5:" + "0" * 32, "localhost/a", "LOCALHOST/a", "a.b:5000/c", "a.b:x/c", "a:5000/b", "Acme/train:1", "acme/Train:1",
    "https://a.b/c:1", "a:1 ", "a :1", "a:é", "a:" + "t" * 128, "a:" + "t" * 129, "a" * 255, "a" * 256, "[::1]:5000/a",
    "127.0.0.1:5000/a", "a:latest", "a:_x", "a:-x", "a:.x", "a@b", "-a:1", "a.:1", "docker.io/library/a", "{{x}}:1",
    "a:1@sha256:" + "0" * 64, "a:${{ run.id }}", "xn--p1ai.example/a", "a/" * 60 + "b",
)  # fmt: skip

PATHS = (
    "/", "//", "/a/", "/a//b", "/a/./b", "/a/../b", "a/b", "./a", "/a b", "/é", "/a\\b", "/a:b", "/a$b", "/a*", "/.a", "/...", "/a/...",
    "/-x", "/a/-x", "/tmp", "/tmp/kfp", "/tmp/mlc.x", "/mlc", "/mlc/inputs", "/mlc/inputs/x", "/mlc/outputs", "/mlc/outputs/x/y",
    "/mlc/x", "/var/run/argo", "/var/run/argo/x", "/argo/staging/x", "/argo", "/etc", "/etc/passwd", "/dev/shm", "/dev/null",
    "/proc/self", "/usr/bin/python", "/kfp-launcher/x", "/gcs/x", "/minio/x", "/x.tgz", "/main.log", "/a/main.log", "/" + "p" * 255,
    "/" + "p/" * 200 + "q", "~/a", "/a~b", "C:\\a", "/a\n", "", "/mainctrfs/x", "/var/run/secrets", "/run", "/home", "/a,b", "/a=b",
    "/a@b", "/a%b", "/_", "/a.b-c_d/E",
)  # fmt: skip

LABELS = (
    ("", "a"), ("a", "-"), ("a", "a_"), ("a", "x" * 63), ("a", "x" * 64), ("x" * 63, "a"), ("x" * 64, "a"), ("a/b/c", "a"),
    ("A.b/c", "a"), ("a b", "a"), ("mlc/x", "a"), ("workflows.argoproj.io/completed", "true"),
    ("pipelines.kubeflow.org/v2_component", "x"), ("é", "a"), ("a", "é"), ("a", "a b"), ("a.b/c", ""), ("x." * 126 + "x/a", "a"),
    ("a", "{{workflow.name}}"), ("a", "$(X)"), ("workflows.argoproj.io/title", "t"), ("app", "1"), ("-a", "b"), ("a/", "b"),
    ("/a", "b"), ("a", "\n"),
)  # fmt: skip
"""Keys and values of labels and annotations."""

VARIABLES = (
    "A-B", "1A", "", "a.b", "é", "PATH", "__mlc_a", "MLC_STEP", "KFP_POD_NAME", "ARGO_TEMPLATE", "HOME", "_", "A B", "A=B", "lower",
)  # fmt: skip
"""Names of environment variables."""

SOURCES: tuple[dict[str, str], ...] = (
    {"secret": "A", "key": "k"}, {"secret": "s", "key": "a/b"}, {"secret": "s", "key": "k" * 254}, {"secret": "s" * 254, "key": "k"},
    {"config_map": "c.d", "key": "..x"}, {"field": "metadata.labels"}, {"field": "spec.x"}, {"field": "metadata.annotations['a']"},
    {"field": "status.podIP"},
)  # fmt: skip
"""Where a variable may come from."""

ENUMERATORS = (
    "sh", "bash", "python", "string", "int", "float", "bool", "list", "dict", "failure", "error", "always", "Always", "Never",
    "ReadOnlyMany", "json", "kfp-v1", "model", "html", "Failure",
)  # fmt: skip
"""Words that some key takes."""

CHARACTERS = (
    0x27, 0x22, 0x5C, 0x23, 0x3A, 0x7B, 0x7D, 0x24, 0x85, 0xA0, 0xAD, 0x301, 0x200D, 0x202E, 0x2028, 0xAC00, 0xC1A1, 0xD55C, 0xFE0F,
    0xFF11, 0xFFFD, 0x1F338, 0x1F600, 0xE0067, 0x10FFFF,
)  # fmt: skip
"""Of quoting, of line breaks, invisible ones, and those that take two or four bytes."""

CRONS = (
    "0 3 * * *", "*/5 * * * *", "@daily", "@every 6h", "@every 1h30m", "@every 1s", "@reboot", "@Daily", "0 3 * * mon-fri",
    "0 3 * * MON", "0 3 * * 7", "0 3 * * 0", "60 * * * *", "* * * * * *", "* * * *", "0 0 31 2 *", "0 0 L * *", "0 0 ? * *",
    "0 0 1,15 */2 1-5", "*/0 * * * *", "0-59/61 * * * *", "5/10 * * * *", "1-0 * * * *", "H * * * *", "TZ=Asia/Seoul 0 3 * * *",
    "CRON_TZ=UTC 0 3 * * *", " 0 3 * * *", "0  3 * * *", "0\t3 * * *", "00 03 * * *", "0 3 * jan-dec sun", "0 24 * * *", "@every 0s",
    "@every -1h", "@every 1d", "@annually", "@midnight", "@hourly ", "*/1 */1 */1 */1 */1", "0 3 1-31 1-12 0-6", "-1 * * * *",
    "1,,2 * * * *", "0 3 * * 1#2",
)  # fmt: skip
TIMEZONES = (
    "UTC", "Asia/Seoul", "America/Argentina/Buenos_Aires", "Etc/GMT+9", "EST", "EST5EDT", "utc", "asia/seoul", "Asia/Soul", "Local",
    "GMT+9", "+09:00", "KST", "Europe/Kyiv", "US/Pacific", "../etc/passwd", "Asia", "Asia/", "Zulu", "Factory", "posixrules",
    "right/UTC", "America/Ciudad_Juarez",
)  # fmt: skip
