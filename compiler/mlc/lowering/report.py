"""What the wrapper shows of an artifact of type `classification_metrics`: a confusion matrix and a ROC curve, from one JSON file.

KFP's UI draws them from the artifact's metadata, `confusionMatrix` and `confidenceMetrics`, not from its content (frontend,
MetricsVisualizations.tsx and ROCCurveHelper.tsx; the launcher merges what the executor output file says, launcher_v2.go).

The metadata of an artifact travels in a process argument of every step that reads it, and through Argo's templates: so it is kept
small, and a label that an engine would expand is not shown. What is no such file is not shown either, and the log says so.
"""

from __future__ import annotations

POINTS = 200
"""Of a curve, at most; it is thinned out evenly."""
LABELS = 40
"""Of a matrix, at most."""
LONGEST = 32768
"""Bytes of the metadata of one artifact."""

REPORT = f"""\
report() {{
  [ -e "$2" ] || return 0
  V_n=
  if command -v python3 > /dev/null 2>&1; then
    V_n=`python3 -c "$V_draw" "$2" 2> /dev/null` || V_n=
  fi
  case $V_n in
  '{{'*'}}') V_reports="$V_reports${{V_reports:+,}}\\"$1\\":{{\\"artifacts\\":[{{\\"metadata\\":$V_n}}]}}" ;;
  *) printf '%s\\n' "mlc: step $0: $1 is not shown in the UI: $2 holds no confusion_matrix or roc, or there is no python3" >&2 ;;
  esac
}}
V_shown=
V_reports=
V_draw='import json, math, sys
def number(value):
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError(value)
    return value
found, made = json.load(open(sys.argv[1], encoding="utf-8")), dict()
if found.get("confusion_matrix") is not None:
    labels = [str(label) for label in found["confusion_matrix"]["labels"]]
    rows = [[number(cell) for cell in row] for row in found["confusion_matrix"]["rows"]]
    sizes = set(map(len, rows)) | set([len(rows) or 1])
    expanded = set("".join(labels)) & set(map(chr, (36, 123, 125)))
    if sizes != set([len(labels)]) or len(labels) > {LABELS} or expanded:
        raise ValueError(labels)
    made["confusionMatrix"] = dict(annotationSpecs=[dict(displayName=label) for label in labels], rows=[dict(row=row) for row in rows])
if found.get("roc") is not None:
    rates = [[number(value) for value in found["roc"][key]] for key in ("fpr", "tpr")]
    given = [math.inf if value is None else value for value in found["roc"]["thresholds"]]
    if not len(rates[0]) == len(rates[1]) == len(given):
        raise ValueError(given)
    top = max([number(value) for value in given if value != math.inf], default=0) + 1
    points = [(top if value == math.inf else value, tpr, fpr) for value, tpr, fpr in zip(given, rates[1], rates[0])]
    step = max(1, math.ceil(len(points) / {POINTS}))
    kept = points[::step] + ([points[-1]] if (len(points) - 1) % step else [])
    names = ("confidenceThreshold", "recall", "falsePositiveRate")
    made["confidenceMetrics"] = [dict(zip(names, point)) for point in kept]
text = json.dumps(made)
print(text if made and len(text) <= {LONGEST} else "")'
"""

# As for metrics alone; `V_shown` stays empty where there are none.
PUBLISH = """\
if [ -n "$V_shown" ]; then
  V_reports="$V_reports${V_reports:+,}\\"x-metrics\\":{\\"artifacts\\":[{\\"metadata\\":{$V_shown}}]}"
fi
if [ -n "$V_reports" ]; then
  V_f=`printf '%s\\n' "$V_executor_input" | sed -n 's/.*"outputFile": *"\\([^"]*\\)".*/\\1/p'`
  case $V_f in
  */output_metadata.json)
    if [ -e "$V_f" ]; then
      printf '%s\\n' "mlc: step $0: nothing is shown in the UI: the program wrote $V_f itself" >&2
    else
      mkdir -p "${V_f%/*}" && printf '{"artifacts":{%s}}' "$V_reports" > "$V_f" || fail "cannot write $V_f"
    fi ;;
  *) printf '%s\\n' "mlc: step $0: nothing is shown in the UI: the engine named no file for it" >&2 ;;
  esac
fi
"""
