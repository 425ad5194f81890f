package kfp

import (
	"encoding/json"
	"fmt"
	"sort"
	"strings"
	"sync"

	"github.com/google/cel-go/cel"
	celast "github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/kubeflow/pipelines/api/v2alpha1/go/pipelinespec"
	"github.com/kubeflow/pipelines/backend/src/v2/expression"
)

// Fault is one thing that the backend refuses, or would stumble over in the run.
type Fault struct {
	// Check says who refused: parse, compile, lint, submit, expression.
	Check    string `json:"check"`
	Document int    `json:"document"`
	Message  string `json:"message"`
}

// Report counts what was checked, so that "no faults" cannot mean "nothing checked".
type Report struct {
	Checks int     `json:"checks"`
	Faults []Fault `json:"faults"`
}

func (r *Report) add(check string, err error) {
	r.Checks++
	if err != nil {
		r.Faults = append(r.Faults, Fault{Check: check, Message: worded(err)})
	}
}

// worded is an error's text. The protobuf module puts one of two kinds of space into its errors, by the program that it is part of, so
// that nobody relies on them.
func worded(err error) string { return strings.ReplaceAll(err.Error(), "\u00a0", " ") }

// Check answers `check`: the documents, the compiler, Argo's validator on what it makes, every expression.
func Check(request json.RawMessage) (any, error) {
	var question struct {
		Manifest string `json:"manifest"`
	}
	if err := json.Unmarshal(request, &question); err != nil {
		return nil, err
	}
	pipeline, checks, problems := read(question.Manifest)
	report := &Report{Checks: checks, Faults: []Fault{}}
	for _, problem := range problems {
		report.Faults = append(report.Faults, Fault{Check: "parse", Document: problem.document, Message: worded(problem.err)})
	}
	if pipeline.spec == nil {
		return report, nil
	}
	if err := pipeline.expressions(report); err != nil {
		return nil, err
	}
	if len(problems) > 0 {
		return report, nil
	}
	parameters, err := pipeline.typed(nil, true)
	if err != nil {
		return nil, err
	}
	workflow, err := pipeline.workflow(parameters, 0)
	report.add("compile", err)
	if err == nil {
		// CreateRun validates as on submission; linting also looks into templates that nothing reaches.
		report.add("lint", copyOf(workflow).Validate(true, false))
		report.add("submit", copyOf(workflow).Validate(false, false))
	}
	return report, nil
}

// expressions compiles every condition and selector of every task, with the environments of the driver.
func (p *project) expressions(report *Report) error {
	compiler, err := evaluator()
	if err != nil {
		return err
	}
	places := map[string]*pipelinespec.ComponentSpec{"root": p.spec.GetRoot()}
	for name, component := range p.spec.GetComponents() {
		places["component "+name] = component
	}
	for _, place := range keys(places) {
		tasks := places[place].GetDag().GetTasks()
		for _, name := range keys(tasks) {
			task, at := tasks[name], place+", task "+name
			if condition := task.GetTriggerPolicy().GetCondition(); condition != "" {
				_, err := compiler.Condition(&pipelinespec.ExecutorInput{}, condition)
				if err = compilation(err); err == nil {
					err = operands(condition, task)
				}
				report.add("expression", under(at+": condition", err))
			}
			inputs := task.GetInputs().GetParameters()
			for _, input := range keys(inputs) {
				if selector := inputs[input].GetParameterExpressionSelector(); selector != "" {
					_, err := compiler.Select(structpb.NewStringValue("{}"), selector)
					report.add("expression", under(at+": selector of "+input, compilation(err)))
				}
			}
		}
	}
	return nil
}

// compilation is the error if the expression could not be compiled; the driver's package compiles and evaluates in one step, and says
// which of the two failed (backend/src/v2/expression/expression.go).
func compilation(err error) error {
	if err != nil && (strings.HasPrefix(err.Error(), "evaluation error:") || strings.HasPrefix(err.Error(), "failed to convert result")) {
		return nil
	}
	return err
}

// operands refuses a condition that reads a parameter which is no input of its task. The environment of the driver has a map there, so
// that it is found only when the condition is evaluated.
func operands(condition string, task *pipelinespec.PipelineTaskSpec) error {
	environment, err := cel.NewEnv()
	if err != nil {
		return err
	}
	parsed, issues := environment.Parse(condition)
	if issues.Err() != nil {
		return issues.Err()
	}
	var unknown []string
	celast.PreOrderVisit(parsed.NativeRep().Expr(), celast.NewExprVisitor(func(node celast.Expr) {
		if node.Kind() != celast.CallKind || node.AsCall().FunctionName() != operators.Index {
			return
		}
		table, key := node.AsCall().Args()[0], node.AsCall().Args()[1]
		if table.Kind() != celast.SelectKind || table.AsSelect().FieldName() != "parameter_values" {
			return
		}
		if key.Kind() != celast.LiteralKind {
			unknown = append(unknown, "an input whose name is computed")
			return
		}
		name, _ := key.AsLiteral().Value().(string)
		if _, ok := task.GetInputs().GetParameters()[name]; !ok {
			unknown = append(unknown, fmt.Sprintf("%q", name))
		}
	}))
	if len(unknown) > 0 {
		return fmt.Errorf("no input of the task: %s", strings.Join(unknown, ", "))
	}
	return nil
}

// evaluator is the driver's, which makes one for each of its pods. It keeps nothing of what it evaluates, and takes a millisecond to make.
var evaluator = sync.OnceValues(expression.New)

// CEL answers `cel`: a condition evaluated as the driver does, on these inputs.
func CEL(request json.RawMessage) (any, error) {
	var question struct {
		Expression string                     `json:"expression"`
		Parameters map[string]*structpb.Value `json:"parameters"`
	}
	if err := json.Unmarshal(request, &question); err != nil {
		return nil, err
	}
	evaluator, err := evaluator()
	if err != nil {
		return nil, err
	}
	for name, value := range question.Parameters {
		if value == nil { // how encoding/json reads null
			question.Parameters[name] = structpb.NewNullValue()
		}
	}
	input := &pipelinespec.ExecutorInput{Inputs: &pipelinespec.ExecutorInput_Inputs{ParameterValues: question.Parameters}}
	value, err := evaluator.Condition(input, question.Expression)
	if err != nil {
		return map[string]any{"failed": err.Error()}, nil
	}
	return map[string]any{"value": value}, nil
}

// Select answers `select`: a selector of an input evaluated as the driver does, on this value.
func Select(request json.RawMessage) (any, error) {
	var question struct {
		Expression string          `json:"expression"`
		Input      *structpb.Value `json:"input"`
	}
	if err := json.Unmarshal(request, &question); err != nil {
		return nil, err
	}
	evaluator, err := evaluator()
	if err != nil {
		return nil, err
	}
	value, err := evaluator.Select(question.Input, question.Expression)
	if err != nil {
		return map[string]any{"failed": err.Error()}, nil
	}
	return map[string]any{"value": value}, nil
}

// keys are a map's keys in order, so that answers are the same every time.
func keys[V any](table map[string]V) []string {
	names := make([]string, 0, len(table))
	for name := range table {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}
