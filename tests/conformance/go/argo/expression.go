// Whether every name in every tag and expression of a manifest exists. Argo's own validator does not look into `{{= }}`, and its
// controller waits for ever for a task's output that there is none of.
package conformance

import (
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"sort"
	"strings"

	"github.com/Knetic/govaluate"
	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/parser"
	"github.com/valyala/fasttemplate"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	exprenv "github.com/argoproj/argo-workflows/v3/util/expr/env"
	"github.com/argoproj/argo-workflows/v3/workflow/common"
)

// variables are those that exist at a place, in full: tasks.a.outputs.parameters.x.
type variables map[string]bool

func (n variables) with(more ...string) variables {
	result := make(variables, len(n)+len(more))
	for name := range n {
		result[name] = true
	}
	for _, name := range more {
		result[name] = true
	}
	return result
}

// has tells a variable, or what variables are under: the map `inputs.parameters`.
func (n variables) has(path string) bool {
	if n[path] {
		return true
	}
	for name := range n {
		if strings.HasPrefix(name, path+".") {
			return true
		}
	}
	return false
}

// roots are the first words that Argo gives variables; a tag that starts with another one stays text.
var roots = regexp.MustCompile(`^\s*(tasks|steps|workflow|inputs|outputs|item|pod|node|retries|lastRetry|cronworkflow)\s*($|[.\[])`)

// place is one unit of a manifest that Argo substitutes in at once.
type place struct {
	where string
	names variables
}

// expressions checks every tag and expression of a workflow's spec.
type expressions struct {
	report   *report
	document int
}

// fail reports what is wrong somewhere; without an error it counts a check.
func (e *expressions) fail(where string, err error) {
	if err != nil {
		err = fmt.Errorf("%s: %w", where, err)
	}
	e.report.add("expression", e.document, err)
}

// checkExpressions looks at a whole spec. Its parameters may be those of a WorkflowTemplate.
func checkExpressions(result *report, document int, spec *wfv1.WorkflowSpec) {
	e := &expressions{report: result, document: document}
	global := variables{}.with(
		"workflow.name", "workflow.namespace", "workflow.uid", "workflow.mainEntrypoint", "workflow.serviceAccountName", "workflow.duration",
		"workflow.parameters", "workflow.parameters.json", "workflow.annotations", "workflow.labels", "workflow.annotations.json", "workflow.labels.json",
		"workflow.creationTimestamp", "workflow.creationTimestamp.s", "workflow.creationTimestamp.RFC3339",
	)
	for _, parameter := range spec.Arguments.Parameters {
		global["workflow.parameters."+parameter.Name] = true
	}
	templates := map[string]*wfv1.Template{}
	for i := range spec.Templates {
		template := &spec.Templates[i]
		templates[template.Name] = template
		for _, parameter := range template.Outputs.Parameters {
			if parameter.GlobalName != "" {
				global["workflow.outputs.parameters."+parameter.GlobalName] = true
			}
		}
	}
	after := reachable(spec.OnExit, templates)
	for i := range spec.Templates {
		template := &spec.Templates[i]
		scope := global
		if after[template.Name] {
			scope = global.with("workflow.status", "workflow.failures")
		}
		e.template(template, templates, scope)
	}
	rest := spec.DeepCopy()
	rest.Templates = nil
	e.texts(rest, place{"spec", global.with("workflow.status", "workflow.failures")})
}

// reachable are the templates that run below one.
func reachable(name string, templates map[string]*wfv1.Template) map[string]bool {
	found := map[string]bool{}
	var visit func(string)
	visit = func(name string) {
		template, ok := templates[name]
		if !ok || found[name] {
			return
		}
		found[name] = true
		if template.DAG != nil {
			for _, task := range template.DAG.Tasks {
				visit(task.Template)
			}
		}
		for _, group := range template.Steps {
			for _, step := range group.Steps {
				visit(step.Template)
			}
		}
	}
	visit(name)
	return found
}

