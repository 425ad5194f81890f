"""The `sh` script around a program on engines that choose their own paths: it links inputs, checks and hands over what was declared.

The script is the same for every step that needs the same things. Whatever belongs to a step (names, paths, texts) reaches it as
positional arguments, one record after the other, then `--`, then the program:

    folder PATH | input NAME PATH SOURCE | output, value or metric NAME PATH TARGET | show METRIC PATH KEY
    env NAME TEXT | workdir PATH | packages LINES | script TEXT

Nothing is pasted into the script. It holds no `$(` and no `$$`, so a kubelet that expands it once or twice leaves it as it is.
It needs a POSIX `sh` and the usual tools (`cat cp ln mkdir rm tr wc`); `grep`, `sed` and `python3` or `jq` only to show metrics.
"""

from __future__ import annotations

from ..record import record
from .text import kubelet

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal as Choice

LIMIT = 32768
"""Bytes that a value or a metric file may have: all inputs of a consumer reach its launcher in one process argument (kfp, driver.go)."""


@record
class Needs:
    """What the script of a step must be able to do.

    `collect`: the step has outputs, values or metrics; `show`: it has metrics for the UI, `look`: some of them inside a document;
    `shell`: the interpreter of `run`, or "".
    """

    collect: bool = False
    show: bool = False
    look: bool = False
    inputs: bool = False
    folders: bool = False
    env: bool = False
    workdir: bool = False
    packages: bool = False
    shell: Choice["", "sh", "bash", "python"] = ""

    @property
    def records(self) -> bool:
        """Whether anything stands before the `--`."""
        return self.collect or self.inputs or self.folders or self.env or self.workdir or bool(self.shell)


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
    return "=" + text if text[:1] in ("=", "%") or text.lstrip()[:1] == "{" else text


def script(needs: Needs) -> str:
    """The script for steps with these needs, to be run as `sh -ec SCRIPT STEP RECORDS... -- PROGRAM...`.

    With `show`, the executor input is the first argument; without any records there is no `--`. `$` is not doubled yet.
    """
    if not needs.records:
        return _WORD + _RUN.replace("PROGRAM", "")
    parts = [_FAIL, _WORD, _START_HEAD]
    parts.extend(arm for needed, arm in _arms(needs) if needed)
    parts.extend((_START_TAIL, _indented(_RUN.replace("PROGRAM", _PROGRAMS[needs.shell])), "}\n"))
    if needs.collect:
        parts.append(_CLEAR)
        parts.append(_COLLECT)
        if needs.show:
            parts.append(_SHOW.replace("LOOK\n", _LOOK if needs.look else "") + (_LOOK_PROGRAMS if needs.look else ""))
        parts.append(_FINISH_HEAD + (_FINISH_SHOW if needs.show else "") + _FINISH_TAIL)
        if needs.show:
            parts.append(_TAKE_EXECUTOR_INPUT)
        parts.append(_SUPERVISE)
        parts.append(_PUBLISH if needs.show else "")
    else:
        parts.append('start "$@"\n')
    return "".join(parts)


def _indented(lines: str) -> str:
    return "".join(f"  {line}\n" for line in lines.splitlines())


def _arms(needs: Needs) -> tuple[tuple[bool, str], ...]:
    return (
        (needs.folders, _ARM_FOLDER),
        (needs.inputs, _ARM_INPUT),
        (needs.collect, _ARM_CLEAR),
        (needs.show, _ARM_SHOW),
        (needs.env, _ARM_ENV),
        (needs.workdir, _ARM_WORKDIR),
        (needs.packages, _ARM_PACKAGES),
        (bool(needs.shell), _ARM_SCRIPT),
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
  =*) a=${1#=} ;;
  %*) a=`printf '%bx' "${1#%}"`; a=${a%x} ;;
  *) a=$1 ;;
  esac
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

_ARM_CLEAR = """\
    output | value | metric)
      clear "$3" || fail "$1 $2: cannot remove the old $3 as user `id -u`"
      shift 4 ;;
"""

_ARM_SHOW = """\
    show) shift 4 ;;
"""

_ARM_ENV = """\
    env)
      word "$3"
      export "$2=$a"
      shift 3 ;;
"""

# A container runtime makes the folder of `workingDir` where the image has none.
_ARM_WORKDIR = """\
    workdir)
      { [ -d "$2" ] || mkdir -p "$2"; } && cd "$2" || fail "cannot work in the folder $2 as user `id -u`"
      shift 2 ;;
"""

_ARM_PACKAGES = """\
    packages)
      word "$2"
      m=${TMPDIR:-/tmp}/mlc
      mkdir -p "$m" && printf '%s\\n' "$a" > "$m/requirements.txt" || fail "cannot write below ${TMPDIR:-/tmp}"
      python -m pip install --quiet --no-cache-dir --disable-pip-version-check -r "$m/requirements.txt" ||
        fail "cannot install the packages"
      shift 2 ;;
"""

_ARM_SCRIPT = """\
    script)
      word "$2"
      m=${TMPDIR:-/tmp}/mlc
      mkdir -p "$m" && printf '%s' "$a" > "$m/run" || fail "cannot write below ${TMPDIR:-/tmp}"
      shift 2 ;;
"""

_START_TAIL = """\
    *) fail "unknown record $1" ;;
    esac
  done
  shift
"""

_RUN = """\
for a; do
  shift
  word "$a"
  set -- "$@" "$a"
done
exec PROGRAM"$@"
"""

