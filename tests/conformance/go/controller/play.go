// A run of a workflow by Argo's own controller, without a cluster: the controller's code decides what starts, is skipped, retried or
// given up; what a cluster would do (pods that end, files that they leave, time that passes) is done here, by a player of pods.
//
// Nothing in this file knows what made the workflow.
package conformance

import (
	"context"
	"encoding/json"
	"fmt"
	"path"
	"sort"
	"strings"
	"sync"
	"time"

	apiv1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	"k8s.io/client-go/kubernetes/fake"
	k8stesting "k8s.io/client-go/testing"

	"github.com/argoproj/argo-workflows/v3/pkg/apis/workflow"
	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	fakewfclientset "github.com/argoproj/argo-workflows/v3/pkg/client/clientset/versioned/fake"
	"github.com/argoproj/argo-workflows/v3/pkg/client/clientset/versioned/scheme"
	"github.com/argoproj/argo-workflows/v3/workflow/common"
	controllercache "github.com/argoproj/argo-workflows/v3/workflow/controller/cache"
	"github.com/argoproj/argo-workflows/v3/workflow/controller/entrypoint"
	"github.com/argoproj/argo-workflows/v3/workflow/util"
)

// podPlayer says what a pod did.
type podPlayer interface {
	play(pod playedPod) (podResult, error)
}

// playedPod is a pod that the controller made.
type playedPod struct {
	Pod  *apiv1.Pod
	Node wfv1.NodeStatus
	// Step is the node that the pod is an attempt of: the retry node, or the pod's own node when the template does not retry.
	Step wfv1.NodeStatus
	// Template is what the executor in the pod gets: inputs, arguments and artifact keys are resolved.
	Template *wfv1.Template
	// Main is the container of the user's program. Its command starts with Argo's own, see programOf.
	Main apiv1.Container
	// Attempt counts the pods of the same step before this one.
	Attempt int
}

// podResult is how a pod ended.
type podResult struct {
	// Exit is the main container's exit code.
	Exit int32
	// Lost means that the pod vanished while it ran: a node that died, an eviction, somebody's `kubectl delete`.
	Lost bool
	// Files holds the texts of the files that output parameters are read from, by the parameter's name. One that is not here is not there.
	Files map[string]string
	// Absent names the output artifacts that the program did not write.
	Absent map[string]bool
}

// playResult is a finished play.
type playResult struct {
	Workflow *wfv1.Workflow
	// Templates are those that ran: the workflow's own, or those of the WorkflowTemplate that it refers to.
	Templates []wfv1.Template
	// Pods are all pods, in the order in which they were played.
	Pods []playedPod
	// Rounds counts the calls of operate().
	Rounds  int
	Phase   string
	Message string
	// ClaimsCreated and ClaimsDeleted name the volume claims of the run, without the workflow's name before them.
	ClaimsCreated []string
	ClaimsDeleted []string
	// Kept are the ConfigMaps with results that later runs may use.
	Kept []runtime.Object
}

