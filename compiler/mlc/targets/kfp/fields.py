"""The keys of KFP's messages, as `lowering.fields` reads them; imported only where there is a patch.

Facts: kubeflow/pipelines api/v2alpha1/pipeline_spec.proto and kubernetes_platform/proto/kubernetes_executor_config.proto, as of 2.17. The
backend takes no unknown key of the pipeline (apiserver/template/v2_template.go) or of a platform's executor (v2/compiler/argocompiler/
container.go); those of the pipeline's executors it drops without a word (v2/compiler/visitor.go, DiscardUnknown). Integers may be texts
in JSON. A key without a kind may hold anything.
"""

from __future__ import annotations

TABLE = {
    "PipelineSpec": (
        "pipelineInfo:PipelineInfo deploymentSpec:PipelineDeploymentConfig sdkVersion:text schemaVersion:text "
        "components:{ComponentSpec} root:ComponentSpec defaultPipelineRoot:text"
    ),
    "PipelineInfo": "name:text displayName:text description:text",
    "ComponentSpec": (
        "inputDefinitions:ComponentInputsSpec outputDefinitions:ComponentOutputsSpec dag:DagSpec executorLabel:text "
        "singlePlatformSpecs:SinglePlatformSpec taskConfigPassthroughs"
    ),
    "ComponentInputsSpec": "artifacts:{InputArtifact} parameters:{InputParameter}",
    "InputArtifact": "artifactType:ArtifactTypeSchema isArtifactList:bool isOptional:bool description:text",
    "ArtifactTypeSchema": "schemaTitle:text schemaUri:text instanceSchema:text schemaVersion:text",
    "InputParameter": "type parameterType defaultValue isOptional:bool description:text literals",
    "ComponentOutputsSpec": "artifacts:{OutputArtifact} parameters:{OutputParameter}",
    "OutputArtifact": "artifactType:ArtifactTypeSchema properties customProperties metadata isArtifactList:bool description:text",
    "OutputParameter": "type parameterType description:text",
    "DagSpec": "tasks:{PipelineTaskSpec} outputs:DagOutputsSpec",
    "PipelineTaskSpec": (
        "taskInfo:PipelineTaskInfo inputs:TaskInputsSpec dependentTasks:text cachingOptions:CachingOptions "
        "componentRef:ComponentRef triggerPolicy:TriggerPolicy artifactIterator:IteratorSpec parameterIterator:IteratorSpec "
        "retryPolicy:RetryPolicy iteratorPolicy:IteratorPolicy"
    ),
    "PipelineTaskInfo": "name:text",
    "TaskInputsSpec": "parameters:{InputParameterSpec} artifacts:{InputArtifactSpec}",
    "InputParameterSpec": (
        "taskOutputParameter:TaskOutput runtimeValue componentInputParameter:text taskFinalStatus parameterExpressionSelector:text"
    ),
    "InputArtifactSpec": "taskOutputArtifact:TaskOutput componentInputArtifact:text",
    "TaskOutput": "producerTask:text outputParameterKey:text outputArtifactKey:text",
    "CachingOptions": "enableCache:bool cacheKey:text",
    "ComponentRef": "name:text",
    "TriggerPolicy": "condition:text strategy",
    "IteratorSpec": "items itemInput:text",
    "RetryPolicy": "maxRetryCount:digits backoffDuration:text backoffFactor backoffMaxDuration:text",
    "IteratorPolicy": "parallelismLimit:digits",
    "DagOutputsSpec": "artifacts parameters",
    "PipelineDeploymentConfig": "executors:{ExecutorSpec}",
    "ExecutorSpec": "container:PipelineContainerSpec importer:ImporterSpec resolver customJob",
    "PipelineContainerSpec": "image:text command:text args:text lifecycle resources:ResourceSpec env:EnvVar",
    "ResourceSpec": (
        "cpuLimit memoryLimit cpuRequest memoryRequest resourceCpuLimit:text resourceMemoryLimit:text resourceCpuRequest:text "
        "resourceMemoryRequest:text accelerator:AcceleratorConfig"
    ),
    "AcceleratorConfig": "type:text count:digits resourceType:text resourceCount:text",
    "EnvVar": "name:text value:text",
    "ImporterSpec": "artifactUri typeSchema:ArtifactTypeSchema properties customProperties reimport:bool metadata downloadToWorkspace:bool",
    "Platforms": "platforms:Platform",
    "Platform": "kubernetes:SinglePlatformSpec",
    "SinglePlatformSpec": "deploymentSpec:PlatformDeploymentConfig platform:text config pipelineConfig:PipelineConfig",
    "PlatformDeploymentConfig": "executors:{KubernetesExecutorConfig}",
    "PipelineConfig": (
        "resourceTtlOnCompletion:digits workspace:WorkspaceConfig resourceTtlOnSuccess:digits resourceTtlOnFailure:digits "
        "activeDeadlineSeconds:digits"
    ),
    "WorkspaceConfig": "size:text kubernetes",
    "KubernetesExecutorConfig": (
        "secretAsVolume:SecretAsVolume secretAsEnv:SecretAsEnv pvcMount:PvcMount nodeSelector:NodeSelector "
        "podMetadata:PodMetadata imagePullSecret:ImagePullSecret imagePullPolicy:text configMapAsVolume:ConfigMapAsVolume "
        "configMapAsEnv:ConfigMapAsEnv activeDeadlineSeconds:digits fieldPathAsEnv:FieldPathAsEnv tolerations:Toleration "
        "genericEphemeralVolume:GenericEphemeralVolume nodeAffinity:NodeAffinityTerm podAffinity:PodAffinityTerm "
        "enabledSharedMemory:EnabledSharedMemory emptyDirMounts:EmptyDirMount securityContext:SecurityContext"
    ),
    "SecretAsVolume": "secretName:text mountPath:text optional:bool secretNameParameter",
    "SecretAsEnv": "secretName:text keyToEnv:KeyToEnv optional:bool secretNameParameter",
    "KeyToEnv": "secretKey:text configMapKey:text envVar:text",
    "PvcMount": "taskOutputParameter:TaskOutput constant:text componentInputParameter:text mountPath:text pvcNameParameter subPath:text",
    "NodeSelector": "labels:texts nodeSelectorJson",
    "PodMetadata": "labels:texts annotations:texts",
    "ImagePullSecret": "secretName:text secretNameParameter",
    "ConfigMapAsVolume": "configMapName:text mountPath:text optional:bool configMapNameParameter",
    "ConfigMapAsEnv": "configMapName:text keyToEnv:KeyToEnv configMapNameParameter optional:bool",
    "FieldPathAsEnv": "name:text fieldPath:text",
    "Toleration": "key:text operator:text value:text effect:text tolerationSeconds:digits tolerationJson",
    "GenericEphemeralVolume": (
        "volumeName:text mountPath:text accessModes:text size:text defaultStorageClass:bool storageClassName:text metadata:PodMetadata"
    ),
    "NodeAffinityTerm": "matchExpressions matchFields weight:digits nodeAffinityJson",
    "PodAffinityTerm": (
        "matchPodExpressions matchPodLabels:texts topologyKey:text namespaces:text matchNamespaceExpressions "
        "matchNamespaceLabels:texts weight:digits anti:bool"
    ),
    "EnabledSharedMemory": "volumeName:text size:text",
    "EmptyDirMount": "volumeName:text mountPath:text medium:text sizeLimit:text",
    "SecurityContext": "runAsUser:digits runAsGroup:digits runAsNonRoot:bool",
}
