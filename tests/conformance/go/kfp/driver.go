package kfp

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/kubeflow/pipelines/api/v2alpha1/go/pipelinespec"
	"github.com/kubeflow/pipelines/backend/src/apiserver/config/proxy"
	"github.com/kubeflow/pipelines/backend/src/common/util"
	"github.com/kubeflow/pipelines/backend/src/v2/driver"
	"github.com/kubeflow/pipelines/backend/src/v2/metadata"
	"github.com/kubeflow/pipelines/kubernetes_platform/go/kubernetesplatform"
	pb "github.com/kubeflow/pipelines/third_party/ml-metadata/go/ml_metadata"
)

// driven is what a driver leaves: the execution that it made, the texts of its files by their paths, and whether it found that the task is
// not to run.
type driven struct {
	id    int64
	files map[string]string
	held  bool
}

// drive does what the driver's program does with its arguments (backend/src/v2/cmd/driver/main.go), and gives what it would
// leave. The decisions are those of the driver's package. An error ends the pod; the files that were written before stay.
func (r *Run) drive(ctx context.Context, arguments []string) (driven, error) {
	flags := flag.NewFlagSet("driver", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	kind := flags.String("type", "", "")
	pipelineName := flags.String("pipeline_name", "", "")
	run := flags.String("run_id", "", "")
	runName := flags.String("run_name", "", "")
	runDisplayName := flags.String("run_display_name", "", "")
	componentJSON := flags.String("component", "{}", "")
	taskJSON := flags.String("task", "", "")
	runtimeConfigJSON := flags.String("runtime_config", "", "")
	iterationIndex := flags.Int("iteration_index", -1, "")
	taskName := flags.String("task_name", "", "")
	dagExecutionID := flags.Int64("dag_execution_id", 0, "")
	containerJSON := flags.String("container", "{}", "")
	kubernetesJSON := flags.String("kubernetes_config", "{}", "")
	executionIDPath := flags.String("execution_id_path", "", "")
	iterationCountPath := flags.String("iteration_count_path", "", "")
	podSpecPatchPath := flags.String("pod_spec_patch_path", "", "")
	cachedDecisionPath := flags.String("cached_decision_path", "", "")
	conditionPath := flags.String("condition_path", "", "")
	logLevel := flags.String("log_level", "1", "")
	const unset = "unset"
	httpProxy := flags.String("http_proxy", unset, "")
	httpsProxy := flags.String("https_proxy", unset, "")
	noProxy := flags.String("no_proxy", unset, "")
	publishLogs := flags.String("publish_logs", "true", "")
	cacheDisabled := flags.Bool("cache_disabled", false, "")
	// The store of metadata is this program's own.
	_ = flags.String("mlmd_server_address", "", "")
	_ = flags.String("mlmd_server_port", "", "")
	if err := flags.Parse(arguments); err != nil {
		return driven{}, err
	}
	for name, value := range map[string]string{"http_proxy": *httpProxy, "https_proxy": *httpsProxy, "no_proxy": *noProxy} {
		if value == unset {
			return driven{}, fmt.Errorf("argument --%s is required", name)
		}
	}
	proxy.InitializeConfig(*httpProxy, *httpsProxy, *noProxy)

	options := driver.Options{
		PipelineName:     *pipelineName,
		RunID:            *run,
		RunName:          *runName,
		RunDisplayName:   *runDisplayName,
		Namespace:        namespace,
		Component:        &pipelinespec.ComponentSpec{},
		DAGExecutionID:   *dagExecutionID,
		IterationIndex:   *iterationIndex,
		PipelineLogLevel: *logLevel,
		PublishLogs:      *publishLogs,
		CacheDisabled:    *cacheDisabled,
		DriverType:       *kind,
		TaskName:         *taskName,
	}
	if err := util.UnmarshalString(*componentJSON, options.Component); err != nil {
		return driven{}, fmt.Errorf("component: %w", err)
	}
	if *taskJSON != "" {
		options.Task = &pipelinespec.PipelineTaskSpec{}
		if err := util.UnmarshalString(*taskJSON, options.Task); err != nil {
			return driven{}, fmt.Errorf("task: %w", err)
		}
	}
	container := &pipelinespec.PipelineDeploymentConfig_PipelineContainerSpec{}
	if err := util.UnmarshalString(*containerJSON, container); err != nil {
		return driven{}, fmt.Errorf("container: %w", err)
	}
	var runtimeConfig *pipelinespec.PipelineJob_RuntimeConfig
	if *runtimeConfigJSON != "" {
		runtimeConfig = &pipelinespec.PipelineJob_RuntimeConfig{}
		if err := util.UnmarshalString(*runtimeConfigJSON, runtimeConfig); err != nil {
			return driven{}, fmt.Errorf("runtime config: %w", err)
		}
	}
	var kubernetes *kubernetesplatform.KubernetesExecutorConfig
	if *kubernetesJSON != "" {
		kubernetes = &kubernetesplatform.KubernetesExecutorConfig{}
		if err := util.UnmarshalString(*kubernetesJSON, kubernetes); err != nil {
			return driven{}, fmt.Errorf("kubernetes config: %w", err)
		}
	}

	var execution *driver.Execution
	var err error
	switch *kind {
	case "ROOT_DAG":
		options.RuntimeConfig = runtimeConfig
		execution, err = driver.RootDAG(ctx, options, r.metadata.client)
	case "DAG":
		execution, err = driver.DAG(ctx, options, r.metadata.client)
	case "CONTAINER":
		options.Container = container
		options.KubernetesExecutorConfig = kubernetes
		claimed := len(r.cluster.created)
		execution, err = driver.Container(ctx, options, r.metadata.client, r.cache)
		if err != nil && outsideOfPod(err) {
			var outputs map[string]*structpb.Value
			if container.GetImage() == "argostub/createpvc" {
				outputs = map[string]*structpb.Value{"name": structpb.NewStringValue(strings.Join(r.cluster.created[claimed:], ""))}
			}
			execution.ID, err = r.publishClaim(ctx, options.TaskName, outputs)
		}
	default:
		return driven{}, fmt.Errorf("unknown driver type %q", *kind)
	}
	if execution == nil {
		return driven{}, err
	}

	files := map[string]string{}
	if execution.ID != 0 && *executionIDPath != "" {
		files[*executionIDPath] = strconv.FormatInt(execution.ID, 10)
	}
	if execution.IterationCount != nil {
		files[*iterationCountPath] = strconv.Itoa(*execution.IterationCount)
	} else if *kind == "ROOT_DAG" {
		files[*iterationCountPath] = "0"
	}
	if execution.Cached != nil {
		files[*cachedDecisionPath] = strconv.FormatBool(*execution.Cached)
	}
	if execution.Condition != nil {
		files[*conditionPath] = strconv.FormatBool(*execution.Condition)
	} else if *kind == "ROOT_DAG" || *kind == "CONTAINER" {
		files[*conditionPath] = "nil"
	}
	if execution.PodSpecPatch != "" {
		files[*podSpecPatchPath] = execution.PodSpecPatch
	}
	if _, ok := files[""]; ok && err == nil {
		err = errors.New("a file to write has no path")
	}
	return driven{execution.ID, files, !execution.WillTrigger()}, err
}

// outsideOfPod is true if all that went wrong is that the driver found no pod around itself. It makes or deletes a claim, and then reads
// its namespace from a file that only pods have, to publish what it did (publishDriverExecution in backend/src/v2/driver/k8s.go).
func outsideOfPod(err error) bool {
	return errors.Is(err, fs.ErrNotExist) && strings.Contains(err.Error(), "error getting namespace")
}

// publishClaim is the rest of publishDriverExecution. The execution that was made for the task is complete, also if it was not triggered;
// the output of one that creates is the name of the claim, empty if there is none. It gives the id of the execution, which the driver of
// such a task does not hand on.
func (r *Run) publishClaim(ctx context.Context, task string, outputs map[string]*structpb.Value) (int64, error) {
	execution, err := r.metadata.client.GetExecution(ctx, r.metadata.newest(task).GetId())
	if err != nil {
		return 0, err
	}
	pod := &metadata.ExecutionConfig{PodName: "driver", PodUID: "driver", Namespace: namespace}
	if execution, err = r.metadata.client.PrePublishExecution(ctx, execution, pod); err != nil {
		return 0, err
	}
	return execution.GetID(), r.metadata.client.PublishExecution(ctx, execution, outputs, nil, pb.Execution_COMPLETE)
}