// template checks one template: a DAG task by task, everything else as a whole.
func (e *expressions) template(template *wfv1.Template, templates map[string]*wfv1.Template, global variables) {
	scope := global.with("node.name", "inputs.parameters", "inputs.artifacts")
	for _, parameter := range template.Inputs.Parameters {
		scope["inputs.parameters."+parameter.Name] = true
	}
	for _, artifact := range template.Inputs.Artifacts {
		scope["inputs.artifacts."+artifact.Name] = true
		scope["inputs.artifacts."+artifact.Name+".path"] = true
	}
	where := "template " + template.Name
	if template.DAG == nil {
		scope = scope.with("pod.name", "retries", "lastRetry.exitCode", "lastRetry.status", "lastRetry.duration", "lastRetry.message")
		for _, parameter := range template.Outputs.Parameters {
			scope["outputs.parameters."+parameter.Name+".path"] = true
		}
		for _, artifact := range template.Outputs.Artifacts {
			scope["outputs.artifacts."+artifact.Name+".path"] = true
		}
		e.texts(template, place{where, scope})
		if retry := template.RetryStrategy; retry != nil && retry.Expression != "" {
			e.expression(retry.Expression, place{where + ", retryStrategy.expression", scope})
		}
		return
	}
	dag := taskGraph{}
	for i := range template.DAG.Tasks {
		dag[template.DAG.Tasks[i].Name] = &template.DAG.Tasks[i]
	}
	all := scope
	for _, task := range template.DAG.Tasks {
		inScope := scope
		for _, name := range dag.ancestors(task.Name) {
			inScope = inScope.with(outputsOf(dag[name], templates)...)
		}
		all = all.with(outputsOf(&task, templates)...)
		if task.ShouldExpand() {
			inScope = inScope.with("item")
			for _, item := range task.WithItems {
				for field := range item.GetMapVal() {
					inScope["item."+field] = true
				}
			}
			if task.WithParam != "" {
				inScope["item.*"] = true
			}
		}
		here := place{where + ", task " + task.Name, inScope}
		e.texts(task, here)
		e.depends(&task, dag, here)
		e.when(task.When, here)
	}
	rest := template.DeepCopy()
	rest.DAG.Tasks = nil
	e.texts(rest, place{where, all})
	for _, parameter := range template.Outputs.Parameters {
		if parameter.ValueFrom != nil && parameter.ValueFrom.Expression != "" {
			e.expression(parameter.ValueFrom.Expression, place{where + ", output " + parameter.Name, all})
		}
	}
	for _, artifact := range template.Outputs.Artifacts {
		if artifact.FromExpression != "" {
			e.expression(artifact.FromExpression, place{where + ", output " + artifact.Name, all})
		}
	}
}

// outputsOf are the variables that a task gives to those after it (buildLocalScope in workflow/controller/operator.go).
func outputsOf(task *wfv1.DAGTask, templates map[string]*wfv1.Template) []string {
	prefix := "tasks." + task.Name + "."
	found := []string{prefix + "id", prefix + "status", prefix + "startedAt", prefix + "finishedAt"}
	template := task.Inline
	if template == nil {
		template = templates[task.Template]
	}
	if template == nil {
		return found
	}
	if template.Script != nil {
		found = append(found, prefix+"outputs.result")
	}
	if template.IsPodType() {
		found = append(found, prefix+"exitCode")
	}
	for _, parameter := range template.Outputs.Parameters {
		found = append(found, prefix+"outputs.parameters."+parameter.Name)
	}
	for _, artifact := range template.Outputs.Artifacts {
		found = append(found, prefix+"outputs.artifacts."+artifact.Name)
	}
	if task.ShouldExpand() {
		found = append(found, prefix+"outputs.parameters")
	}
	return found
}

// tagged finds the tags of a text, as the engine finds them: the first `}}` ends one.
func tagged(text string, replace func(tag string) (string, error)) (string, error) {
	template, err := fasttemplate.NewTemplate(text, "{{", "}}")
	if err != nil {
		return "", err
	}
	var problem error
	var result strings.Builder
	_, err = template.ExecuteFunc(&result, func(w io.Writer, tag string) (int, error) {
		replacement, err := replace(tag)
		if err != nil && problem == nil {
			problem = err
		}
		return io.WriteString(w, replacement)
	})
	if problem != nil {
		return "", problem
	}
	return result.String(), err
}

// texts checks all tags of a unit. They are looked for in its JSON, because the engine does that: a quote or a brace of the JSON can
// become part of a tag.
func (e *expressions) texts(unit any, here place) {
	text, err := json.Marshal(unit)
	if err != nil {
		e.fail(here.where, err)
		return
	}
	template, err := fasttemplate.NewTemplate(string(text), "{{", "}}")
	if err != nil {
		e.fail(here.where, err)
		return
	}
	_, err = template.ExecuteFunc(io.Discard, func(_ io.Writer, tag string) (int, error) {
		source, isExpression := strings.CutPrefix(tag, "=")
		if !isExpression {
			if roots.MatchString(tag) {
				e.simple(strings.TrimSpace(tag), here)
			}
			return 0, nil
		}
		var unescaped string
		if err := json.Unmarshal([]byte(`"`+source+`"`), &unescaped); err != nil {
			e.fail(here.where, fmt.Errorf("{{=%s}} is no text: %w", source, err))
			return 0, nil
		}
		e.expression(unescaped, here)
		return 0, nil
	})
	if err != nil {
		e.fail(here.where, err)
	}
}

// simple checks a tag that is just a name. Argo substitutes only the exact one.
func (e *expressions) simple(tag string, here place) {
	if here.names[tag] || here.names["item.*"] && strings.HasPrefix(tag, "item.") {
		e.fail(here.where, nil)
		return
	}
	e.fail(here.where, fmt.Errorf("{{%s}} does not exist here", tag))
}

