"""What a pod's own `/metrics` offers: its process, and its requests if it takes any, as client libraries write them."""

from __future__ import annotations

from kubewright.twin.exporters.text import Family, counter, gauge, histogram, labels
from kubewright.twin.usage.account import Reading
from kubewright.twin.usage.serving import BUCKETS

_REQUESTS = counter("http_requests_total", "Total number of HTTP requests.")
_DURATION = Family("http_request_duration_seconds", "histogram", "Duration of HTTP requests in seconds.")


def app(reading: Reading) -> str:
    """Write the metrics of one container."""
    process = [
        (counter("process_cpu_seconds_total", "Total user and system CPU time spent in seconds."), reading.cpu_seconds),
        (gauge("process_resident_memory_bytes", "Resident memory size in bytes."), reading.memory_bytes),
        (gauge("process_start_time_seconds", "Start time of the process since unix epoch."), reading.started_at),
        (gauge("process_open_fds", "Number of open file descriptors."), 16.0),
    ]
    return "".join([family.write([("", value)]) for family, value in process]) + _served(reading)


def _served(reading: Reading) -> str:
    served = reading.served
    if served is None:
        return ""
    answers = (("200", served.succeeded), ("500", served.failed))
    total = served.requests
    buckets = zip(BUCKETS, served.buckets, strict=True)
    return "".join(
        [
            _REQUESTS.write([(labels(code=code, method="GET"), amount) for code, amount in answers]),
            _DURATION.head,
            histogram(_DURATION, labels(method="GET"), buckets, total, served.latency_seconds),
        ]
    )
