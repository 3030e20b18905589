"""Prometheus' own configuration: whom it discovers and scrapes, by which rules it goes, and where its alerts go.

Jobs and labels are those that the rules of kube-prometheus expect, and ours. How targets are reached `reach` says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kubewright.api.crds.appservice import NAME_LABEL
from kubewright.api.meta import Manifest
from kubewright.monitoring.alerts.objectives import APP_LABEL
from kubewright.monitoring.reach import Reach, Role
from kubewright.monitoring.rules import PLATFORM

_META = "__meta_kubernetes_"
_KUBELET_PATHS = ("/metrics", "/metrics/cadvisor", "/metrics/resource", "/metrics/probes")
_POD_PATH = "/api/v1/namespaces/$1/pods/$2:$3/proxy"
_POD_PORT = ("namespace", "pod_name", "pod_container_port_number")
_ANNOTATION = "pod_annotation_prometheus_io_"
_APP_LABEL = "pod_label_" + NAME_LABEL.replace(".", "_").replace("/", "_")
_SCHEDULER_PORT = 10259


@dataclass(frozen=True, slots=True)
class Alerting:
    """Where rules are read from, where alerts are sent, and whose namespaces they are about."""

    rule_files: Sequence[str]
    alertmanagers: Sequence[str]
    """`HOST:PORT` of each."""
    teams: Mapping[str, str]
    """Whose a namespace is."""


def prometheus_config(reach: Reach, alerting: Alerting | None = None, *, interval: str = "15s") -> Manifest:
    """Return the configuration; `interval` is between scrapes, and between evaluations of rules."""
    found: Manifest = {
        "global": {"scrape_interval": interval, "evaluation_interval": interval},
        "scrape_configs": [
            _api_server(reach),
            *(_kubelet(reach, path) for path in _KUBELET_PATHS),
            _state_metrics(reach, "http"),
            _state_metrics(reach, "telemetry"),
            _daemons(reach, "node-exporter"),
            _daemons(reach, "dcgm-exporter"),
            _scheduler(reach),
            _ours(reach),
            _pods(reach),
        ],
    }
    if alerting is not None:
        found["rule_files"] = list(alerting.rule_files)
        found["alerting"] = {
            "alert_relabel_configs": team_relabelling(alerting.teams),
            "alertmanagers": [{"static_configs": [{"targets": list(alerting.alertmanagers)}]}],
        }
    return found


def team_relabelling(teams: Mapping[str, str]) -> list[Manifest]:
    """Give alerts about a team's namespaces to that team, unless a rule said whose they are."""
    namespaces: dict[str, list[str]] = {}
    for namespace, team in sorted(teams.items()):
        namespaces.setdefault(team, []).append(namespace)
    return [
        {
            "source_labels": ["team", "namespace"],
            "regex": f"{PLATFORM};({'|'.join(owned)})",
            "target_label": "team",
            "replacement": team,
        }
        for team, owned in sorted(namespaces.items())
    ]


def _api_server(reach: Reach) -> Manifest:
    """Scrape the API server itself, which is what the service `kubernetes` leads to."""
    only = _keep(("namespace", "service_name", "endpoint_port_name"), "default;kubernetes;https")
    return _job(reach, "apiserver", "endpoints", [only], https=True)


def _kubelet(reach: Reach, path: str) -> Manifest:
    rules = [
        _label("instance", ("node_name",)),
        _label("node", ("node_name",)),
        {"target_label": "metrics_path", "replacement": path},
        *reach.rules(
            [{"target_label": "__metrics_path__", "replacement": path}],
            [_path(("node_name",), f"/api/v1/nodes/$1/proxy{path}")],
        ),
    ]
    name = "kubelet" + path.removeprefix("/metrics")
    return _job(reach, name, "node", rules, job="kubelet", https=True, verified=False, led=True)


def _state_metrics(reach: Reach, port: str) -> Manifest:
    """Scrape kube-state-metrics, of which there is one, through its service."""
    rules = [
        _keep(("service_label_app_kubernetes_io_name", "service_port_name"), f"kube-state-metrics;{port}"),
        *reach.rules(
            [],
            [
                _path(
                    ("namespace", "service_name", "service_port_name"),
                    "/api/v1/namespaces/$1/services/$2:$3/proxy/metrics",
                )
            ],
        ),
    ]
    name = "kube-state-metrics" if port == "http" else f"kube-state-metrics-{port}"
    return _job(reach, name, "service", rules, job="kube-state-metrics", own_labels=True, led=True)


def _daemons(reach: Reach, name: str) -> Manifest:
    """Scrape an exporter that runs on each node."""
    rules = [
        _keep(("service_label_app_kubernetes_io_name",), name),
        _label("instance", ("pod_node_name",)),
        _label("node", ("pod_node_name",)),
        *reach.rules([], [_path(("namespace", "pod_name", "endpointslice_port"), f"{_POD_PATH}/metrics")]),
    ]
    return _job(reach, name, "endpointslice", rules, own_labels=True, led=True)


