package conformance

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"sort"
	"strconv"
	"strings"

	apiv1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"github.com/argoproj/argo-workflows/v3/workflow/validate"
)

func init() {
	operations["play"] = playManifest
}

// attempt is what a pod does, as a request says it.
type attempt struct {
	Exit  int32 `json:"exit"`
	Error bool  `json:"error"`
	// Outputs are the texts of the files of output parameters; one that is not named is missing. Without the key, every file of a program
	// that ends well holds "1", and one that fails has written none.
	Outputs *map[string]string `json:"outputs"`
	// Missing names output artifacts that are not written; all others are.
	Missing []string `json:"missing"`
}

// playQuestion is a request to play, also of the other engines.
type playQuestion struct {
	askedRun
	// Before are earlier runs in the same cluster, the first one first: what is kept of them is there in the run.
	Before []askedRun `json:"before"`
	// ConfigMaps are the documents of those that are in the namespace of the controller.
	ConfigMaps string `json:"config_maps"`
	MaxRounds  int    `json:"max_rounds"`
}

// askedRun is what a request says of one run. An earlier one without a manifest is one of the same.
type askedRun struct {
	Manifest   string               `json:"manifest"`
	Parameters map[string]string    `json:"parameters"`
	Outcomes   map[string][]attempt `json:"outcomes"`
}

// runs are all runs that a request asks for, in their order; the answer is about the last one.
func (q playQuestion) runs() []askedRun {
	runs := append(append([]askedRun{}, q.Before...), q.askedRun)
	for i := range runs {
		if runs[i].Manifest == "" {
			runs[i].Manifest = q.Manifest
		}
	}
	return runs
}

// rounds is the most calls of operate() before a play is given up.
func (q playQuestion) rounds() int {
	if q.MaxRounds > 0 {
		return q.MaxRounds
	}
	return 2000
}

// nth is what the n-th pod of a step does: the last one said repeats.
func nth(attempts []attempt, n int) attempt {
	if len(attempts) == 0 {
		return attempt{}
	}
	return attempts[min(n, len(attempts)-1)]
}

// result is what the attempt means for a pod with these output parameters.
func (a attempt) result(parameters []string) podResult {
	result := podResult{Exit: a.Exit, Lost: a.Error, Files: map[string]string{}, Absent: map[string]bool{}}
	if a.Outputs != nil {
		result.Files = *a.Outputs
	} else if a.Exit == 0 {
		for _, name := range parameters {
			result.Files[name] = "1"
		}
	}
	for _, name := range a.Missing {
		result.Absent[name] = true
	}
	return result
}

// playAnswer is the answer to a request to play, also of the other engines.
type playAnswer struct {
	Phase   string                `json:"phase"`
	Message string                `json:"message"`
	Steps   map[string]stepAnswer `json:"steps"`
	Nodes   []nodeAnswer          `json:"nodes"`
	Claims  claimsAnswer          `json:"claims"`
	Rounds  int                   `json:"rounds"`
}

type claimsAnswer struct {
	Created []string `json:"created"`
	Deleted []string `json:"deleted"`
}

type nodeAnswer struct {
	Name     string            `json:"name"`
	Template string            `json:"template"`
	Type     string            `json:"type"`
	Phase    string            `json:"phase"`
	Message  string            `json:"message"`
	Outputs  map[string]string `json:"outputs,omitempty"`
	// Pod is that of the node, if it had one.
	Pod *podAnswer `json:"pod,omitempty"`
}

// podAnswer is what a pod has beside its program. Mounts and Env say, by the path or variable of the main container, where it comes from.
type podAnswer struct {
	Labels map[string]string `json:"labels"`
	Mounts map[string]string `json:"mounts"`
	Env    map[string]string `json:"env"`
}

// stepAnswer is one step's end. Command, args and env are those of its last pod.
type stepAnswer struct {
	Phase    string         `json:"phase"`
	Attempts int            `json:"attempts"`
	Message  string         `json:"message"`
	Command  []string       `json:"command,omitempty"`
	Args     []string       `json:"args,omitempty"`
	Env      map[string]any `json:"env,omitempty"`
}

// answerOf fills in everything that does not depend on what made the workflow.
func answerOf(result *playResult) *playAnswer {
	return &playAnswer{
		Phase:   result.Phase,
		Message: result.Message,
		Steps:   map[string]stepAnswer{},
		Nodes:   nodesOf(result),
		Claims:  claimsAnswer{Created: result.ClaimsCreated, Deleted: result.ClaimsDeleted},
		Rounds:  result.Rounds,
	}
}

