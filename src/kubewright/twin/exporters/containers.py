"""The families of cAdvisor that every container has, and what each is of a container's reading."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

from kubewright.api.core import Pod
from kubewright.api.pods import OOM_KILLED
from kubewright.twin.exporters.text import Family, Sample, counter, gauge
from kubewright.twin.usage.account import CFS_PERIOD_SECONDS, Reading

RSS_SHARE = 0.85
USAGE_SHARE = 1.1
_CACHE_SHARE = 0.2
_WRITE_BYTES = 4096.0
_DEVICE = 'device="/dev/vda1"'


@dataclass(frozen=True, slots=True)
class Row:
    """A running container and its labels as they stand between the braces."""

    labels: str
    reading: Reading
    pod: Pod


_Values: TypeAlias = Callable[[Row], Iterable[Sample]]


def _one(value: Callable[[Reading], float], extra: str = "") -> _Values:
    if extra:
        return lambda row: ((f"{row.labels},{extra}", value(row.reading)),)
    return lambda row: ((row.labels, value(row.reading)),)


def _limited(value: Callable[[Row], float]) -> _Values:
    """Return samples of containers with a cpu limit alone."""
    return lambda row: ((row.labels, value(row)),) if row.reading.room.cpu_limit else ()


def _periods(row: Row) -> float:
    limit = row.reading.room.cpu_limit or 1.0
    # A container that has work runs through its periods; one that idles has none.
    return float(int((row.reading.cpu_seconds + row.reading.throttled_seconds) / (limit * CFS_PERIOD_SECONDS)))


def _throttled_periods(row: Row) -> float:
    limit = row.reading.room.cpu_limit or 1.0
    return float(int(row.reading.throttled_seconds / (limit * CFS_PERIOD_SECONDS)))


def _oom(row: Row) -> float:
    for each in row.pod.status.container_statuses:
        if each.name == row.reading.container and each.last_state.terminated is not None:
            return float(each.last_state.terminated.reason == OOM_KILLED)
    return 0.0


CPU = counter("container_cpu_usage_seconds_total", "Cumulative cpu time consumed in seconds.")
WORKING_SET = gauge("container_memory_working_set_bytes", "Current working set in bytes.")
USAGE = gauge(
    "container_memory_usage_bytes", "Current memory usage in bytes, including all memory regardless of last access."
)
RSS = gauge("container_memory_rss", "Size of RSS in bytes.")

CONTAINERS: list[tuple[Family, _Values]] = [
    (CPU, _one(lambda each: each.cpu_seconds, 'cpu="total"')),
    (
        counter("container_cpu_user_seconds_total", "Cumulative user cpu time consumed in seconds."),
        _one(lambda each: each.cpu_seconds * 0.8),
    ),
    (
        counter("container_cpu_system_seconds_total", "Cumulative system cpu time consumed in seconds."),
        _one(lambda each: each.cpu_seconds * 0.2),
    ),
    (
        counter("container_cpu_cfs_periods_total", "Number of elapsed enforcement period intervals."),
        _limited(_periods),
    ),
    (
        counter("container_cpu_cfs_throttled_periods_total", "Number of throttled period intervals."),
        _limited(_throttled_periods),
    ),
    (
        counter("container_cpu_cfs_throttled_seconds_total", "Total time duration the container has been throttled."),
        _limited(lambda row: row.reading.throttled_seconds),
    ),
    (WORKING_SET, _one(lambda each: each.memory_bytes)),
    (USAGE, _one(lambda each: each.memory_bytes * USAGE_SHARE)),
    (RSS, _one(lambda each: each.memory_bytes * RSS_SHARE)),
    (
        gauge("container_memory_cache", "Number of bytes of page cache memory."),
        _one(lambda each: each.memory_bytes * _CACHE_SHARE),
    ),
    (gauge("container_memory_swap", "Container swap usage in bytes."), _one(lambda _each: 0.0)),
    (counter("container_memory_failcnt", "Number of memory usage hits limits"), _one(lambda _each: 0.0)),
    (
        counter("container_oom_events_total", "Count of out of memory events observed for the container"),
        lambda row: ((row.labels, _oom(row)),),
    ),
    (
        gauge("container_fs_usage_bytes", "Number of bytes that are consumed by the container on this filesystem."),
        _one(lambda each: each.storage_bytes, _DEVICE),
    ),
    (
        counter("container_fs_writes_bytes_total", "Cumulative count of bytes written"),
        _one(lambda each: each.storage_bytes, _DEVICE),
    ),
    (
        counter("container_fs_writes_total", "Cumulative count of writes completed"),
        _one(lambda each: float(int(each.storage_bytes / _WRITE_BYTES)), _DEVICE),
    ),
    (counter("container_fs_reads_bytes_total", "Cumulative count of bytes read"), _one(lambda _each: 0.0, _DEVICE)),
    (counter("container_fs_reads_total", "Cumulative count of reads completed"), _one(lambda _each: 0.0, _DEVICE)),
    (
        counter(
            "container_pressure_cpu_waiting_seconds_total",
            "Total time duration tasks in the container have waited due to CPU congestion.",
        ),
        _one(lambda each: each.throttled_seconds),
    ),
    (
        counter(
            "container_pressure_cpu_stalled_seconds_total",
            "Total time duration no tasks in the container could make progress due to CPU congestion.",
        ),
        _one(lambda each: each.throttled_seconds * 0.9),
    ),
    (
        counter(
            "container_pressure_memory_waiting_seconds_total",
            "Total time duration tasks in the container have waited due to memory congestion.",
        ),
        _one(lambda _each: 0.0),
    ),
    (
        counter(
            "container_pressure_memory_stalled_seconds_total",
            "Total time duration no tasks in the container could make progress due to memory congestion.",
        ),
        _one(lambda _each: 0.0),
    ),
    (
        counter(
            "container_pressure_io_waiting_seconds_total",
            "Total time duration tasks in the container have waited due to IO congestion.",
        ),
        _one(lambda _each: 0.0),
    ),
    (
        counter(
            "container_pressure_io_stalled_seconds_total",
            "Total time duration no tasks in the container could make progress due to IO congestion.",
        ),
        _one(lambda _each: 0.0),
    ),
    (
        gauge("container_spec_memory_limit_bytes", "Memory limit for the container."),
        _one(lambda each: each.room.memory_limit or 0.0),
    ),
    (
        gauge("container_spec_cpu_shares", "CPU share of the container."),
        _one(lambda each: float(max(2, int(each.room.cpu * 1024)))),
    ),
    (gauge("container_spec_cpu_period", "CPU period of the container."), _one(lambda _each: 100_000.0)),
    (
        gauge("container_spec_cpu_quota", "CPU quota of the container."),
        _limited(lambda row: (row.reading.room.cpu_limit or 0.0) * 100_000),
    ),
    (
        gauge("container_start_time_seconds", "Start time of the container since unix epoch in seconds."),
        _one(lambda each: each.started_at),
    ),
    (gauge("container_processes", "Number of processes running inside the container."), _one(lambda _each: 1.0)),
    (gauge("container_threads", "Number of threads running inside the container"), _one(lambda _each: 8.0)),
]