// play runs a workflow until it is done, or until nothing changes any more: then the phase is what the controller left it at (Running),
// and the message says which nodes wait and what the controller wrote to its log meanwhile. `objects` are what else the cluster has: the
// WorkflowTemplate that the workflow refers to, ConfigMaps of earlier runs. The workflow needs a name, a namespace and, for commands of
// images, nothing: images are not looked up.
func play(ctx context.Context, wf *wfv1.Workflow, player podPlayer, maxRounds int, objects ...runtime.Object) (*playResult, error) {
	if wf.UID == "" {
		wf.UID = "11111111-2222-3333-4444-555555555555"
	}
	if wf.CreationTimestamp.IsZero() {
		wf.CreationTimestamp = metav1.Now()
	}
	said := &warnings{}
	ctx, forget := said.listen(ctx)
	defer forget()
	queue := &wishes{}
	controller, err := controllerWith(ctx, queue, append(objects, wf)...)
	if err != nil {
		return nil, err
	}
	p := &playing{ctx: ctx, controller: controller, queue: queue, player: player, wf: wf, seen: map[string]bool{}, attempts: map[string]int{}}
	result := &playResult{}
	idle := 0
	for result.Rounds < maxRounds {
		said.lines = nil
		before := fingerprint(p.wf)
		woc := operate(ctx, controller, p.wf)
		result.Rounds++
		p.wf = woc.wf
		result.Templates = woc.execWf.Spec.Templates
		if p.wf.Labels[common.LabelKeyCompleted] == "true" {
			break
		}
		moved, err := p.cluster(woc)
		if err != nil {
			return nil, err
		}
		if moved || fingerprint(p.wf) != before {
			idle = 0
			continue
		}
		if wait, ok := queue.next(); ok {
			p.advance(wait)
			continue
		}
		// The controller may ask to be called again at once, because of something that could change by itself. Nothing does here.
		if idle++; idle > 2 || !queue.again {
			break
		}
		queue.again = false
	}
	result.Workflow = p.wf
	result.Pods = p.played
	result.Phase = string(p.wf.Status.Phase)
	result.Message = p.wf.Status.Message
	if p.wf.Labels[common.LabelKeyCompleted] != "true" {
		result.Message = waiting(p.wf, said.lines)
		if result.Rounds >= maxRounds {
			result.Message = fmt.Sprintf("after %d rounds: %s", result.Rounds, result.Message)
		}
	}
	result.ClaimsCreated, result.ClaimsDeleted = claims(controller, p.wf.Name)
	result.Kept, err = keptResults(ctx, controller)
	return result, err
}

// controllerNamespace is where the controller itself is.
const controllerNamespace = "argo"

// keptResults are the ConfigMaps in which the controller keeps results of templates with `memoize`.
func keptResults(ctx context.Context, controller *WorkflowController) ([]runtime.Object, error) {
	list, err := controller.kubeclientset.CoreV1().ConfigMaps(controllerNamespace).List(ctx, metav1.ListOptions{
		LabelSelector: common.LabelKeyConfigMapType + "=" + common.LabelValueTypeConfigMapCache,
	})
	if err != nil {
		return nil, err
	}
	var found []runtime.Object
	for i := range list.Items {
		found = append(found, &list.Items[i])
	}
	return found, nil
}

// still is the controller of all plays, made with the first. Its informers have stopped, once they had listed what is there: nothing.
// What a cluster tells the controller is put into their stores by playing.cluster, at known moments, so that a play is the same every
// time. One controller is enough, because what it knows is in its clients and stores, and they are new or empty for every play; another
// one would take 0.1 s, and leave its metrics behind.
var still = sync.OnceValue(func() *WorkflowController {
	cancel, controller := testController(newContext(), func(c *WorkflowController) {
		// The recorder of Argo's tests blocks when nobody reads its 64 places.
		c.eventRecorderManager = silence{}
	})
	cancel()
	for _, informer := range informersOf(controller) {
		for !informer.IsStopped() {
			time.Sleep(time.Millisecond)
		}
	}
	controller.wfQueue.ShutDown()
	// Images without a command are looked up in their registries otherwise.
	controller.entrypoint = imageCommands{}
	controller.artifactRepositories = bucket{}
	return controller
})

