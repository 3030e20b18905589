"""Which empty fields Kubernetes' encoder leaves out.

In Go a field that is not a pointer and is marked `omitempty` cannot tell "empty" from "not given": an empty value
vanishes on the first write. A pointer keeps it (`replicas: 0`). OpenAPI does not show the difference, so the names
are kept here; a field whose schema has a default is always written and never asked about.
"""

from __future__ import annotations

from typing import Any

_OMITTED_WHEN_EMPTY = frozenset(
    """
    action active allocationMode apiGroup apiVersion audience authenticated availableReplicas caBundle certificate
    certificateChainPath chapAuthDiscovery chapAuthSession clusterIP clusterScope code completedIndexes component
    concurrencyPolicy container containerID containerName continue controller count credentialBundlePath
    currentReplicas currentRevision datasetName datasetUUID denied deprecated deprecatedCount description directory
    dnsPolicy effect error evaluationError expression externalID externalName externalTrafficPolicy failed
    failureThreshold field fieldManager fieldPath fieldSelector fieldValidation fieldsType format freshness fsType
    fullyLabeledReplicas generateName generation globalDefault group hardwareAddress healthCheckNodePort host hostIP
    hostIPC hostNetwork hostPID hostPort hostname image imagePullPolicy imageRef initialDelaySeconds
    insecureSkipTLSVerifyBackend interfaceName ip iscsiInterface key keyPath keyType keyring kind labelSelector level
    listKind loadBalancerIP manager medium message messageExpression minReadySeconds name namespace nodeName nodePort
    nominatedNodeName note numberAvailable numberUnavailable observedGeneration operation operator partition patch
    path paused periodSeconds persistentVolumeReclaimPolicy phase podCIDR podIP podManagementPolicy policyName pool
    prefix preserveUnknownFields priority priorityClassName protectionDomain protocol providerID
    publishNotReadyAddresses pullPolicy qosClass readOnly readyReplicas reason reference reinvocationPolicy replicas
    reportingController reportingInstance resize resource resourceVersion restartPolicy retryAfterSeconds revision
    role schedulerName scheme secretFile secretName selfLink serviceAccount serviceAccountName sessionAffinity signal
    signerName singular sizeBytes sslEnabled status stdin stdinOnce storageClassName storageMode storagePolicyID
    storagePolicyName storagePool storageVersionHash subPath subPathExpr subdomain subresource succeeded
    successThreshold targetContainerName targetVolumeAttributesClassName tenant terminationMessagePath
    terminationMessagePolicy timeoutSeconds token tty type uid unavailableReplicas unschedulable updateRevision
    updatedNumberScheduled updatedReplicas user username value verb version volumeName volumeNamespace whenDeleted
    whenScaled workingDir nullable exclusiveMaximum exclusiveMinimum uniqueItems title id pattern $schema $ref
    x-kubernetes-embedded-resource x-kubernetes-int-or-string
    """.split()  # noqa: SIM905  two hundred quoted names would hide that this is one set
)

_KEPT = frozenset(
    """
    MutatingWebhook.reinvocationPolicy MutatingWebhook.timeoutSeconds ValidatingWebhook.timeoutSeconds
    ServiceReference.path DeploymentSpec.replicas ReplicaSetSpec.replicas ReplicationControllerSpec.replicas
    StatefulSetSpec.replicas RollingUpdateStatefulSetStrategy.partition ClientIPConfig.timeoutSeconds
    HorizontalPodAutoscalerStatus.observedGeneration PodFailurePolicyOnExitCodesRequirement.containerName
    AzureDiskVolumeSource.fsType AzureDiskVolumeSource.kind AzureDiskVolumeSource.readOnly CSIVolumeSource.fsType
    CSIVolumeSource.readOnly Container.restartPolicy EphemeralContainer.restartPolicy HostPathVolumeSource.type
    HTTPGetAction.protocol EndpointAddress.nodeName LocalVolumeSource.fsType PersistentVolumeClaimSpec.storageClassName
    PodDNSConfigOption.value PodSpec.priority PortStatus.error Preconditions.uid Preconditions.resourceVersion
    TypedLocalObjectReference.apiGroup TypedObjectReference.apiGroup TypedObjectReference.namespace Endpoint.hostname
    Endpoint.nodeName EndpointPort.name EndpointPort.protocol OwnerReference.controller NetworkPolicyPort.protocol
    IngressClassParametersReference.apiGroup IngressClassParametersReference.namespace IngressPortStatus.error
    Device.nodeName ResourceSliceSpec.nodeName DeviceAttribute.version DeviceTaintSelector.pool
    """.split()  # noqa: SIM905  as above
)


def is_omitted(definition: str, name: str, value: Any) -> bool:
    """Tell whether a scalar is left out because it is empty; `definition` is the schema that has the property."""
    if value or name not in _OMITTED_WHEN_EMPTY or not isinstance(value, str | int | float):
        return False
    kind = definition.rpartition(".")[2]
    # Two kinds named EndpointPort differ: only discovery's has pointers.
    return f"{kind}.{name}" not in _KEPT or definition == "io.k8s.api.core.v1.EndpointPort"
