"""The `sh` script around a program on engines that choose their own paths: it links inputs, checks and hands over what was declared.

The script is the same for every step that needs the same things. Whatever belongs to a step (names, paths, texts) reaches it as
positional arguments, one record after the other, then `--`, then the program:

    folder PATH | input or optional NAME PATH SOURCE | output, maybe, value or metric NAME PATH TARGET
    show METRIC PATH KEY | report NAME PATH TYPE
    workdir PATH | packages LINES | script TEXT

The program may be `env NAME=TEXT... PROGRAM...`: no shell stands between `env` and the program, so that none objects to a name
(`UID` is read-only in bash) or keeps one for itself. The word `@` is the file that holds the script.

Nothing is pasted into the script. It holds no `$(` and no `$$`, so a kubelet that expands it once or twice leaves it as it is.
Its variables start with `__mlc_`: a shell exports again what the environment had, so a plain name would overwrite the step's own.
It needs a POSIX `sh` and the usual tools (`cat cp ln mkdir rm tr wc`), `mktemp` for scripts and packages, `env` for run-time
variables; `grep`, `sed` and `python3` or `jq` only to show metrics, `python3` to show a confusion matrix or a ROC curve.
"""

from __future__ import annotations

from ..record import record
from .text import kubelet

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

PREFIX = "__mlc_"
"""What the script's variables start with; a variable of a step may not."""
FILE = "@"
"""The word that stands for the file with the script."""
SCRATCH = ("/tmp", "/var/tmp", "/dev/shm")  # noqa: S108 - the folder below is made by mktemp, which cannot be foreseen
"""Where the script may make a folder of its own, in this order. `TMPDIR` is the program's: it may lead to a volume that others share."""

LIMIT = 32768
"""Bytes that a value or a metric file may have: all inputs of a consumer reach its launcher in one process argument (kfp, driver.go)."""


@record
class Needs:
    """What the script of a step must be able to do.

    `collect`: the step has outputs, values or metrics; `show`: it has metrics for the UI, `look`: some of them inside a document;
    `optional`: it has inputs (`optional`) or outputs (`maybe`) that may be missing;
    `report`: it has outputs whose content the UI shows by their metadata;
    `script`: there is a file for an interpreter; `scratch`: the places to try for it.
    """

    collect: bool = False
    show: bool = False
    look: bool = False
    inputs: bool = False
    folders: bool = False
    workdir: bool = False
    packages: bool = False
    script: bool = False
    scratch: Sequence[str] = SCRATCH
    report: bool = False
    optional: bool = False

    @property
    def published(self) -> bool:
        """Whether the script writes a file for the engine, and so takes the executor input as its first argument."""
        return self.show or self.report

    @property
    def records(self) -> bool:
        """Whether anything stands before the `--`."""
        return self.collect or self.inputs or self.folders or self.workdir or self.script


def expanded(text: str) -> str:
    """What a kubelet would change in a text: the first `$(` or `$$`, "" where there is neither.

    KFP's driver gets the container, the task and the run's parameters in its own arguments (argocompiler/container.go, `--container`),
    so a kubelet reads every text twice and doubling `$` is not enough for these two.
    """
    found = [at for mark in ("$(", "$$") if (at := text.find(mark)) >= 0]
    return text[min(found) : min(found) + 2] if found else ""


def word(text: str) -> str:
    """A constant as an argument that neither an engine nor a kubelet changes on its way to the script, which undoes the `=` and `%`.

    KFP interprets an argument that starts with `{"IfPresent":` after white space (driver/util.go isConditionClause), hence the `=`.
    After `%` stand the escapes of `printf %b`: no doubling survives two kubelets.
    """
    if expanded(text):
        escaped = text.replace("\\", "\\\\").replace("$", "\\0044")
        return "%" + escaped
    return kubelet(shielded(text))


def shielded(text: str) -> str:
    """The text with a `=` in front where an engine or the script would take its start for something else."""
    return "=" + text if text[:1] in ("=", "%") or text == FILE or text.lstrip()[:1] == "{" else text


