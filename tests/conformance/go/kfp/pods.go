package kfp

import (
	"errors"
	"fmt"
	"strings"

	apiv1 "k8s.io/api/core/v1"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metav1validation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// validPod holds what an API server refuses of a pod, as far as a pipeline can bring it about: the driver turns claims, labels,
// resources and variables of the pipeline into those of the pod without a look at them, and client-go's fake takes everything. The rules
// are those of Kubernetes' API reference for Pod; its own validation (k8s.io/kubernetes) cannot be had as a module.
func validPod(pod *apiv1.Pod) error {
	metadata := field.NewPath("metadata")
	problems := metav1validation.ValidateLabels(pod.Labels, metadata.Child("labels"))
	problems = append(problems, apivalidation.ValidateAnnotations(pod.Annotations, metadata.Child("annotations"))...)
	if len(problems) > 0 {
		return problems.ToAggregate()
	}
	var errs []error
	add := func(place string, texts ...string) {
		for _, text := range texts {
			errs = append(errs, fmt.Errorf("%s: %s", place, text))
		}
	}
	volumes := map[string]bool{}
	for _, volume := range pod.Spec.Volumes {
		add("volume "+volume.Name, validation.IsDNS1123Label(volume.Name)...)
		if volumes[volume.Name] {
			add("volume "+volume.Name, "is there twice")
		}
		volumes[volume.Name] = true
	}
	for _, container := range append(append([]apiv1.Container{}, pod.Spec.InitContainers...), pod.Spec.Containers...) {
		place := "container " + container.Name
		add(place, validation.IsDNS1123Label(container.Name)...)
		if strings.TrimSpace(container.Image) != container.Image || container.Image == "" {
			add(place, "the image has no name, or spaces around it")
		}
		paths := map[string]bool{}
		for _, mount := range container.VolumeMounts {
			if !volumes[mount.Name] {
				add(place, fmt.Sprintf("the volume %q does not exist", mount.Name))
			}
			if mount.MountPath == "" || paths[mount.MountPath] {
				add(place, fmt.Sprintf("the mount path %q is empty or there twice", mount.MountPath))
			}
			paths[mount.MountPath] = true
		}
		for _, variable := range container.Env {
			add(place+", variable "+variable.Name, validation.IsEnvVarName(variable.Name)...)
		}
		for name, request := range container.Resources.Requests {
			if limit, ok := container.Resources.Limits[name]; ok && request.Cmp(limit) > 0 {
				add(place, fmt.Sprintf("the request of %s is above its limit", name))
			}
		}
		for name, limit := range container.Resources.Limits {
			if limit.Sign() < 0 {
				add(place, fmt.Sprintf("the limit of %s is below zero", name))
			}
			if strings.Contains(string(name), "/") && limit.MilliValue()%1000 != 0 {
				add(place, fmt.Sprintf("the limit of %s is no whole number", name))
			}
		}
	}
	return errors.Join(errs...)
}
