"""Rows of nodes, namespaces, events, leases, access and configuration."""

from __future__ import annotations

from typing import Any

from kubewright.api.meta import Manifest
from kubewright.twin.reading import as_dict, as_list, count, dicts, dig, text
from kubewright.twin.tables import cells
from kubewright.twin.tables.duration import UNKNOWN, human_duration, since

_ROLE_PREFIX = "node-role.kubernetes.io/"


def node_row(obj: Manifest, now: float) -> list[Any]:
    """Cells of a Node."""
    info = dig(obj, "status", "nodeInfo")
    architecture = text(info, "architecture")
    kernel = text(info, "kernelVersion") or UNKNOWN
    return [
        cells.name(obj),
        _node_status(obj),
        _node_roles(obj),
        cells.age(obj, now),
        text(info, "kubeletVersion"),
        _address(obj, "InternalIP"),
        _address(obj, "ExternalIP"),
        text(info, "osImage") or UNKNOWN,
        f"{kernel} ({architecture})" if architecture else kernel,
        text(info, "containerRuntimeVersion") or UNKNOWN,
    ]


def _node_status(obj: Manifest) -> str:
    ready = next((item for item in dicts(obj, "status", "conditions") if text(item, "type") == "Ready"), None)
    status = "Unknown" if ready is None else "Ready" if text(ready, "status") == "True" else "NotReady"
    return f"{status},SchedulingDisabled" if dig(obj, "spec", "unschedulable") else status


def _node_roles(obj: Manifest) -> str:
    labels = as_dict(dig(obj, "metadata", "labels"))
    roles = {key.removeprefix(_ROLE_PREFIX) for key in labels if key.startswith(_ROLE_PREFIX)}
    roles.add(str(labels.get("kubernetes.io/role", "")))
    return cells.or_none(",".join(sorted(roles - {""})))


def _address(obj: Manifest, kind: str) -> str:
    found = (text(item, "address") for item in dicts(obj, "status", "addresses") if text(item, "type") == kind)
    return next(found, cells.NONE)


def namespace_row(obj: Manifest, now: float) -> list[Any]:
    """Cells of a Namespace."""
    return [cells.name(obj), text(obj, "status", "phase"), cells.age(obj, now)]


def config_map_row(obj: Manifest, now: float) -> list[Any]:
    """Cells of a ConfigMap."""
    return [cells.name(obj), len(as_dict(obj.get("data"))) + len(as_dict(obj.get("binaryData"))), cells.age(obj, now)]


def quota_row(obj: Manifest, now: float) -> list[Any]:
    """Cells of a ResourceQuota: used of hard, requests and limits apart."""
    hard, used = as_dict(dig(obj, "status", "hard")), as_dict(dig(obj, "status", "used"))
    shown = {name: f"{name}: {used.get(name, '0')}/{amount}" for name, amount in sorted(hard.items())}
    limits = [text for name, text in shown.items() if name.startswith("limits.")]
    return [
        cells.name(obj),
        ", ".join(text for text in shown.values() if text not in limits),
        ", ".join(limits),
        cells.age(obj, now),
    ]


def secret_row(obj: Manifest, now: float) -> list[Any]:
    """Cells of a Secret."""
    return [cells.name(obj), text(obj, "type"), len(as_dict(obj.get("data"))), cells.age(obj, now)]


def lease_row(obj: Manifest, now: float) -> list[Any]:
    """Cells of a Lease."""
    return [cells.name(obj), text(obj, "spec", "holderIdentity"), cells.age(obj, now)]


def event_row(obj: Manifest, now: float) -> list[Any]:
    """Cells of an Event."""
    event_time = dig(obj, "eventTime")
    first = since(dig(obj, "firstTimestamp") or dig(obj, "deprecatedFirstTimestamp") or event_time, now)
    series = as_dict(obj.get("series"))
    last = since(series["lastObservedTime"], now) if "lastObservedTime" in series else _last_seen(obj, first, now)
    involved = dig(obj, "involvedObject") or dig(obj, "regarding")
    kind, name = text(involved, "kind").lower(), text(involved, "name")
    return [
        last,
        text(obj, "type"),
        text(obj, "reason"),
        f"{kind}/{name}" if name else kind,
        text(involved, "fieldPath"),
        _event_source(obj),
        (text(obj, "message") or text(obj, "note")).strip(),
        first,
        count(series, "count") if series else count(obj, "count") or count(obj, "deprecatedCount") or 1,
        cells.name(obj),
    ]


