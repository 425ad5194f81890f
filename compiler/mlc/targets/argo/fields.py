"""The keys of a Workflow, Argo's and Kubernetes', as `lowering.fields` reads them; imported only where there is a patch.

Facts: argo-workflows pkg/apis/workflow/v1alpha1 (workflow_types.go, container_set_template_types.go) of 3.5 to 4.1, all keys of any of
them; k8s.io/api core/v1 (types.go) up to 0.36, apimachinery meta/v1. A key without a kind may hold anything.
"""

from __future__ import annotations

_CONTAINER = (
    "name:text image:text command:text args:text workingDir:text ports:ContainerPort envFrom:EnvFromSource env:EnvVar "
    "resources:ResourceRequirements volumeMounts:VolumeMount volumeDevices livenessProbe:Probe readinessProbe:Probe "
    "startupProbe:Probe lifecycle terminationMessagePath:text terminationMessagePolicy:text imagePullPolicy:text "
    "securityContext:SecurityContext stdin:bool stdinOnce:bool tty:bool resizePolicy restartPolicy:text restartPolicyRules"
)

TABLE = {
    "Object": "apiVersion:text kind:text metadata:ObjectMeta spec:WorkflowSpec",
    "WorkflowSpec": (
        "templates:Template entrypoint:text arguments:Arguments serviceAccountName:text automountServiceAccountToken:bool "
        "executor:ExecutorConfig volumes:Volume volumeClaimTemplates parallelism:int artifactRepositoryRef:ArtifactRepositoryRef "
        "suspend:bool nodeSelector:texts affinity:Affinity tolerations:Toleration imagePullSecrets:LocalObjectReference "
        "hostNetwork:bool dnsPolicy:text dnsConfig:PodDNSConfig onExit:text ttlStrategy:TTLStrategy activeDeadlineSeconds:int "
        "priority:int schedulerName:text podGC:PodGC podPriorityClassName:text podPriority:int hostAliases:HostAlias "
        "securityContext:PodSecurityContext podSpecPatch:text podDisruptionBudget metrics shutdown:text "
        "workflowTemplateRef:WorkflowTemplateRef synchronization:Synchronization volumeClaimGC:VolumeClaimGC "
        "retryStrategy:RetryStrategy podMetadata:Metadata templateDefaults:Template archiveLogs:bool hooks:{LifecycleHook} "
        "workflowMetadata:WorkflowMetadata artifactGC:WorkflowLevelArtifactGC "
        "executorPlugins podResources:ResourceRequirements resourceClaims"
    ),
    "Template": (
        "name:text inputs:Inputs outputs:Outputs nodeSelector:texts affinity:Affinity metadata:Metadata daemon:bool "
        "steps:WorkflowStep container:Container containerSet:ContainerSetTemplate script:ScriptTemplate resource:ResourceTemplate "
        "dag:DAGTemplate suspend:SuspendTemplate data http plugin volumes:Volume initContainers:UserContainer "
        "sidecars:UserContainer archiveLocation activeDeadlineSeconds:whole retryStrategy:RetryStrategy parallelism:int "
        "failFast:bool tolerations:Toleration schedulerName:text priorityClassName:text priority:int serviceAccountName:text "
        "automountServiceAccountToken:bool executor:ExecutorConfig hostAliases:HostAlias securityContext:PodSecurityContext "
        "podSpecPatch:text metrics synchronization:Synchronization memoize:Memoize timeout:text annotations:texts "
        "pendingTimeout:text podResources:ResourceRequirements resourceClaims"
    ),
    "DAGTemplate": "target:text tasks:DAGTask failFast:bool",
    "DAGTask": (
        "name:text template:text inline:Template arguments:Arguments templateRef:TemplateRef dependencies:text withItems "
        "withParam:text withSequence:Sequence when:text continueOn:ContinueOn onExit:text depends:text hooks:{LifecycleHook}"
    ),
    "WorkflowStep": (
        "name:text template:text inline:Template arguments:Arguments templateRef:TemplateRef withItems withParam:text "
        "withSequence:Sequence when:text continueOn:ContinueOn onExit:text hooks:{LifecycleHook}"
    ),
    "ResourceTemplate": (
        "action:text mergeStrategy:text manifest:text manifestFrom setOwnerReference:bool successCondition:text "
        "failureCondition:text flags:text"
    ),
    "SuspendTemplate": "duration:text",
    "RetryStrategy": "limit:whole retryPolicy:text backoff:Backoff affinity expression:text",
    "Backoff": "duration:text factor:whole maxDuration:text cap:text",
    "Inputs": "parameters:Parameter artifacts:Artifact",
    "Outputs": "parameters:Parameter artifacts:Artifact result:text exitCode:text",
    "Arguments": "parameters:Parameter artifacts:Artifact",
    "Parameter": "name:text default value valueFrom:ValueFrom globalName:text enum description",
    "ValueFrom": (
        "path:text jsonPath:text jqFilter:text event:text parameter:text supplied configMapKeyRef:KeySelector default expression:text"
    ),
    "Artifact": (
        "name:text path:text mode:int from:text archiveLogs:bool s3 git http artifactory hdfs raw oss gcs azure plugin "
        "globalName:text archive optional:bool subPath:text recurseMode:bool fromExpression:text artifactGC:ArtifactGC "
        "deleted:bool"
    ),
    "ArtifactGC": "strategy:text podMetadata:Metadata serviceAccountName:text",
    "WorkflowLevelArtifactGC": "strategy:text podMetadata:Metadata serviceAccountName:text forceFinalizerRemoval:bool podSpecPatch:text",
    "TTLStrategy": "secondsAfterCompletion:int secondsAfterSuccess:int secondsAfterFailure:int",
    "PodGC": "strategy:text labelSelector deleteDelayDuration",
    "VolumeClaimGC": "strategy:text",
    "ArtifactRepositoryRef": "configMap:text key:text",
    "WorkflowTemplateRef": "name:text clusterScope:bool",
    "Memoize": "key:text cache:Cache maxAge:text",
    "Cache": "configMap:KeySelector",
    "Metadata": "annotations:texts labels:texts",
    "WorkflowMetadata": "labels:texts annotations:texts labelsFrom",
    "Synchronization": "semaphore:SemaphoreRef mutex:Mutex semaphores:SemaphoreRef mutexes:Mutex",
    "SemaphoreRef": "configMapKeyRef:KeySelector namespace:text database",
    "Mutex": "name:text namespace:text database:bool",
    "LifecycleHook": "template:text arguments:Arguments templateRef:TemplateRef expression:text",
    "TemplateRef": "name:text template:text clusterScope:bool",
    "ContinueOn": "error:bool failed:bool",
    "Sequence": "count:whole start:whole end:whole format:text",
    "ExecutorConfig": "serviceAccountName:text",
    "EnvVar": "name:text value:text valueFrom:EnvVarSource",
    "EnvVarSource": "fieldRef:ObjectFieldSelector resourceFieldRef configMapKeyRef:KeySelector secretKeyRef:KeySelector fileKeyRef",
    "ObjectFieldSelector": "apiVersion:text fieldPath:text",
    "EnvFromSource": "prefix:text configMapRef:EnvSource secretRef:EnvSource",
    "ResourceRequirements": "limits requests claims",
    "VolumeMount": "name:text readOnly:bool mountPath:text subPath:text mountPropagation:text subPathExpr:text recursiveReadOnly:text",
    "ContainerPort": "name:text hostPort:int containerPort:int protocol:text hostIP:text",
    "SecurityContext": (
        "capabilities privileged:bool seLinuxOptions windowsOptions runAsUser:int runAsGroup:int runAsNonRoot:bool "
        "readOnlyRootFilesystem:bool allowPrivilegeEscalation:bool procMount:text seccompProfile appArmorProfile"
    ),
    "PodSecurityContext": (
        "seLinuxOptions windowsOptions runAsUser:int runAsGroup:int runAsNonRoot:bool supplementalGroups:int fsGroup:int sysctls "
        "fsGroupChangePolicy:text seccompProfile supplementalGroupsPolicy:text appArmorProfile seLinuxChangePolicy:text"
    ),
    "Toleration": "key:text operator:text value:text effect:text tolerationSeconds:int",
    "Volume": (
        "name:text hostPath:HostPathVolumeSource emptyDir:EmptyDirVolumeSource secret:SecretVolumeSource nfs:NFSVolumeSource "
        "persistentVolumeClaim:PersistentVolumeClaimVolumeSource configMap:ConfigMapVolumeSource ephemeral csi projected "
        "downwardAPI image gcePersistentDisk awsElasticBlockStore gitRepo iscsi glusterfs rbd flexVolume cinder cephfs flocker fc "
        "azureFile vsphereVolume quobyte azureDisk photonPersistentDisk portworxVolume scaleIO storageos"
    ),
    "EmptyDirVolumeSource": "medium:text sizeLimit",
    "SecretVolumeSource": "secretName:text items defaultMode:int optional:bool",
    "PersistentVolumeClaimVolumeSource": "claimName:text readOnly:bool",
    "HostPathVolumeSource": "path:text type:text",
    "ConfigMapVolumeSource": "name:text items defaultMode:int optional:bool",
    "NFSVolumeSource": "server:text path:text readOnly:bool",
    "HostAlias": "ip:text hostnames:text",
    "PodDNSConfig": "nameservers:text searches:text options",
    "LocalObjectReference": "name:text",
    "ObjectMeta": (
        "name:text generateName:text namespace:text selfLink:text uid:text resourceVersion:text generation:int creationTimestamp "
        "deletionTimestamp deletionGracePeriodSeconds:int labels:texts annotations:texts ownerReferences finalizers:text "
        "clusterName:text managedFields"
    ),
    "Affinity": "nodeAffinity podAffinity podAntiAffinity",
    "KeySelector": "name:text key:text optional:bool",
    "EnvSource": "name:text optional:bool",
    "ContainerSetTemplate": "containers:ContainerNode volumeMounts:VolumeMount retryStrategy:ContainerSetRetryStrategy",
    "ContainerSetRetryStrategy": "duration:text retries:whole",
    "Probe": (
        "exec httpGet tcpSocket grpc initialDelaySeconds:int timeoutSeconds:int periodSeconds:int successThreshold:int "
        "failureThreshold:int terminationGracePeriodSeconds:int"
    ),
    "Container": _CONTAINER,
    "ScriptTemplate": f"{_CONTAINER} source:text",
    "UserContainer": f"{_CONTAINER} mirrorVolumeMounts:bool",
    "ContainerNode": f"{_CONTAINER} dependencies:text",
}
