package kfp

import (
	"strings"

	apiv1 "k8s.io/api/core/v1"
)

// environment is what a container finds in its environment, as far as it stands in the pod, the ConfigMap of the metadata server, and
// what the kubelet takes from the pod itself. A value that the cluster would look up elsewhere (a key of a Secret) is not in it: the
// kubelet would expand it, and no test knows its value.
func environment(pod *apiv1.Pod, container apiv1.Container, server *service) map[string]string {
	values := map[string]string{}
	for _, source := range container.EnvFrom {
		if source.ConfigMapRef != nil && source.ConfigMapRef.Name == "metadata-grpc-configmap" {
			values["METADATA_GRPC_SERVICE_HOST"], values["METADATA_GRPC_SERVICE_PORT"] = server.host, server.port
		}
	}
	for _, variable := range container.Env {
		switch source := variable.ValueFrom; {
		case source == nil:
			values[variable.Name] = expand(variable.Value, values)
		case source.FieldRef != nil && source.FieldRef.FieldPath == "metadata.name":
			values[variable.Name] = pod.Name
		case source.FieldRef != nil && source.FieldRef.FieldPath == "metadata.uid":
			values[variable.Name] = "uid-of-" + pod.Name
		case source.FieldRef != nil && source.FieldRef.FieldPath == "metadata.namespace":
			values[variable.Name] = pod.Namespace
		}
	}
	return values
}

// expand replaces `$(NAME)` as the kubelet does in commands, arguments and values of variables: `$$` is one dollar, and what names no
// variable stays (Kubernetes' API reference, Container.args).
func expand(text string, values map[string]string) string {
	var result strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '$' || i+1 == len(text) {
			result.WriteByte(text[i])
			continue
		}
		switch text[i+1] {
		case '$':
			result.WriteByte('$')
			i++
		case '(':
			end := strings.IndexByte(text[i+2:], ')')
			if end < 0 {
				result.WriteString("$(")
				i++
				continue
			}
			name := text[i+2 : i+2+end]
			if value, ok := values[name]; ok {
				result.WriteString(value)
			} else {
				result.WriteString("$(" + name + ")")
			}
			i += 2 + end
		default:
			result.WriteByte('$')
		}
	}
	return result.String()
}

func expandAll(texts []string, values map[string]string) []string {
	result := make([]string, len(texts))
	for i, text := range texts {
		result[i] = expand(text, values)
	}
	return result
}
