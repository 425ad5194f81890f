package kfp

import (
	"fmt"
	"sort"
	"strings"

	"github.com/kubeflow/pipelines/api/v2alpha1/go/pipelinespec"
)

// Node is what the controller says of a node of the workflow.
type Node struct{ Phase, Message string }

// Step is the end of a task of the pipeline.
type Step struct {
	Phase    string `json:"phase"`
	Attempts int    `json:"attempts"`
	Message  string `json:"message"`
	// State is what the user interface shows: that of the execution in ML Metadata. Empty: there is no execution.
	State   string            `json:"state,omitempty"`
	Command []string          `json:"command,omitempty"`
	Args    []string          `json:"args,omitempty"`
	Env     map[string]string `json:"env,omitempty"`
}

// Steps gives every task of the pipeline its end, from the nodes by their names without the workflow's. A task is two nodes of Argo: T
// and before it T-driver, except that the driver itself is T where there is no program to run (claims). Its phase is, in this order:
//
//   - Failed or Error, when its driver ended so: a condition that cannot be evaluated, an input that is not there. Argo omits T then.
//   - That of T. `Skipped` is only ever said of a condition that the driver found false; `Omitted` of a task whose dependencies did not
//     all succeed, for whatever reason. A task of a loop whose condition is false is `Skipped` here, although Argo has its outer node
//     succeed, and what depends on it run.
//   - Running, when only its driver was started.
//   - Omitted, when the task that contains it is Omitted or Skipped.
//   - NotRun: the controller never came to it.
//
// The items of a loop are `T[i]`, and T itself is then what became of all of them: the worst phase, the sum of the attempts, and the
// program of the last one. Where a task of a loop is called like a group around it, T is that group.
func (r *Run) Steps(nodes map[string]Node) map[string]Step {
	w := &walk{run: r, nodes: nodes, steps: map[string]Step{}, around: map[string]int{}}
	w.tasks("root", r.project.spec.GetRoot().GetDag(), "", false)
	return w.steps
}

type walk struct {
	run   *Run
	nodes map[string]Node
	steps map[string]Step
	// around counts the groups of each name, with their items, that the walk is in.
	around map[string]int
}

// tasks walks over a DAG whose node has this name.
func (w *walk) tasks(parent string, dag *pipelinespec.DagSpec, items string, omitted bool) {
	for _, name := range keys(dag.GetTasks()) {
		task := dag.GetTasks()[name]
		base := parent + "." + name
		if task.GetTriggerPolicy().GetStrategy() == pipelinespec.PipelineTaskSpec_TriggerPolicy_ALL_UPSTREAM_TASKS_COMPLETED {
			base = w.hook(parent, name, task)
		}
		w.task(base, name, task, items, omitted)
	}
}

// hook is the name of the node of an exit task: the compiler makes it a hook of each of its dependencies. Where there are several, this is
// the first that ran.
func (w *walk) hook(parent, name string, task *pipelinespec.PipelineTaskSpec) string {
	dependencies := append([]string{}, task.GetDependentTasks()...)
	sort.Strings(dependencies)
	first := parent + "." + name
	for i, dependency := range dependencies {
		base := parent + "." + dependency + ".onExit." + name
		_, task := w.nodes[base]
		_, driver := w.nodes[base+"-driver"]
		if task || driver {
			return base
		}
		if i == 0 {
			first = base
		}
	}
	return first
}