func nodesOf(result *playResult) []nodeAnswer {
	pods := map[string]*podAnswer{}
	for _, played := range result.Pods {
		pods[played.Node.ID] = podOf(played)
	}
	nodes := []nodeAnswer{}
	for _, node := range result.Workflow.Status.Nodes {
		answer := nodeAnswer{Name: nodeName(result.Workflow, node), Template: stepTemplate(node), Type: string(node.Type), Phase: string(node.Phase), Message: node.Message, Pod: pods[node.ID]}
		if node.Outputs != nil {
			answer.Outputs = map[string]string{}
			for _, parameter := range node.Outputs.Parameters {
				if parameter.Value != nil {
					answer.Outputs[parameter.Name] = parameter.Value.String()
				}
			}
		}
		nodes = append(nodes, answer)
	}
	sort.Slice(nodes, func(i, j int) bool { return nodes[i].Name < nodes[j].Name })
	return nodes
}

// podOf names what a pod takes from its namespace: claims, secrets and config maps. Labels are those that are not Argo's own.
func podOf(played playedPod) *podAnswer {
	pod := &podAnswer{Labels: map[string]string{}, Mounts: map[string]string{}, Env: map[string]string{}}
	for key, value := range played.Pod.Labels {
		if !strings.HasPrefix(key, "workflows.argoproj.io/") {
			pod.Labels[key] = value
		}
	}
	sources := map[string]string{}
	for _, volume := range played.Pod.Spec.Volumes {
		switch {
		case volume.PersistentVolumeClaim != nil:
			sources[volume.Name] = "claim " + volume.PersistentVolumeClaim.ClaimName
		case volume.Secret != nil:
			sources[volume.Name] = "secret " + volume.Secret.SecretName
		case volume.ConfigMap != nil:
			sources[volume.Name] = "config map " + volume.ConfigMap.Name
		}
	}
	for _, mount := range played.Main.VolumeMounts {
		if source := sources[mount.Name]; source != "" {
			pod.Mounts[mount.MountPath] = source
		}
	}
	for _, env := range played.Main.Env {
		switch from := env.ValueFrom; {
		case from == nil:
		case from.SecretKeyRef != nil:
			pod.Env[env.Name] = "secret " + from.SecretKeyRef.Name + " " + from.SecretKeyRef.Key
		case from.ConfigMapKeyRef != nil:
			pod.Env[env.Name] = "config map " + from.ConfigMapKeyRef.Name + " " + from.ConfigMapKeyRef.Key
		}
	}
	return pod
}

// ran adds what the last of a step's pods was told to run.
func (s *stepAnswer) ran(pods []playedPod) {
	s.Attempts = len(pods)
	if len(pods) == 0 {
		return
	}
	main := pods[len(pods)-1].Main
	s.Command, s.Args, s.Env = programOf(main), main.Args, map[string]any{}
	for _, env := range main.Env {
		if strings.HasPrefix(env.Name, "ARGO_") {
			continue // the executor's own
		}
		if env.ValueFrom != nil {
			s.Env[env.Name] = env.ValueFrom
		} else {
			s.Env[env.Name] = env.Value
		}
	}
}

// manifestPlayer decides by the names of steps.
type manifestPlayer struct{ outcomes map[string][]attempt }

func (m manifestPlayer) play(pod playedPod) (podResult, error) {
	var names []string
	for _, parameter := range pod.Template.Outputs.Parameters {
		names = append(names, parameter.Name)
	}
	for _, key := range keysOf(pod.Step) {
		if attempts, ok := m.outcomes[key]; ok {
			return nth(attempts, pod.Attempt).result(names), nil
		}
	}
	return attempt{}.result(names), nil
}

// itemIndex finds the place of an item of a loop in the name of its node, `train(3:value)`.
var itemIndex = regexp.MustCompile(`\((\d+):`)

// keysOf are the names under which a request may speak of a node: with the item of a loop, then without; by template, then by task.
func keysOf(node wfv1.NodeStatus) []string {
	task, _, _ := strings.Cut(node.DisplayName, "(")
	names := []string{stepTemplate(node)}
	if task != names[0] {
		names = append(names, task)
	}
	if item := itemIndex.FindStringSubmatch(node.Name); item != nil {
		return append([]string{names[0] + "[" + item[1] + "]", task + "[" + item[1] + "]"}, names...)
	}
	return names
}

