"""The same configuration as files, as ConfigMaps, and as the objects of the Prometheus Operator."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from kubewright.api.meta import Manifest
from kubewright.monitoring.operatorreceivers import carried, tells
from kubewright.monitoring.routing import Hook
from kubewright.monitoring.scrape import operator_pods, team_relabelling
from kubewright.monitoring.teams import Audience, Team

_GROUP = "monitoring.coreos.com"
_LABELS = {"app.kubernetes.io/name": "kubewright", "app.kubernetes.io/component": "monitoring"}
PREFIX = "kubewright-"
"""What the name of each object begins with."""
TEAM = "team"
"""What the objects are called that tell a team of its namespace, after the prefix."""
_FOLDER = "kubewright"
_PROVIDER = "grafana/provisioning/dashboards/kubewright.yml"
DASHBOARDS_PATH = "/var/lib/grafana/dashboards/kubewright"
"""Where a Grafana that reads files has them."""
_EVERYWHERE = {"namespaceSelector": {"any": True}}


@dataclass(frozen=True, slots=True)
class Bundle:
    """All that is written."""

    prometheus: Manifest
    rules: Manifest
    alertmanager: Manifest
    dashboards: Mapping[str, Manifest]
    """By name."""


Dump = Callable[[Manifest], str]


def files(bundle: Bundle, dump: Dump) -> dict[str, str]:
    """Return texts by their path, for a Prometheus and an Alertmanager that read files."""
    found = {
        "prometheus.yml": dump(bundle.prometheus),
        "rules/kubewright.yml": dump(bundle.rules),
        "alertmanager.yml": dump(bundle.alertmanager),
    }
    boards = {f"dashboards/{name}.json": _json(each) for name, each in bundle.dashboards.items()}
    return found | boards | {_PROVIDER: dump(_provider())}


def config_maps(bundle: Bundle, namespace: str, dump: Dump) -> Iterator[Manifest]:
    """Yield what plain deployments mount."""
    yield _made("v1", "ConfigMap", "prometheus", namespace, data={"prometheus.yml": dump(bundle.prometheus)})
    yield _made("v1", "ConfigMap", "rules", namespace, data={"kubewright.yml": dump(bundle.rules)})
    # Receivers hold addresses that are secrets: whoever has one can post there.
    secret = {"alertmanager.yml": _base64(dump(bundle.alertmanager))}
    yield _made("v1", "Secret", "alertmanager", namespace, type="Opaque", data=secret)
    yield from _dashboards(bundle, namespace, dump)


def operator_objects(
    bundle: Bundle, namespace: str, audience: Audience, hook: Hook | None, dump: Dump
) -> Iterator[Manifest]:
    """Yield what the Prometheus Operator reads: rules, monitors, and in each team's namespaces whom to tell."""
    yield _made(f"{_GROUP}/v1", "PrometheusRule", "rules", namespace, spec=bundle.rules)
    yield _service_monitor("kube-state-metrics", namespace, ("http", "telemetry"))
    yield _service_monitor("node-exporter", namespace, ("metrics",))
    yield _service_monitor("dcgm-exporter", namespace, ("metrics",))
    ours = {"matchLabels": {"app.kubernetes.io/name": "kubewright"}}
    yield _pod_monitor("itself", namespace, ours, [{"port": "metrics", "honorLabels": True}])
    yield _pod_monitor("annotated", namespace, {}, [{"relabelings": operator_pods()}])
    relabelling = json.dumps(team_relabelling(audience.by_namespace))  # which is YAML, too
    yield _made(
        "v1", "Secret", "alert-relabelling", namespace, type="Opaque", data={"relabelling.yml": _base64(relabelling)}
    )
    for team in audience.teams:
        for place in team.namespaces:
            yield from _told(team, place)
    if hook is not None:
        yield _made(f"{_GROUP}/v1alpha1", "AlertmanagerConfig", "itself", namespace, spec=_to_us(hook))
    yield from _dashboards(bundle, namespace, dump)