def script(needs: Needs) -> str:
    """The script for steps with these needs, to be run as `sh -ec SCRIPT STEP RECORDS... -- PROGRAM...`.

    With `show` or `report`, the executor input is the first argument; without any records there is no `--`. `$` is not doubled yet.
    """
    if not needs.records:
        return _prefixed(_WORD.replace("FILE\n", "") + _RUN)
    parts = [_FAIL, _WORD.replace("FILE\n", _FILE if needs.script else "")]
    if needs.script:
        parts.append(_MAKE_SCRATCH.replace("PLACES", " ".join(needs.scratch)))
    parts.append(_START_HEAD)
    parts.extend(arm for needed, arm in _arms(needs) if needed)
    parts.extend((_START_TAIL, _indented(_RUN), "}\n"))
    if needs.collect:
        parts.append(_CLEAR)
        parts.append(_COLLECT)
        if needs.optional:
            parts.append(_SOME)
        if needs.show:
            parts.append(_SHOW.replace("LOOK\n", _LOOK if needs.look else "") + (_LOOK_PROGRAMS if needs.look else ""))
        publish = _PUBLISH
        if needs.report:
            from .report import PUBLISH, REPORT  # of few projects

            parts.append(REPORT)
            publish = PUBLISH
        kinds = ((needs.optional, _FINISH_MAYBE), (needs.show, _FINISH_SHOW), (needs.report, _FINISH_REPORT))
        parts.append(_FINISH_HEAD + "".join(arm for needed, arm in kinds if needed) + _FINISH_TAIL)
        if needs.published:
            parts.append(_TAKE_EXECUTOR_INPUT)
        parts.append(_SUPERVISE)
        parts.append(publish if needs.published else "")
    else:
        parts.append('start "$@"\n')
    return _prefixed("".join(parts))


def _prefixed(text: str) -> str:
    return text.replace("V_", PREFIX)  # short here, for the sake of the lines' length


def _indented(lines: str) -> str:
    return "".join(f"  {line}\n" for line in lines.splitlines())


def _arms(needs: Needs) -> tuple[tuple[bool, str], ...]:
    return (
        (needs.folders, _ARM_FOLDER),
        (needs.inputs, _ARM_INPUT),
        (needs.optional and needs.inputs, _ARM_OPTIONAL),
        (needs.collect, _ARM_CLEAR.replace("output |", "output | maybe |") if needs.optional else _ARM_CLEAR),
        (needs.show, _ARM_SHOW),
        (needs.report, _ARM_SHOW.replace("show)", "report)")),
        (needs.workdir, _ARM_WORKDIR),
        (needs.packages, _ARM_PACKAGES),
        (needs.script, _ARM_SCRIPT),
    )


_FAIL = """\
fail() {
  printf '%s\\n' "mlc: step $0: $1" >&2
  exit 1
}
"""

_WORD = """\
word() {
  case $1 in
FILE
  =*) V_a=${1#=} ;;
  %*) V_a=`printf '%bx' "${1#%}"`; V_a=${V_a%x} ;;
  *) V_a=$1 ;;
  esac
}
"""

_FILE = """\
  @) V_a=$V_m/run ;;
"""

# Two steps may share a volume at /tmp: `mktemp` makes a folder that no other has.
_MAKE_SCRATCH = """\
V_m=
scratch() {
  for V_d in PLACES; do
    [ -z "$V_m" ] || return 0
    V_m=`mktemp -d "$V_d/mlc.XXXXXX" 2> /dev/null` || V_m=
  done
  [ -n "$V_m" ] || fail "cannot make a folder in any of PLACES as user `id -u`"
}
"""

_START_HEAD = """\
start() {
  while [ "$1" != -- ]; do
    case $1 in
"""

_ARM_FOLDER = """\
    folder)
      mkdir -p "$2" || fail "cannot make the folder $2 as user `id -u`"
      shift 2 ;;
"""

# A link costs nothing and keeps the kind of the input. `ln -n` would put it inside a folder that the image brings along.
_ARM_INPUT = """\
    input)
      [ -e "$4" ] || fail "input $2 is missing: nothing was delivered at $4"
      mkdir -p "${3%/*}/" || fail "input $2: cannot make the folder ${3%/*} as user `id -u`"
      if [ -d "$3" ] && [ ! -L "$3" ]; then
        rmdir "$3" || fail "input $2: $3 is a folder of the image that is not empty"
      fi
      ln -sfn "$4" "$3" || fail "input $2: cannot make the link $3 as user `id -u`"
      shift 4 ;;
"""

