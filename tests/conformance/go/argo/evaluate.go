package conformance

import (
	"encoding/json"
)

func init() {
	operations["template"] = func(request json.RawMessage) (any, error) {
		text, err := resolvedText(request)
		if err != nil {
			return map[string]any{"failed": err.Error()}, nil
		}
		return map[string]any{"value": text}, nil
	}
}

// resolvedText substitutes in a text as the DAG controller does in a task: the text is a string of the task's JSON, and a value that is
// null is the output of a task that was skipped.
func resolvedText(request json.RawMessage) (string, error) {
	var question struct {
		Text   string         `json:"text"`
		Values map[string]any `json:"values"`
	}
	if err := json.Unmarshal(request, &question); err != nil {
		return "", err
	}
	text, err := json.Marshal(question.Text)
	if err != nil {
		return "", err
	}
	resolved, err := resolve(newContext(), string(text), question.Values)
	if err != nil {
		return "", err
	}
	var result string
	return result, json.Unmarshal([]byte(resolved), &result)
}