// controllerWith is the controller at a new cluster, which has the objects and nothing else.
func controllerWith(ctx context.Context, queue *wishes, objects ...runtime.Object) (*WorkflowController, error) {
	controller := still()
	var core, argo []runtime.Object
	for _, object := range objects {
		if _, ok := object.(*apiv1.ConfigMap); ok {
			core = append(core, object)
		} else {
			argo = append(argo, object)
		}
	}
	kube := fake.NewSimpleClientset(core...)
	controller.kubeclientset = kube
	controller.wfclientset = fakewfclientset.NewSimpleClientset(argo...)
	controller.dynamicInterface = dynamicfake.NewSimpleDynamicClient(scheme.Scheme, argo...)
	controller.cacheFactory = controllercache.NewCacheFactory(kube, controllerNamespace)
	controller.createSynchronizationManager(ctx)
	controller.wfQueue = queue
	for _, informer := range informersOf(controller) {
		if err := informer.GetStore().Replace(nil, ""); err != nil {
			return nil, err
		}
	}
	for _, object := range objects {
		if template, ok := object.(*wfv1.WorkflowTemplate); ok {
			if err := controller.wftmplInformer.Informer().GetStore().Add(template); err != nil {
				return nil, err
			}
		}
	}
	return controller, nil
}

// imageCommands answers for every image that it has an entrypoint.
type imageCommands struct{}

func (imageCommands) Lookup(_ context.Context, image string, _ entrypoint.Options) (*entrypoint.Image, error) {
	return &entrypoint.Image{Entrypoint: []string{"entrypoint-of", image}}, nil
}

// bucket is the place for artifacts that the cluster's administrator set up. The one of Argo's tests remembers every call.
type bucket struct{}

func (bucket) Resolve(context.Context, *wfv1.ArtifactRepositoryRef, string) (*wfv1.ArtifactRepositoryRefStatus, error) {
	return &wfv1.ArtifactRepositoryRefStatus{Default: true}, nil
}

func (bucket) Get(context.Context, *wfv1.ArtifactRepositoryRefStatus) (*wfv1.ArtifactRepository, error) {
	return &wfv1.ArtifactRepository{S3: &wfv1.S3ArtifactRepository{S3Bucket: wfv1.S3Bucket{Endpoint: "s3.example", Bucket: "artifacts"}}}, nil
}

// wishes is the controller's queue of work. It keeps when the controller wants to be called again.
type wishes struct {
	again bool
	after []time.Duration
}

func (w *wishes) AddAfter(_ string, wait time.Duration) { w.after = append(w.after, wait) }
func (w *wishes) AddRateLimited(string)                 { w.again = true }
func (w *wishes) Add(string)                            { w.again = true }
func (w *wishes) Len() int                              { return 0 }
func (w *wishes) Get() (string, bool)                   { return "", true }
func (w *wishes) Done(string)                           {}
func (w *wishes) ShutDown()                             {}
func (w *wishes) ShutDownWithDrain()                    {}
func (w *wishes) ShuttingDown() bool                    { return false }
func (w *wishes) Forget(string)                         {}
func (w *wishes) NumRequeues(string) int                { return 0 }

// next takes the earliest moment, counted from now, at which the controller wants to be called.
func (w *wishes) next() (time.Duration, bool) {
	if len(w.after) == 0 {
		return 0, false
	}
	sort.Slice(w.after, func(i, j int) bool { return w.after[i] < w.after[j] })
	first := w.after[0]
	var rest []time.Duration
	for _, wait := range w.after {
		if wait > first {
			rest = append(rest, wait-first)
		}
	}
	w.after = rest
	return max(first, 0), true
}

// playing is a play under way.
type playing struct {
	ctx        context.Context
	controller *WorkflowController
	queue      *wishes
	player     podPlayer
	wf         *wfv1.Workflow
	played     []playedPod
	seen       map[string]bool
	attempts   map[string]int
	doomed     []*apiv1.Pod
}

