package kfp

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/kubeflow/pipelines/api/v2alpha1/go/pipelinespec"
	api "github.com/kubeflow/pipelines/backend/api/v1beta1/go_client"
	"github.com/kubeflow/pipelines/backend/src/v2/client_manager"
	"github.com/kubeflow/pipelines/backend/src/v2/component"
	"github.com/kubeflow/pipelines/backend/src/v2/metadata"
	"github.com/kubeflow/pipelines/backend/src/v2/objectstore"
	pb "github.com/kubeflow/pipelines/third_party/ml-metadata/go/ml_metadata"
)

// Outcome is what the user's program does in one attempt.
type Outcome struct {
	Exit int32
	// Lost means that the pod vanishes while the program runs.
	Lost bool
	// Outputs are the texts of the files of output parameters; without any, every file has a text that its type allows.
	Outputs *map[string]string
}

// launched is what a launcher was about to run, and for which task.
type launched struct {
	executionID int64
	program     []string
}

// launch does what the launcher's program does with its arguments (backend/src/v2/cmd/launcher-v2/main.go and LauncherV2.Execute in
// backend/src/v2/component/launcher_v2.go), around a program that ends as `end` says. Not done is what needs an object store: input
// artifacts are not fetched, output artifacts are registered and not uploaded, for which the launcher takes a program that wrote none.
// An error ends the pod.
func (r *Run) launch(ctx context.Context, arguments []string, end Outcome) (started *launched, lost bool, err error) {
	flags := flag.NewFlagSet("launcher", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	pipelineName := flags.String("pipeline_name", "", "")
	id := flags.String("run_id", "", "")
	executorType := flags.String("executor_type", "container", "")
	executionID := flags.Int64("execution_id", 0, "")
	inputJSON := flags.String("executor_input", "", "")
	componentJSON := flags.String("component_spec", "", "")
	podName := flags.String("pod_name", "", "")
	podUID := flags.String("pod_uid", "", "")
	address := flags.String("mlmd_server_address", "", "")
	port := flags.String("mlmd_server_port", "8080", "")
	taskJSON := flags.String("task_spec", "", "")
	importerJSON := flags.String("importer_spec", "", "")
	parent := flags.Int64("parent_dag_id", 0, "")
	_ = flags.String("log_level", "1", "")
	publishLogs := flags.String("publish_logs", "true", "")
	cacheDisabled := flags.Bool("cache_disabled", false, "")
	if err := flags.Parse(arguments); err != nil {
		return nil, false, err
	}
	if *address != r.metadata.host || *port != r.metadata.port {
		return nil, false, fmt.Errorf("the launcher is sent to another store of metadata: %s:%s", *address, *port)
	}
	options := &component.LauncherV2Options{
		Namespace: namespace, PodName: *podName, PodUID: *podUID, MLMDServerAddress: *address, MLMDServerPort: *port,
		PipelineName: *pipelineName, RunID: *id, PublishLogs: *publishLogs, CacheDisabled: *cacheDisabled,
	}
	switch *executorType {
	case "container":
	case "importer":
		return r.importing(ctx, *componentJSON, *importerJSON, *taskJSON, *options, *parent, end)
	default:
		return nil, false, fmt.Errorf("unsupported executor type %s", *executorType)
	}
	clients := client_manager.NewFakeClientManager(r.cluster.objects, r.metadata.client, r.cache)
	launcher, err := component.NewLauncherV2(ctx, *executionID, *inputJSON, *componentJSON, flags.Args(), options, clients)
	if err != nil {
		return nil, false, err
	}
	// The launcher keeps what it read to itself.
	input, spec := &pipelinespec.ExecutorInput{}, &pipelinespec.ComponentSpec{}
	if err := firstError(protojson.Unmarshal([]byte(*inputJSON), input), protojson.Unmarshal([]byte(*componentJSON), spec)); err != nil {
		return nil, false, err
	}
	started = &launched{executionID: *executionID}

	begin := time.Now().Unix()
	execution, err := prePublish(launcher, ctx)
	if err != nil {
		return started, false, err
	}
	bucket, err := bucketOf(execution)
	if err != nil {
		return started, false, err
	}
	var output *pipelinespec.ExecutorOutput
	var artifacts []*metadata.OutputArtifact
	output, artifacts, lost, err = r.execute(ctx, input, spec, bucket, flags.Args(), started, end)
	if lost {
		return started, true, nil
	}
	state := pb.Execution_COMPLETE
	if err != nil {
		state, output, artifacts = pb.Execution_FAILED, nil, nil
	} else if key := execution.FingerPrint(); key != "" {
		err = r.cache.CreateExecutionCache(ctx, &api.Task{
			PipelineName: "pipeline/" + *pipelineName, Namespace: namespace, RunId: *id, Fingerprint: key,
			MlmdExecutionID: strconv.FormatInt(execution.GetID(), 10),
			CreatedAt:       timestamppb.New(time.Unix(begin, 0)), FinishedAt: timestamppb.Now(),
		})
	}
	if published := publish(launcher, ctx, execution, output, artifacts, state); published != nil {
		return started, false, errors.Join(published, err)
	}
	// The launcher only logs what goes wrong with the state of the DAG.
	r.note("state of the DAG", r.updateDAG(ctx, execution))
	return started, false, err
}

// importing is what the launcher does where an artifact comes from outside: it enters the artifact's place, and looks at nothing there.
// What makes the importer (NewImporterLauncher in backend/src/v2/component/importer_launcher.go) wants the files of a pod's service account,
// for a client of Kubernetes that it never uses; so its fields are filled in here.
func (r *Run) importing(
	ctx context.Context, componentJSON, importerJSON, taskJSON string, options component.LauncherV2Options, parent int64, end Outcome,
) (*launched, bool, error) {
	if end.Lost {
		return nil, true, nil
	}
	if end.Exit != 0 {
		return nil, false, fmt.Errorf("exit status %d", end.Exit)
	}
	spec, importer := &pipelinespec.ComponentSpec{}, &pipelinespec.PipelineDeploymentConfig_ImporterSpec{}
	task := &pipelinespec.PipelineTaskSpec{}
	if err := firstError(
		protojson.Unmarshal([]byte(componentJSON), spec), protojson.Unmarshal([]byte(importerJSON), importer),
		protojson.Unmarshal([]byte(taskJSON), task),
	); err != nil {
		return nil, false, err
	}
	launcher := &component.ImportLauncher{}
	fields := reflect.ValueOf(launcher).Elem()
	for name, value := range map[string]any{
		"component": spec, "importer": importer, "task": task, "launcherV2Options": options, "metadataClient": r.metadata.client,
		"importerLauncherOptions": component.ImporterLauncherOptions{PipelineName: options.PipelineName, RunID: options.RunID, ParentDagID: parent},
	} {
		field := fields.FieldByName(name)
		reflect.NewAt(field.Type(), field.Addr().UnsafePointer()).Elem().Set(reflect.ValueOf(value))
	}
	if err := launcher.Execute(ctx); err != nil {
		return nil, false, err
	}
	return &launched{executionID: r.metadata.newest(task.GetTaskInfo().GetName()).GetId()}, false, nil
}

// updateDAG is the end of LauncherV2.Execute.
func (r *Run) updateDAG(ctx context.Context, execution *metadata.Execution) error {
	client := r.metadata.client
	dag, err := client.GetDAG(ctx, execution.GetExecution().GetCustomProperties()["parent_dag_id"].GetIntValue())
	if err != nil {
		return err
	}
	pipeline, err := client.GetPipelineFromExecution(ctx, execution.GetID())
	if err != nil {
		return err
	}
	return client.UpdateDAGExecutionsState(ctx, dag, pipeline)
}

func bucketOf(execution *metadata.Execution) (*objectstore.Config, error) {
	session, err := objectstore.GetSessionInfoFromString(execution.GetPipeline().GetStoreSessionInfo())
	if err != nil {
		return nil, err
	}
	return objectstore.ParseBucketConfig(execution.GetPipeline().GetPipelineRoot(), session)
}

// execute is executeV2 of the launcher: placeholders are replaced, the program runs, its outputs are read.
func (r *Run) execute(
	ctx context.Context, input *pipelinespec.ExecutorInput, spec *pipelinespec.ComponentSpec, bucket *objectstore.Config,
	words []string, started *launched, end Outcome,
) (*pipelinespec.ExecutorOutput, []*metadata.OutputArtifact, bool, error) {
	completed, err := addDefaultParams(input, spec)
	if err != nil {
		return nil, nil, false, err
	}
	command, args, err := compileCmdAndArgs(completed, words[0], words[1:])
	if err != nil {
		return nil, nil, false, err
	}
	started.program = append([]string{command}, args...)
	if end.Lost {
		return nil, nil, true, nil
	}
	if end.Exit != 0 {
		return nil, nil, false, fmt.Errorf("exit status %d", end.Exit)
	}
	// The files are written to a folder of the run: their own places are absolute.
	moved, err := r.write(input, spec, end)
	if err != nil {
		return nil, nil, false, err
	}
	output, err := getExecutorOutputFile(moved.GetOutputs().GetOutputFile())
	if err == nil {
		err = collectOutputParameters(moved, output, spec)
	}
	if err != nil {
		text := err.Error()
		for name, parameter := range moved.GetOutputs().GetParameters() {
			text = strings.ReplaceAll(text, parameter.GetOutputFile(), input.GetOutputs().GetParameters()[name].GetOutputFile())
		}
		return nil, nil, false, errors.New(text)
	}
	artifacts, err := uploadOutputArtifacts(ctx, input, output, uploadOptions{bucketConfig: bucket, metadataClient: r.metadata.client})
	return output, artifacts, false, err
}

// write leaves the files that the program wrote, and gives the launcher's input with their places.
func (r *Run) write(input *pipelinespec.ExecutorInput, spec *pipelinespec.ComponentSpec, end Outcome) (*pipelinespec.ExecutorInput, error) {
	folder, err := os.MkdirTemp(r.folder, "outputs-")
	if err != nil {
		return nil, err
	}
	moved := proto.CloneOf(input)
	moved.GetOutputs().OutputFile = filepath.Join(folder, "executor-output")
	for i, name := range keys(moved.GetOutputs().GetParameters()) {
		path := filepath.Join(folder, strconv.Itoa(i))
		moved.GetOutputs().GetParameters()[name].OutputFile = path
		text := sample(spec.GetOutputDefinitions().GetParameters()[name].GetParameterType())
		if end.Outputs != nil {
			given, ok := (*end.Outputs)[name]
			if !ok {
				continue
			}
			text = given
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return nil, err
		}
	}
	return moved, nil
}
