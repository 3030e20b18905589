"""KEDA's triggers as metrics of a ScalePolicy. Pure; for `keda`.

A policy has one store for all: what KEDA asks of a broker itself is asked of its exporter's series (kafka_exporter,
RabbitMQ's own plugin, redis_exporter).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from kubewright.api.meta import Manifest
from kubewright.autoscaler.imports.imported import Draft, part
from kubewright.series.promql import as_vector, enclosed, quoted

_TRUE = {"true", "1", "t"}


def add(trigger: Manifest, at: str, draft: Draft) -> None:
    """Add what one trigger says to a policy; tell what cannot be said."""
    kind = trigger.get("type", "")
    convert = _TRIGGERS.get(kind)
    if convert is None:
        draft.note(f"{at}.type", f"no metric is known for {kind}: if its exporter is scraped, say it as promql")
        return
    said = _Said({name: str(text) for name, text in part(trigger, "metadata").items()})
    convert(trigger, said, at, draft)
    for name in said.unread():
        draft.note(f"{at}.metadata.{name}", "is not carried over")
    if "authenticationRef" in trigger:
        draft.note(f"{at}.authenticationRef", "the store is asked as --prometheus says, not the source itself")
    if trigger.get("useCachedMetrics"):
        draft.note(f"{at}.useCachedMetrics", "every round asks anew")


class _Said:
    """A trigger's metadata; what was not read is what the policy does not say."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        self._fields, self._read = fields, set[str]()

    def get(self, name: str, default: str = "") -> str:
        self._read.add(name)
        return self._fields.get(name, default)

    def unread(self) -> list[str]:
        return [name for name in self._fields if name not in self._read]


def _resource(trigger: Manifest, said: _Said, at: str, draft: Draft) -> None:
    name, kind = trigger["type"], trigger.get("metricType") or said.get("type") or "Utilization"
    said.get("type")
    value = said.get("value")
    goal: Manifest = {"container": container} if (container := said.get("containerName")) else {}
    if kind == "Utilization":
        draft.metrics.append({name: {**goal, "percent": int(value) if value.isdecimal() else 0}})
    elif kind == "AverageValue":
        draft.metrics.append({name: {**goal, "average": value}})
    else:
        draft.note(f"{at}.metricType", f"{kind} of {name} is nothing that a policy can aim at")


def _cron(_: Manifest, said: _Said, at: str, draft: Draft) -> None:
    wanted = said.get("desiredReplicas")
    name = f"cron-{len(draft.schedules)}"
    hours = {"name": name, "start": said.get("start"), "end": said.get("end"), "timeZone": said.get("timezone", "UTC")}
    count = int(wanted) if wanted.isdecimal() else 0
    if count > draft.spec["max"]:
        draft.note(f"{at}.metadata.desiredReplicas", f"never more than maxReplicaCount, {draft.spec['max']}")
    draft.schedules.append({**hours, "min": min(count, draft.spec["max"])})


def _prometheus(trigger: Manifest, said: _Said, at: str, draft: Draft) -> None:
    query = said.get("query")
    # By default KEDA takes no result, NaN and infinity for zero; to a policy these are nothing, which holds what there
    # is. Its documentation has scalars, too.
    if said.get("ignoreNullValues", "true").lower() in _TRUE:
        query = f"{enclosed(as_vector(query))} > -Inf < Inf or vector(0)"
    if server := said.get("serverAddress"):
        draft.note(f"{at}.metadata.serverAddress", f"asked of the store that --prometheus leads to, not of {server}")
    _aim(trigger, _Number(query, said.get("threshold"), said.get("activationThreshold", "0")), at, draft)


def _kafka(trigger: Manifest, said: _Said, at: str, draft: Draft) -> None:
    labels = {"consumergroup": said.get("consumerGroup"), "topic": said.get("topic")}
    query = f"sum(kafka_consumergroup_lag{_matchers(labels)})"
    if said.get("allowIdleConsumers", "false").lower() not in _TRUE:
        draft.note(f"{at}.metadata.allowIdleConsumers", "a policy knows no partitions: let max be how many there are")
    said.get("bootstrapServers")
    _aim(trigger, _Number(query, said.get("lagThreshold", "10"), said.get("activationLagThreshold", "0")), at, draft)
    draft.note(at, "asked by kafka_exporter's series, kafka_consumergroup_lag")