# Nothing to link is nothing to do; what is there is linked like any input, by the arm that comes after.
_ARM_OPTIONAL = """\
    optional)
      if [ -e "$4" ]; then
        shift
        set -- input "$@"
      else
        shift 4
      fi ;;
"""

_ARM_CLEAR = """\
    output | value | metric)
      clear "$@"
      shift 4 ;;
"""

_ARM_SHOW = """\
    show) shift 4 ;;
"""

# A container runtime makes the folder of `workingDir` where the image has none.
_ARM_WORKDIR = """\
    workdir)
      { [ -d "$2" ] || mkdir -p "$2"; } && cd "$2" || fail "cannot work in the folder $2 as user `id -u`"
      shift 2 ;;
"""

_ARM_PACKAGES = """\
    packages)
      scratch
      word "$2"
      printf '%s\\n' "$V_a" > "$V_m/requirements.txt" || fail "cannot write to $V_m"
      python -m pip install --quiet --no-cache-dir --disable-pip-version-check -r "$V_m/requirements.txt" ||
        fail "cannot install the packages"
      shift 2 ;;
"""

_ARM_SCRIPT = """\
    script)
      scratch
      word "$2"
      printf '%s' "$V_a" > "$V_m/run" || fail "cannot write to $V_m"
      shift 2 ;;
"""

_START_TAIL = """\
    *) fail "unknown record $1" ;;
    esac
  done
  shift
"""

_RUN = """\
for V_a; do
  shift
  word "$V_a"
  set -- "$@" "$V_a"
done
exec "$@"
"""

# A folder that the image brings along stays, with its owner and mode, and so does a link to one: only what is in it goes. Not where
# the program would be started: what it is made of would go.
_CLEAR = """\
clear() {
  if [ -d "$3" ]; then
    V_d=`cd "$3" && pwd -P`/ || fail "$1 $2: cannot enter $3 as user `id -u`"
    case `pwd -P`/ in
    "$V_d"*) fail "$1 $2: $3 is the folder that the image starts the program in" ;;
    esac
    rm -rf "$3"/* "$3"/.[!.]* "$3"/..?*
  else
    rm -f "$3"
  fi || fail "$1 $2: cannot remove the old $3 as user `id -u`"
}
"""

_COLLECT = f"""\
V_nl='
'
copy() {{
  [ -e "$2" ] || fail "output $1 is missing: nothing was written to $2"
  if [ -d "$2" ]; then
    V_some=
    for V_f in "$2"/* "$2"/.[!.]* "$2"/..?*; do
      if [ -e "$V_f" ]; then V_some=1; fi
    done
    [ -n "$V_some" ] || fail "output $1 is missing: the folder $2 is empty"
  fi
  mkdir -p "${{3%/*}}" && rm -rf "$3" && cp -RL "$2" "$3" || fail "output $1: cannot copy $2"
}}
hand() {{
  [ -e "$3" ] || fail "$1 $2 is missing: nothing was written to $3"
  [ -f "$3" ] || fail "$1 $2: $3 is no file"
  V_n=`wc -c < "$3"` && [ "$V_n" -le {LIMIT} ] || fail "$1 $2: $3 cannot be read or is larger than 32 KiB"
  V_k=`tr -d '\\000' < "$3" | wc -c`
  [ "$V_k" -eq "$V_n" ] || fail "$1 $2: $3 holds a NUL byte"
  V_v=`cat "$3" && printf x` || fail "$1 $2: cannot read $3"
  V_v=${{V_v%x}}
  V_v=${{V_v%"$V_nl"}}
  mkdir -p "${{4%/*}}" && printf '%s' "$V_v" > "$4" || fail "$1 $2: cannot write $4"
}}
"""

