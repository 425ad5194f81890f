package conformance

import (
	"context"
	"io"

	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/record"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"github.com/argoproj/argo-workflows/v3/util/logging"
	"github.com/argoproj/argo-workflows/v3/workflow/common"
	"github.com/argoproj/argo-workflows/v3/workflow/util"
)

// argumentsFile is where arguments are found that are too long for a pod.
const argumentsFile = common.EnvVarContainerArgsFile

func testController(ctx context.Context, options ...any) (context.CancelFunc, *WorkflowController) {
	return newController(ctx, options...)
}

// silence is a recorder of events that keeps none.
type silence struct{}

func (silence) Get(context.Context, string) record.EventRecorder { return &record.FakeRecorder{} }

// override gives parameters of a workflow other values, as `argo submit -p` does.
func override(workflow *wfv1.Workflow, values map[string]string) error {
	options := &wfv1.SubmitOpts{}
	for name, value := range values {
		options.Parameters = append(options.Parameters, name+"="+value)
	}
	return util.ApplySubmitOpts(workflow, options)
}

// informersOf gives what the controller watches.
func informersOf(c *WorkflowController) []cache.SharedIndexInformer {
	return []cache.SharedIndexInformer{
		c.wfInformer, c.wftmplInformer.Informer(), c.cwftmplInformer.Informer(), c.PodController.TestingPodInformer(),
		c.wfTaskSetInformer.Informer(), c.artGCTaskInformer.Informer(), c.taskResultInformer, c.configMapInformer,
	}
}

func operate(ctx context.Context, controller *WorkflowController, wf *wfv1.Workflow) *wfOperationCtx {
	woc := newWorkflowOperationCtx(ctx, wf, controller)
	woc.operate(ctx)
	return woc
}

// setNode replaces the status of a node.
func setNode(ctx context.Context, wf *wfv1.Workflow, node wfv1.NodeStatus) {
	wf.Status.Nodes.Set(ctx, node.ID, node)
}

// listen collects warnings until the returned function is called.
func (w *warnings) listen(ctx context.Context) (context.Context, func()) {
	return logging.WithLogger(ctx, logging.NewSlogLoggerCustom(logging.Warn, logging.Text, io.Discard, w)), func() {}
}
