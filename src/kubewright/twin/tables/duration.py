"""Ages as Kubernetes writes them: two units at most, coarser the longer ago."""

from __future__ import annotations

from typing import Any

from kubewright.api.meta import parse_time

_MINUTE, _HOUR = 60, 3600
UNKNOWN = "<unknown>"


def human_duration(seconds: float) -> str:
    """Write a length of time as `duration.HumanDuration` does: `119s`, `2m5s`, `7h59m`, `3d4h`, `2y10d`."""
    whole = int(seconds)
    if whole < 0:
        return "<invalid>" if whole < -1 else "0s"
    if whole < 2 * _MINUTE:
        return f"{whole}s"
    minutes, hours = whole // _MINUTE, whole // _HOUR
    if minutes < 10:  # noqa: PLR2004  the thresholds are the rule itself
        return _pair(minutes, "m", whole % _MINUTE, "s")
    if minutes < 180:  # noqa: PLR2004
        return f"{minutes}m"
    return _hours(hours, minutes)


def _hours(hours: int, minutes: int) -> str:
    days = hours // 24
    if hours < 8:  # noqa: PLR2004
        return _pair(hours, "h", minutes % 60, "m")
    if hours < 48:  # noqa: PLR2004
        return f"{hours}h"
    if days < 8:  # noqa: PLR2004
        return _pair(days, "d", hours % 24, "h")
    if days < 2 * 365:
        return f"{days}d"
    if days < 8 * 365:
        return _pair(days // 365, "y", days % 365, "d")
    return f"{days // 365}y"


def _pair(major: int, major_unit: str, minor: int, minor_unit: str) -> str:
    return f"{major}{major_unit}{minor}{minor_unit}" if minor else f"{major}{major_unit}"


def since(timestamp: Any, now: float) -> str:
    """Write how long ago a timestamp was; a missing one is `<unknown>`."""
    if not isinstance(timestamp, str) or not timestamp:
        return UNKNOWN
    try:
        return human_duration(now - parse_time(timestamp))
    except ValueError:
        return "<invalid>"
