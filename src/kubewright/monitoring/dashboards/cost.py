"""What teams cost: the larger of what is requested and used, at prices that whoever looks may change.

OpenCost reckons allocations so; the prices that are given are those that it uses where it knows of no others.
"""

from __future__ import annotations

from kubewright.costs.facts import Resource
from kubewright.costs.prices import DEFAULT_RATES
from kubewright.monitoring.dashboards.board import OF_TEAM, TEAM, Amount, Board, Panel, Query, Row, number, of

_IN = {"namespace": "=~$namespace"}
_GIBIBYTE = 1024**3
_MONTH = 730
"""Hours."""
_TEAM = f"on (namespace) group_left (team) {of('namespace:team:info', team='=~$team')}"
_PRICES = (
    Amount("cpu_price", "A core, an hour", DEFAULT_RATES[Resource.CPU]),
    Amount("memory_price", "A GiB of memory, an hour", DEFAULT_RATES[Resource.MEMORY]),
    Amount("gpu_price", "A GPU, an hour", DEFAULT_RATES[Resource.GPU]),
)


def _requested(resource: str) -> str:
    return of(f"namespace_{resource}:kube_pod_container_resource_requests:sum", **_IN)


def _larger(requested: str, used: str) -> str:
    return f"(({requested} > {used}) or {used} or {requested})"


def _idle(requested: str, used: str) -> str:
    return f"clamp_min({requested} - {used}, 0)"


_CPU = (_requested("cpu"), of("namespace:container_cpu_usage_seconds_total:sum_rate5m", **_IN))
_MEMORY = (_requested("memory"), of("namespace:container_memory_working_set_bytes:sum", **_IN))
_CPU_COST = f"{_larger(*_CPU)} * $cpu_price"
_MEMORY_COST = f"{_larger(*_MEMORY)} / {_GIBIBYTE} * $memory_price"
_GPU_COST = f"{_requested('gpu')} * $gpu_price"
_CPU_IDLE = f"{_idle(*_CPU)} * $cpu_price"
_MEMORY_IDLE = f"{_idle(*_MEMORY)} / {_GIBIBYTE} * $memory_price"
_GPU_IDLE = f"{_requested('gpu')} * (1 - {of('namespace:gpu_utilisation:avg', **_IN)}) * $gpu_price"


def _sum(by: str, *costs: str) -> str:
    """Add up costs by a label; a namespace that has none of something is not left out for that."""
    joined = " or ".join(f'label_replace({cost}, "part", "{at}", "", "")' for at, cost in enumerate(costs))
    if by == "namespace":
        return f"sum by (namespace) ({joined})"
    return f"sum by ({by}) (sum by (namespace) ({joined}) * {_TEAM})"


def _told(metric: str) -> str:
    """Return what teams cost by the prices that `kubewright run costs` has, whichever replica tells it."""
    return f"sum by (team) (max by (team, namespace) ({of(metric, team='=~$team')}))"


_EVERYTHING = (_CPU_COST, _MEMORY_COST, _GPU_COST)
_IDLE = (_CPU_IDLE, _MEMORY_IDLE, _GPU_IDLE)
_UNIT, _MONEY = "currencyUSD", "short"

COST = Board(
    "cost",
    "Cost",
    "What teams and namespaces hold, and how much of it nobody uses: the larger of request and use, at these prices.",
    [
        Row(
            "Now",
            [
                number("An hour", f"sum({_sum('namespace', *_EVERYTHING)})", _UNIT),
                number("A month, as it is now", f"{_MONTH} * sum({_sum('namespace', *_EVERYTHING)})", _UNIT),
                number("Of it unused", f"{_MONTH} * sum({_sum('namespace', *_IDLE)})", _UNIT),
                number(
                    "Share that is unused",
                    f"sum({_sum('namespace', *_IDLE)}) / sum({_sum('namespace', *_EVERYTHING)})",
                    "percentunit",
                ),
                number("GPUs, an hour", f"sum({_GPU_COST})", _UNIT),
                number("Unused GPUs, an hour", f"sum({_GPU_IDLE})", _UNIT),
            ],
        ),
        Row(
            "By the cluster's own prices (kubewright run costs)",
            [
                Panel("An hour, by team", [Query(_told("kubewright_cost_rate"), "{{team}}")], _MONEY, "stack", width=8),
                Panel(
                    "Requested and not used, by team",
                    [Query(_told("kubewright_cost_wasted_rate"), "{{team}}")],
                    _MONEY,
                    "stack",
                    width=8,
                ),
                Panel(
                    "What everything costs an hour, and what of it is idle",
                    [
                        Query(f"max({of('kubewright_cost_total_rate')})", "everything"),
                        Query(f"max({of('kubewright_cost_idle_rate')})", "idle"),
                    ],
                    _MONEY,
                    width=8,
                    page="CostAnomaly",
                ),
            ],
        ),
        Row(
            "Teams",
            [
                Panel("An hour, by team", [Query(_sum("team", *_EVERYTHING), "{{team}}")], _UNIT, "stack"),
                Panel(
                    "Unused a month, by team",
                    [Query(f"topk(10, {_MONTH} * {_sum('team', *_IDLE)})", "{{team}}")],
                    _UNIT,
                    "ranking",
                    about="What is requested and not used.",
                ),
            ],
        ),
        Row(
            "Namespaces",
            [
                Panel(
                    "An hour, by namespace",
                    [Query(f"topk(10, {_sum('namespace', *_EVERYTHING)})", "{{namespace}}")],
                    _UNIT,
                    "stack",
                    width=8,
                    leads_to="namespace",
                ),
                Panel(
                    "Unused a month, by namespace",
                    [Query(f"topk(10, {_MONTH} * {_sum('namespace', *_IDLE)})", "{{namespace}}")],
                    _UNIT,
                    "ranking",
                    width=8,
                    leads_to="namespace",
                ),
                Panel(
                    "By what it is for",
                    [
                        Query(f"sum({cost})", name)
                        for name, cost in (("CPU", _CPU_COST), ("memory", _MEMORY_COST), ("GPUs", _GPU_COST))
                    ],
                    _UNIT,
                    "stack",
                    width=8,
                ),
            ],
        ),
    ],
    [TEAM, OF_TEAM, *_PRICES],
)
