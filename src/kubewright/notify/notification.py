"""What people are told: what happened, where, why, what was done about it, and how to see more. Pure.

Notification("kubewright-healing", "Incident/gpu-07-xid", CRITICAL, "GPU-3 of gpu-07 is out of service",
             where="Node/gpu-07", cause="XID 79: fallen off the bus", done=("moved train-4 to gpu-11",),
             command="kubectl describe incident gpu-07-xid", team="vision")
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from kubewright.api.crds.notificationchannel import SEVERITIES, NotificationChannelSpec
from kubewright.api.meta import Manifest
from kubewright.api.secrecy import redacted

OPEN, RESOLVED = "open", "resolved"
_LINES = 10
_TEXT = 500


@dataclass(frozen=True, slots=True)
class Notification:
    """One message about one incident."""

    source: str
    incident: str
    """What it belongs to: the same state of the same incident is told once."""
    severity: str
    what: str
    where: str = ""
    cause: str = ""
    done: tuple[str, ...] = ()
    command: str = ""
    """What to type to see more."""
    team: str = ""
    state: str = OPEN
    """`open`, `resolved`, or a word of the source's own, such as `needs approval`."""
    at: str = ""
    """When, RFC 3339."""


def concerns(spec: NotificationChannelSpec, told: Notification) -> bool:
    """Tell whether a channel is told something. A severity that nobody knows counts as the highest."""
    return (
        (not spec.teams or told.team in spec.teams)
        and (not spec.sources or told.source in spec.sources)
        and _rank(told.severity) >= _rank(spec.severity)
    )


def _rank(severity: str) -> int:
    return SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES) - 1


def title(told: Notification) -> str:
    """Return one line, as subjects of mails are."""
    mark = "RESOLVED" if told.state == RESOLVED else told.severity.upper()
    place = f" ({_clean(told.where)})" if told.where else ""
    return f"[{mark}] {_clean(told.what)}{place}"


def lines(told: Notification) -> list[str]:
    """Return what there is to say besides the title."""
    said = [("state", told.state), ("cause", told.cause), ("team", told.team), ("since", told.at)]
    found = [f"{name}: {_clean(text)}" for name, text in said if text]
    found += [f"done: {_clean(each)}" for each in told.done[:_LINES]]
    if len(told.done) > _LINES:
        found.append(f"done: {len(told.done) - _LINES} more")
    return [*found, f"more: {told.command}"] if told.command else found


def document(told: Sequence[Notification]) -> Manifest:
    """Return what webhooks get: always a list, since many at once come as one."""
    return {"version": 1, "title": summary_title(told), "notifications": [_document(each) for each in told]}


def _document(told: Notification) -> dict[str, Any]:
    return {
        "source": told.source,
        "incident": told.incident,
        "severity": told.severity,
        "state": told.state,
        "what": _clean(told.what),
        "where": told.where,
        "cause": _clean(told.cause),
        "done": [_clean(each) for each in told.done[:_LINES]],
        "command": told.command,
        "team": told.team,
        "at": told.at,
    }


def summary_title(told: Sequence[Notification]) -> str:
    """Return one line for one notification, or for many."""
    if len(told) == 1:
        return title(told[0])
    worst = max((each.severity for each in told), key=_rank)
    incidents = len({each.incident for each in told})
    return f"[{worst.upper()}] {len(told)} notifications at once, of {incidents} incidents"


def text(told: Sequence[Notification]) -> str:
    """Return the body of a mail."""
    if len(told) == 1:
        return "\n".join([title(told[0]), "", *lines(told[0])])
    rest = [f"and {len(told) - _MOST_IN_SUMMARY} more"] if len(told) > _MOST_IN_SUMMARY else []
    return "\n".join([summary_title(told), "", *map(title, told[:_MOST_IN_SUMMARY]), *rest])


def slack(told: Sequence[Notification]) -> Manifest:
    """Return what Slack's incoming webhooks take. Its three special characters are escaped."""
    body = "\n".join(_escaped(each) for each in text(told).splitlines()[1:] if each)
    return {
        "text": _escaped(summary_title(told)),
        "blocks": [
            {"type": "section", "text": {"type": "mrkdwn", "text": f"*{_escaped(summary_title(told))[:_TEXT]}*"}},
            {"type": "section", "text": {"type": "mrkdwn", "text": (body or "-")[:_SLACK_TEXT]}},
        ],
    }


_MOST_IN_SUMMARY = 20
_SLACK_TEXT = 2900


def _clean(given: str) -> str:
    """Return a text as it may be told: on one line, bounded, and without secrets."""
    line = " ".join(redacted(given).split())
    return line if len(line) <= _TEXT else f"{line[: _TEXT - 3]}..."


def _escaped(given: str) -> str:
    return escape(given, quote=False)