def _rabbitmq(trigger: Manifest, said: _Said, at: str, draft: Draft) -> None:
    mode = said.get("mode") or "QueueLength"
    value = said.get("value") or said.get("queueLength", "20")
    if mode != "QueueLength":
        draft.note(f"{at}.metadata.mode", f"{mode} is not carried over: say it as promql")
        return
    host = said.get("host")
    protocol = said.get("protocol", "auto")
    ready = protocol == "amqp" or host.startswith("amqp") or said.get("excludeUnacknowledged").lower() in _TRUE
    name = "rabbitmq_queue_messages_ready" if ready else "rabbitmq_queue_messages"
    operation, queue = said.get("operation") or "sum", said.get("queueName")
    if said.get("useRegex").lower() in _TRUE:
        # The broker looks for it anywhere in a name, a store for the whole name.
        matcher = f"queue=~{quoted(f'.*(?:{queue}).*')}"
    else:
        matcher = f"queue={quoted(queue)}"
    place = f",vhost={quoted(vhost)}" if (vhost := said.get("vhostName") or _vhost(host)) else ""
    _aim(
        trigger, _Number(f"{operation}({name}{{{matcher}{place}}})", value, said.get("activationValue", "0")), at, draft
    )
    draft.note(at, f"asked by the series of RabbitMQ's own plugin for each queue, {name}")


def _vhost(host: str) -> str:
    """Return the virtual host that a connection string ends with: the default one for a slash; empty if it has none."""
    path = urlsplit(host).path
    return unquote(path.rpartition("/")[2]) or "/" if path else ""


def _redis(trigger: Manifest, said: _Said, at: str, draft: Draft) -> None:
    labels = {"db": f"db{said.get('databaseIndex', '0')}", "key": said.get("listName")}
    said.get("address")
    query = f"sum(redis_key_size{_matchers(labels)})"
    _aim(trigger, _Number(query, said.get("listLength", "5"), said.get("activationListLength", "0")), at, draft)
    draft.note(
        at, "asked by redis_exporter's series, redis_key_size: it must be told of the list (--check-single-keys)"
    )


def _redis_stream(trigger: Manifest, said: _Said, at: str, draft: Draft) -> None:
    labels = {"db": f"db{said.get('databaseIndex', '0')}", "stream": said.get("stream")}
    group = labels | {"group": said.get("consumerGroup")}
    said.get("address")
    if value := said.get("lagCount"):
        query, activation = f"sum(redis_stream_group_lag{_matchers(group)})", said.get("activationLagCount", "0")
    elif value := said.get("streamLength"):
        query, activation = f"sum(redis_stream_length{_matchers(labels)})", "0"
    else:
        query, activation = f"sum(redis_stream_group_messages_pending{_matchers(group)})", "0"
        value = said.get("pendingEntriesCount", "5")
    _aim(trigger, _Number(query, value, activation), at, draft)
    draft.note(at, "asked by redis_exporter's series: it must be told of the stream (--check-single-streams)")


class _Number(NamedTuple):
    """What a store is asked, and what the answer is to be."""

    query: str
    threshold: str
    activation: str


def _aim(trigger: Manifest, number: _Number, at: str, draft: Draft) -> None:
    kind = trigger.get("metricType") or "AverageValue"
    if kind not in {"AverageValue", "Value"}:
        draft.note(f"{at}.metricType", f"{kind} is nothing that a policy can aim at")
        return
    goal: dict[str, Any] = {"query": number.query, "average" if kind == "AverageValue" else "value": number.threshold}
    if number.activation.strip("0."):
        goal["activation"] = number.activation
    draft.metrics.append({"promql": goal})


def _matchers(labels: Mapping[str, str]) -> str:
    said = [f"{name}={quoted(text)}" for name, text in labels.items() if text]
    return f"{{{','.join(said)}}}" if said else ""


_TRIGGERS: Mapping[str, Callable[[Manifest, _Said, str, Draft], None]] = {
    "cpu": _resource,
    "memory": _resource,
    "cron": _cron,
    "prometheus": _prometheus,
    "kafka": _kafka,
    "apache-kafka": _kafka,
    "rabbitmq": _rabbitmq,
    "redis": _redis,
    "redis-streams": _redis_stream,
}
