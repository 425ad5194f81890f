// Package kfp holds the code of Kubeflow Pipelines' own backend that decides about a pipeline: the API server's reader and validator, the
// compiler to Argo Workflows, the driver, the parts of the launcher around the user's program, and its client of ML Metadata.
//
// What runs for real, unchanged, is the backend's Go module. What a cluster has around it is ours and small: a store of metadata
// (metadata.go), an API server that knows claims (cluster.go), the command lines of driver and launcher (driver.go, launcher.go), which
// are programs and cannot be imported, and the outcome of the user's programs.
package kfp

import (
	"encoding/json"
	"fmt"
	"sort"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	goyaml "gopkg.in/yaml.v3"
	"k8s.io/apimachinery/pkg/api/validation"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"github.com/kubeflow/pipelines/api/v2alpha1/go/pipelinespec"
	"github.com/kubeflow/pipelines/backend/src/apiserver/config/proxy"
	"github.com/kubeflow/pipelines/backend/src/apiserver/model"
	"github.com/kubeflow/pipelines/backend/src/apiserver/template"
	"github.com/kubeflow/pipelines/backend/src/common/util"
	"github.com/kubeflow/pipelines/backend/src/v2/metadata"
	"github.com/kubeflow/pipelines/kubernetes_platform/go/kubernetesplatform"
)

func init() {
	// The compiler writes the proxy's addresses into the driver's arguments and refuses to guess them.
	proxy.InitializeConfigWithEmptyForTests()
	// The backend writes a long log, into files of the folder for temporary ones. Without a sink it is not even put into words.
	textSinks = nil
}

// runID is what the API server would give to the run of that number of those that share a store of metadata.
func runID(number int) string {
	return fmt.Sprintf("%08d-2222-3333-4444-555555555555", 11111111+number)
}

// project is a pipeline as the API server holds it.
type project struct {
	server    *template.V2Spec
	spec      *pipelinespec.PipelineSpec
	executors map[string]*pipelinespec.PipelineDeploymentConfig_ExecutorSpec
}

// problem is something wrong in one of the documents.
type problem struct {
	document int
	err      error
}

// documents splits a manifest as the tests number its documents.
func documents(text string) []string { return strings.Split("\n"+text, "\n---") }

// read parses a manifest strictly and completely. The API server alone does not: it takes a document that is no pipeline and no valid
// platform specification for none of its business (NewV2SpecTemplate in backend/src/apiserver/template/v2_template.go), and executors
// are free-form in both documents, where the compiler and the driver drop what they do not know (UnmarshalString in
// backend/src/common/util/json.go). It also says how much it looked at.
func read(text string) (*project, int, []problem) {
	result := &project{executors: map[string]*pipelinespec.PipelineDeploymentConfig_ExecutorSpec{}}
	var problems []problem
	checks := 0
	check := func(document int, err error) bool {
		checks++
		if err != nil {
			problems = append(problems, problem{document, err})
		}
		return err == nil
	}
	var platform *pipelinespec.PlatformSpec
	platformAt := 0
	for i, part := range documents(text) {
		if strings.TrimSpace(part) == "" {
			continue
		}
		var content map[string]any
		if !check(i, goyaml.Unmarshal([]byte(part), &content)) {
			continue
		}
		data, err := json.Marshal(content)
		if !check(i, err) {
			continue
		}
		if _, ok := content["platforms"]; ok {
			platform, platformAt = &pipelinespec.PlatformSpec{}, i
			check(i, protojson.Unmarshal(data, platform))
			continue
		}
		result.spec = &pipelinespec.PipelineSpec{}
		if !check(i, protojson.Unmarshal(data, result.spec)) {
			continue
		}
		for name, executor := range result.spec.GetDeploymentSpec().GetFields()["executors"].GetStructValue().GetFields() {
			parsed := &pipelinespec.PipelineDeploymentConfig_ExecutorSpec{}
			if check(i, under("executor "+name, strictly(executor, parsed))) {
				result.executors[name] = parsed
			}
		}
		for name := range result.spec.GetDeploymentSpec().GetFields() {
			if name != "executors" {
				check(i, fmt.Errorf("deploymentSpec: unknown field %q", name))
			}
		}
	}
	for name, single := range platform.GetPlatforms() {
		if name != "kubernetes" {
			check(platformAt, fmt.Errorf("platform %q is none that the backend reads", name))
		}
		for label, executor := range single.GetDeploymentSpec().GetExecutors() {
			at := "platform executor " + label
			check(platformAt, under(at, strictly(structpb.NewStructValue(executor), &kubernetesplatform.KubernetesExecutorConfig{})))
			if _, ok := result.executors[label]; !ok {
				check(platformAt, fmt.Errorf("%s: the pipeline has no executor of this name", at))
			}
		}
	}
	if len(problems) == 0 {
		var err error
		result.server, err = template.NewV2SpecTemplate([]byte(text), false, nil)
		check(0, err)
	}
	sort.SliceStable(problems, func(i, j int) bool {
		if problems[i].document != problems[j].document {
			return problems[i].document < problems[j].document
		}
		return problems[i].err.Error() < problems[j].err.Error()
	})
	return result, checks, problems
}