def _service_monitor(name: str, namespace: str, ports: tuple[str, ...]) -> Manifest:
    node = {"sourceLabels": ["__meta_kubernetes_pod_node_name"], "targetLabel": "node"}
    # The operator labels all series with the exporter's own pod, also those that are about something else.
    bare = {"action": "labeldrop", "regex": "namespace|pod|container|service|endpoint"}
    relabelings = [bare] if len(ports) > 1 else [bare, node]
    endpoints = [{"port": port, "interval": "15s", "honorLabels": True, "relabelings": relabelings} for port in ports]
    spec = {
        **_EVERYWHERE,
        "jobLabel": "app.kubernetes.io/name",
        "selector": {"matchLabels": {"app.kubernetes.io/name": name}},
        "endpoints": endpoints,
    }
    return _made(f"{_GROUP}/v1", "ServiceMonitor", name, namespace, spec=spec)


def _pod_monitor(name: str, namespace: str, selector: Manifest, endpoints: list[Manifest]) -> Manifest:
    spec = {
        **_EVERYWHERE,
        "selector": selector,
        "podMetricsEndpoints": [{"interval": "15s", **each} for each in endpoints],
        **({"jobLabel": "app.kubernetes.io/name"} if selector else {}),
    }
    return _made(f"{_GROUP}/v1", "PodMonitor", name, namespace, spec=spec)


def _told(team: Team, namespace: str) -> Iterator[Manifest]:
    """Tell a team of its namespace; the operator adds the namespace to the route's matchers by itself."""
    # Not every team's name can be an object's, and a namespace is of one team.
    ways = carried(team, f"{PREFIX}{TEAM}")
    if not tells(ways):
        return
    if ways.secrets:
        data = {key: _base64(text) for key, text in ways.secrets.items()}
        yield _made("v1", "Secret", TEAM, namespace, type="Opaque", data=data)
    route = {"receiver": team.name, "groupBy": ["alertname", "namespace"], "groupWait": "10s"}
    spec = {"route": route, "receivers": [ways.receiver]}
    yield _made(f"{_GROUP}/v1alpha1", "AlertmanagerConfig", TEAM, namespace, spec=spec)


def _to_us(hook: Hook) -> Manifest:
    credentials = {"name": f"{PREFIX}hook", "key": "token"}
    client = {"authorization": {"credentials": credentials}}
    config = {"url": hook.url, "sendResolved": True, "httpConfig": client}
    route = {"receiver": "kubewright", "groupBy": ["..."], "groupWait": "1s", "continue": True}
    return {"route": route, "receivers": [{"name": "kubewright", "webhookConfigs": [config]}]}


def _dashboards(bundle: Bundle, namespace: str, dump: Dump) -> Iterator[Manifest]:
    """Yield a ConfigMap for each: by its label Grafana's sidecar finds it, by the annotation it knows the folder.

    A Grafana without that sidecar mounts them all in one folder, and the last one as provisioning, which names it.
    """
    for name, board in bundle.dashboards.items():
        made = _made("v1", "ConfigMap", f"dashboard-{name}", namespace, data={f"{name}.json": _json(board)})
        made["metadata"]["labels"]["grafana_dashboard"] = "1"
        made["metadata"]["annotations"] = {"grafana_folder": _FOLDER}
        yield made
    yield _made("v1", "ConfigMap", "grafana-provisioning", namespace, data={"kubewright.yml": dump(_provider())})


def _provider() -> Manifest:
    """Return the provider of dashboards for a Grafana that reads files."""
    options = {"path": DASHBOARDS_PATH}
    provider = {"name": _FOLDER, "folder": _FOLDER, "type": "file", "disableDeletion": True, "options": options}
    return {"apiVersion": 1, "providers": [provider]}


def _made(api_version: str, kind: str, name: str, namespace: str, **content: object) -> Manifest:
    metadata = {"name": f"{PREFIX}{name}", "namespace": namespace, "labels": dict(_LABELS)}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **content}


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _json(document: Manifest) -> str:
    return json.dumps(document, indent=2, sort_keys=True) + "\n"