// cluster does what a cluster would between two calls of operate(). It says whether anything happened.
func (p *playing) cluster(woc *wfOperationCtx) (bool, error) {
	pods := p.controller.kubeclientset.CoreV1().Pods(p.wf.Namespace)
	store := p.controller.PodController.TestingPodInformer().GetStore()
	if len(p.doomed) > 0 {
		// These ran in the last round, and the controller has seen it.
		for _, pod := range p.doomed {
			if err := pods.Delete(p.ctx, pod.Name, metav1.DeleteOptions{}); err != nil {
				return false, err
			}
			if err := store.Delete(pod); err != nil {
				return false, err
			}
		}
		p.doomed = nil
		// A pod that is missing is believed in for ten seconds (recentlyStarted in workflow/controller/operator.go).
		p.advance(11 * time.Second)
		return true, nil
	}
	list, err := pods.List(p.ctx, metav1.ListOptions{})
	if err != nil {
		return false, err
	}
	sort.Slice(list.Items, func(i, j int) bool { return list.Items[i].Name < list.Items[j].Name })
	moved := false
	for i := range list.Items {
		pod := &list.Items[i]
		if p.seen[pod.Name] {
			continue
		}
		p.seen[pod.Name] = true
		moved = true
		played, err := p.describe(woc, pod)
		if err != nil {
			return false, err
		}
		result, err := p.player.play(played)
		if err != nil {
			return false, fmt.Errorf("%s: %w", played.Node.Name, err)
		}
		p.played = append(p.played, played)
		if result.Lost {
			pod.Status.Phase = apiv1.PodRunning
			p.doomed = append(p.doomed, pod)
		} else if err := p.end(played, result); err != nil {
			return false, err
		}
		if _, err := pods.Update(p.ctx, pod, metav1.UpdateOptions{}); err != nil {
			return false, err
		}
		if err := store.Add(pod); err != nil {
			return false, err
		}
	}
	return moved, nil
}

// describe gathers what a player may want to know of a pod.
func (p *playing) describe(woc *wfOperationCtx, pod *apiv1.Pod) (playedPod, error) {
	node, err := p.wf.Status.Nodes.Get(woc.nodeID(pod))
	if err != nil {
		return playedPod{}, fmt.Errorf("pod %s has no node: %w", pod.Name, err)
	}
	played := playedPod{Pod: pod, Node: *node, Step: *node}
	for _, other := range p.wf.Status.Nodes {
		if other.Type == wfv1.NodeTypeRetry {
			for _, child := range other.Children {
				if child == node.ID {
					played.Step = other
				}
			}
		}
	}
	played.Attempt = p.attempts[played.Step.ID]
	p.attempts[played.Step.ID]++
	for _, container := range pod.Spec.Containers {
		if container.Name == common.MainContainerName {
			played.Main = container
		}
	}
	if played.Main.Args, err = p.offloaded(pod, played.Main); err != nil {
		return played, err
	}
	played.Template, err = p.executorTemplate(pod)
	return played, err
}

// executorTemplate reads the template that the controller hands to the executor, from where the executor finds it
// (createWorkflowPod in workflow/controller/workflowpod.go).
func (p *playing) executorTemplate(pod *apiv1.Pod) (*wfv1.Template, error) {
	for _, container := range append(append([]apiv1.Container{}, pod.Spec.InitContainers...), pod.Spec.Containers...) {
		for _, env := range container.Env {
			if env.Name != common.EnvVarTemplate {
				continue
			}
			text := env.Value
			if text == common.EnvVarTemplateOffloaded {
				data, err := p.controller.kubeclientset.CoreV1().ConfigMaps(p.wf.Namespace).Get(p.ctx, pod.Name, metav1.GetOptions{})
				if err != nil {
					return nil, err
				}
				text = data.Data[common.EnvVarTemplate]
			}
			template := &wfv1.Template{}
			return template, json.Unmarshal([]byte(text), template)
		}
	}
	return nil, fmt.Errorf("pod %s has no template for its executor", pod.Name)
}

// offloaded gives the arguments of a container, also where they were too long for the pod.
func (p *playing) offloaded(pod *apiv1.Pod, container apiv1.Container) ([]string, error) {
	for _, env := range container.Env {
		if env.Name == argumentsFile && env.Value != "" {
			data, err := p.controller.kubeclientset.CoreV1().ConfigMaps(p.wf.Namespace).Get(p.ctx, pod.Name, metav1.GetOptions{})
			if err != nil {
				return nil, err
			}
			var args []string
			return args, json.Unmarshal([]byte(data.Data[argumentsFile]), &args)
		}
	}
	return container.Args, nil
}

