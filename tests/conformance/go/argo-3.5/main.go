package conformance

import (
	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
)

// This version is asked for its opinion of manifests; it plays none. So an ordinary program is enough.
func main() { serve() }

// override gives parameters of a workflow other values. What `argo submit -p` itself calls (overrideParameters in workflow/util/util.go)
// would bring two hundred packages more.
func override(workflow *wfv1.Workflow, values map[string]string) error {
	parameters := []wfv1.Parameter{}
	for name, value := range values {
		parameters = append(parameters, wfv1.Parameter{Name: name, Value: wfv1.AnyStringPtr(value)})
	}
	for _, parameter := range workflow.Spec.Arguments.Parameters {
		if _, ok := values[parameter.Name]; !ok {
			parameters = append(parameters, parameter)
		}
	}
	workflow.Spec.Arguments.Parameters = parameters
	return nil
}
