package conformance

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"sigs.k8s.io/yaml"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"github.com/argoproj/argo-workflows/v3/workflow/common"
	"github.com/argoproj/argo-workflows/v3/workflow/validate"
)

const engineName = "argo"

// engineModule has the major version of the import paths, which are rewritten for each engine.
const engineModule = "github.com/argoproj/argo-workflows/v3"

func init() {
	operations["check"] = check
}

// fault is one thing that the engine refuses.
type fault struct {
	// Check says who refused: parse, lint, submit, expression.
	Check    string `json:"check"`
	Document int    `json:"document"`
	Message  string `json:"message"`
}

// report counts what was checked, so that "no faults" cannot mean "nothing checked".
type report struct {
	Checks int     `json:"checks"`
	Faults []fault `json:"faults"`
}

func (r *report) add(check string, document int, err error) bool {
	r.Checks++
	if err != nil {
		r.Faults = append(r.Faults, fault{Check: check, Document: document, Message: err.Error()})
	}
	return err == nil
}

// documentSeparator is the one of Argo's own reader (workflow/common/parse.go).
var documentSeparator = regexp.MustCompile(`\n---`)

// parse reads every document as `argo lint --strict` does. Unlike it, a document that is none of Argo's own kinds is a fault too:
// Argo passes over those in silence.
func parse(ctx context.Context, text string, result *report) map[int]any {
	objects := map[int]any{}
	for i, part := range documentSeparator.Split(text, -1) {
		if strings.TrimSpace(part) == "" {
			continue
		}
		var head struct {
			APIVersion string `json:"apiVersion"`
			Kind       string `json:"kind"`
		}
		if err := yaml.Unmarshal([]byte(part), &head); err != nil {
			result.add("parse", i, err)
			continue
		}
		parsed := parseObjects(ctx, part)
		if len(parsed) != 1 {
			result.add("parse", i, fmt.Errorf("this is not one object of Kubernetes"))
			continue
		}
		object, err := parsed[0].Object, parsed[0].Err
		switch object.(type) {
		case *wfv1.Workflow, *wfv1.WorkflowTemplate, *wfv1.CronWorkflow:
			if err == nil && head.APIVersion != wfv1.SchemeGroupVersion.String() {
				err = fmt.Errorf("apiVersion is %q", head.APIVersion)
			}
		default:
			err = fmt.Errorf("kind %q is none of Argo's that run", head.Kind)
		}
		if result.add("parse", i, err) {
			objects[i] = object
		}
	}
	return objects
}

// templatesOf gives the WorkflowTemplates among the objects, for others to refer to.
func templatesOf(objects map[int]any) templateGetter {
	templates := templateGetter{}
	for _, object := range objects {
		if template, ok := object.(*wfv1.WorkflowTemplate); ok {
			templates[template.Name] = template
		}
	}
	return templates
}

// check validates every document as `argo lint` and as `argo submit` do, and looks at what neither of them does: names in expressions.
func check(request json.RawMessage) (any, error) {
	var question struct {
		Manifest string `json:"manifest"`
	}
	if err := json.Unmarshal(request, &question); err != nil {
		return nil, err
	}
	ctx := newContext()
	result := &report{Faults: []fault{}}
	objects := parse(ctx, question.Manifest, result)
	templates := templatesOf(objects)
	for i := range documentSeparator.Split(question.Manifest, -1) {
		switch object := objects[i].(type) {
		case *wfv1.Workflow:
			checkExpressions(result, i, &object.Spec)
			result.add("lint", i, validateWorkflow(ctx, templates, object.DeepCopy(), validate.ValidateOpts{Lint: true}))
		case *wfv1.WorkflowTemplate:
			checkExpressions(result, i, &object.Spec)
			result.add("lint", i, validateTemplate(ctx, templates, object.DeepCopy(), validate.ValidateOpts{Lint: true}))
		case *wfv1.CronWorkflow:
			checkExpressions(result, i, &object.Spec.WorkflowSpec)
			result.add("lint", i, validateCron(ctx, templates, object.DeepCopy()))
		default:
			continue
		}
		workflow, err := submitted(objects[i], templates, nil, true)
		if err == nil {
			err = validateWorkflow(ctx, templates, workflow, validate.ValidateOpts{Submit: true})
		}
		result.add("submit", i, err)
	}
	return result, nil
}

// submitted is the Workflow that the cluster gets for an object: a Workflow itself, `argo submit --from workflowtemplate/…`,
// `argo submit --from cronwf/…`. With `fill`, a parameter that the run must give gets a value that it allows.
func submitted(object any, templates templateGetter, parameters map[string]string, fill bool) (*wfv1.Workflow, error) {
	var workflow *wfv1.Workflow
	switch object := object.(type) {
	case *wfv1.Workflow:
		workflow = object.DeepCopy()
	case *wfv1.WorkflowTemplate:
		workflow = common.NewWorkflowFromWorkflowTemplate(object.Name, false)
	case *wfv1.CronWorkflow:
		workflow = common.ConvertCronWorkflowToWorkflow(object.DeepCopy())
	default:
		return nil, fmt.Errorf("a %T cannot be submitted", object)
	}
	workflow.Namespace = "argo"
	if workflow.Name == "" {
		// What the API server does with generateName, without its random part.
		workflow.Name = workflow.GenerateName + "12345"
	}
	declared := workflow.Spec.Arguments.Parameters
	if ref := workflow.Spec.WorkflowTemplateRef; ref != nil && templates[ref.Name] != nil {
		declared = append(append([]wfv1.Parameter{}, declared...), templates[ref.Name].Spec.Arguments.Parameters...)
	}
	pairs := map[string]string{}
	for _, parameter := range declared {
		if text, ok := parameters[parameter.Name]; ok {
			pairs[parameter.Name] = text
		} else if fill && parameter.Value == nil && parameter.Default == nil {
			text := "1"
			if len(parameter.Enum) > 0 {
				text = parameter.Enum[0].String()
			}
			pairs[parameter.Name] = text
		}
	}
	for name := range parameters {
		if !hasParameter(declared, name) {
			return nil, fmt.Errorf("the workflow has no parameter %q", name)
		}
	}
	return workflow, override(workflow, pairs)
}

func hasParameter(parameters []wfv1.Parameter, name string) bool {
	for _, parameter := range parameters {
		if parameter.Name == name {
			return true
		}
	}
	return false
}