// playManifest plays a manifest as somebody submitted it.
func playManifest(request json.RawMessage) (any, error) {
	var question playQuestion
	if err := json.Unmarshal(request, &question); err != nil {
		return nil, err
	}
	kept, err := configMaps(question.ConfigMaps)
	if err != nil {
		return nil, err
	}
	var result *playResult
	for number, run := range question.runs() {
		if result, err = playRun(newContext(), run, question.rounds(), number, kept); err != nil {
			return nil, err
		}
		kept = result.Kept
	}
	answer := answerOf(result)
	stepsOf(result, answer.Steps)
	return answer, nil
}

// configMaps reads documents that are nothing else. Argo looks for results that it kept where its controller is, not where the run is
// (NewWorkflowController in workflow/controller/controller.go).
func configMaps(text string) ([]runtime.Object, error) {
	var found []runtime.Object
	for _, part := range documentSeparator.Split("\n"+text, -1) {
		if strings.TrimSpace(part) == "" {
			continue
		}
		object := &apiv1.ConfigMap{}
		if err := yaml.UnmarshalStrict([]byte(part), object); err != nil {
			return nil, err
		}
		if object.Kind != "ConfigMap" || object.Name == "" {
			return nil, fmt.Errorf("this is no ConfigMap: %s", part)
		}
		object.Namespace = controllerNamespace
		found = append(found, object)
	}
	return found, nil
}

// playRun plays the run of that number, counted from 0, of the cluster.
func playRun(ctx context.Context, run askedRun, rounds, number int, kept []runtime.Object) (*playResult, error) {
	parsed := &report{}
	objects := parse(ctx, run.Manifest, parsed)
	if len(parsed.Faults) > 0 {
		return nil, fmt.Errorf("%s", parsed.Faults[0].Message)
	}
	templates := templatesOf(objects)
	wf, err := submitted(toRun(objects), templates, run.Parameters, false)
	if err != nil {
		return nil, err
	}
	wf.UID = types.UID(fmt.Sprintf("%08d-2222-3333-4444-555555555555", 11111111+number))
	if err := validateWorkflow(ctx, templates, wf.DeepCopy(), validate.ValidateOpts{Submit: true}); err != nil {
		return nil, fmt.Errorf("refused as it is submitted: %w", err)
	}
	others := append([]runtime.Object{}, kept...)
	for _, template := range templates {
		template.Namespace = wf.Namespace
		others = append(others, template)
	}
	return play(ctx, wf, manifestPlayer{run.Outcomes}, rounds, others...)
}

// toRun picks what starts a run: a Workflow, else a CronWorkflow, else the template itself.
func toRun(objects map[int]any) any {
	var found any
	best := 0
	for _, object := range objects {
		rank := 0
		switch object.(type) {
		case *wfv1.Workflow:
			rank = 3
		case *wfv1.CronWorkflow:
			rank = 2
		case *wfv1.WorkflowTemplate:
			rank = 1
		}
		if rank > best {
			found, best = object, rank
		}
	}
	return found
}

// stepsOf gives every step its end, by the name of its template and, where that is another, of its task. The items of a loop are
// `NAME[i]`. What the controller never came to has the phase NotRun.
func stepsOf(result *playResult, steps map[string]stepAnswer) {
	attempts := map[string]bool{}
	for _, node := range result.Workflow.Status.Nodes {
		if node.Type == wfv1.NodeTypeRetry {
			for _, child := range node.Children {
				attempts[child] = true
			}
		}
	}
	for _, template := range result.Templates {
		steps[template.Name] = stepAnswer{Phase: "NotRun"}
		if template.DAG != nil {
			for _, task := range template.DAG.Tasks {
				steps[task.Name] = stepAnswer{Phase: "NotRun"}
			}
		}
	}
	for id, node := range result.Workflow.Status.Nodes {
		if attempts[id] {
			continue
		}
		answer := stepAnswer{Phase: string(node.Phase), Message: node.Message}
		var pods []playedPod
		for _, pod := range result.Pods {
			if pod.Step.ID == id {
				pods = append(pods, pod)
			}
		}
		answer.ran(pods)
		keys := keysOf(node)
		switch {
		case strings.HasSuffix(keys[0], "]"):
			keys = keys[:2]
		case node.Name == result.Workflow.Name:
			keys = keys[:1] // the node of the entrypoint is no task
		}
		for _, key := range keys {
			steps[unused(steps, key)] = answer
		}
	}
}

// unused is the name itself, or with a number where another node took it: two tasks of one template.
func unused(steps map[string]stepAnswer, name string) string {
	for i := 1; ; i++ {
		key := name
		if i > 1 {
			key = name + "#" + strconv.Itoa(i)
		}
		if taken, ok := steps[key]; !ok || taken.Phase == "NotRun" {
			return key
		}
	}
}
