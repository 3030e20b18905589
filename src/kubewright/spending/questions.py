"""What a store is asked about a cluster's past, in PromQL: kube-state-metrics' series, and cAdvisor's.

Each point is about the time since the one before it, so whatever was there for a moment of it is in the answer.
`$every` is that time, `$fine` a part of it. Names and labels are as `kubewright monitoring` has them scraped.
"""

from __future__ import annotations

import math

from kubewright.series.promql import duration
from kubewright.series.protocol import Expression

_POD = "namespace, pod, uid"
_NEEDED = 'resource=~"cpu|memory|nvidia_com_.+"'
_CONTAINERS = 'container!="",image!=""'
_RUNS = f'max by ({_POD}) (max_over_time(kube_pod_status_phase{{phase=~"Pending|Running"}}[$every])) == 1'

NODES = f"max by (node, resource) (max_over_time(kube_node_status_capacity{{{_NEEDED}}}[$every]))"
NODES_BEGAN = "max by (node) (max_over_time(kube_node_created[$every]))"
NODES_LAST_SEEN = (
    "max by (node) (max_over_time(timestamp(kube_node_info)[$every:$fine])) unless on (node) kube_node_info"
)
PODS = (
    f"max by ({_POD}, node, created_by_kind, created_by_name) "
    f'(max_over_time(kube_pod_info{{node!=""}}[$every])) * on ({_POD}) group_left () ({_RUNS})'
)
PODS_BEGAN = f"max by ({_POD}) (max_over_time(kube_pod_start_time[$every]))"
PODS_ENDED = f"max by ({_POD}) (max_over_time(kube_pod_completion_time[$every]))"
PODS_LAST_SEEN = (
    f"max by ({_POD}) (max_over_time(timestamp(kube_pod_info)[$every:$fine])) unless on ({_POD}) kube_pod_info"
)
REQUESTS = (
    f"max by ({_POD}, container, resource) (max_over_time(kube_pod_container_resource_requests{{{_NEEDED}}}[$every]))"
)
REPLICA_SETS = (
    'max by (namespace, replicaset, owner_name) (max_over_time(kube_replicaset_owner{owner_kind="Deployment"}[$every]))'
)
CPU = f"sum by (namespace, pod, container) (rate(container_cpu_usage_seconds_total{{{_CONTAINERS}}}[$every]))"
MEMORY = (
    f"max by (namespace, pod, container) (avg_over_time(container_memory_working_set_bytes{{{_CONTAINERS}}}[$every]))"
)
CLAIMS = (
    "max by (namespace, persistentvolumeclaim) "
    "(max_over_time(kube_persistentvolumeclaim_resource_requests_storage_bytes[$every])) "
    "* on (namespace, persistentvolumeclaim) group_left () (max by (namespace, persistentvolumeclaim) "
    '(max_over_time(kube_persistentvolumeclaim_status_phase{phase="Bound"}[$every])) == 1)'
)
CLASSES = (
    "max by (namespace, persistentvolumeclaim, storageclass) (max_over_time(kube_persistentvolumeclaim_info[$every]))"
)
BALANCERS = 'max by (namespace, service) (max_over_time(kube_service_spec_type{type="LoadBalancer"}[$every]))'
SENT = 'sum by (namespace, pod) (increase(container_network_transmit_bytes_total{pod!="",interface!="lo"}[$every]))'

_FINEST, _COARSEST = 1, 15
_PARTS = 20


def expression(text: str, seconds: float) -> Expression:
    """Return a question about points so many seconds apart."""
    fine = min(max(math.floor(seconds / _PARTS), _FINEST), _COARSEST)
    return Expression(text.replace("$every", duration(seconds)).replace("$fine", duration(fine)))