// strictly reads a part of a free-form struct as the message that it must be.
func strictly(value *structpb.Value, message proto.Message) error {
	data, err := protojson.Marshal(value)
	if err != nil {
		return err
	}
	return protojson.Unmarshal(data, message)
}

// under says where an error happened.
func under(place string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", place, err)
}

// typed gives the run's parameters the types that the pipeline declares, from texts, by the rules by which the backend reads the text of
// an output parameter. With `fill`, one that the run must give gets a value of its type.
func (p *project) typed(texts map[string]string, fill bool) (map[string]*structpb.Value, error) {
	declared := p.spec.GetRoot().GetInputDefinitions().GetParameters()
	values := map[string]*structpb.Value{}
	for name, text := range texts {
		parameter, ok := declared[name]
		if !ok {
			return nil, fmt.Errorf("the pipeline has no parameter %q", name)
		}
		value, err := metadata.TextToPbValue(text, parameter.GetParameterType())
		if err != nil {
			return nil, fmt.Errorf("parameter %q: %w", name, err)
		}
		values[name] = value
	}
	for name, parameter := range declared {
		if _, ok := values[name]; !ok && fill && !parameter.GetIsOptional() && parameter.GetDefaultValue() == nil {
			value, err := metadata.TextToPbValue(sample(parameter.GetParameterType()), parameter.GetParameterType())
			if err != nil {
				return nil, fmt.Errorf("parameter %q: %w", name, err)
			}
			values[name] = value
		}
	}
	return values, nil
}

// sample is a text that every reader of a type takes.
func sample(kind pipelinespec.ParameterType_ParameterTypeEnum) string {
	switch kind {
	case pipelinespec.ParameterType_LIST:
		return "[]"
	case pipelinespec.ParameterType_STRUCT:
		return "{}"
	default:
		return "1"
	}
}

// workflow is what the API server makes of the pipeline for a run with these parameters, and hands to Argo
// (CreateRun in backend/src/apiserver/resource/resource_manager.go).
func (p *project) workflow(parameters map[string]*structpb.Value, number int) (*util.Workflow, error) {
	values, err := json.Marshal(parameters)
	if err != nil {
		return nil, err
	}
	id := runID(number)
	run := &model.Run{UUID: id, DisplayName: "run", Namespace: namespace}
	run.RuntimeConfig.Parameters = string(values)
	made, err := p.server.RunWorkflow(run, template.RunWorkflowOptions{RunId: id})
	if err != nil {
		return nil, err
	}
	workflow, ok := made.(*util.Workflow)
	if !ok {
		return nil, fmt.Errorf("the compiler made a %T", made)
	}
	workflow.SetExecutionNamespace(namespace)
	// The API server looks for a good name anywhere in the pipeline's; Kubernetes wants the whole to be one.
	if problems := validation.NameIsDNSSubdomain(workflow.GenerateName, true); len(problems) > 0 {
		return nil, fmt.Errorf("Kubernetes would refuse the name %q: %s", workflow.GenerateName, strings.Join(problems, "; "))
	}
	return workflow, nil
}

// copyOf protects a workflow from a validator that fills in what it finds missing.
func copyOf(workflow *util.Workflow) *util.Workflow { return util.NewWorkflow(workflow.DeepCopy()) }

// named is the workflow as the cluster stores it, with the random part of its name.
func named(workflow *wfv1.Workflow) *wfv1.Workflow {
	if workflow.Name == "" {
		workflow.Name = workflow.GenerateName + "12345"
	}
	return workflow
}