func (w *walk) task(base, name string, task *pipelinespec.PipelineTaskSpec, items string, omitted bool) {
	spec := w.run.project.spec.GetComponents()[task.GetComponentRef().GetName()]
	if task.GetParameterIterator() == nil {
		step := w.add(base, base+"-driver", name, items, omitted)
		if spec.GetDag() != nil {
			w.around[name+items]++
			w.tasks(base, spec.GetDag(), items, step.Phase == "Omitted" || step.Phase == "Skipped")
			w.around[name+items]--
		}
		return
	}
	step := w.end(base, base+".iteration-driver", omitted)
	if w.run.held[base+".iteration-driver"] { // an empty list has Argo skip the iterations too
		step.Phase = "Skipped"
	}
	gone := step.Phase == "Omitted" || step.Phase == "Skipped"
	for i, item := range w.items(base) {
		inner := fmt.Sprintf("%s[%d]", items, i)
		if spec.GetDag() != nil {
			w.tasks(item, spec.GetDag(), inner, gone)
			continue
		}
		one := w.add(item, item+"-driver", name, inner, gone)
		step.Attempts += one.Attempts
		step.Command, step.Args, step.Env = one.Command, one.Args, one.Env
	}
	if len(w.items(base)) == 0 && spec.GetDag() != nil {
		w.tasks(base, spec.GetDag(), items, gone)
	}
	step.State = w.run.metadata.state(w.run.executions[name+items])
	w.steps[name+items] = step
}

// items are the nodes of the items of a loop, in order.
func (w *walk) items(base string) []string {
	var found []string
	for i := 0; ; i++ {
		node := fmt.Sprintf("%s.iteration-iterations(%d:%d)", base, i, i)
		if _, ok := w.nodes[node]; !ok {
			return found
		}
		found = append(found, node+".iteration-item")
	}
}

// add enters the end of a task, and of all the items of a loop that it is one of.
func (w *walk) add(base, driver, name, items string, omitted bool) Step {
	step := w.end(base, driver, omitted)
	key := name + items
	step.State = w.run.metadata.state(w.run.executions[key])
	step.Attempts = w.run.attempts[key]
	if ran := w.run.programs[key]; len(ran.words) > 0 {
		step.Command, step.Args, step.Env = ran.words[:1], ran.words[1:], map[string]string{}
		for variable, value := range ran.environment {
			// Not the variables of Argo's executor, and not where this program's store of metadata happens to be.
			if !strings.HasPrefix(variable, "ARGO_") && !strings.HasPrefix(variable, "METADATA_GRPC_SERVICE_") {
				step.Env[variable] = value
			}
		}
	}
	if said := w.run.messages[key]; said != "" {
		step.Message = strings.TrimPrefix(step.Message+": "+said, ": ")
	}
	if w.around[key] > 0 {
		return step
	}
	w.steps[key] = step
	if items != "" && w.around[name] == 0 {
		whole, known := w.steps[name]
		sum := whole.Attempts + step.Attempts
		if !known || severity(step.Phase) >= severity(whole.Phase) {
			whole = step
		}
		whole.Attempts, whole.State = sum, ""
		w.steps[name] = whole
	}
	return step
}

// severity orders phases for the sum of a loop's items.
func severity(phase string) int {
	for i, known := range []string{"NotRun", "Omitted", "Skipped", "Succeeded", "Running", "Error", "Failed"} {
		if phase == known {
			return i
		}
	}
	return -1
}

// end is the rule of Steps.
func (w *walk) end(base, driver string, omitted bool) Step {
	before, driven := w.nodes[driver]
	node, started := w.nodes[base]
	switch {
	case driven && (before.Phase == "Failed" || before.Phase == "Error"):
		message := strings.TrimPrefix(before.Message+": "+w.run.messages[driver], ": ")
		return Step{Phase: before.Phase, Message: "driver: " + strings.TrimSuffix(message, ": ")}
	case started:
		phase := node.Phase
		if phase == "Pending" || phase == "" {
			phase = "Running"
		}
		message := node.Message
		if said := w.run.messages[base]; said != "" { // a driver that stands for the task
			message = strings.TrimPrefix(message+": "+said, ": ")
		}
		return Step{Phase: phase, Message: message}
	case driven:
		return Step{Phase: "Running"}
	case omitted:
		return Step{Phase: "Omitted"}
	}
	return Step{Phase: "NotRun"}
}
