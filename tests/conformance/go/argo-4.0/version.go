// What is different between the versions of Argo: signatures, and where the log goes.
package conformance

import (
	"context"
	"fmt"
	"io"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"github.com/argoproj/argo-workflows/v3/util/logging"
	"github.com/argoproj/argo-workflows/v3/util/template"
	"github.com/argoproj/argo-workflows/v3/workflow/common"
	"github.com/argoproj/argo-workflows/v3/workflow/validate"
)

// templateGetter finds WorkflowTemplates by name, for validation.
type templateGetter map[string]*wfv1.WorkflowTemplate

func (g templateGetter) Get(_ context.Context, name string) (*wfv1.WorkflowTemplate, error) {
	if template, ok := g[name]; ok {
		return template, nil
	}
	return nil, fmt.Errorf("there is no WorkflowTemplate %q", name)
}

// clusterTemplates are none: the compiler emits none.
type clusterTemplates struct{}

func (clusterTemplates) Get(_ context.Context, name string) (*wfv1.ClusterWorkflowTemplate, error) {
	return nil, fmt.Errorf("there is no ClusterWorkflowTemplate %q", name)
}

// newContext has the logger that this version looks for in every context.
func newContext() context.Context {
	return logging.WithLogger(context.Background(), logging.NewSlogLoggerCustom(logging.Error, logging.Text, io.Discard))
}

func parseObjects(ctx context.Context, text string) []common.ParseResult {
	return common.ParseObjects(ctx, []byte(text), true)
}

func validateWorkflow(ctx context.Context, templates templateGetter, workflow *wfv1.Workflow, opts validate.ValidateOpts) error {
	return validate.ValidateWorkflow(ctx, templates, clusterTemplates{}, workflow, nil, opts)
}

func validateTemplate(ctx context.Context, templates templateGetter, template *wfv1.WorkflowTemplate, opts validate.ValidateOpts) error {
	return validate.ValidateWorkflowTemplate(ctx, templates, clusterTemplates{}, template, nil, opts)
}

func validateCron(ctx context.Context, templates templateGetter, cron *wfv1.CronWorkflow) error {
	return validate.ValidateCronWorkflow(ctx, templates, clusterTemplates{}, cron, nil)
}

// resolve substitutes in a string of JSON as the DAG controller does for a task (resolveDependencyReferences in
// workflow/controller/dag.go).
func resolve(ctx context.Context, text string, values map[string]any) (string, error) {
	return template.ReplaceStrictAny(ctx, text, values, []string{"tasks", "steps"})
}

// dependencyContext answers what Argo's own code on dependencies asks of a DAG.
type dependencyContext struct{ taskGraph }

func (d dependencyContext) GetTask(_ context.Context, name string) *wfv1.DAGTask { return d.task(name) }

func (d dependencyContext) GetTaskDependencies(context.Context, string) []string { return nil }

func (d dependencyContext) GetTaskFinishedAtTime(context.Context, string) time.Time {
	return time.Time{}
}

// taskDependencies takes apart what a task waits for.
func taskDependencies(task *wfv1.DAGTask, graph taskGraph) (map[string]common.DependencyType, string) {
	return common.GetTaskDependencies(newContext(), task, dependencyContext{graph})
}

// warnings are the lines of the controller's log that say why it does not go on.
type warnings struct{ lines []string }

func (w *warnings) Levels() []logging.Level { return []logging.Level{logging.Error, logging.Warn} }

func (w *warnings) Fire(_ context.Context, _ logging.Level, line string, fields logging.Fields) {
	if err, ok := fields[logging.ErrorField]; ok {
		line = fmt.Sprintf("%s: %v", line, err)
	}
	w.lines = append(w.lines, line)
}