// end gives a pod the state in which it ended, and reports its outputs as the executor in it would.
func (p *playing) end(played playedPod, result podResult) error {
	outputs, failure := saveOutputs(played.Template, result)
	pod := played.Pod
	ended := func(container apiv1.Container, code int32, message string) apiv1.ContainerStatus {
		state := &apiv1.ContainerStateTerminated{ExitCode: code, Reason: "Completed", Message: message, StartedAt: metav1.Now(), FinishedAt: metav1.Now()}
		if code != 0 {
			state.Reason = "Error"
		}
		return apiv1.ContainerStatus{Name: container.Name, State: apiv1.ContainerState{Terminated: state}}
	}
	pod.Status.Phase = apiv1.PodSucceeded
	for _, container := range pod.Spec.InitContainers {
		pod.Status.InitContainerStatuses = append(pod.Status.InitContainerStatuses, ended(container, 0, ""))
	}
	for _, container := range pod.Spec.Containers {
		status := ended(container, 0, "")
		switch {
		case container.Name == common.MainContainerName:
			status = ended(container, result.Exit, "")
		case container.Name == common.WaitContainerName && failure != nil:
			status = ended(container, 1, failure.Error())
		}
		if status.State.Terminated.ExitCode != 0 {
			pod.Status.Phase = apiv1.PodFailed
		}
		pod.Status.ContainerStatuses = append(pod.Status.ContainerStatuses, status)
	}
	return p.controller.taskResultInformer.GetStore().Add(&wfv1.WorkflowTaskResult{
		TypeMeta: metav1.TypeMeta{APIVersion: workflow.APIVersion, Kind: workflow.WorkflowTaskResultKind},
		ObjectMeta: metav1.ObjectMeta{
			Name:      played.Node.ID,
			Namespace: p.wf.Namespace,
			Labels:    map[string]string{common.LabelKeyWorkflow: p.wf.Name, common.LabelKeyReportOutputsCompleted: "true"},
		},
		NodeResult: wfv1.NodeResult{Outputs: outputs},
	})
}

// saveOutputs is what the executor's `wait` does with files: SaveParameters and SaveArtifacts in workflow/executor/executor.go. That
// package itself would bring the clients of seven object stores. A failure is the first one, as the executor reports it.
func saveOutputs(template *wfv1.Template, result podResult) (*wfv1.Outputs, error) {
	var failure error
	outputs := template.Outputs.DeepCopy()
	for i, parameter := range outputs.Parameters {
		if parameter.ValueFrom == nil || parameter.ValueFrom.Path == "" {
			continue
		}
		text, ok := result.Files[parameter.Name]
		if !ok {
			if parameter.ValueFrom.Default == nil {
				failure = fmt.Errorf("open %s: no such file or directory", parameter.ValueFrom.Path)
				break
			}
			text = parameter.ValueFrom.Default.String()
		}
		outputs.Parameters[i].Value = wfv1.AnyStringPtr(strings.TrimSuffix(text, "\n"))
	}
	outputs.Artifacts = wfv1.Artifacts{}
	missing := ""
	for _, artifact := range template.Outputs.Artifacts {
		if result.Absent[artifact.Name] {
			if !artifact.Optional {
				missing += fmt.Sprintf("%s no such file or directory; ", artifact.Path)
			}
			continue
		}
		if err := store(template, &artifact); err != nil {
			missing += err.Error() + "; "
			continue
		}
		outputs.Artifacts = append(outputs.Artifacts, artifact)
	}
	if failure == nil && missing != "" {
		failure = fmt.Errorf("%s", missing)
	}
	return outputs, failure
}