def _last_seen(obj: Manifest, first: str, now: float) -> str:
    last = dig(obj, "lastTimestamp") or dig(obj, "deprecatedLastTimestamp")
    return since(last, now) if last else first


def _event_source(obj: Manifest) -> str:
    component = (
        text(obj, "source", "component")
        or text(obj, "deprecatedSource", "component")
        or text(obj, "reportingComponent")
        or text(obj, "reportingController")
    )
    host = text(obj, "source", "host") or text(obj, "reportingInstance")
    return f"{component}, {host}" if host else component


def binding_row(obj: Manifest, now: float) -> list[Any]:
    """Cells of a RoleBinding or a ClusterRoleBinding."""
    subjects = dicts(obj, "subjects")
    return [
        cells.name(obj),
        f"{text(obj, 'roleRef', 'kind')}/{text(obj, 'roleRef', 'name')}",
        cells.age(obj, now),
        ", ".join(text(item, "name") for item in subjects if text(item, "kind") == "User"),
        ", ".join(text(item, "name") for item in subjects if text(item, "kind") == "Group"),
        ", ".join(
            "/".join(part for part in (text(item, "namespace"), text(item, "name")) if part)
            for item in subjects
            if text(item, "kind") == "ServiceAccount"
        ),
    ]


def priority_class_row(obj: Manifest, now: float) -> list[Any]:
    """Cells of a PriorityClass."""
    return [
        cells.name(obj),
        count(obj, "value"),
        bool(obj.get("globalDefault", False)),
        cells.age(obj, now),
        text(obj, "preemptionPolicy"),
    ]


def crd_row(obj: Manifest, now: float) -> list[Any]:
    """Cells of a CustomResourceDefinition."""
    del now
    names = dig(obj, "spec", "names")
    versions = dicts(obj, "spec", "versions")
    conditions = dicts(obj, "status", "conditions")
    return [
        cells.name(obj),
        text(obj, "spec", "scope"),
        ",".join(
            text(item, "name") + ("(storage)" if item.get("storage") else "") for item in versions if item.get("served")
        ),
        text(obj, "metadata", "creationTimestamp"),
        text(obj, "spec", "group"),
        text(names, "kind"),
        ",".join(str(name) for name in as_list(dig(names, "shortNames"))),
        any(text(item, "type") == "Established" and text(item, "status") == "True" for item in conditions),
    ]


def created_row(obj: Manifest, now: float) -> list[Any]:
    """Cells of a kind without columns of its own: the name and when it was created."""
    del now
    return [cells.name(obj), text(obj, "metadata", "creationTimestamp")]


def aged_row(obj: Manifest, now: float) -> list[Any]:
    """Cells of a kind that shows its name and age only."""
    return [cells.name(obj), cells.age(obj, now)]


def webhooks_row(obj: Manifest, now: float) -> list[Any]:
    """Cells of a webhook configuration."""
    return [cells.name(obj), len(as_list(obj.get("webhooks"))), cells.age(obj, now)]


def signing_request_row(obj: Manifest, now: float) -> list[Any]:
    """Cells of a CertificateSigningRequest."""
    conditions = {text(each, "type") for each in dicts(obj, "status", "conditions")}
    state = next((name for name in ("Denied", "Approved") if name in conditions), "Pending")
    state += ",Failed" if "Failed" in conditions else ""
    state += ",Issued" if text(obj, "status", "certificate") else ""
    seconds = dig(obj, "spec", "expirationSeconds")
    return [
        cells.name(obj),
        cells.age(obj, now),
        cells.or_none(text(obj, "spec", "signerName")),
        text(obj, "spec", "username"),
        cells.NONE if seconds is None else human_duration(seconds),
        state,
    ]
