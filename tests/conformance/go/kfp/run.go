package kfp

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"runtime/debug"
	"strings"

	"github.com/google/uuid"
	apiv1 "k8s.io/api/core/v1"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"github.com/kubeflow/pipelines/backend/src/v2/compiler/argocompiler"
	"github.com/kubeflow/pipelines/backend/src/v2/component"
)

// Run is one run of a pipeline: what is around Argo's controller while it plays the workflow.
type Run struct {
	// number counts the runs before it in the same backend.
	number   int
	project  *project
	workflow *wfv1.Workflow
	outcomes map[string][]Outcome

	folder   string
	metadata *service
	cluster  *cluster
	cache    *cacheClient

	// What the pods did, by the key of the step. The driver of a claim stands for its task. Messages of drivers are kept by their nodes,
	// and `held` has the nodes of those that found a condition false.
	attempts   map[string]int
	programs   map[string]program
	executions map[string]int64
	messages   map[string]string
	held       map[string]bool
	notes      []string
}

// program is what a launcher ran, with the environment of its container.
type program struct {
	words       []string
	environment map[string]string
}

// NewRun compiles a pipeline for these parameters, as texts. The run must be closed. One that comes `after` another finds in the backend
// what that left there: executions, artifacts, results to use again.
func NewRun(manifest string, parameters map[string]string, outcomes map[string][]Outcome, after *Run) (run *Run, err error) {
	pipeline, _, problems := read(manifest)
	if len(problems) > 0 {
		return nil, problems[0].err
	}
	values, err := pipeline.typed(parameters, false)
	if err != nil {
		return nil, err
	}
	number, kept := 0, &cacheClient{entries: map[string]string{}}
	if after != nil {
		number, kept = after.number+1, after.cache
	}
	made, err := pipeline.workflow(values, number)
	if err != nil {
		return nil, err
	}
	if err := copyOf(made).Validate(false, false); err != nil {
		return nil, fmt.Errorf("refused as it is submitted: %w", err)
	}
	run = &Run{
		number: number, project: pipeline, workflow: named(made.Workflow), outcomes: outcomes, cache: kept,
		attempts: map[string]int{}, programs: map[string]program{}, executions: map[string]int64{}, messages: map[string]string{}, held: map[string]bool{},
	}
	defer func() {
		if err != nil {
			run.Close()
		}
	}()
	if run.folder, err = os.MkdirTemp("", "kfp-run-"); err != nil {
		return nil, err
	}
	if run.cluster, err = newCluster(run.folder); err != nil {
		return nil, err
	}
	if run.metadata, err = metadataStore(); err != nil {
		return nil, err
	}
	if after == nil {
		run.metadata.forget()
	}
	// The backend draws names of folders and claims. The same run has the same ones.
	uuid.SetRand(rand.NewChaCha8([32]byte{byte(number)}))
	return run, nil
}

// Close takes away what the run needed.
func (r *Run) Close() {
	if r.cluster != nil {
		r.cluster.stop()
	}
	_ = os.RemoveAll(r.folder)
}

// Workflow is what Argo gets.
func (r *Run) Workflow() *wfv1.Workflow { return r.workflow }

// Claims names the claims that the run's tasks created and deleted.
func (r *Run) Claims() (created, deleted []string) {
	return plain(r.cluster.created), plain(r.cluster.deleted)
}

// Notes are what the launcher would only have written to its log.
func (r *Run) Notes() []string { return r.notes }

func (r *Run) note(about string, err error) {
	if err != nil {
		r.notes = append(r.notes, about+": "+worded(err))
	}
}

// Pod is a pod that the controller made.
type Pod struct {
	Object *apiv1.Pod
	// Main is its container of this name, Program what Argo's wrapper in it starts.
	Main    apiv1.Container
	Program []string
	// Node is the name of its node, without the workflow's.
	Node string
	// Attempt counts the pods of the same step before this one.
	Attempt int
	// Files are the paths of the template's output parameters.
	Files map[string]string
}

// End is how a pod ended. Files are the texts of the template's output parameters.
type End struct {
	Exit  int32
	Lost  bool
	Files map[string]string
}

// longestWord is Linux's limit for one argument of a program, its closing NUL included (MAX_ARG_STRLEN, execve(2)).
const longestWord = 128 * 1024

