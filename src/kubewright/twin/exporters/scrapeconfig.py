"""A Prometheus configuration that discovers and scrapes all of a twin through its API server.

Simulated kubelets and pods have no sockets, so every target is relabelled to the API server's proxy, as it is done on
real clusters whose pods cannot be reached. Jobs and labels are those that the rules of kube-prometheus expect.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias
from urllib.parse import urlsplit

from kubewright.api.meta import Manifest

_Role: TypeAlias = Literal["node", "pod", "service", "endpoints", "endpointslice"]
_META = "__meta_kubernetes_"
_KUBELET_PATHS = ("/metrics", "/metrics/cadvisor", "/metrics/resource", "/metrics/probes")
_POD = ("namespace", "pod_name", "pod_container_port_number")


def scrape_config(server: str, ca_file: str, token_file: str, *, interval: str = "15s") -> Manifest:
    """Return the configuration for one API server; Prometheus reads the two files itself."""
    jobs = _Jobs(server, ca_file, token_file)
    return {
        "global": {"scrape_interval": interval, "evaluation_interval": interval},
        "scrape_configs": [
            jobs.api_server(),
            *(jobs.kubelet(path) for path in _KUBELET_PATHS),
            jobs.state_metrics("http"),
            jobs.state_metrics("telemetry"),
            jobs.daemons("node-exporter"),
            jobs.daemons("dcgm-exporter"),
            jobs.pods(),
        ],
    }


@dataclass(frozen=True, slots=True)
class _Jobs:
    """Jobs that ask one API server, for targets and for their metrics."""

    server: str
    ca_file: str
    token_file: str

    def api_server(self) -> Manifest:
        """Scrape the API server itself, which is what the service `kubernetes` leads to."""
        only = _keep(("namespace", "service_name", "endpoint_port_name"), "default;kubernetes;https")
        return self._job("apiserver", "endpoints", [only])

    def kubelet(self, path: str) -> Manifest:
        """Scrape one of the paths of every kubelet."""
        name = "kubelet" + path.removeprefix("/metrics")
        rules = [
            _label("instance", ("node_name",)),
            _label("node", ("node_name",)),
            {"target_label": "metrics_path", "replacement": path},
            _path(("node_name",), f"/api/v1/nodes/$1/proxy{path}"),
        ]
        return self._job(name, "node", rules, job="kubelet")

    def state_metrics(self, port: str) -> Manifest:
        """Scrape kube-state-metrics, of which there is one, through its service."""
        rules = [
            _keep(("service_label_app_kubernetes_io_name", "service_port_name"), f"kube-state-metrics;{port}"),
            _path(
                ("namespace", "service_name", "service_port_name"), "/api/v1/namespaces/$1/services/$2:$3/proxy/metrics"
            ),
        ]
        name = "kube-state-metrics" if port == "http" else f"kube-state-metrics-{port}"
        return self._job(name, "service", rules, job="kube-state-metrics", own_labels=True)

    def daemons(self, name: str) -> Manifest:
        """Scrape an exporter that runs on each node."""
        port = ("namespace", "pod_name", "endpointslice_port")
        rules = [
            _keep(("service_label_app_kubernetes_io_name",), name),
            _label("instance", ("pod_node_name",)),
            _label("node", ("pod_node_name",)),
            _path(port, "/api/v1/namespaces/$1/pods/$2:$3/proxy/metrics"),
        ]
        return self._job(name, "endpointslice", rules, own_labels=True)

    def pods(self) -> Manifest:
        """Scrape pods that ask for it by the usual annotations."""
        path = "pod_annotation_prometheus_io_path"
        rules = [
            _keep(("pod_annotation_prometheus_io_scrape", "pod_phase"), "true;Running"),
            _keep(("pod_container_init",), "false"),
            *(_label(name, (name if name == "namespace" else f"{name}_name",)) for name in ("namespace", "pod")),
            _label("container", ("pod_container_name",)),
            _path(_POD, "/api/v1/namespaces/$1/pods/$2:$3/proxy/metrics"),
            _path((*_POD, path), "/api/v1/namespaces/$1/pods/$2:$3/proxy$4", regex="(.+);(.+);(.+);(/.+)"),
        ]
        return self._job("pods", "pod", rules)

    def _job(
        self, name: str, role: _Role, rules: Sequence[Manifest], *, job: str = "", own_labels: bool = False
    ) -> Manifest:
        own_address = {"source_labels": ["__address__"], "target_label": "instance"}
        renamed = [{"target_label": "job", "replacement": job}] if job else []
        address = {"target_label": "__address__", "replacement": urlsplit(self.server).netloc}
        return {
            "job_name": name,
            "scheme": "https",
            "honor_labels": own_labels,
            **self._trust(),
            "kubernetes_sd_configs": [{"role": role, "api_server": self.server, **self._trust()}],
            "relabel_configs": [own_address, *rules, *renamed, address],
        }

    def _trust(self) -> Manifest:
        return {"authorization": {"credentials_file": self.token_file}, "tls_config": {"ca_file": self.ca_file}}


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
