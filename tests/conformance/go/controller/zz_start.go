package conformance

import (
	"encoding/json"
	"os"
)

func init() {
	// Whether a task runs, by the controller's own function: only a program that holds the controller has it.
	operations["when"] = func(request json.RawMessage) (any, error) {
		condition, err := resolvedText(request)
		if err == nil {
			var proceeds bool
			if proceeds, err = shouldExecute(condition); err == nil {
				return map[string]any{"value": proceeds}, nil
			}
		}
		return map[string]any{"failed": err.Error()}, nil
	}
}

// A test binary of the engine's own package is the only program that holds the controller together with the helpers of its tests. It
// answers requests, and runs no test, when this variable is set. The name of this file comes last, so that every other file of the
// package has been initialised.
func init() {
	if os.Getenv("MLC_CONFORMANCE") == "" {
		return
	}
	// Claims that are deleted have no finalizer here that would keep them.
	_ = os.Setenv("ARGO_REMOVE_PVC_PROTECTION_FINALIZER", "false")
	// Argo 4 waits a second after every write of a workflow for the watch to bring it back, unless it writes to its own store itself.
	_ = os.Setenv("INFORMER_WRITE_BACK", "true")
	serve()
	os.Exit(0)
}
