"""Alerts about pods and what makes them."""

from __future__ import annotations

from kubewright.monitoring.rules import Alert, Group

_CONTAINER = "namespace, pod, container"
_WHERE = "{{ $labels.namespace }}/{{ $labels.pod }}"
_WAITING = "kube_pod_container_status_waiting_reason"

# A container without a limit has a limit of 0, and a ratio without end: it is left out. So is a pod's own group, which
# would tell the same once more.
_MEMORY = 'container_memory_usage_bytes{pod!="",container!=""} / (container_spec_memory_limit_bytes{pod!=""} > 0) > 0.9'
_NOT_READY = (
    'max by (namespace, pod) (kube_pod_status_phase{phase=~"Pending|Unknown"} == 1)'
    ' or (max by (namespace, pod) (kube_pod_status_ready{condition="false"} == 1)'
    ' and on (namespace, pod) kube_pod_status_phase{phase="Running"} == 1)'
)
_WANTED = (
    'label_replace(kube_horizontalpodautoscaler_info{scaletargetref_kind="Deployment"},'
    ' "deployment", "$1", "scaletargetref_name", "(.+)")'
)

PODS = Group(
    "kubewright-pods",
    (
        Alert(
            "HighMemoryUsage",
            _MEMORY,
            "Pod {{ $labels.pod }} memory usage is above 90%",
            "Pod {{ $labels.pod }} in namespace {{ $labels.namespace }} memory usage is "
            "{{ $value | humanizePercentage }}",
            minutes=5,
        ),
        Alert(
            "ContainerOomKilled",
            f'max by ({_CONTAINER}) (kube_pod_container_status_last_terminated_reason{{reason="OOMKilled"}} == 1)'
            f" and on ({_CONTAINER}) increase(kube_pod_container_status_restarts_total[10m]) > 0",
            f"A container of {_WHERE} was killed for its memory",
            f"Container {{{{ $labels.container }}}} of {_WHERE} reached its memory limit and was killed.",
        ),
        Alert(
            "KubePodCrashLooping",
            f'max by ({_CONTAINER}) (max_over_time({_WAITING}{{reason="CrashLoopBackOff"}}[5m])) >= 1',
            f"{_WHERE} crashes again and again",
            f"Container {{{{ $labels.container }}}} of {_WHERE} ends soon after each start and waits longer each time.",
            minutes=5,
        ),
        Alert(
            "KubePodNotReady",
            f'(({_NOT_READY}) unless on (namespace, pod) kube_pod_owner{{owner_kind="Job"}})'
            " * on (namespace, pod) group_left (node) max by (namespace, pod, node) (kube_pod_info)",
            f"{_WHERE} is not ready",
            f"{_WHERE} has not been ready for 15 minutes. Its node: {{{{ or $labels.node `none` }}}}.",
            minutes=15,
        ),
        Alert(
            "KubeContainerWaiting",
            f"sum by ({_CONTAINER}, reason) "
            f'({_WAITING}{{reason!~"CrashLoopBackOff|ContainerCreating|PodInitializing"}}) > 0',
            f"A container of {_WHERE} cannot start",
            f"Container {{{{ $labels.container }}}} of {_WHERE} waits: {{{{ $labels.reason }}}}.",
            minutes=10,
        ),
        Alert(
            "CPUThrottlingHigh",
            f'sum by ({_CONTAINER}) (increase(container_cpu_cfs_throttled_periods_total{{container!=""}}[5m]))'
            f' / sum by ({_CONTAINER}) (increase(container_cpu_cfs_periods_total{{container!=""}}[5m])) > 0.25',
            f"A container of {_WHERE} is held back by its CPU limit",
            "{{ $value | humanizePercentage }} of the periods of container {{ $labels.container }} of "
            f"{_WHERE} were cut short.",
            minutes=15,
            severity="info",
        ),
    ),
)

WORKLOADS = Group(
    "kubewright-workloads",
    (
        Alert(
            "KubeDeploymentReplicasMismatch",
            "kube_deployment_spec_replicas > kube_deployment_status_replicas_available"
            " and changes(kube_deployment_status_replicas_updated[10m]) == 0",
            "Deployment {{ $labels.namespace }}/{{ $labels.deployment }} lacks replicas",
            "Fewer pods of {{ $labels.namespace }}/{{ $labels.deployment }} are available than the "
            "{{ $value }} that are wanted, and no rollout is under way.",
            minutes=10,
        ),
        Alert(
            "KubeDeploymentRolloutStuck",
            'kube_deployment_status_condition{condition="Progressing",status="false"} == 1',
            "The rollout of {{ $labels.namespace }}/{{ $labels.deployment }} is stuck",
            "Deployment {{ $labels.namespace }}/{{ $labels.deployment }} made no progress within its deadline.",
            minutes=1,
        ),
        Alert(
            "KubeStatefulSetReplicasMismatch",
            "kube_statefulset_replicas > kube_statefulset_status_replicas_ready"
            " and changes(kube_statefulset_status_replicas_updated[10m]) == 0",
            "StatefulSet {{ $labels.namespace }}/{{ $labels.statefulset }} lacks replicas",
            "Fewer pods of {{ $labels.namespace }}/{{ $labels.statefulset }} are ready than the "
            "{{ $value }} that are wanted, and no update is under way.",
            minutes=15,
        ),
        Alert(
            "KubeJobFailed",
            'kube_job_failed{condition="true"} > 0',
            "Job {{ $labels.namespace }}/{{ $labels.job_name }} has failed",
            "Job {{ $labels.namespace }}/{{ $labels.job_name }} has used up its attempts or its time.",
            minutes=1,
        ),
        Alert(
            "KubePdbNotEnoughHealthyPods",
            "kube_poddisruptionbudget_status_desired_healthy - kube_poddisruptionbudget_status_current_healthy > 0",
            "Budget {{ $labels.namespace }}/{{ $labels.poddisruptionbudget }} is not met",
            "{{ $value }} healthy pods are missing of those that {{ $labels.namespace }}/"
            "{{ $labels.poddisruptionbudget }} asks for: no node with one of them can be drained.",
            minutes=10,
        ),
        Alert(
            "KubeHpaMaxedOut",
            "kube_horizontalpodautoscaler_status_current_replicas == kube_horizontalpodautoscaler_spec_max_replicas"
            " and kube_horizontalpodautoscaler_spec_max_replicas > kube_horizontalpodautoscaler_spec_min_replicas",
            "Autoscaler {{ $labels.namespace }}/{{ $labels.horizontalpodautoscaler }} is at its maximum",
            "It has run {{ $value }} pods, all that it may, for 15 minutes: more load finds no more pods.",
            minutes=15,
        ),
        Alert(
            "ScaleUpTooSlow",
            "max by (namespace, deployment) (kube_horizontalpodautoscaler_status_desired_replicas"
            f" * on (namespace, horizontalpodautoscaler) group_left (deployment) {_WANTED})"
            " > on (namespace, deployment) max by (namespace, deployment) (kube_deployment_status_replicas_available)",
            "{{ $labels.namespace }}/{{ $labels.deployment }} waits for pods that its autoscaler asked for",
            "The {{ $value }} pods that were asked for 5 minutes ago are not all ready.",
            minutes=5,
        ),
    ),
)