// Play does what happens in a pod, up to its end. An error is one of this program, not one of the pod.
func (r *Run) Play(ctx context.Context, pod Pod) (End, error) {
	values := environment(pod.Object, pod.Main, r.metadata)
	words := expandAll(append(append([]string{}, pod.Program...), pod.Main.Args...), values)
	key := placeOf(pod.Node)
	if len(words) == 0 {
		return End{}, fmt.Errorf("a pod without a command")
	}
	if err := validPod(pod.Object); err != nil {
		return End{}, fmt.Errorf("Kubernetes would refuse the pod: %w", err)
	}
	for _, word := range words {
		if len(word) >= longestWord {
			const message = "argument list too long"
			if key.driver {
				r.messages[pod.Node] = message
			} else {
				r.attempts[key.step()]++
				r.messages[key.step()] = message
			}
			return End{Exit: 1}, nil
		}
	}
	switch words[0] {
	case "driver":
		return r.playDriver(ctx, pod, key, words[1:])
	case component.KFPLauncherPath, argocompiler.DefaultLauncherCommand: // as a copy beside the program, or alone in its own image
		return r.playLauncher(ctx, pod, key, words[1:], values)
	}
	return End{}, fmt.Errorf("the program %s is not played here", words[0])
}

func (r *Run) playDriver(ctx context.Context, pod Pod, key place, arguments []string) (End, error) {
	// A test can also say how the pod of a driver ends.
	if end, ok := r.outcome(key, pod.Attempt); ok && key.driver && (end.Lost || end.Exit != 0) {
		return End{Exit: end.Exit, Lost: end.Lost}, nil
	}
	if !key.driver {
		r.attempts[key.step()]++
	}
	done := driven{}
	err := guarded(func() (err error) {
		done, err = r.drive(ctx, arguments)
		return err
	})
	if done.id != 0 {
		r.executions[key.step()] = done.id
	}
	r.held[pod.Node] = done.held
	end := End{Files: map[string]string{}}
	for name, path := range pod.Files {
		if text, ok := done.files[path]; ok {
			end.Files[name] = text
		}
	}
	if err != nil {
		// glog.Exitf in the driver's main.
		end.Exit = 1
		r.messages[pod.Node] = worded(err)
	}
	return end, nil
}

func (r *Run) playLauncher(ctx context.Context, pod Pod, key place, arguments []string, values map[string]string) (End, error) {
	var started *launched
	var lost bool
	err := guarded(func() (err error) {
		end, _ := r.outcome(key, pod.Attempt)
		started, lost, err = r.launch(ctx, arguments, end)
		return err
	})
	r.attempts[key.step()]++
	if started != nil {
		r.programs[key.step()] = program{words: started.program, environment: values}
		r.executions[key.step()] = started.executionID
	}
	if err != nil {
		// glog.Exit in the launcher's main: the program's own status is not passed on.
		r.messages[key.step()] = worded(err)
		return End{Exit: 1}, nil
	}
	delete(r.messages, key.step())
	return End{Lost: lost}, nil
}

// guarded turns a panic of the backend into what it is in its pod: the end of a program.
func guarded(work func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v at %s", r, origin(debug.Stack()))
		}
	}()
	return work()
}

// origin is the first line of the backend's code in a stack.
func origin(stack []byte) string {
	for _, line := range strings.Split(string(stack), "\n") {
		if _, place, ok := strings.Cut(line, "github.com/kubeflow/pipelines@"); ok && strings.Contains(line, ".go:") {
			_, place, _ = strings.Cut(place, "/")
			place, _, _ = strings.Cut(place, " +")
			return place
		}
	}
	return "no line of the backend's: " + string(stack)
}

// outcome is what the test says of the n-th attempt of a task: of this item of a loop, or of all of them.
func (r *Run) outcome(key place, attempt int) (Outcome, bool) {
	for _, name := range []string{key.task + key.items, key.task} {
		if said := r.outcomes[name]; len(said) > 0 {
			return said[min(attempt, len(said)-1)], true
		}
	}
	return Outcome{}, false
}

// place is what a node stands for in the pipeline.
type place struct {
	// task is the task's name, with `-driver` if the node is the pod of its driver.
	task   string
	driver bool
	// items are the items of loops around it, as in `[2]` or `[2][0]`.
	items string
}

func (p place) step() string {
	if p.driver {
		return strings.TrimSuffix(p.task, "-driver") + p.items
	}
	return p.task + p.items
}

var iterations = regexp.MustCompile(`^iteration-iterations\((\d+):`)

// placeOf reads it from the name of the node: the names of tasks from the root down, and between them those that the compiler adds
// (backend/src/v2/compiler/argocompiler/dag.go and container.go). Names of tasks have no dots.
func placeOf(node string) place {
	result := place{}
	for _, name := range strings.Split(node, ".") {
		plain, _, _ := strings.Cut(name, "(")
		if item := iterations.FindStringSubmatch(name); item != nil {
			result.items += "[" + item[1] + "]"
			continue
		}
		switch plain {
		case "executor":
			result.driver = false // whatever the task is called
		case "onExit", "iteration-iterations", "iteration-item":
		case "iteration-driver", "iteration-item-driver":
			result.task, result.driver = result.task+"-driver", true
		default:
			result.task, result.driver = plain, strings.HasSuffix(plain, "-driver")
		}
	}
	return result
}