_PROGRAMS = {"": "", "sh": 'sh -e "$m/run" ', "bash": 'bash -eo pipefail "$m/run" ', "python": 'python -u "$m/run" '}

# A folder that the image brings along stays, with its owner and mode: only what is in it goes.
_CLEAR = """\
clear() {
  if [ -d "$1" ] && [ ! -L "$1" ]; then
    rm -rf "$1"/* "$1"/.[!.]* "$1"/..?*
  else
    rm -f "$1"
  fi
}
"""

_COLLECT = f"""\
nl='
'
copy() {{
  [ -e "$2" ] || fail "output $1 is missing: nothing was written to $2"
  if [ -d "$2" ]; then
    some=
    for f in "$2"/* "$2"/.[!.]* "$2"/..?*; do
      if [ -e "$f" ]; then some=1; fi
    done
    [ -n "$some" ] || fail "output $1 is missing: the folder $2 is empty"
  fi
  mkdir -p "${{3%/*}}" && rm -rf "$3" && cp -RL "$2" "$3" || fail "output $1: cannot copy $2"
}}
hand() {{
  [ -e "$3" ] || fail "$1 $2 is missing: nothing was written to $3"
  [ -f "$3" ] || fail "$1 $2: $3 is no file"
  n=`wc -c < "$3"` && [ "$n" -le {LIMIT} ] || fail "$1 $2: $3 cannot be read or is larger than 32 KiB"
  k=`tr -d '\\000' < "$3" | wc -c`
  [ "$k" -eq "$n" ] || fail "$1 $2: $3 holds a NUL byte"
  v=`cat "$3" && printf x` || fail "$1 $2: cannot read $3"
  v=${{v%x}}
  v=${{v%"$nl"}}
  mkdir -p "${{4%/*}}" && printf '%s' "$v" > "$4" || fail "$1 $2: cannot write $4"
}}
"""

# What is pasted into JSON is a number by the expression below and by nothing else. Two digits of exponent keep it in a double's range.
_SHOW = """\
note() { printf '%s\\n' "mlc: step $0: metric $1 is not shown in the UI: $2" >&2; }
show() {
  word "$3"
  n=
  if [ "$a" = '[]' ]; then
    n=`tr '\\t\\r\\n' '   ' < "$2"`
LOOK
  fi
  n=${n#"${n%%[! ]*}"}
  n=${n%"${n##*[! ]}"}
  if printf '%s\\n' "$n" | grep -Eq '^-?(0|[1-9][0-9]{0,39})([.][0-9]{1,40})?([eE][-+]?[0-9]{1,2})?$'; then
    shown="$shown${shown:+,}\\"$1\\":$n"
  else
    note "$1" "it is no number"
  fi
}
shown=
"""

_LOOK = """\
  elif command -v python3 > /dev/null 2>&1; then
    n=`python3 -c "$find" "$2" "$a" 2> /dev/null` || n=
  elif command -v jq > /dev/null 2>&1; then
    n=`jq -r --argjson k "$a" "$query" "$2" 2> /dev/null` || n=
  else
    note "$1" "the image has neither python3 nor jq to look into $2"
    return 0
"""

_LOOK_PROGRAMS = """\
find='import json, sys
found = json.load(open(sys.argv[1], encoding="utf-8"))
key = json.loads(sys.argv[2])
if isinstance(key, str):
    found = [entry["numberValue"] for entry in found["metrics"] if entry["name"] == key][0]
else:
    for name in key:
        found = found[name]
print(json.dumps(found))'
query='if ($k | type) == "string" then [.metrics[] | select(.name == $k)][0].numberValue else getpath($k) end | numbers'
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

_FINISH_TAIL = """\
    *) break ;;
    esac
    shift 4
  done
}
"""

_TAKE_EXECUTOR_INPUT = """\
word "$1"
executor_input=$a
shift
"""

# `wait` ends early when the trap runs: only a second one gives the program's own status (127: it was given already).
_SUPERVISE = """\
c= t=
trap 't=1; [ -z "$c" ] || kill -TERM "$c" 2> /dev/null || :' TERM INT
exec 3<&0
start "$@" <&3 3<&- &
c=$!
exec 3<&-
[ -z "$t" ] || kill -TERM "$c" 2> /dev/null || :
r=127
while :; do
  t= s=0
  wait "$c" 2> /dev/null || s=$?
  [ "$s" = 127 ] || r=$s
  [ -n "$t" ] || break
done
[ "$r" = 0 ] || exit "$r"
LC_ALL=C
finish "$@"
"""

# The file's name is the last `outputFile`: inputs, whose texts others wrote, come before outputs (pipeline_spec.proto, ExecutorInput).
_PUBLISH = """\
if [ -n "$shown" ]; then
  f=`printf '%s\\n' "$executor_input" | sed -n 's/.*"outputFile": *"\\([^"]*\\)".*/\\1/p'`
  case $f in
  */output_metadata.json)
    if [ -e "$f" ]; then
      note "${shown%%:*}" "the program wrote $f itself"
    else
      mkdir -p "${f%/*}" &&
        printf '{"artifacts":{"x-metrics":{"artifacts":[{"metadata":{%s}}]}}}' "$shown" > "$f" || fail "cannot write $f"
    fi ;;
  *) note "${shown%%:*}" "the engine named no file for it" ;;
  esac
fi
"""
