package conformance

import (
	"context"
	"encoding/json"
	"fmt"

	"local/conformance/kfp"
)

// These take the places of Argo's own operations; the name of this file comes after those that enter them.
func init() {
	operations["version"] = func(json.RawMessage) (any, error) {
		return map[string]any{"engine": "kfp", "version": pipelinesVersion, "argo": engineVersion}, nil
	}
	operations["check"] = kfp.Check
	operations["cel"] = kfp.CEL
	operations["select"] = kfp.Select
	operations["play"] = playPipeline
}

// pipelinesVersion is the release that the pseudo-version in go.mod is the commit of.
const pipelinesVersion = "2.14.3"

// pipelinePlayer lets KFP's driver and launcher do what happens in pods.
type pipelinePlayer struct {
	ctx context.Context
	run *kfp.Run
}

func (p pipelinePlayer) play(pod playedPod) (podResult, error) {
	files := map[string]string{}
	for _, parameter := range pod.Template.Outputs.Parameters {
		if parameter.ValueFrom != nil {
			files[parameter.Name] = parameter.ValueFrom.Path
		}
	}
	end, err := p.run.Play(p.ctx, kfp.Pod{
		Object: pod.Pod, Main: pod.Main, Program: programOf(pod.Main), Node: nodeName(p.run.Workflow(), pod.Node), Attempt: pod.Attempt, Files: files,
	})
	return podResult{Exit: end.Exit, Lost: end.Lost, Files: end.Files}, err
}

// pipelineAnswer has the tasks of the pipeline as its steps, not the nodes of the workflow.
type pipelineAnswer struct {
	*playAnswer
	Steps map[string]kfp.Step `json:"steps"`
	Notes []string            `json:"notes,omitempty"`
}

// playPipeline plays a pipeline as somebody started a run of it.
func playPipeline(request json.RawMessage) (any, error) {
	var question playQuestion
	if err := json.Unmarshal(request, &question); err != nil {
		return nil, err
	}
	if question.ConfigMaps != "" {
		return nil, fmt.Errorf("the backend keeps results in a database, in no ConfigMap")
	}
	var run *kfp.Run
	var result *playResult
	for _, asked := range question.runs() {
		outcomes := map[string][]kfp.Outcome{}
		for step, attempts := range asked.Outcomes {
			for _, said := range attempts {
				// What is missing of the artifacts means nothing to the launcher.
				outcomes[step] = append(outcomes[step], kfp.Outcome{Exit: said.Exit, Lost: said.Error, Outputs: said.Outputs})
			}
		}
		var err error
		if run, err = kfp.NewRun(asked.Manifest, asked.Parameters, outcomes, run); err != nil {
			return nil, err
		}
		defer run.Close()
		ctx := newContext()
		if result, err = play(ctx, run.Workflow(), pipelinePlayer{ctx, run}, question.rounds()); err != nil {
			return nil, err
		}
	}
	nodes := map[string]kfp.Node{}
	for _, node := range result.Workflow.Status.Nodes {
		nodes[nodeName(result.Workflow, node)] = kfp.Node{Phase: string(node.Phase), Message: node.Message}
	}
	answer := &pipelineAnswer{playAnswer: answerOf(result), Steps: run.Steps(nodes), Notes: run.Notes()}
	answer.Claims.Created, answer.Claims.Deleted = run.Claims()
	return answer, nil
}