def _scheduler(reach: Reach) -> Manifest:
    """Scrape kube-scheduler where it is a pod; where somebody else runs the control plane there is nothing to see."""
    rules = [
        _keep(("namespace", "pod_label_component"), "kube-system;kube-scheduler"),
        *reach.rules(
            [
                {
                    "source_labels": _sources(("pod_ip",)),
                    "target_label": "__address__",
                    "replacement": f"$1:{_SCHEDULER_PORT}",
                }
            ],
            [
                _path(
                    ("namespace", "pod_name"),
                    f"/api/v1/namespaces/$1/pods/https:$2:{_SCHEDULER_PORT}/proxy/metrics",
                )
            ],
        ),
    ]
    return _job(reach, "kube-scheduler", "pod", rules, https=True, verified=False, led=True)


def _ours(reach: Reach) -> Manifest:
    """Scrape kubewright's own services; the namespace of what a metric is about counts, not the service's."""
    rules = [
        _keep(("pod_label_app_kubernetes_io_name", "pod_container_port_name"), "kubewright;metrics"),
        _label("namespace", ("namespace",)),
        _label("pod", ("pod_name",)),
        *reach.rules([], [_path(_POD_PORT, f"{_POD_PATH}/metrics")]),
    ]
    return _job(reach, "kubewright", "pod", rules, own_labels=True, led=True)


def _annotated() -> list[Manifest]:
    """Return what follows a pod's annotations to its metrics."""
    return [
        {"source_labels": _sources((f"{_ANNOTATION}path",)), "regex": "(.+)", "target_label": "__metrics_path__"},
        {"source_labels": _sources((f"{_ANNOTATION}scheme",)), "regex": "(https?)", "target_label": "__scheme__"},
        {
            "source_labels": ["__address__", *_sources((f"{_ANNOTATION}port",))],
            "regex": r"(\[.+\]|[^:]+)(?::\d+)?;(\d+)",
            "target_label": "__address__",
            "replacement": "$1:$2",
        },
    ]


def operator_pods() -> list[Manifest]:
    """Return the same for a PodMonitor, whose fields are written otherwise; it labels pods and containers itself."""
    renamed = {"source_labels": "sourceLabels", "target_label": "targetLabel"}
    rules = [_keep((f"{_ANNOTATION}scrape",), "true"), *_annotated(), _label(APP_LABEL, (_APP_LABEL,))]
    return [{renamed.get(key, key): value for key, value in each.items()} for each in rules]


def _pods(reach: Reach) -> Manifest:
    """Scrape pods that ask for it by the usual annotations."""
    proxied = [
        _path(_POD_PORT, f"{_POD_PATH}/metrics"),
        _path((*_POD_PORT, f"{_ANNOTATION}path"), f"{_POD_PATH}$4", regex="(.+);(.+);(.+);(/.+)"),
    ]
    rules = [
        _keep((f"{_ANNOTATION}scrape", "pod_phase"), "true;Running"),
        _keep(("pod_container_init",), "false"),
        _label("namespace", ("namespace",)),
        _label("pod", ("pod_name",)),
        _label("container", ("pod_container_name",)),
        _label("node", ("pod_node_name",)),
        _label(APP_LABEL, (_APP_LABEL,)),
        *reach.rules(_annotated(), proxied),
    ]
    return _job(reach, "kubernetes-pods", "pod", rules, led=True)


def _job(
    reach: Reach,
    name: str,
    role: Role,
    rules: Sequence[Manifest],
    *,
    job: str = "",
    own_labels: bool = False,
    https: bool = False,
    verified: bool = True,
    led: bool = False,
) -> Manifest:
    """Return a job; `led` says that its rules lead to the target already."""
    own_address = {"source_labels": ["__address__"], "target_label": "instance"}
    renamed = [{"target_label": "job", "replacement": job}] if job else []
    return {
        "job_name": name,
        "honor_labels": own_labels,
        **reach.job(https=https, verified=verified),
        "kubernetes_sd_configs": [reach.discovery(role)],
        "relabel_configs": [own_address, *rules, *renamed, *([] if led else reach.rules([], []))],
    }


def _sources(names: Sequence[str]) -> list[str]:
    return [_META + name for name in names]


def _keep(names: Sequence[str], regex: str) -> Manifest:
    return {"source_labels": _sources(names), "action": "keep", "regex": regex}


def _label(target: str, names: Sequence[str]) -> Manifest:
    return {"source_labels": _sources(names), "target_label": target}


def _path(names: Sequence[str], replacement: str, *, regex: str = "") -> Manifest:
    """Set the path that is scraped, where every named label has a value."""
    matched = regex or ";".join("(.+)" for _ in names)
    return {
        "source_labels": _sources(names),
        "regex": matched,
        "target_label": "__metrics_path__",
        "replacement": replacement,
    }
