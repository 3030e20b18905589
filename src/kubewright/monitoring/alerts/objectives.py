"""The budgets of an AppService with an `slo`: requests that fail, and requests that are slow.

They are measured by `http_requests_total` and `http_request_duration_seconds` of the pods, which `scrape` labels with
the application that they are of.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator

from kubewright.api.crds.appservice import AppService
from kubewright.monitoring.alerts.burning import Budget
from kubewright.monitoring.rules import PLATFORM

APP_LABEL = "appservice"
BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of buckets, in seconds, that all client libraries have unless told otherwise."""


def budgets(app: AppService) -> Iterator[Budget]:
    """Yield the budgets that an application has; none without an objective."""
    slo = app.spec.slo
    if slo is None:
        return
    named = f"{app.metadata.namespace}/{app.metadata.name}"
    labels = {"namespace": app.metadata.namespace, APP_LABEL: app.metadata.name}
    chosen = ",".join(f'{name}="{value}"' for name, value in labels.items())
    team = app.spec.team or PLATFORM
    if slo.availability is not None:
        yield Budget(
            record="appservice:slo_errors",
            alert="SloErrorsBurn",
            ratio=lambda window: _failed(chosen, window),
            budget=1 - slo.availability / 100,
            summary=f"{named} fails too many requests",
            described=f"requests to {named} fail; {slo.availability:g} % are promised to be answered",
            window_days=slo.window_days,
            team=team,
            labels=labels,
        )
    if slo.latency is not None:
        quick = slo.latency
        seconds = quick.milliseconds / 1000
        yield Budget(
            record="appservice:slo_slow",
            alert="SloLatencyBurn",
            ratio=lambda window: _slow(chosen, window, seconds),
            budget=1 - quick.percent / 100,
            summary=f"{named} is too slow",
            described=(
                f"requests to {named} take longer than {quick.milliseconds:g} ms; {quick.percent:g} % are promised "
                "to be quicker"
            ),
            window_days=slo.window_days,
            team=team,
            labels=labels,
        )


def _failed(chosen: str, window: str) -> str:
    failed = f'sum(rate(http_requests_total{{{chosen},code=~"5.."}}[{window}]))'
    everything = f"sum(rate(http_requests_total{{{chosen}}}[{window}]))"
    # An application that never failed has no series of failures.
    return f"({failed} or 0 * {everything}) / {everything}"


def _slow(chosen: str, window: str, seconds: float) -> str:
    """Return the share that took longer; within a bucket requests are taken to be spread evenly, as rollouts do."""
    everything = f"sum(rate(http_request_duration_seconds_count{{{chosen}}}[{window}]))"
    at = bisect_left(BOUNDS, seconds)
    if at == len(BOUNDS):
        return f"1 - {_within(chosen, window, BOUNDS[-1])} / {everything}"
    high, low = BOUNDS[at], BOUNDS[at - 1] if at else 0.0
    part = (seconds - low) / (high - low)
    within = f"{part:.6g} * {_within(chosen, window, high)}"
    if low and part < 1:
        within += f" + {1 - part:.6g} * {_within(chosen, window, low)}"
    return f"1 - ({within}) / {everything}"


def _within(chosen: str, window: str, bound: float) -> str:
    # Some libraries write a whole number as 1, others as 1.0.
    text = f'le=~"{int(bound)}(\\\\.0)?"' if bound == int(bound) else f'le="{bound:g}"'
    return f"sum(rate(http_request_duration_seconds_bucket{{{chosen},{text}}}[{window}]))"