// expression compiles an expression as the engine does, then looks at every name in it: the engine gives `nil` for one that is not there.
func (e *expressions) expression(source string, here place) {
	values := map[string]any{}
	for name := range here.names {
		values[name] = "1"
	}
	if _, err := expr.Compile(source, expr.Env(exprenv.GetFuncMap(values))); err != nil {
		e.fail(here.where, fmt.Errorf("%q: %w", source, err))
		return
	}
	tree, err := parser.Parse(source)
	if err != nil {
		e.fail(here.where, fmt.Errorf("%q: %w", source, err))
		return
	}
	visitor := &pathVisitor{inner: map[ast.Node]bool{}}
	ast.Walk(&tree.Node, visitor)
	for _, path := range visitor.outermost() {
		if roots.MatchString(path) && !here.names.has(path) && !(here.names["item.*"] && strings.HasPrefix(path, "item.")) {
			e.fail(here.where, fmt.Errorf("%q: %s does not exist here", source, path))
			return
		}
	}
	e.fail(here.where, nil)
}

// pathVisitor collects the names of an expression, `tasks['a'].outputs.parameters.x` in full. A member that is computed ends a name.
type pathVisitor struct {
	paths []struct {
		node ast.Node
		path string
	}
	inner map[ast.Node]bool
}

func (v *pathVisitor) Visit(node *ast.Node) {
	path, ok := pathOf(*node)
	if !ok {
		return
	}
	v.paths = append(v.paths, struct {
		node ast.Node
		path string
	}{*node, path})
	if member, ok := (*node).(*ast.MemberNode); ok {
		v.inner[member.Node] = true
	}
}

// outermost leaves out the names that are only the beginning of a longer one.
func (v *pathVisitor) outermost() []string {
	var paths []string
	for _, found := range v.paths {
		if !v.inner[found.node] {
			paths = append(paths, found.path)
		}
	}
	sort.Strings(paths)
	return paths
}

func pathOf(node ast.Node) (string, bool) {
	switch node := node.(type) {
	case *ast.IdentifierNode:
		return node.Value, true
	case *ast.MemberNode:
		property, ok := node.Property.(*ast.StringNode)
		if !ok {
			return "", false
		}
		path, ok := pathOf(node.Node)
		return path + "." + property.Value, ok
	case *ast.ChainNode:
		return pathOf(node.Node)
	}
	return "", false
}

// taskGraph has the tasks of a DAG by their names.
type taskGraph map[string]*wfv1.DAGTask

func (g taskGraph) ancestors(name string) []string {
	seen := map[string]bool{}
	var visit func(string)
	visit = func(name string) {
		task, ok := g[name]
		if !ok {
			return
		}
		for dependency := range g.dependencies(task) {
			if !seen[dependency] && g[dependency] != nil {
				seen[dependency] = true
				visit(dependency)
			}
		}
	}
	visit(name)
	var found []string
	for name := range seen {
		found = append(found, name)
	}
	sort.Strings(found)
	return found
}

func (g taskGraph) dependencies(task *wfv1.DAGTask) map[string]common.DependencyType {
	dependencies, _ := taskDependencies(task, g)
	return dependencies
}

// task gives an empty task for a name that is none: Argo's code takes apart whatever there is.
func (g taskGraph) task(name string) *wfv1.DAGTask {
	if task, ok := g[name]; ok {
		return task
	}
	return &wfv1.DAGTask{Name: name}
}

// taskResults has the fields of TaskResults in workflow/controller/dag.go, which a validator alone does not hold.
type taskResults struct {
	Succeeded    bool `json:"Succeeded"`
	Failed       bool `json:"Failed"`
	Errored      bool `json:"Errored"`
	Skipped      bool `json:"Skipped"`
	Omitted      bool `json:"Omitted"`
	Daemoned     bool `json:"Daemoned"`
	AnySucceeded bool `json:"AnySucceeded"`
	AllFailed    bool `json:"AllFailed"`
}

// depends compiles what a task waits for, as evaluateDependsLogic in workflow/controller/dag.go does.
func (e *expressions) depends(task *wfv1.DAGTask, dag taskGraph, here place) {
	dependencies, logic := taskDependencies(task, dag)
	if logic == "" {
		return
	}
	scope := map[string]taskResults{}
	for name := range dependencies {
		if dag[name] == nil {
			e.fail(here.where, fmt.Errorf("depends %q: there is no task %q", logic, name))
			return
		}
		scope[strings.ReplaceAll(name, "-", "_")] = taskResults{}
	}
	_, err := expr.Compile(strings.ReplaceAll(logic, "-", "_"), expr.Env(scope), expr.AsBool())
	if err != nil {
		err = fmt.Errorf("depends %q: %w", logic, err)
	}
	e.fail(here.where, err)
}

// when parses a condition as shouldExecute in workflow/controller/steps.go does, with its tags replaced by a text that stands for any.
func (e *expressions) when(condition string, here place) {
	if condition == "" {
		return
	}
	resolved, err := tagged(condition, func(string) (string, error) { return "true", nil })
	if err == nil {
		_, err = govaluate.NewEvaluableExpression(resolved)
	}
	if err != nil {
		err = fmt.Errorf("when %q: %w", condition, err)
	}
	e.fail(here.where, err)
}
