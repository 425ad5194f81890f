// What is different between the versions of Argo: signatures, and where the log goes.
package conformance

import (
	"context"
	"fmt"
	"io"
	"time"

	log "github.com/sirupsen/logrus"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"github.com/argoproj/argo-workflows/v3/util/template"
	"github.com/argoproj/argo-workflows/v3/workflow/common"
	"github.com/argoproj/argo-workflows/v3/workflow/validate"
)

// templateGetter finds WorkflowTemplates by name, for validation.
type templateGetter map[string]*wfv1.WorkflowTemplate

func (g templateGetter) Get(name string) (*wfv1.WorkflowTemplate, error) {
	if template, ok := g[name]; ok {
		return template, nil
	}
	return nil, fmt.Errorf("there is no WorkflowTemplate %q", name)
}

// clusterTemplates are none: the compiler emits none.
type clusterTemplates struct{}

func (clusterTemplates) Get(name string) (*wfv1.ClusterWorkflowTemplate, error) {
	return nil, fmt.Errorf("there is no ClusterWorkflowTemplate %q", name)
}

func newContext() context.Context { return context.Background() }

func parseObjects(_ context.Context, text string) []common.ParseResult {
	return common.ParseObjects([]byte(text), true)
}

func validateWorkflow(_ context.Context, templates templateGetter, workflow *wfv1.Workflow, opts validate.ValidateOpts) error {
	return validate.ValidateWorkflow(templates, clusterTemplates{}, workflow, opts)
}

func validateTemplate(_ context.Context, templates templateGetter, template *wfv1.WorkflowTemplate, opts validate.ValidateOpts) error {
	return validate.ValidateWorkflowTemplate(templates, clusterTemplates{}, template, opts)
}

func validateCron(_ context.Context, templates templateGetter, cron *wfv1.CronWorkflow) error {
	return validate.ValidateCronWorkflow(templates, clusterTemplates{}, cron)
}

// resolve substitutes in a string of JSON as the DAG controller does for a task (resolveDependencyReferences in
// workflow/controller/dag.go).
func resolve(_ context.Context, text string, values map[string]any) (string, error) {
	texts := map[string]string{}
	for name, value := range values {
		// The output of a task that was skipped is not there at all in this version.
		if said, ok := value.(string); ok {
			texts[name] = said
		}
	}
	return template.Replace(text, texts, true)
}

// dependencyContext answers what Argo's own code on dependencies asks of a DAG.
type dependencyContext struct{ taskGraph }

func (d dependencyContext) GetTask(name string) *wfv1.DAGTask { return d.task(name) }

func (d dependencyContext) GetTaskDependencies(string) []string { return nil }

func (d dependencyContext) GetTaskFinishedAtTime(string) time.Time { return time.Time{} }

// taskDependencies takes apart what a task waits for.
func taskDependencies(task *wfv1.DAGTask, graph taskGraph) (map[string]common.DependencyType, string) {
	return common.GetTaskDependencies(task, dependencyContext{graph})
}

func init() {
	log.SetOutput(io.Discard)
	log.SetLevel(log.WarnLevel)
}
