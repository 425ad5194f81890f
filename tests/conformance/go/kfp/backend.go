package kfp

import (
	"context"
	"unsafe"

	"gocloud.dev/blob"

	"github.com/kubeflow/pipelines/api/v2alpha1/go/cachekey"
	"github.com/kubeflow/pipelines/api/v2alpha1/go/pipelinespec"
	api "github.com/kubeflow/pipelines/backend/api/v1beta1/go_client"
	"github.com/kubeflow/pipelines/backend/src/v2/cacheutils"
	"github.com/kubeflow/pipelines/backend/src/v2/component"
	"github.com/kubeflow/pipelines/backend/src/v2/metadata"
	"github.com/kubeflow/pipelines/backend/src/v2/objectstore"
	pb "github.com/kubeflow/pipelines/third_party/ml-metadata/go/ml_metadata"
)

// The functions of the launcher that substitute placeholders, read outputs and publish them are not exported, and what calls them runs
// the user's program and copies files to an object store. They are linked to here by their names. Their types are those of the module at
// the version that go.mod pins; a version that has them otherwise has another go.mod, and this file must be compared with it. A body that
// is elsewhere needs a file of assembly in the package: empty.s.

// See backend/src/v2/component/launcher_v2.go.
//
//go:linkname addDefaultParams github.com/kubeflow/pipelines/backend/src/v2/component.addDefaultParams
func addDefaultParams(input *pipelinespec.ExecutorInput, component *pipelinespec.ComponentSpec) (*pipelinespec.ExecutorInput, error)

//go:linkname compileCmdAndArgs github.com/kubeflow/pipelines/backend/src/v2/component.compileCmdAndArgs
func compileCmdAndArgs(input *pipelinespec.ExecutorInput, command string, args []string) (string, []string, error)

//go:linkname getExecutorOutputFile github.com/kubeflow/pipelines/backend/src/v2/component.getExecutorOutputFile
func getExecutorOutputFile(path string) (*pipelinespec.ExecutorOutput, error)

//go:linkname collectOutputParameters github.com/kubeflow/pipelines/backend/src/v2/component.collectOutputParameters
func collectOutputParameters(
	input *pipelinespec.ExecutorInput, output *pipelinespec.ExecutorOutput, component *pipelinespec.ComponentSpec,
) error

//go:linkname uploadOutputArtifacts github.com/kubeflow/pipelines/backend/src/v2/component.uploadOutputArtifacts
func uploadOutputArtifacts(
	ctx context.Context, input *pipelinespec.ExecutorInput, output *pipelinespec.ExecutorOutput, options uploadOptions,
) ([]*metadata.OutputArtifact, error)

// uploadOptions has the fields of component.uploadOutputArtifactsOptions.
type uploadOptions struct {
	bucketConfig   *objectstore.Config
	bucket         *blob.Bucket
	metadataClient metadata.ClientInterface
}

//go:linkname prePublish github.com/kubeflow/pipelines/backend/src/v2/component.(*LauncherV2).prePublish
func prePublish(launcher *component.LauncherV2, ctx context.Context) (*metadata.Execution, error)

//go:linkname publish github.com/kubeflow/pipelines/backend/src/v2/component.(*LauncherV2).publish
func publish(
	launcher *component.LauncherV2, ctx context.Context, execution *metadata.Execution,
	output *pipelinespec.ExecutorOutput, artifacts []*metadata.OutputArtifact, state pb.Execution_State,
) error

// See backend/src/v2/cacheutils/cache.go. The two make keys and do not look at their receiver, a client that would connect itself.
//
//go:linkname generateCacheKey github.com/kubeflow/pipelines/backend/src/v2/cacheutils.(*client).GenerateCacheKey
func generateCacheKey(
	client unsafe.Pointer, inputs *pipelinespec.ExecutorInput_Inputs, outputs *pipelinespec.ExecutorInput_Outputs,
	types map[string]string, command []string, image string,
) (*cachekey.CacheKey, error)

//go:linkname generateFingerPrint github.com/kubeflow/pipelines/backend/src/v2/cacheutils.(*client).GenerateFingerPrint
func generateFingerPrint(client unsafe.Pointer, key *cachekey.CacheKey) (string, error)

// textSinks is where the log goes, see internal/logsink of github.com/golang/glog. The type of its elements does not matter to nil.
//
//go:linkname textSinks github.com/golang/glog/internal/logsink.TextSinks
var textSinks []any

// cacheClient is the API server's table of tasks whose results can be used again, as far as this run filled it: the keys are the
// backend's own.
type cacheClient struct{ entries map[string]string }

var _ cacheutils.Client = (*cacheClient)(nil)

func (c *cacheClient) GetExecutionCache(fingerPrint, _, _ string) (string, error) {
	return c.entries[fingerPrint], nil
}

func (c *cacheClient) CreateExecutionCache(_ context.Context, task *api.Task) error {
	c.entries[task.GetFingerprint()] = task.GetMlmdExecutionID()
	return nil
}

func (c *cacheClient) GenerateCacheKey(
	inputs *pipelinespec.ExecutorInput_Inputs, outputs *pipelinespec.ExecutorInput_Outputs,
	types map[string]string, command []string, image string,
) (*cachekey.CacheKey, error) {
	return generateCacheKey(nil, inputs, outputs, types, command, image)
}

func (c *cacheClient) GenerateFingerPrint(key *cachekey.CacheKey) (string, error) {
	return generateFingerPrint(nil, key)
}