// store gives an artifact the place that the executor uploads it to (saveArtifactFromFile in workflow/executor/executor.go).
func store(template *wfv1.Template, artifact *wfv1.Artifact) error {
	if artifact.HasKey() {
		return nil
	}
	key, err := template.ArchiveLocation.GetKey()
	if err != nil {
		return err
	}
	location, err := template.ArchiveLocation.Get()
	if err != nil {
		return err
	}
	if err := artifact.SetType(location); err != nil {
		return err
	}
	name := artifact.Name + ".tgz"
	if artifact.Archive != nil && artifact.Archive.None != nil {
		name = path.Base(artifact.Path)
	}
	return artifact.SetKey(path.Join(key, name))
}

// advance makes time pass: everything in the workflow happened that much earlier. So deadlines and the waits of retries end as they
// would, with nobody waiting.
func (p *playing) advance(wait time.Duration) {
	earlier := func(t *metav1.Time) {
		if !t.IsZero() {
			*t = metav1.NewTime(t.Add(-wait))
		}
	}
	earlier(&p.wf.CreationTimestamp)
	earlier(&p.wf.Status.StartedAt)
	for _, node := range p.wf.Status.Nodes {
		earlier(&node.StartedAt)
		earlier(&node.FinishedAt)
		setNode(p.ctx, p.wf, node)
	}
}

// fingerprint is equal for two states of a workflow in which the controller did the same.
func fingerprint(wf *wfv1.Workflow) string {
	lines := []string{string(wf.Status.Phase), wf.Status.Message, fmt.Sprint(len(wf.Status.PersistentVolumeClaims))}
	for id, node := range wf.Status.Nodes {
		lines = append(lines, fmt.Sprint(id, node.Phase, node.Message, len(node.Children), node.Outputs != nil))
	}
	sort.Strings(lines[3:])
	return strings.Join(lines, "\n")
}

// waiting says what a run that does not go on waits for.
func waiting(wf *wfv1.Workflow, log []string) string {
	var names []string
	for _, node := range wf.Status.Nodes {
		if !node.Fulfilled() {
			names = append(names, strings.TrimSpace(nodeName(wf, node)+" "+node.Message))
		}
	}
	sort.Strings(names)
	message := "nothing changes any more; waiting: " + strings.Join(names, ", ")
	if len(log) > 0 {
		message += "; the controller's log: " + strings.Join(log, "; ")
	}
	return message
}

// nodeName is a node's name without the workflow's before it; the workflow's own node has its name.
func nodeName(wf *wfv1.Workflow, node wfv1.NodeStatus) string {
	return strings.TrimPrefix(node.Name, wf.Name+".")
}

// programOf is the command that Argo's wrapper in a container starts (createWorkflowPod in workflow/controller/workflowpod.go).
func programOf(container apiv1.Container) []string {
	for i, word := range container.Command {
		if word == "--" && i > 1 && container.Command[1] == "emissary" {
			return container.Command[i+1:]
		}
	}
	return container.Command
}

// claims lists the volume claims that the controller created and deleted.
func claims(controller *WorkflowController, workflowName string) (created, deleted []string) {
	created, deleted = []string{}, []string{}
	for _, action := range controller.kubeclientset.(*fake.Clientset).Actions() {
		if action.GetResource().Resource != "persistentvolumeclaims" {
			continue
		}
		switch action := action.(type) {
		case k8stesting.CreateAction:
			if claim, ok := action.GetObject().(*apiv1.PersistentVolumeClaim); ok && action.GetVerb() == "create" {
				created = append(created, strings.TrimPrefix(claim.Name, workflowName+"-"))
			}
		case k8stesting.DeleteAction:
			deleted = append(deleted, strings.TrimPrefix(action.GetName(), workflowName+"-"))
		}
	}
	sort.Strings(created)
	sort.Strings(deleted)
	return created, deleted
}

// stepTemplate is the name of the template that a node runs.
func stepTemplate(node wfv1.NodeStatus) string { return util.GetTemplateFromNode(node) }
