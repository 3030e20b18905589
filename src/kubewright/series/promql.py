"""What each signal is in PromQL, and how that is written. With other metrics one brings a `Vocabulary` of one's own."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from kubewright.series.protocol import PodQuery, Signal

_BY_POD = "sum by (namespace, pod)"
_BY_CONTAINER = "sum by (namespace, pod, container)"
_STANDARD: Mapping[Signal, str] = {
    # Only cAdvisor's series have an image: kubelets offer the same names a second time for metrics-server.
    Signal.CPU: f'{_BY_POD} (rate(container_cpu_usage_seconds_total{{container!="",image!=""$more}}[$window]))',
    Signal.MEMORY: (
        f'{_BY_POD} (avg_over_time(container_memory_working_set_bytes{{container!="",image!=""$more}}[$window]))'
    ),
    Signal.CONTAINER_CPU: (
        f'{_BY_CONTAINER} (rate(container_cpu_usage_seconds_total{{container!="",image!=""$more}}[$window]))'
    ),
    Signal.CONTAINER_MEMORY: (
        "max by (namespace, pod, container) "
        '(max_over_time(container_memory_working_set_bytes{container!="",image!=""$more}[$window]))'
    ),
    Signal.VOLUMES: (
        'max by (namespace, persistentvolumeclaim) (kubelet_volume_stats_used_bytes{namespace!=""$more}'
        " / kubelet_volume_stats_capacity_bytes)"
    ),
    Signal.REQUESTS: f'{_BY_POD} (rate(http_requests_total{{pod!=""$more}}[$window]))',
    # An application that never failed has no series of failures: what it served keeps it in the answer, with zero.
    Signal.ERRORS: (
        f'{_BY_POD} (rate(http_requests_total{{code=~"5..",pod!=""$more}}[$window]))'
        f' or 0 * {_BY_POD} (rate(http_requests_total{{pod!=""$more}}[$window]))'
    ),
    Signal.LATENCY: 'sum by (namespace, pod, le) (rate(http_request_duration_seconds_bucket{pod!=""$more}[$window]))',
    # A scrape without honor_labels moves aside the labels in which dcgm-exporter names the pod that holds the device.
    Signal.GPU: (
        "avg by (namespace, pod) (label_replace(label_replace("
        'avg_over_time(DCGM_FI_DEV_GPU_UTIL{exported_pod!=""$gpu}[$window]) / 100, '
        '"pod", "$$1", "exported_pod", "(.+)"), "namespace", "$$1", "exported_namespace", "(.+)"))'
        " or avg by (namespace, pod) "
        '(avg_over_time(DCGM_FI_DEV_GPU_UTIL{exported_pod="",pod!=""$more}[$window]) / 100)'
    ),
    # In MiB.
    Signal.GPU_MEMORY: (
        "max by (namespace, pod) (label_replace(label_replace("
        'max_over_time(DCGM_FI_DEV_FB_USED{exported_pod!=""$gpu}[$window]) * 1048576, '
        '"pod", "$$1", "exported_pod", "(.+)"), "namespace", "$$1", "exported_namespace", "(.+)"))'
        " or max by (namespace, pod) "
        '(max_over_time(DCGM_FI_DEV_FB_USED{exported_pod="",pod!=""$more}[$window]) * 1048576)'
    ),
}


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """PromQL by signal, with `$window` and, within a selector, `$more` for what narrows it to a namespace or to names.

    Each must answer with one series for each pod, labelled `namespace` and `pod` (and `le` for latency, `container` for
    what is told of containers; of volumes, `persistentvolumeclaim` in place of `pod`).
    """

    expressions: Mapping[Signal, str] = field(default_factory=lambda: dict(_STANDARD))

    def promql(self, query: PodQuery) -> str | None:
        """Return the expression for a query; None if the vocabulary has none for its signal."""
        text = self.expressions.get(query.signal)
        if text is None:
            return None
        narrowed = text.replace("$more", _narrowing(query, "")).replace("$gpu", _narrowing(query, "exported_"))
        return narrowed.replace("$window", duration(query.window_seconds)).replace("$$", "$")


def _narrowing(query: PodQuery, prefix: str) -> str:
    """Return the matchers, each after a comma, by labels that begin with a prefix."""
    place = f",{prefix}namespace={quoted(query.namespace)}" if query.namespace else ""
    return f"{place},{prefix}pod=~{quoted(query.names)}" if query.names else place


def duration(seconds: float) -> str:
    """Write a duration as PromQL takes it, in milliseconds where it is not whole."""
    return f"{int(seconds)}s" if seconds == int(seconds) else f"{math.ceil(seconds * 1000)}ms"


def quoted(text: str) -> str:
    """Write a string literal."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


INERT = re.compile(r"""\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|`[^`\\]*`|#[^\n]*""")
"""Strings and comments; a backslash between backquotes is not the same to every store."""
_WORD = re.compile(r"[A-Za-z_:][\w:]*|\.?\d[\w.]*|\S")
_GIVING_SCALARS = frozenset({"scalar", "time", "pi"})
_OF_SCALARS = frozenset({"inf", "nan", "bool", "atan2", *"()+-*/%^<>=!"})


def enclosed(promql: str) -> str:
    """Return an expression in parentheses; a comment at its end ends with its line."""
    return f"({promql}\n)" if "#" in promql else f"({promql})"


def as_vector(promql: str) -> str:
    """Return an expression whose answer is an instant vector: of a scalar, which bears no labels, the vector of it."""
    return f"vector{enclosed(promql)}" if is_scalar(promql) else promql


@lru_cache(maxsize=8192)
def is_scalar(promql: str) -> bool:
    """Tell by its text whether an expression is a scalar: `scalar(...)`, numbers, and what operators make of these."""
    words = list(_outside_of_calls(promql))
    return bool(words) and all(each.lower() in _OF_SCALARS or each.lstrip(".")[:1].isdigit() for each in words)


def _outside_of_calls(promql: str) -> Iterator[str]:
    """Yield the words of an expression; a call that gives a scalar, whatever is in it, is a number."""
    words = _WORD.findall(INERT.sub("", promql))
    depth = 0
    for place, word in enumerate(words):
        if depth:
            depth += (word == "(") - (word == ")")
        elif word in _GIVING_SCALARS and words[place + 1 : place + 2] == ["("]:
            yield "0"
        elif word == "(" and place and words[place - 1] in _GIVING_SCALARS:
            depth = 1
        else:
            yield word