# What is pasted into JSON is a number by the expression below and by nothing else. Two digits of exponent keep it in a double's range.
_SHOW = """\
note() { printf '%s\\n' "mlc: step $0: metric $1 is not shown in the UI: $2" >&2; }
show() {
  word "$3"
  V_n=
  if [ "$V_a" = '[]' ]; then
    V_n=`tr -s '\\t\\r\\n ' '    ' < "$2"`
LOOK
  fi
  case $V_n in
  *"$V_nl"*) V_n= ;;
  esac
  V_n=${V_n#"${V_n%%[! ]*}"}
  V_n=${V_n%"${V_n##*[! ]}"}
  if printf '%s\\n' "$V_n" | grep -Eq '^-?(0|[1-9][0-9]{0,39})([.][0-9]{1,40})?([eE][-+]?[0-9]{1,2})?$'; then
    V_shown="$V_shown${V_shown:+,}\\"$1\\":$V_n"
  else
    note "$1" "it is no number"
  fi
}
V_shown=
"""

_LOOK = """\
  elif command -v python3 > /dev/null 2>&1; then
    V_n=`python3 -c "$V_find" "$2" "$V_a" 2> /dev/null` || V_n=
  elif command -v jq > /dev/null 2>&1; then
    V_n=`jq -rs --argjson k "$V_a" "$V_query" "$2" 2> /dev/null` || V_n=
  else
    note "$1" "the image has neither python3 nor jq to look into $2"
    return 0
"""

_LOOK_PROGRAMS = """\
V_find='import json, sys
found = json.load(open(sys.argv[1], encoding="utf-8"))
key = json.loads(sys.argv[2])
if isinstance(key, str):
    found = [entry["numberValue"] for entry in found["metrics"] if entry.get("name") == key][0]
else:
    for name in key:
        found = found[name]
print(json.dumps(found))'
V_query='if length == 1 then .[0] else empty end
| if ($k | type) == "string" then [.metrics[] | select(.name == $k)][0].numberValue else getpath($k) end | numbers'
"""

_FINISH_HEAD = """\
finish() {
  while :; do
    case $1 in
    output) copy "$2" "$3" "$4" ;;
    value | metric) hand "$1" "$2" "$3" "$4" ;;
"""

_FINISH_SHOW = """\
    show) show "$2" "$3" "$4" ;;
"""

_FINISH_MAYBE = """\
    maybe) if some "$3"; then copy "$2" "$3" "$4"; fi ;;
"""

_SOME = """\
some() {
  [ ! -d "$1" ] || for V_f in "$1"/* "$1"/.[!.]* "$1"/..?*; do
    if [ -e "$V_f" ]; then return 0; fi
  done
  [ -e "$1" ] && [ ! -d "$1" ]
}
"""

_FINISH_REPORT = """\
    report) report "$2" "$3" ;;
"""

_FINISH_TAIL = """\
    *) break ;;
    esac
    shift 4
  done
}
"""

_TAKE_EXECUTOR_INPUT = """\
word "$1"
V_executor_input=$V_a
shift
"""

# `wait` ends early when the trap runs: only a second one gives the program's own status (127: it was given already).
_SUPERVISE = """\
V_c= V_t=
trap 'V_t=1; [ -z "$V_c" ] || kill -TERM "$V_c" 2> /dev/null || :' TERM INT
exec 3<&0
start "$@" <&3 3<&- &
V_c=$!
exec 3<&-
[ -z "$V_t" ] || kill -TERM "$V_c" 2> /dev/null || :
V_r=127
while :; do
  V_t= V_s=0
  wait "$V_c" 2> /dev/null || V_s=$?
  [ "$V_s" = 127 ] || V_r=$V_s
  [ -n "$V_t" ] || break
done
[ "$V_r" = 0 ] || exit "$V_r"
LC_ALL=C
finish "$@"
"""

# The file's name is the last `outputFile`: inputs, whose texts others wrote, come before outputs (pipeline_spec.proto, ExecutorInput).
_PUBLISH = """\
if [ -n "$V_shown" ]; then
  V_f=`printf '%s\\n' "$V_executor_input" | sed -n 's/.*"outputFile": *"\\([^"]*\\)".*/\\1/p'`
  case $V_f in
  */output_metadata.json)
    if [ -e "$V_f" ]; then
      note "${V_shown%%:*}" "the program wrote $V_f itself"
    else
      mkdir -p "${V_f%/*}" &&
        printf '{"artifacts":{"x-metrics":{"artifacts":[{"metadata":{%s}}]}}}' "$V_shown" > "$V_f" || fail "cannot write $V_f"
    fi ;;
  *) note "${V_shown%%:*}" "the engine named no file for it" ;;
  esac
fi
"""
